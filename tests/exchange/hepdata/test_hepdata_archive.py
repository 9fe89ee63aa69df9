"""Archives: packed the same every time, and never unpacked to where they want to be."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nuhist.errors import ExchangeError
from nuhist.exchange.hepdata import archive
from nuhist.exchange.hepdata.archive import pack, read_json_file, unpacked
from nuhist.exchange.hepdata.resource import likelihood_resource

Add = Callable[[tarfile.TarFile], None]


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", content: bytes = b"evil") -> Add:
    """Something that adds a member to an archive."""

    def add(tar: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        entry.size = len(content) if kind == tarfile.REGTYPE else 0
        tar.addfile(entry, io.BytesIO(content) if entry.size else None)

    return add


def write(path: Path, *members: Add) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for add in (member("good.json", content=b"{}"), *members):
            add(tar)
    return path


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files: what is left behind lies there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(ExchangeError) as caught, unpacked(path):
        pass
    return str(caught.value)


def test_what_is_packed_comes_back(tmp_path: Path, scratch: Path) -> None:
    contents = {"b.json": b"{}", "a.json": b"[1]", "README.md": "μ".encode()}
    (tmp_path / "x.tar.gz").write_bytes(pack(contents))
    with unpacked(tmp_path / "x.tar.gz") as folder:
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == contents
    assert not any(scratch.iterdir())


def test_the_same_contents_give_the_same_bytes() -> None:
    first, second = pack({"a": b"1", "b": b"2"}), pack({"b": b"2", "a": b"1"})
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        entries = tar.getmembers()
    assert [entry.name for entry in entries] == ["a", "b"]
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {
        (0, 0, 0, "", "")
    }
    assert first[4:8] == bytes(4)  # the time in gzip's header


def test_plain_tar_and_a_leading_dot_are_read(tmp_path: Path) -> None:
    # As 'tar cf x.tar -C FOLDER .' writes it.
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        member(".", tarfile.DIRTYPE)(tar)
        member("./a.json", content=b"{}")(tar)
    with unpacked(tmp_path / "x.tar") as folder:
        assert [path.name for path in folder.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (member("/tmp/nuhist_evil"), "lies outside"),
        (member("../evil"), "lies outside"),
        (member("a/../../evil"), "lies outside"),
        (member("..\\evil"), "lies outside"),
        (member(".."), "lies outside"),
        (member("folder/evil"), "lies in a folder"),
        (member("folder\\evil"), "lies in a folder"),
        (member("folder", tarfile.DIRTYPE), "lies in a folder"),
        (member("evil", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (member("evil", tarfile.LNKTYPE, "good.json"), "is a link"),
        (member("evil", tarfile.CHRTYPE), "is no plain file"),
        (member("evil", tarfile.BLKTYPE), "is no plain file"),
        (member("evil", tarfile.FIFOTYPE), "is no plain file"),
        (member("good.json"), "is there twice"),
        (member("GOOD.json"), "is there twice"),
        (member("./good.json"), "is there twice"),
        (member("evil\n"), "is no file name"),
        (member("evil\x1b[2J"), "is no file name"),
        (member("e" * 300), "is no file name"),
        (member("./"), "is no file name"),
    ],
)
def test_dangerous_members_are_refused(tmp_path: Path, scratch: Path, bad: Add, message: str) -> None:
    path = write(tmp_path / "bad.tar.gz", bad)
    before = sorted(tmp_path.rglob("*"))
    found = refusal(path)
    assert message in found
    assert found.isprintable()
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/nuhist_evil").exists()
    assert not any(scratch.iterdir())


def test_nothing_is_written_before_all_members_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    plain_open = Path.open

    def watched(self: Path, mode: str = "r", **options: str) -> object:
        if "x" in mode or "w" in mode:
            written.append(self)
        return plain_open(self, mode, **options)  # type: ignore[call-overload]

    path = write(tmp_path / "bad.tar.gz", member("../evil"))
    monkeypatch.setattr(Path, "open", watched)
    refusal(path)
    assert written == []


def test_large_members_are_refused(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.tar.gz", member("large", content=bytes(2000)))
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 1999)
    assert "larger than" in refusal(path)
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 2000)
    with unpacked(path):
        pass
    assert not any(scratch.iterdir())


def test_a_compressed_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_ARCHIVE", 100_000)
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(bytes(10_000_000)))
    assert "unpacks to more than" in refusal(path)
    # A header may be as large as any member; it is never returned as one.
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 10**6}) as tar:
        member("a")(tar)
    assert "unpacks to more than" in refusal(path)


def test_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    path = write(tmp_path / "x.tar.gz", *(member(f"{number}") for number in range(3)))
    assert "more than 3 members" in refusal(path)


@pytest.mark.parametrize("kept", [0, 1, 40, 0.5, 0.97])
def test_truncated_archives_are_refused(tmp_path: Path, scratch: Path, kept: float) -> None:
    # Contents that do not compress, so that the cut lies within them.
    noise = bytes((number * number * 2654435761 >> 13) & 255 for number in range(20_000))
    whole = pack({"a": noise, "b": noise})
    path = tmp_path / "cut.tar.gz"
    path.write_bytes(whole[: int(kept if kept >= 1 or kept == 0 else kept * len(whole))])
    assert "is no tar.gz archive, or is cut off" in refusal(path)
    assert not any(scratch.iterdir())


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_text("not an archive", encoding="utf-8")
    assert "is no tar.gz archive" in refusal(tmp_path / "x.tar.gz")
    assert "cannot be read: No such file" in refusal(tmp_path / "nothing.tar.gz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 51 + "]" * 51, "nested more than 50 levels"),
        ('{"a":' * 51 + "1" + "}" * 51, "nested more than 50 levels"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a": 1', "is no JSON"),
        ("", "is empty"),
        ('{"a": ' + "1" * 5000 + "}", "an integer of thousands of digits"),
    ],
)
def test_json_that_is_no_workspace_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ExchangeError, match=message):
        read_json_file(path)


def test_json_as_deep_as_allowed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_text("[" * 50 + "]" * 50, encoding="utf-8")
    assert json.dumps(read_json_file(path)) == "[" * 50 + "]" * 50
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 99)
    with pytest.raises(ExchangeError, match="is larger than"):
        read_json_file(path)


def test_deep_yaml_is_refused(tmp_path: Path) -> None:
    # 100,000 levels crash libyaml's loader, which HEPData's validator takes.
    (tmp_path / "submission.yaml").write_text("comment: " + "[" * 60 + "]" * 60, encoding="utf-8")
    with pytest.raises(ExchangeError, match=r"submission\.yaml: is YAML nested more than 50 levels"):
        likelihood_resource(tmp_path)
