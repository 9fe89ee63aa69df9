"""The table of figures: what it names is there, others add to it, Python draws what the shell draws."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist import Workspace
from nuhist.cli.main import main
from nuhist.errors import ConfigError, KeywordError, OptionError
from nuhist.report.canvas import Look
from nuhist.report.figure import FigureKind
from nuhist.report.figure_table import FIGURES, figures

# A package as somebody else would write it.
YIELDS = '''
"""Events of each sample after the fit."""
from nuhist.offered import Option
from nuhist.report.canvas import Canvas
from nuhist.report.figure import FigureKind
from nuhist.report.figures import Drawn
from nuhist.showing import Table


def draw(model, *, most: int = 5, **look) -> Drawn:
    samples = model.fit().samples[:most]
    canvas = Canvas(look, log=True)
    axes = canvas.axes(6, 4)
    axes.bar([each.title for each in samples], [each.after for each in samples])
    canvas.vertical(axes, 0, 50, 0.1)
    canvas.title(axes)
    table = Table.of(samples, "title", "after")
    return Drawn(canvas.finished(axes), {"after": [each.after for each in samples]}, table)


YIELDS = FigureKind(
    "their_figure:draw", "Events of each sample after the fit.", "a.json -o yields.pdf",
    (Option("most", "Samples.", "N", least=1),), name="yields",
)
'''


def workspace() -> Workspace:
    """A free signal over a fixed background: 14 seen over 9, so that 5 are fitted."""
    signal = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "background", "data": [9.0], "modifiers": []},
        {"name": "signal", "data": [1.0], "modifiers": [signal]},
    ]
    return Workspace(
        {
            "channels": [{"name": "one", "samples": samples}],
            "observations": [{"name": "one", "data": [14.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with an entry point, in a folder of its own; the path of a workspace."""
    site = tmp_path / "site"
    info = site / "their_figure-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "their_figure.py").write_text(YIELDS, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-figure\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nuhist.figures]\nyields = their_figure:YIELDS\n")
    monkeypatch.syspath_prepend(site)
    figures.cache_clear()
    workspace().save(tmp_path / "a.json")
    yield tmp_path / "a.json"
    sys.modules.pop("their_figure", None)
    monkeypatch.undo()
    figures.cache_clear()


def test_a_figure_of_another_package(installed: Path, tmp_path: Path) -> None:
    assert "yields" in run("--help").stdout
    assert "Samples.  [default: 5; x>=1]" in " ".join(run("yields", "--help").stdout.split()).replace(
        ". [", ".  ["
    )
    output, numbers = tmp_path / "y.svg", tmp_path / "y.csv"
    result = run(
        "yields", installed, "-o", output, "--numbers", numbers, "--log", "--title", "theirs", "--json"
    )
    assert result.exit_code == 0, result.output
    # 14 seen over 9 expected; the fit ends within a millionth of a standard deviation.
    assert json.loads(result.stdout)["after"] == pytest.approx([9.0, 5.0], abs=1e-4)
    assert [line.split(",")[0] for line in numbers.read_text().split()] == ["title", "background", "signal"]
    assert run("yields", installed, "-o", output, "--most", "0").exit_code == 2


@pytest.mark.usefixtures("installed")
def test_it_is_drawn_from_python(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    assert nuhist.plot("yields", tmp_path / "a.json", most=1, ax=axes, log=True) is figure
    assert len(axes.patches) == 1
    assert axes.get_yscale() == "log"


def test_what_is_no_figure(installed: Path) -> None:
    entry = installed.parent / "site" / "their_figure-1.0.dist-info" / "entry_points.txt"
    entry.write_text("[nuhist.figures]\nyields = their_figure:draw\n")
    message = "the figure 'yields' of their_figure:draw is broken: it has no name"
    with pytest.raises(ConfigError, match=message):
        nuhist.plot("yields", installed)
    assert message in run("yields", installed).stderr
    assert nuhist.plot("flux") is not None  # it keeps nobody from the others


@pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.name)
def test_what_the_table_names_is_there(kind: FigureKind) -> None:
    known = inspect.signature(kind.function()).parameters
    assert {option.name for option in kind.options} | set(Look.__annotations__) <= set(known)
    keywords = {name for name, each in known.items() if each.kind is each.KEYWORD_ONLY}
    assert keywords == {option.name for option in kind.options} | set(Look.__annotations__)


def test_options_of_the_shell_reach_the_figure(tmp_path: Path) -> None:
    output = tmp_path / "flux.png"
    result = run("flux", "-o", output, "--size", "4:3", "--xlim", "100:1000", "--title", "fluxes")
    assert result.exit_code == 0, result.output
    # 150 dots per inch, by the header of a PNG.
    assert [int.from_bytes(output.read_bytes()[start : start + 4]) for start in (16, 20)] == [600, 450]
    for wrong, said in (
        (("--size", "4"), "'4': expected two numbers, such as 8:4"),
        (("--xlim", "4"), "'4': expected two numbers, such as 1:10"),
        (("--log",), "nuhist: --log: does nothing with this figure"),
    ):
        result = run("flux", "-o", output, *wrong)
        assert result.exit_code == 2
        assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "message"),
    [
        (("spectrm", "a.json"), {}, ConfigError, "no figure called 'spectrm'; did you mean spectrum"),
        (("spectrum", "a.json"), {"prefitt": True}, KeywordError,
         "prefitt is no option of the figure 'spectrum'; did you mean prefit"),
        (("flux", "a.json"), {}, OptionError, "the figure 'flux' is of nothing"),
        (("cls",), {}, ConfigError, "the figure 'cls' is of one model; 0 given"),
        (("scan",), {}, ConfigError, "the figure 'scan' is of models; give one or several"),
        (("response", "xenonnt_cevns"), {}, ConfigError, "is a set of experiments, xenonnt_cevns_sr0"),
        (("flux",), {"size": "big"}, ConfigError, "size = 'big': expected two numbers"),
        (("flux",), {"size": (800, 400)}, ConfigError, "a width and a height in inches, at most 60"),
        (("flux",), {"xlim": 3}, ConfigError, "xlim = 3: expected two numbers"),
        (("flux",), {"xlim": (1, 0)}, ConfigError, "xlim 1 to 0; expected two numbers, the first below"),
        (("flux",), {"title": 3}, ConfigError, "title = 3: expected a text"),
        (("flux",), {"log": "yes"}, ConfigError, "expected True or False"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn(
    arguments: tuple[str, ...], options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        nuhist.plot(*arguments, **options)


def test_every_kind_of_subject() -> None:
    model = workspace()
    assert (
        len(nuhist.plot("scan", [model, model], labels=["a", "b"]).axes[0].lines) == 2 + 3
    )  # and three levels
    assert nuhist.plot("efficiency", ["lz_ws2022", "xenonnt_sr0"], log=True).axes[0].get_yscale() == "log"
    assert nuhist.plot("response", "xenonnt_sr0").axes
    assert nuhist.plot("world-limits").axes
    assert nuhist.plot("spectrum", model, channels=["one"]).axes


def test_a_notebook_shows_a_figure_without_pyplot() -> None:
    script = (
        "import sys, nuhist, IPython.core.formatters as formatters\n"
        "figure = nuhist.plot('flux')\n"
        "shown, _ = formatters.DisplayFormatter().format(figure)\n"
        "assert shown['image/png'][:4] == b'\\x89PNG', shown\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    pytest.importorskip("IPython")
    subprocess.run([sys.executable, "-c", script], check=True)
