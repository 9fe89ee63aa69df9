"""Files: written whole or not at all, and JSON as nuhist writes it."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuhist.errors import DataError
from nuhist.files import read_json, read_text, to_json, write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", ["ν_e\n", b"\x00\xff"])
def test_write_and_replace(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "file"
    path.write_text("old, and longer than the new one")
    write_atomically(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert names(tmp_path) == ["file"]


def test_mode(tmp_path: Path) -> None:
    # A new file as open() would make it under the umask; an old one keeps its mode.
    mask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", "")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
        (tmp_path / "new").chmod(0o604)
        write_atomically(tmp_path / "new", "again")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604
        assert os.umask(0o027) == 0o027  # left as it was
    finally:
        os.umask(mask)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone/file: cannot be written: No such file or directory"):
        write_atomically(tmp_path / "gone" / "file", "text")
    assert names(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_old_content_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match="file: cannot be written: No space left on device"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]  # no .part


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file" / "inside").mkdir(parents=True)
    with pytest.raises(DataError, match="file: cannot be written"):
        write_atomically(tmp_path / "file", "text")
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DataError, match="file: cannot be written: Permission denied"):
            write_atomically(path, "new")
    finally:
        tmp_path.chmod(0o700)
    assert path.read_text() == "old"


def test_numbers_on_one_line() -> None:
    text = to_json({"data": [1, -2.5, 1e-22], "names": ["a", "b"], "rows": [[0, 1], [2]], "none": []})
    assert text == (
        '{\n  "data": [1, -2.5, 1e-22],\n  "names": [\n    "a",\n    "b"\n  ],\n'
        '  "rows": [\n    [0, 1],\n    [2]\n  ],\n  "none": []\n}\n'
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=VALUES)
def test_json_round_trip(value: Any) -> None:
    assert json.loads(to_json(value)) == value


@given(text=st.text('[]0123456789 ,.eE+-\n"\\'))
def test_texts_that_look_like_numbers_stay(text: str) -> None:
    assert json.loads(to_json({text: [text, [1, 2]]})) == {text: [text, [1, 2]]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("-inf")]])
def test_nan_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected JSON"),
        (" \n", "is empty; expected JSON"),
        (
            '{"a": 1,\n  b: 2}',
            "is no JSON: Expecting property name enclosed in double quotes at line 2, column 3",
        ),
        ("[" * 100_000, "is JSON nested too deeply"),
    ],
)
def test_wrong_json(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(DataError) as raised:
        read_json(path)
    assert str(raised.value) == f"{path}: {message}"


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.json: cannot be read: No such file or directory"):
        read_json(tmp_path / "gone.json")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_text(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(DataError, match="binary: cannot be read: 'utf-8' codec"):
        read_text(tmp_path / "binary")


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, '{"ν": 1}'.encode())
    assert read_json("-") == {"ν": 1}
    standard_input(monkeypatch, b"")
    with pytest.raises(DataError, match="standard input: is empty; expected JSON"):
        read_json("-")
