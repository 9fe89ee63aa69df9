"""Standard streams that are closed or full, names that a terminal obeys, Ctrl-C while Python imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nuhist.characters import printable
from nuhist.cli.main import main
from nuhist.cli.printing import aligned, command_line
from nuhist.errors import DataError
from nuhist.files import to_json

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "from nuhist.__main__ import main; main()"]
CODES = "\x1b[2J\u202egnp.\x07\n"
SHOWN = r"\x1b[2J\u202egnp.\x07\n"


def counting(name: str = "bin") -> dict[str, Any]:
    """One bin with a free strength."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    return {
        "channels": [{"name": name, "samples": [{"name": "signal", "data": [1.0], "modifiers": [mu]},
                                               {"name": "other", "data": [2.0], "modifiers": []}]}],
        "observations": [{"name": name, "data": [3.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "w.json").write_text(json.dumps(counting()), encoding="utf-8")
    return tmp_path


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of a shell, in which ``nuhist`` is this code."""
    line = f'nuhist() {{ "$PYTHON" -c \'from nuhist.__main__ import main; main()\' "$@"; }}; {command}'
    given = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env=given, capture_output=True, check=False,
        encoding="utf-8", timeout=60,
    )  # fmt: skip


posix = pytest.mark.skipif(os.name != "posix", reason="closes streams with a shell")


@pytest.mark.thorough(keep=2)
@posix
@pytest.mark.parametrize(
    ("command", "code", "out", "message"),
    [
        ("nuhist inspect w.json >&-", 1, "", "nuhist: output: is closed\n"),
        ("nuhist --version >&-", 1, "", "nuhist: output: is closed\n"),
        ("nuhist inspect w.json 2>&-", 0, "digest: ", ""),
        ("nuhist inspect w.json <&-", 0, "digest: ", ""),
        ("nuhist validate gone.json 2>&-", 1, "", ""),
        ("nuhist validate gone.json >&- 2>&- <&-", 1, "", ""),
        ("nuhist validate - <&-", 1, "", "nuhist: standard input: cannot be read: it is closed\n"),
        ("nuhist validate --gone 2>&-", 2, "", ""),
    ],
)
def test_a_closed_stream(folder: Path, command: str, code: int, out: str, message: str) -> None:
    done = shell(command, folder)
    assert (done.returncode, done.stderr) == (code, message)
    assert done.stdout.startswith(out)
    assert bool(done.stdout) == bool(out)


@pytest.mark.thorough(keep=1)
@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_file_is_written_whatever_is_closed(folder: Path, closed: str) -> None:
    # The file must not get a standard stream's number, and with it what is printed.
    done = shell(f"nuhist export hs3 w.json -o out.json {closed}", folder)
    assert done.returncode == 0
    assert done.stderr == ("" if "2>&-" in closed else "out.json: written\n")
    assert json.loads((folder / "out.json").read_text(encoding="utf-8"))["metadata"]["hs3_version"]


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_messages_that_cannot_be_shown_lose_no_result(folder: Path) -> None:
    done = shell("nuhist export hs3 w.json -o out.json 2>/dev/full", folder)
    assert done.returncode == 0
    assert (folder / "out.json").is_file()
    assert shell("nuhist validate gone.json 2>/dev/full", folder).returncode == 1


def test_nobody_reads_the_result(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "inspect", "w.json"], cwd=folder, stdout=writer, stderr=subprocess.PIPE, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


# --- Ctrl-C


@posix
@pytest.mark.parametrize("module", ["click", "nuhist_interrupted"])
def test_an_interrupt_while_python_imports(folder: Path, module: str) -> None:
    # A module that is interrupted when it is imported: of the command line, or in a compiled module,
    # where it becomes an ImportError.
    text = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    if module == "click":
        (folder / "click.py").write_text(text, encoding="utf-8")
    else:
        (folder / "click.py").write_text(
            "try:\n    import nuhist_interrupted\n"
            "except KeyboardInterrupt as error:\n    raise ImportError('initialization failed') from error\n",
            encoding="utf-8",
        )
        (folder / f"{module}.py").write_text(text, encoding="utf-8")
    done = shell("nuhist inspect w.json", folder, PYTHONPATH=f"{folder}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Aborted!\n")


def test_the_package_itself_imports_next_to_nothing() -> None:
    # Before __main__ is there, Ctrl-C is Python's; so it must be there soon.
    code = "import sys; before = {*sys.modules}; import nuhist.__main__; print(*{*sys.modules} - before)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, check=True, encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    small = {"__future__", "importlib", "importlib._bootstrap", "importlib._bootstrap_external", "warnings"}
    own = {"nuhist", "nuhist.__about__", "nuhist.__main__", "nuhist.interrupts"}
    assert {*done.stdout.split()} <= own | small


def test_too_little_memory_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("nuhist.histfactory.loading.load", full)
    done = CliRunner().invoke(main, ["validate", str(folder / "w.json")])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("nuhist: the memory does not suffice for this model; take fewer bins or")
    assert done.stderr.count("\n") == 1


# --- names


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\r\n\tb", r"a\r\n\tb"),
        ("\u202eabc\u2066\u200f", r"\u202eabc\u2066\u200f"),
        ("\u2028\x85\x7f\ufeff\u200b", r"\u2028\u0085\x7f\ufeff\u200b"),
        ("\udcff\udc80", r"\xff\x80"),  # bytes of a file name
        ("\ud83d", r"\ud83d"),
        ("ν_e, ³⁷Ar,\u00a05\u202fkeV, 中文, עברית, e\u0301 \U0001f600", None),
    ],
)
def test_printable(text: str, shown: str | None) -> None:
    assert printable(text) == (text if shown is None else shown)
    assert printable(printable(text)) == printable(text)


def test_errors_and_tables_show_escapes() -> None:
    assert str(DataError(f"{CODES}: no")) == f"{SHOWN}: no"
    assert aligned(["a", "b"], [[CODES, "1"]]) == f"a{' ' * len(SHOWN)} b\n{SHOWN}  1\n"


def test_json_keeps_names_in_escapes() -> None:
    name = CODES + "\x85\u2028\U000e0041"
    text = to_json({"name": name, "file": "w\udcff", "ν": "³⁷Ar"})
    assert json.loads(text) == {"name": name, "file": r"w\xff", "ν": "³⁷Ar"}
    assert "³⁷Ar" in text
    assert printable(text.replace("\n", "")) == text.replace("\n", "")


@pytest.mark.parametrize("command", [["validate"], ["inspect"], ["fit"], ["limit"], ["inspect", "--json"]])
def test_names_never_reach_the_terminal_as_they_are(folder: Path, command: list[str]) -> None:
    spec = json.loads(json.dumps(counting()).replace('"mu"', json.dumps(f"mu{CODES}")))
    for entry in (spec["channels"][0], spec["observations"][0]):
        entry["name"] += CODES
    spec["channels"][0]["samples"][1]["name"] += CODES
    spec["measurements"][0]["name"] += CODES
    (folder / "w.json").write_text(json.dumps(spec), encoding="utf-8")
    done = CliRunner().invoke(main, [command[0], str(folder / "w.json"), *command[1:]])
    assert done.exit_code == 0, done.output
    assert not {*done.output} & {*CODES} - {*"gnp.[2J\n"}
    assert "\n\n\n" not in done.output
    if command[0] in {"inspect", "fit"} and len(command) == 1:
        assert f"bin{SHOWN}" in done.output


@pytest.mark.parametrize(
    "arguments", [["validate", f"gone{CODES}.json"], ["validate", "a", f"b{CODES}"], [f"no{CODES}"],
                  ["build", f"x{CODES}", "--hypothesis", "magnetic-moment"]],
)  # fmt: skip
def test_arguments_never_reach_the_terminal_as_they_are(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code in {1, 2}
    assert r"\x1b[2J\u202egnp.\x07\n" in done.stderr
    assert not {*done.stderr} & {"\x1b", "\u202e", "\x07"}


# --- names that are no UTF-8


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["limit", "lz.json"], "nuhist limit lz.json"),
        (["limit", "a b.json"], "nuhist limit 'a b.json'"),
        (["limit", "lz\udcff.json"], r"nuhist limit $'lz\xff.json'"),
        (["limit", "it's\\\n\x1b"], r"nuhist limit $'it\'s\\\n\x1b'"),
    ],
)
def test_the_command_is_kept_in_characters_of_utf8(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["nuhist", *arguments])
    assert command_line() == line


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="reads $'...'")
def test_a_shell_reads_the_command_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["lz\udcff.json", "it's\\\n\x1b\u202e", "ν"]
    monkeypatch.setattr(sys, "argv", ["nuhist", *arguments])
    line = command_line().replace("nuhist ", "printf '%s\\0' ", 1)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, check=True, env=environment)
    assert os.fsdecode(done.stdout).split("\0")[:-1] == arguments


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_files_whose_names_are_no_utf8(folder: Path) -> None:
    (folder / "w.json").rename(folder / "w\udcff.json")
    name = "$(printf 'w\\377.json')"
    done = shell(f"nuhist inspect {name}; nuhist cite {name}", folder)
    assert (done.returncode, done.stderr) == (0, "")
    gone = shell("nuhist validate \"$(printf 'gone\\377.json')\"", folder)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr == "nuhist: gone\\xff.json: cannot be read: No such file or directory\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (("plot", "scan", "w\udcff.json", "-o", "p\udcff.svg"), "p\udcff.numbers.json"),
        (("report", "w\udcff.json", "--ntoys", "0", "-o", "r\udcff.html"), "r\udcff.html"),
        (("export", "root", "w\udcff.json", "-o", "w\udcff.root", "--cabinetry", "c.yml"), "w\udcff.root"),
        (("build", "lz_ws2024", "--hypothesis", "magnetic-moment", "--observed", "o\udcff.csv",
          "-o", "b\udcff.json"), "b\udcff.meta.json"),
    ],
)  # fmt: skip
def test_what_is_made_of_files_whose_names_are_no_utf8(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], made: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["nuhist", *arguments])
    Path("w.json").rename("w\udcff.json")
    Path("o\udcff.csv").write_text("counts\n" + "1\n" * 19, encoding="utf-8")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "\\xff" in done.stderr
    content = Path(made).read_bytes()
    if made.endswith(("html", "meta.json")):
        assert r"nuhist " in content.decode()
        assert r"\xff" in content.decode().replace("\\\\", "\\")
    if made.endswith("meta.json"):  # what nuhist wrote it reads again
        assert CliRunner().invoke(main, ["inspect", "b\udcff.json"]).exit_code == 0


def test_commands_print_through_what_escapes() -> None:
    allowed = {"printing.py", "main.py", "reproduce.py"}  # reproduce: its progress on a terminal
    for path in (ROOT / "nuhist" / "cli").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path.name in allowed or ("click.echo" not in text and "print(" not in text), path.name
