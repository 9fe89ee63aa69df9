"""Files that belong together are written all or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nuhist.errors import DataError
from nuhist.files import write_together


@pytest.fixture
def pair(tmp_path: Path) -> dict[Path, str]:
    found = {tmp_path / "first": "new first", tmp_path / "second": "new second"}
    for path in found:
        path.write_text(f"old {path.name}", encoding="utf-8")
    return found


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


OLD = {"first": "old first", "second": "old second"}
NEW = {"first": "new first", "second": "new second"}


def test_all(pair: dict[Path, str], tmp_path: Path) -> None:
    write_together(pair)
    assert contents(tmp_path) == NEW


def test_none_where_the_second_cannot_be_written(
    pair: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter((None, OSError(28, "No space left on device")))

    def sync(_: int) -> None:
        if error := next(calls):
            raise error

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(DataError, match="second: cannot be written: No space left on device"):
        write_together(pair)
    assert contents(tmp_path) == OLD


@pytest.mark.parametrize("place", ["gone/second", "folder"])
def test_none_where_the_second_has_no_place(pair: dict[Path, str], tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=f"{place}: cannot be written"):
        write_together({tmp_path / "first": "new", tmp_path / place: "new"})
    (tmp_path / "folder").rmdir()
    assert contents(tmp_path) == OLD


def _stop_at_second(monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None]) -> None:
    replace = Path.replace

    def stopped(self: Path, target: Path) -> Path:
        if target.name == "second" and ".old." not in self.name:
            stop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stopped)


def _raise(error: BaseException) -> Callable[[], None]:
    def stop() -> None:
        raise error

    return stop


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("links", [True, False])
def test_old_files_come_back_where_a_rename_fails(
    pair: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, with_key: bool, links: bool
) -> None:
    if not links:  # as on some file systems
        monkeypatch.setattr(Path, "hardlink_to", lambda *_: _raise(OSError(1, "Operation not permitted"))())
    _stop_at_second(monkeypatch, _raise(OSError(5, "Input/output error")))
    with pytest.raises(DataError, match="second: cannot be written: Input/output error"):
        write_together(pair, key=tmp_path / "second" if with_key else None)
    assert contents(tmp_path) == OLD


def test_old_files_come_back_after_an_interrupt(
    pair: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stop_at_second(monkeypatch, _raise(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_together(pair, key=tmp_path / "second")
    assert contents(tmp_path) == OLD


def test_new_files_go_where_a_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stop_at_second(monkeypatch, _raise(OSError(5, "Input/output error")))
    with pytest.raises(DataError):
        write_together({tmp_path / "first": "new first", tmp_path / "second": "new second"})
    assert contents(tmp_path) == {}


def test_nothing_to_begin_with_between_the_renames(
    pair: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}
    _stop_at_second(monkeypatch, lambda: seen.update(contents(tmp_path)))
    write_together(pair, key=tmp_path / "second")
    assert {name: text for name, text in seen.items() if not name.startswith(".")} == {"first": "new first"}
    assert contents(tmp_path) == NEW


def test_one_file_by_two_names_is_refused(pair: dict[Path, str], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "second")
    with pytest.raises(DataError, match="second: would be written twice"):
        write_together({tmp_path / "second": "one", tmp_path / "link": "two"})
    (tmp_path / "link").unlink()
    assert contents(tmp_path) == OLD


def test_a_loop_of_links_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(tmp_path / "first")
    write_together({tmp_path / "first": "new first", tmp_path / "second": "new second"})
    assert contents(tmp_path) == NEW


def test_links_stay_links(pair: dict[Path, str], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "second")
    write_together({tmp_path / "first": "new first", tmp_path / "link": "new second"}, key=tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "link").unlink()
    assert contents(tmp_path) == NEW


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    write_together({Path(f"/dev/fd/{writer}"): "text", tmp_path / "first": "new"})
    os.close(writer)
    with os.fdopen(reader) as stream:
        assert stream.read() == "text"
    assert contents(tmp_path) == {"first": "new"}
