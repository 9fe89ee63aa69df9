"""What keeps spoiled files from doing harm: it refuses them, and takes all others as they are."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import nuhist
from nuhist.documents import parse_json, parse_yaml, yaml_documents
from nuhist.errors import ConfigError, DataError, ExchangeError, ModelError
from nuhist.exchange.remainder import read_remainder
from nuhist.exchange.root.directories import check_directories
from nuhist.exchange.root.histograms import open_root, root_file, th1d
from nuhist.histfactory.validation import validate
from nuhist.inputs import is_file
from nuhist.schemas import check
from tests.fuzz.models import every_modifier

EXPERIMENTS = sorted((Path(nuhist.__file__).parent / "experiments").glob("*/experiment.yaml"))
WIDEST: list[Any] = [2**63 - 1, -(2**63), 1.5e300, -0.0, True, None, "é³⁷Ar \U0001f600", {"a": [[]]}]


def test_json_is_read_as_it_is() -> None:
    for text in (json.dumps(WIDEST), json.dumps(WIDEST, ensure_ascii=False), "3", "[" * 50 + "]" * 50):
        assert parse_json(text, "x") == json.loads(text)
    assert np.isnan(parse_json("NaN", "x"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": }', "x: is no JSON: Expecting value at line 1, column 7"),
        ("[" * 51 + "]" * 51, "x: is JSON nested more than 50 levels deep; not read"),
        ("[" * 100_000, "x: is JSON nested too deeply"),
        ("[1, 9223372036854775808]", "x: is JSON with an integer of 65 bits, of 64 bits at most; write"),
        ('{"a": {"b": -1' + 400 * "0" + "}}", "x: is JSON with an integer of 1330 bits"),
        ("1" * 5000, "x: is JSON with an integer of thousands of digits"),
        (r'["\ud83d"]', r"x: is JSON with half a character, '\ud83d'; write the whole character in UTF-8"),
        (r'{"\uDE00\ud83d": 1}', r"x: is JSON with half a character, '\ude00'"),
    ],
)
def test_json_that_does_harm_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_json(text, "x", ConfigError)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.parent.name)
def test_yaml_is_read_as_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert parse_yaml(text, "x") == yaml.safe_load(text)


def test_aliases_that_stand_for_little_are_read() -> None:
    text = "a: &a {b: 1, c: [2, 3]}\nd: [*a, *a]\ne: {<<: *a, b: 4}\n"
    assert parse_yaml(text, "x") == yaml.safe_load(text)
    assert yaml_documents("a: 1\n---\nb: &a 2\n", "x") == [{"a": 1}, {"b": 2}]
    assert parse_yaml("", "x") is None


BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "x: is no YAML: "),
        ("a: 1\n--- \nb: 2\n", "x: is YAML of 2 documents; expected one"),
        ("[" * 51 + "]" * 51, "x: is YAML nested more than 50 levels deep; not read"),
        ("{a: " * 100_000, "x: is YAML nested more than 50 levels deep; not read"),
        ("- " * 60 + "1", "x: is YAML nested more than 50 levels deep; not read"),
        (BOMB, "x: is YAML whose aliases stand for too much; write out what they stand for"),
        ("a: &a [*a]", "x: is YAML in which *a stands for what it is in; write it out"),
        ("&a {b: {c: *a}}", "x: is YAML in which *a stands for what it is in"),
        ("a: *b", "x: is no YAML: found undefined alias"),
        ("a: &a 1\n---\nb: *a\n", "x: is no YAML: found undefined alias"),
        ("a: !!timestamp yesterday", "x: is YAML with a value that does not fit its tag"),
        ("a: !!bool perhaps", "x: is YAML with a value that does not fit its tag"),
        ("a: !!python/object/apply:os.getcwd []", "x: is no YAML: could not determine a constructor"),
        ("a: 0x" + "f" * 5000, "x: is YAML with an integer of 20001 bits"),
    ],
)
def test_yaml_that_does_harm_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_yaml(text, "x", ConfigError)
    assert str(refused.value).startswith(message)


def test_numbers_that_are_not_finite_are_refused_by_every_schema() -> None:
    block = {"name": "mu", "bounds": [[0.0, float("inf")]]}
    document = {"nuhist_remainder": 1, "parameters": {"m": [block]}, "staterrors": {}, "sidecar": None}
    with pytest.raises(
        DataError, match=r"^x: parameters\.m\[0\]\.bounds\[0\]\[1\]: inf is no finite number$"
    ):
        check(document, "remainder", "x", DataError)
    block["bounds"] = [[0.0, 1.0]]
    assert read_remainder(json.dumps(document), "x").parameters == {"m": [block]}


@pytest.mark.parametrize("key", ["inits", "bounds", "auxdata", "sigmas"])
def test_one_parameter_has_one_of_each(key: str) -> None:
    spec = json.loads(every_modifier().to_json())
    block = spec["measurements"][0]["config"]["parameters"][0]
    block[key] *= 2
    with pytest.raises(ModelError, match=f"parameter 'lumi': {key}: has 2 entries for one number; keep one"):
        validate(spec, "x")


def test_a_name_too_long_for_root_is_refused() -> None:
    histogram = th1d(np.ones(2), np.linspace(0, 2, 3))
    with pytest.raises(
        ExchangeError, match=r"^'a{77}\.\.\.': its name or title is too long for a ROOT file$"
    ):
        root_file({"a" * 40_000: histogram})


def test_a_name_too_long_for_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert is_file(tmp_path / "a")
    assert not is_file(tmp_path / "b")
    assert not is_file(tmp_path / ("a" * 300))


# --- directories of ROOT files


@pytest.fixture(scope="module")
def nested() -> bytes:
    histogram = th1d(np.ones(2), np.linspace(0, 2, 3))
    return root_file({"a/b/c/h": histogram, "a/h": histogram, "h": histogram, "z/" + "n" * 300: histogram})


def test_directories_of_good_files_are_taken(nested: bytes, tmp_path: Path) -> None:
    check_directories(nested)
    (tmp_path / "x.root").write_bytes(nested)
    assert open_root(tmp_path / "x.root").names() == ["a/b/c/h", "a/h", "h", "z/" + "n" * 300]


def _large_file(data: int) -> bytes:
    """A file with 64-bit positions, as of ROOT beyond 2 GB: a directory with one key, of a directory."""
    header = struct.pack(">4siiqqiii", b"root", 1_062_400, 100, 500, 0, 0, 0, 10)
    folder = struct.pack(">hIIiiqqq", 1005, 0, 0, 0, 0, 0, 0, 160)  # its list of keys is at 160
    strings = b"\x0aTDirectory\x01a\x00"
    key = struct.pack(">ihIIhhqq", 0, 1004, 0, 0, 0, 1, data, 0)
    keys = key + strings + struct.pack(">i", 1) + key + strings
    empty = struct.pack(">hIIiiqqq", 1005, 0, 0, 0, 0, 0, 0, 0)
    return header.ljust(110, b"\0") + folder.ljust(50, b"\0") + keys.ljust(140, b"\0") + empty


def test_large_files_of_root_are_taken() -> None:
    check_directories(_large_file(300))
    with pytest.raises(ValueError, match="a directory is in several places"):
        check_directories(_large_file(110))


def _key(name: str) -> bytes:
    """The strings of a directory's key begin so."""
    return b"\x0aTDirectory" + bytes([len(name)]) + name.encode()


def _listed(nested: bytes, name: str) -> int:
    """Where the list of the file's keys has the strings of a directory, which stand before its data, too."""
    return nested.index(_key(name), nested.index(_key(name)) + 1)


def test_a_name_of_negative_length_is_refused(nested: bytes) -> None:
    place = _listed(nested, "a") + 11
    spoiled = nested[:place] + b"\xff\xff\xff\xff\x00" + nested[place + 5 :]
    with pytest.raises(ValueError, match="a key has a name of impossible length"):
        check_directories(spoiled)


def test_directories_in_each_other_are_refused(nested: bytes) -> None:
    # One directory's key says that its data are where the other's are; two 32-bit positions precede.
    one, other = _listed(nested, "a") - 8, _listed(nested, "z") - 8
    spoiled = nested[:other] + nested[one : one + 4] + nested[other + 4 :]
    with pytest.raises(ValueError, match="a directory is in several places"):
        check_directories(spoiled)


def test_more_keys_than_a_file_has_room_for_are_refused(nested: bytes) -> None:
    number = nested.index(struct.pack(">i", 3), nested.index(b"\x05TFile", 1000))  # in the list of keys
    spoiled = nested[:number] + struct.pack(">i", 2**31 - 1) + nested[number + 4 :]
    with pytest.raises((ValueError, struct.error)):
        check_directories(spoiled)
