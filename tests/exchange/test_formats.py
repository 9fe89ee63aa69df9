"""The table of formats: what it names is there, comes back, and is documented; other packages add to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nuhist import Workspace
from nuhist.cli.main import main
from nuhist.errors import ConfigError
from nuhist.exchange.format import Format
from nuhist.exchange.formats import FORMATS, formats
from nuhist.exchange.inference_interface.read import import_templates

ROOT = Path(__file__).resolve().parents[2]
# Models of alea come back in test_alea_export.py: with seven parameters they would have too many templates.
BOTH = [each for each in FORMATS if each.writer and each.reader and each.name != "alea"]

# A package as somebody else would write it: of nuhist it imports what a format is, and what a workspace is.
CSV = '''
"""Expected and observed counts of one channel as CSV."""
from pathlib import Path

from nuhist.exchange.format import Format, Reader, Writer
from nuhist.histfactory.workspace import Workspace
from nuhist.offered import Option


def write(workspace: Workspace, path: Path, *, digits: int = 17) -> None:
    (channel,) = workspace.spec["channels"]
    (sample,) = channel["samples"]
    rows = zip(sample["data"], workspace.observed()[channel["name"]])
    path.write_text("".join(f"{expected:.{digits}g},{observed:g}\\n" for expected, observed in rows))


def read(path: Path, *, scale: float = 1.0, flat: bool = False, command=None, message=print) -> Workspace:
    rows = [tuple(map(float, line.split(","))) for line in path.read_text().splitlines()]
    message(f"{path}: {len(rows)} bins")
    expected = [scale * row[0] for row in rows]
    if flat:
        expected = [sum(expected) / len(expected)] * len(expected)
    factor = {"name": "mu", "type": "normfactor", "data": None}
    sample = {"name": "signal", "data": expected, "modifiers": [factor]}
    spec = {
        "channels": [{"name": "csv", "samples": [sample]}],
        "observations": [{"name": "csv", "data": [row[1] for row in rows]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    return Workspace(spec, None, str(path))


writer = Writer(write, "Write CSV.", "a.json -o a.csv", (Option("digits", "How many.", "N"),))
options = (Option("scale", "A factor.", "X"), Option("flat", "Their mean."))
reader = Reader("their_csv:read", "Read CSV.", "a.csv", options)
CSV = Format("csv", "CSV", "everybody", (".csv",), None, writer, reader)
GONE = Format("csv", "", "", writer=Writer("their_csv:gone", "Write CSV.", "a.json"))
WRONG = Format("csv", "", "", writer=Writer(write, "Write CSV.", "a.json", (Option("digts", "How many."),)))
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs a package with an entry point, in a folder of its own."""
    site = tmp_path / "site"

    def install(entry: str) -> None:
        info = site / "their_csv-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "their_csv.py").write_text(CSV, encoding="utf-8")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-csv\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[nuhist.formats]\n{entry}\n")
        monkeypatch.syspath_prepend(site)
        formats.cache_clear()

    yield install
    sys.modules.pop("their_csv", None)
    monkeypatch.undo()
    formats.cache_clear()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_a_format_of_another_package(installed: Callable[[str], None], tmp_path: Path) -> None:
    installed("csv = their_csv:CSV")
    csv = tmp_path / "theirs.csv"
    csv.write_text("1.23456,5\n2.5,2\n")
    result = run("import", "csv", csv, "-o", tmp_path / "one.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"nuhist: {csv}: 2 bins\n{tmp_path / 'one.json'}: 7 counts observed")
    result = run("export", "csv", tmp_path / "one.json", "-o", csv, "--digits", 3)
    assert (result.exit_code, result.stderr) == (0, f"{csv}: written\n")
    assert csv.read_text() == "1.23,5\n2.5,2\n"
    found = json.loads(run("import", "csv", csv, "--scale", "2", "--flat").stdout)
    assert found["channels"][0]["samples"][0]["data"] == [1.23 + 2.5] * 2  # twice their mean
    shown = run("export", "--help").output + run("import", "csv", "--help").output
    assert "Write CSV." in shown
    assert "--scale X" in shown


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("csv = their_csv:write", "the format 'csv' of their_csv:write is broken: it has no name"),
        ("csv = their_csv:WRONG", "is broken: its option 'digts' is no keyword of "),
        ("csv = their_csv:writer", "is broken: it has no name"),
        ("csv = their_csv:GONE", "is broken: module 'their_csv' has no attribute 'gone'"),
        ("csv = their_csv:NOTHING", "the format 'csv' of their_csv:NOTHING is broken: "),
        ("csv = nuhist.exchange.root.format:ROOT", "there is a format called 'root' already"),
    ],
)
def test_what_is_no_format(installed: Callable[[str], None], entry: str, message: str) -> None:
    installed(entry)
    with pytest.raises(ConfigError, match=message):
        formats().entry("csv")
    result = run("export", "csv")
    assert result.exit_code == 1
    assert message in result.stderr
    assert run("export", "root", "--help").exit_code == 0  # it keeps nobody from the others
    assert run("export", "xyz").exit_code == 2


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_what_an_entry_names_is_there(each: Format) -> None:
    for way in filter(None, (each.writer, each.reader)):
        keywords = way.keywords()
        assert {option.name for option in way.options} <= keywords.keys()
        free = {name for name, keyword in keywords.items() if keyword.kind is keyword.KEYWORD_ONLY}
        assert free - {option.name for option in way.options} <= {"command", "message"}
    assert bool(each.elsewhere) == (each.writer is None and each.reader is None)


@pytest.fixture
def workspace(built: Callable[..., Workspace]) -> Workspace:
    return built("lz_ws2022", hypothesis="magnetic-moment")


@pytest.mark.parametrize("each", BOTH, ids=lambda each: each.name)
def test_there_and_back(each: Format, workspace: Workspace, tmp_path: Path) -> None:
    assert each.writer is not None
    assert each.reader is not None
    written = each.writer(workspace, tmp_path / f"lz{each.suffixes[0]}")
    assert written[0].name == (each.writer.main or f"lz{each.suffixes[0]}")
    again = each.reader(written if each.reader.several else written[0])
    assert again.digest == workspace.digest
    assert again.sidecar == workspace.sidecar


def test_templates_are_named_as_texts_or_paths(workspace: Workspace, tmp_path: Path) -> None:
    (written,) = formats()["inference-interface"].writer(workspace, tmp_path / "lz.h5")  # type: ignore[misc]
    assert import_templates([str(written)]).digest == import_templates([written]).digest == workspace.digest


def test_the_documentation_has_the_table() -> None:
    text = (ROOT / "docs" / "how-to" / "other-formats.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("| [")][: len(FORMATS)]
    for line, each in zip(table, FORMATS, strict=True):
        title, programs, needs = (cell.strip() for cell in line.strip("|").split("|"))
        assert title.startswith(f"[{each.title}](")
        assert programs == each.programs
        assert needs.startswith(f"`pip install 'nuhist[{each.extra}]'`" if each.extra else "nothing")


def test_the_project_has_the_extras() -> None:
    import tomllib

    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {each.extra for each in FORMATS if each.extra} <= project["optional-dependencies"].keys()
