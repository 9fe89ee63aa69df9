"""What is read has bounds, and is looked at before it is unpacked; what it means is never in doubt."""

from __future__ import annotations

import codecs
import csv
import io
import json
import lzma
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from nuhist import documents, inputs, tables
from nuhist.documents import parse_json, parse_yaml
from nuhist.errors import ConfigError, DataError, ExchangeError
from nuhist.exchange.inference_interface.files import read_template_file
from nuhist.exchange.root import packed as root_packed
from nuhist.exchange.root.directories import check_directories
from nuhist.exchange.root.histograms import open_root, root_file, th1d
from nuhist.exchange.xml import tree as xml_tree
from nuhist.exchange.xml.tree import read_tree
from nuhist.files import read_json, read_text
from nuhist.inputs import MEBIBYTE, read_bytes
from nuhist.showing import Table
from nuhist.tables import read_rows, to_csv

ROOT = Path(__file__).resolve().parents[1]
zero = pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without end")
posix = pytest.mark.skipif(os.name != "posix", reason="needs pipes with names")


# --- bytes


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    assert read_bytes(path, 10) == b"x" * 10
    with pytest.raises(DataError, match="file: is larger than 0 MiB; not read"):
        read_bytes(path, 9)


def test_a_large_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.truncate(10**12)  # takes no room
    for read in (read_text, read_json, read_rows):
        with pytest.raises(DataError, match="file: is larger than 256 MiB; not read"):
            read(path)


@zero
def test_a_device_without_end_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"^/dev/zero: is larger than 1 MiB; not read"):
        read_bytes(Path("/dev/zero"), MEBIBYTE)
    monkeypatch.setattr(inputs, "_CHUNK", MEBIBYTE)
    assert read_bytes(Path("/dev/zero"), 10**15, b"root") == b"\0\0\0\0"  # no more than its beginning


@posix
def test_a_pipe_without_end_is_not_read_on(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    written = 0

    def fill() -> None:
        nonlocal written
        with path.open("wb", buffering=0) as stream:
            try:
                while True:
                    written += stream.write(b"[" * 65536)
            except BrokenPipeError:
                pass

    writer = threading.Thread(target=fill, daemon=True)
    writer.start()
    with pytest.raises(DataError, match="pipe: is larger than 3 MiB; not read"):
        read_bytes(path, 3 * MEBIBYTE)
    writer.join(10)
    assert not writer.is_alive()
    assert 3 * MEBIBYTE <= written < 6 * MEBIBYTE


@posix
@pytest.mark.parametrize("content", [b"", b"x", b"root and more"])
def test_a_pipe_that_ends_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    assert read_bytes(path, 20, b"root") == content[: 4 if content == b"x" else 20]
    writer.join(10)


def test_files_that_say_they_are_empty() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc")
    assert b"Pid:" in read_bytes(Path("/proc/self/status"))


# --- text


@pytest.mark.parametrize("text", ['{"ν": 1}', "", "a\n"])
def test_a_byte_order_mark_is_left_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(codecs.BOM_UTF8 + text.encode())
    assert read_text(path) == text


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_codes_are_named(tmp_path: Path, code: str) -> None:
    path = tmp_path / "w.json"
    path.write_text('{"a": 1}', encoding=code)
    with pytest.raises(DataError, match=r"w\.json: cannot be read: it is text in UTF-16 or UTF-32; save"):
        read_json(path)


def test_everything_that_is_text_may_begin_with_the_mark(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(codecs.BOM_UTF8 + b"counts\r\n1\r\n2\r")
    assert read_rows(tmp_path / "t.csv") == (["counts"], [["1"], ["2"]])
    (tmp_path / "w.json").write_bytes(codecs.BOM_UTF8 + b'{"counts": 1}')
    assert read_json(tmp_path / "w.json") == {"counts": 1}
    (tmp_path / "x.xml").write_bytes(codecs.BOM_UTF8 + b"<Combination/>")
    assert read_tree(tmp_path / "x.xml", "Combination").tag == "Combination"


# --- documents


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1, "a": 1}', "a"),
        ('{"a": 1, "\\u0061": 2}', "a"),
        ('{"": 1, "": 2}', ""),
        ('{"channels": [{"x": 1}, {"samples": [{"data": [1], "name": {}, "data": [2]}]}]}',
         "channels[1].samples[0].data"),
        ('[[{"a": {"b": {"c": 1, "d": 2, "c": 3}}}]]', "[0][0].a.b.c"),
    ],
)  # fmt: skip
def test_a_key_that_is_twice_in_json(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_json(text, "x", ConfigError)
    assert str(refused.value) == f"x: is JSON with a key twice, {place}; keep one"
    with pytest.raises(ConfigError, match="x: is no JSON: Expecting ',' delimiter at line 1"):
        parse_json(text[:-1] + "[", "x", ConfigError)  # what is no JSON at all is said first
    # Keys of several objects, and values that are equal, are no repetition.
    assert parse_json('{"a": {"a": [1, 1]}, "b": {"a": [1, 1]}}', "x")["b"] == {"a": [1, 1]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key 'a' twice, in lines 1 and 3; keep one"),
        ('a:\n- {b: 1, c: 2}\n- b: 1\n  "b": 2\n', "the key 'b' twice, in lines 3 and 4"),
        ("1: a\n0x1: b\n", "the key '0x1' twice, in lines 1 and 2"),
        ("1: a\ntrue: b\n", "the key 'true' twice, in lines 1 and 2"),  # which are equal in Python
        ("<<: {a: 1}\n<<: {b: 2}\n", "the key '<<' twice, in lines 1 and 2"),
        ("b: &b {a: 1, a: 2}\n", "the key 'a' twice, in lines 1 and 1"),
        ("? {a: 1, a: 2}\n: 1\n", "the key 'a' twice"),
    ],
)
def test_a_key_that_is_twice_in_yaml(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"^x: is YAML with ") as refused:
        parse_yaml(text, "x", ConfigError)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "e: &e {<<: {a: 1, b: 1}, b: 4}\nf: {<<: *e, b: 5}\n",
        "x: {e: &e {<<: {b: 1}, b: 4}}\nf: {<<: *e}\n",
        "base: &a {x: 1}\nlist: [*a, *a, {<<: *a, x: 2}]\n",
        "=: 1\n1: a\n'1': b\n",
    ],
)
def test_what_a_merge_brings_is_no_repetition(text: str) -> None:
    assert parse_yaml(text, "x") == yaml.safe_load(text)


def test_documents_of_very_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"^x: is JSON of more than 5 million lists and objects, or 30"):
        parse_json("[" + "[]," * 5_000_001 + "[]]", "x")
    monkeypatch.setattr(documents, "MOST_VALUES", 1000)
    with pytest.raises(DataError, match=r"^x: is JSON of more than 5 million lists"):
        parse_json(json.dumps([1] * 1002), "x")
    assert parse_json(json.dumps([1] * 1001), "x") == [1] * 1001
    monkeypatch.setattr(documents, "_MOST_NODES", 1000)
    with pytest.raises(DataError, match=r"^x: is YAML of more than 0 million entries; not read"):
        parse_yaml("- a\n" * 1002, "x")
    assert parse_yaml("- a\n" * 900, "x") == ["a"] * 900


# --- tables


def test_a_table_of_very_many_cells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 600, encoding="utf-8")
    assert len(read_rows(path)[1]) == 600
    monkeypatch.setattr(tables, "MOST_CELLS", 1000)
    with pytest.raises(DataError, match=r"t\.csv: has more than 0 million cells; not read"):
        read_rows(path)


def test_a_column_that_is_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("counts, x,counts\n1,2,3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"t\.csv: has two columns 'counts'; keep one"):
        read_rows(path)


FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "＝1+1", "-x", "+", "=\n"]


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1", "\r=1", "\n=1", "\x1b[2J", "\u202e=1"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text: str) -> None:
    (header,), (cell,) = csv.reader(io.StringIO(to_csv([text], [[text]])))
    for written in (header, cell):
        assert written[0] not in "=+-@\t\r\n＝＋－＠"
        assert written.isprintable()
    if text in FORMULAS and text.isprintable():
        assert cell == f"'{text}"


def test_numbers_stay_numbers() -> None:
    row = (-1.5, 3, 1e-300, None, float("nan"), float("-inf"), True, "-2", "+1e-9", "a-b", "ν_e")
    written = Table(("-1 σ", *"abcdefghij"), (row,)).to_csv()
    assert written == "'-1 σ,a,b,c,d,e,f,g,h,i,j\n-1.5,3,1e-300,,,,True,-2,+1e-9,a-b,ν_e\n"


# --- XML


@pytest.mark.parametrize(
    "content", ["<C>" + "<a/>" * 100 + "</C>", "<C " + " ".join(f'a{n}=""' for n in range(100)) + "/>"]
)
def test_xml_of_very_many_elements_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    path = tmp_path / "x.xml"
    path.write_text(content, encoding="utf-8")
    assert read_tree(path, "C").tag == "C"
    monkeypatch.setattr(xml_tree, "_MOST_ELEMENTS", 100)
    with pytest.raises(ExchangeError, match=r"x\.xml: has more than 0 million elements and attributes"):
        read_tree(path, "C")
    monkeypatch.setattr(xml_tree, "_LARGEST", 100)
    with pytest.raises(DataError, match=r"x\.xml: is larger than 0 MiB; not read"):
        read_tree(path, "C")


# --- ROOT files: objects whose packed data stand for more than they say


def packed_root(kind: bytes, packed: bytes, stated: int | None = None) -> bytes:
    """A file whose histogram has other packed data, which lie at the end."""
    content = root_file({"c/s": th1d(np.ones(2000), np.linspace(0, 1, 2001))})
    (key,) = [entry for entry in check_directories(content) if entry.kind == "TH1D"]
    size = key.unpacked if stated is None else stated
    block = kind + b"\x08" + len(packed).to_bytes(3, "little") + size.to_bytes(3, "little") + packed
    made = bytearray(content)
    for place in range(len(content) - 26):  # of the key in its directory, and of the one before the data
        stored, version, unpacked, _, length, _, at = struct.unpack_from(">ihIIhhi", content, place)
        if version == 4 and at + length == key.place and (stored - length, unpacked) == key[2:4]:
            struct.pack_into(">i", made, place, length + len(block))
            struct.pack_into(">I", made, place + 6, size)
            struct.pack_into(">i", made, place + 18, len(content) - length)
    made += block
    struct.pack_into(">i", made, 12, len(made))
    return bytes(made)


def unpacked_th1d() -> bytes:
    content = root_file({"c/s": th1d(np.ones(2000), np.linspace(0, 1, 2001))})
    (key,) = [entry for entry in check_directories(content) if entry.kind == "TH1D"]
    return zlib.decompress(content[key.place + 9 : key.place + key.packed])


def zstd(data: bytes) -> bytes:
    return bytes(pytest.importorskip("cramjam").zstd.compress(data))


PACKERS: dict[bytes, Callable[[bytes], bytes]] = {b"ZL": zlib.compress, b"XZ": lzma.compress, b"ZS": zstd}


@pytest.mark.parametrize("kind", PACKERS)
def test_an_object_that_unpacks_to_more_than_it_says(tmp_path: Path, kind: bytes) -> None:
    good, bad = tmp_path / "good.root", tmp_path / "bad.root"
    good.write_bytes(packed_root(kind, PACKERS[kind](unpacked_th1d())))
    assert open_root(good).histogram("c/s").counts.tolist() == [1.0] * 2000
    bad.write_bytes(packed_root(kind, PACKERS[kind](bytes(50_000_000))))
    with pytest.raises(
        ExchangeError, match=r"bad\.root: cannot be read, the file is damaged: .*more than it"
    ):
        open_root(bad)


def test_histograms_that_are_very_much_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.root"
    path.write_bytes(root_file({f"c/{n}": th1d(np.ones(1000), np.linspace(0, 1, 1001)) for n in "abc"}))
    assert len(open_root(path).names()) == 3
    monkeypatch.setattr("nuhist.exchange.root.histograms.LARGEST", 40_000)  # three of 16 kB, with edges
    with pytest.raises(
        ExchangeError, match=r"x\.root: its histograms unpack to more than 0 MiB; leave some out"
    ):
        open_root(path)


def test_small_numbers_count_as_what_they_become() -> None:
    # A TH1C of a MB becomes 8 MB of float64.
    content = root_file({"h": th1d(np.ones(1), np.array([0.0, 1.0]))})
    (key,) = check_directories(content)
    plain = key._replace(packed=0, unpacked=0)
    streamers, _ = root_packed.unpacked(content, [plain])
    for kind, factor in (("TH1C", 8), ("TH1S", 4), ("TH1F", 2), ("TH1D", 1), ("TTree", 0)):
        entry = key._replace(kind=kind, packed=1000, unpacked=1000)
        assert root_packed.unpacked(content, [entry])[0] - streamers == 1000 * factor


# --- HDF5


def templates(path: Path, make: Callable[[Any], None]) -> Path:
    with h5py.File(path, "w") as file:
        file["bins/0"] = [0.0, 1.0, 2.0]
        file["bins/0"].attrs["name"] = "x"
        make(file)
    return path


def test_a_small_file_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    def make(file: Any) -> None:
        for number in range(75):
            file.create_dataset(f"templates/{number}", (10_000_000,), "f8", chunks=(10_000,), compression=9)

    path = templates(tmp_path / "x.h5", make)
    assert path.stat().st_size < 200_000
    with pytest.raises(ExchangeError, match=r"x\.h5: unpacks to 6 GB of templates; at most 0\.27 GB"):
        read_template_file(path)


def chunk(filters: dict[str, Any], stored: bytes, mask: int = 0) -> Callable[[Any], None]:
    def make(file: Any) -> None:
        data = file.create_dataset("templates/t", (2,), "f8", maxshape=(None,), chunks=(2,), **filters)
        data.id.write_direct_chunk((0,), stored, mask)

    return make


GZIP: dict[str, Any] = {"compression": "gzip"}
TWO = struct.pack("<2d", 1, 2)
BOMB = zlib.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (chunk(GZIP, BOMB), "templates/t: has a chunk that unpacks to more than it says"),
        (chunk({**GZIP, "shuffle": True, "fletcher32": True}, BOMB), "has a chunk that unpacks to more"),
        (chunk({**GZIP, "shuffle": True}, BOMB, 1), "has a chunk that unpacks to more"),  # not shuffled
        (chunk({"compression": "lzf"}, bytes(2_000_000)), "has a chunk that unpacks to more than it says"),
        (chunk({"scaleoffset": 2}, TWO), r"is packed with filters \[6\] of HDF5, which are not read; pack"),
        (
            lambda file: file.create_dataset("templates/t", (2,), "f8", maxshape=(None,), chunks=(10**8,)),
            "templates/t: is stored in chunks of 800000000 bytes; at most 80000000 can be read",
        ),
    ],
)
def test_chunks_that_unpack_to_very_much(tmp_path: Path, make: Callable[[Any], None], message: str) -> None:
    with pytest.raises(ExchangeError, match=message):
        read_template_file(templates(tmp_path / "x.h5", make))


@pytest.mark.parametrize(
    "filters",
    [{}, GZIP, {**GZIP, "shuffle": True, "fletcher32": True}, {"compression": "lzf", "shuffle": True}],
)
def test_chunks_that_are_as_they_say(tmp_path: Path, filters: dict[str, Any]) -> None:
    def make(file: Any) -> None:
        file.create_dataset("templates/t", data=[1.0, 2.0], chunks=(1,), **filters)

    assert read_template_file(templates(tmp_path / "x.h5", make)).templates["t"].tolist() == [1.0, 2.0]
    skipped = chunk(GZIP, TWO, 1)  # a chunk that was not packed
    assert read_template_file(templates(tmp_path / "y.h5", skipped)).templates["t"].tolist() == [1.0, 2.0]


def test_texts_that_are_nothing_but_room(tmp_path: Path) -> None:
    def make(file: Any) -> None:
        file["templates/t"] = [1.0, 2.0]
        file.create_dataset("text", (), "S2000000000")  # never written, so that it takes no room
        file["note"] = "here"
        file.attrs["list"] = ["a", "b"]
        file.attrs["channel"] = "sr0"
        file.attrs["numbers"] = [1, 2]

    found = read_template_file(templates(tmp_path / "x.h5", make))
    assert found.texts == {"note": "here"}
    assert {*found.attributes} == {"channel", "numbers"}


# --- together, as a user sees it


@pytest.mark.thorough(keep=1)
@zero
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("validate", "/dev/zero"), "nuhist: /dev/zero: is larger than 256 MiB; not read\n"),
        (("import", "root", "/dev/zero"), "nuhist: /dev/zero: is no ROOT file\n"),
        (("import", "xml", "/dev/zero"), "nuhist: /dev/zero: is larger than 64 MiB; not read\n"),
        (("import", "inference-interface", "/dev/zero", "--asimov"), "nuhist: /dev/zero: is no HDF5 file\n"),
        (("hepdata", "validate", "/dev/zero"), "nuhist: /dev/zero: unpacks to more than 200 MiB; not read\n"),
    ],
)
def test_within_a_gigabyte(arguments: tuple[str, ...], message: str) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))\n"
        "from nuhist.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, check=False, encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)
