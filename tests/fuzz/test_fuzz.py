"""Spoiled files: a reader takes them or raises NuhistError, and does nothing else.

The long campaign is ``python -m benchmarks.fuzz``; here are some 100 inputs per reader, always the same.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nuhist.errors import ConfigError
from tests.fuzz.guard import ACCEPTED, watched_read
from tests.fuzz.mutations import MUTATIONS, mutated
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.regressions import FOUND, Found

SECONDS = 10.0  # the slowest good input takes a tenth of that on a busy machine
SLOW = ("alea", "experiment", "tables", "hepdata", "root", "xml")  # more than 20 ms per input
INPUTS = Path(__file__).parent / "inputs"


@pytest.fixture(scope="module", params=READERS)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Reader, Path]:
    reader = READERS[request.param]
    folder = tmp_path_factory.mktemp(reader.name)
    _prepare(reader, folder)
    return reader, folder


def _prepare(reader: Reader, folder: Path) -> None:
    """Write valid files and read them once: what libraries do when first used is not looked at."""
    reader.prepare(folder)
    for target, _ in reader.targets:
        clean = (folder / target).read_bytes()
        reader.read(folder, target)
        (folder / target).write_bytes(clean)


@pytest.mark.thorough(keep=2)
def test_valid_files_are_read(prepared: tuple[Reader, Path]) -> None:
    reader, folder = prepared
    for target, _ in reader.targets:
        clean = (folder / target).read_bytes()
        outcome = watched_read(reader, folder, target, SECONDS)
        (folder / target).write_bytes(clean)
        assert (outcome.kind, outcome.fault) == (ACCEPTED, ""), outcome.message


@pytest.mark.thorough(keep=1)
def test_spoiled_files(prepared: tuple[Reader, Path]) -> None:
    reader, folder = prepared
    clean = {target: (folder / target).read_bytes() for target, _ in reader.targets}
    kinds = set()

    @settings(
        max_examples=40 if reader.name in SLOW else 100,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),  # a seed has no smaller one
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32))
    def read(seed: int) -> None:
        source = random.Random(seed)
        target, kind = source.choice(reader.targets)
        content = mutated(source, clean[target], kind)
        (folder / target).write_bytes(content)
        outcome = watched_read(reader, folder, target, SECONDS)
        (folder / target).write_bytes(clean[target])
        kinds.add(outcome.kind)
        assert not outcome.fault, f"{target}: {outcome.fault}: {outcome.message}"

    read()
    assert kinds - {ACCEPTED}  # else nothing was spoiled


@pytest.mark.thorough(keep=7)
@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.file)
def test_what_was_found_stays_mended(found: Found, tmp_path: Path) -> None:
    reader = READERS[found.reader]
    _prepare(reader, tmp_path)
    content = (INPUTS / found.file).read_bytes()
    if found.file.endswith(".line"):
        content = (tmp_path / found.target).read_bytes() + b"\n" + content
    (tmp_path / found.target).write_bytes(content)
    outcome = watched_read(reader, tmp_path, found.target, SECONDS)
    assert not outcome.fault, outcome.message


def test_every_file_of_the_folder_is_listed() -> None:
    assert sorted(path.name for path in INPUTS.iterdir()) == sorted(found.file for found in FOUND)


# --- the guard itself: what it is to find, it finds


def _reader(read: object) -> Reader:
    return Reader("bad", "for a test", lambda _: None, (("a", "text"),), read)  # type: ignore[arg-type]


def _loop(_folder: Path, _target: str) -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "fault"),
    [
        (lambda _folder, target: {"b": 1}[target], "KeyError at the test itself"),
        (lambda _folder, _target: (_ for _ in ()).throw(MemoryError), "MemoryError at"),
        (lambda folder, _target: (folder / "new").write_text(""), "files of its folder changed"),
        (lambda folder, _target: (folder.parent / "escaped").write_text(""), "opens "),
        (lambda folder, _target: (folder.parent / "escaped").mkdir(), "os.mkdir "),
        (lambda _folder, _target: Path("/etc/passwd").read_text(), "opens /etc/passwd"),
        (lambda folder, _target: __import__("os").system("true"), "calls os.system"),
        (_loop, "OvertimeError at"),
    ],
)
def test_the_guard_sees(read: object, fault: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("")
    assert fault in watched_read(_reader(read), folder, "a", 0.2).fault


def test_the_guard_lets_pass(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")

    def refused(_folder: Path, _target: str) -> None:
        raise ConfigError("no")

    assert watched_read(_reader(refused), tmp_path, "a", 1.0).kind == "ConfigError"
    assert watched_read(_reader(lambda *_: None), tmp_path, "a", 1.0).kind == ACCEPTED


@pytest.mark.parametrize("kind", MUTATIONS)
def test_mutations_change_files_and_repeat(kind: str) -> None:
    # Any bytes: a mutation that cannot parse them falls back to one of bytes.
    content = b'{"a": [1, 2.5, "x"]}\n'
    made = [mutated(random.Random(seed), content, kind) for seed in range(50)]
    assert made == [mutated(random.Random(seed), content, kind) for seed in range(50)]
    assert sum(one != content for one in made) > 25
