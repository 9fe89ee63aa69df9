"""How results and models are shown: in one line, in HTML, as a data frame."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

import nuhist
from nuhist import Execution, Model, Workspace, load_experiment
from nuhist.errors import DataError
from nuhist.inference.results import JsonResult
from nuhist.inference.spectrum import fitted_spectrum
from nuhist.report.cls_curve import cls_curve
from nuhist.report.detector import detector_response
from nuhist.report.neutrinos import cross_sections, flux_curves
from nuhist.report.profiles import profile_lines
from nuhist.report.published import PublishedLimit, PublishedLimits
from nuhist.report.pulls import pulls
from nuhist.report.reproduce import TREATMENTS, Reproduction, Row, published_numbers
from nuhist.report.world_limits import world_limits
from nuhist.showing import Shown, Table
from tests.inference.test_exclusion import BACKGROUND, GRID

SCRIPT = "<script>alert('&\"')</script>"


def workspace(name: str = "region") -> Workspace:
    """A signal over a background of 10 ± 1, 9 and 4 events expected; 14 and 5 seen."""
    signal = {"name": "mu", "type": "normfactor", "data": None}
    norm = {"name": f"norm of {name}", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    samples = [
        {"name": "signal", "data": [3.0, 1.0], "modifiers": [signal]},
        {"name": name, "data": [9.0, 4.0], "modifiers": [norm]},
    ]
    return Workspace(
        {
            "channels": [{"name": name, "samples": samples}],
            "observations": [{"name": name, "data": [14.0, 5.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin=f"{name}.json",
    )


@pytest.fixture(scope="module")
def grid() -> nuhist.SignalGrid:
    """Three signal points."""
    return nuhist.build_patchset("lz_ws2022", couplings=[-1e-13, 0, 1e-13], hypothesis="millicharge-epa")


def results(model: Model) -> dict[str, Shown]:
    """One of each kind, by the name of its class."""
    toys, sections = Execution(toys=20), cross_sections()
    values: dict[str, float | None] = {each.name: None for each in TREATMENTS}
    rows = tuple(Row(number, "mu_B", values, values) for number in published_numbers())
    limits = (PublishedLimit("x", "y", "e", "z", "mu_B", 1.0, {"cls": 2.0}, {"cls": 2.0}),)
    found = [
        model.fit(errors="profile"),
        model.limit("cls", expected=True),
        model.scan(points=5),
        model.significance(),
        model.goodness_of_fit(execution=toys),
        model.ranking(),
        model.coverage([0.5], execution=toys),
        model.contour("mu", next(name for name in model.likelihood.names if name != "mu")),
        nuhist.moments(nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper")),
        fitted_spectrum(model),
        pulls(model),
        cls_curve(model),
        profile_lines([model])[0],
        detector_response(load_experiment("xenonnt_sr0")),
        nuhist.spectrum("xenonnt_sr0", hypothesis="magnetic-moment", coupling=1e-11),
        flux_curves()[0],
        sections,
        sections.curves[0],
        world_limits(),
        PublishedLimits(limits, nuhist.__version__),
        Reproduction({each.name: each.title for each in TREATMENTS}, {}, rows, 0.0, nuhist.__version__),
        nuhist.exclusion(BACKGROUND, GRID),
        nuhist.exclusion("lz_ws2022", hypothesis="light-vector", over="mass=1keV:10keV:2"),
        nuhist.sensitivity("lz_ws2022", hypothesis="magnetic-moment", exposure=[1.0, 2.0]),
        model,
        model.workspace,
    ]
    return {type(each).__name__: each for each in found}


@pytest.fixture(scope="module")
def shown(grid: nuhist.SignalGrid) -> dict[str, Shown]:
    """Results of a model whose names are markup."""
    return {**results(Model(workspace(SCRIPT))), "SignalGrid": grid}


def kinds(root: type[Shown]) -> Iterator[str]:
    """Names of all classes below one."""
    for kind in root.__subclasses__():
        if kind.__module__.startswith("nuhist."):
            yield from (() if kind is JsonResult else (kind.__name__,))
            yield from kinds(kind)


KINDS = sorted(set(kinds(Shown)))


class _Tags(HTMLParser):
    """The elements of a text, in order, and how deep they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_is_one_line_and_a_small_table(shown: dict[str, Shown], kind: str) -> None:
    result = shown[kind]
    line = repr(result)
    assert line.startswith(f"{kind}(")
    assert line.isprintable()
    assert len(line) < 300
    page = result._repr_html_()
    found = _Tags(page)
    assert found.open == []
    assert set(found.tags) <= {"div", "style", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert len(page) < 30_000
    # No colour of its own: a page may be light or dark.
    assert set(re.findall(r"color: (\w+)", page)) == {"inherit"}
    assert "#" not in page.replace("&#", "")


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_has_rows(shown: dict[str, Shown], kind: str) -> None:
    table = shown[kind].table()
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert len(set(table.header)) == len(table.header)


@pytest.mark.parametrize("kind", ["Workspace", "Model", "FitResult", "Ranking", "Pulls"])
def test_names_of_files_are_text(shown: dict[str, Shown], kind: str) -> None:
    page = shown[kind]._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;&amp;&quot;&#x27;)&lt;/script&gt;" in page


def test_what_is_said() -> None:
    model = Model(workspace())
    said = r"Interval\(mu < [\d.]+ at 90 % CL; profile; observed data; workspace [0-9a-f]{12}\)"
    assert re.fullmatch(said, repr(model.limit()))
    assert repr(model).endswith("; parameter of interest mu)")
    asimov = model.asimov(1.0)
    assert "expected, Asimov data" in repr(asimov)
    # 14 + 5 were seen.
    assert model.table().rows[-1] == ("region", "data (observed)", 19.0, None)
    assert asimov.table().rows[-1][1] == "data (expected, Asimov)"
    assert asimov.table().rows[-1][2] == pytest.approx(sum(asimov.likelihood.data[:2]))
    assert "note: the data are expected, Asimov, at mu = 1" in asimov._repr_html_()


def test_a_long_table_is_cut() -> None:
    page = Table(
        ("name", "value", "data_kind"), tuple((str(row), row / 3, "toy") for row in range(25))
    ).to_html()
    assert page.count("<tr>") == 1 + 20
    assert "and 5 more rows" in page
    assert '<td>1</td><td class="number">0.3333</td>' in page
    assert "toy" not in page


@pytest.mark.parametrize("kind", KINDS)
def test_data_frames(shown: dict[str, Shown], kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame, table = shown[kind].to_dataframe(), shown[kind].table()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(table.header)
    assert len(frame) == len(table.rows)


def test_columns_of_data_frames() -> None:
    model = Model(workspace())
    fitted, profiled = model.fit().table(), model.fit(errors="profile").table()
    assert fitted.header == ("parameter", "value", "uncertainty", "meaning", "unit")
    assert profiled.header[3:5] == ("error_down", "error_up")
    assert model.ranking().table().header[:5] == (
        "parameter",
        "pull",
        "pull_error",
        "impact_up",
        "impact_down",
    )
    limits = [model.limit("cls", expected=True), model.limit("cls")]
    assert set(limits[0].table().header) - set(limits[1].table().header) == {
        "expected -2", "expected -1", "expected 0", "expected +1", "expected +2"
    }  # fmt: skip


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def missing(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(DataError, match=r"data frames need pandas; pip install 'nuhist\[pandas\]'"):
        Model(workspace()).to_dataframe()
