"""Figures: files that are pictures, and the numbers beside them."""

from __future__ import annotations

import builtins
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from nuhist import Workspace, build, build_patchset
from nuhist.cli.main import main
from nuhist.errors import ConfigError, DataError
from nuhist.histfactory.patchset import SignalGrid
from nuhist.inference.spectrum import fitted_spectrum
from nuhist.report.labels import symbol, unit_symbol
from nuhist.report.profiles import profile_lines
from nuhist.report.reproduce_figures import draw_figures


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG in pixels, by its header (ISO 15948: signature, then IHDR)."""
    start = path.read_bytes()[:24]
    assert start[:8] == b"\x89PNG\r\n\x1a\n"
    assert start[12:16] == b"IHDR"
    width, height = struct.unpack(">II", start[16:24])
    return int(width), int(height)


def assert_picture(path: Path) -> None:
    """A PNG with something on it."""
    width, height = png_size(path)
    # 6 to 8 inches at 150 dots per inch, and no wall poster.
    assert 700 < width < 2500
    assert 500 < height < 2500
    # A white page of this size takes 5 kB.
    assert 15_000 < path.stat().st_size < 1_000_000


@pytest.fixture(scope="module")
def grid() -> SignalGrid:
    """A grid of the paper's EPA."""
    couplings = np.linspace(-3.4e-13, 3.4e-13, 13).tolist()
    return build_patchset("lz_ws2022", couplings=couplings, hypothesis="millicharge-epa", background="paper")


@pytest.fixture(scope="module")
def charge() -> Workspace:
    """FEA, a signed coupling."""
    return build("lz_ws2022", hypothesis="millicharge-fea", background="paper")


@pytest.fixture(scope="module")
def saved(grid: SignalGrid, charge: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``grid``, ``charge.json`` and ``moment.json``."""
    folder = tmp_path_factory.mktemp("models")
    grid.save(folder / "grid")
    charge.save(folder / "charge.json")
    build("lz_ws2022", hypothesis="magnetic-moment", background="paper").save(folder / "moment.json")
    return folder


def run(*arguments: object) -> Result:
    """``nuhist ARGUMENTS`` in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if matplotlib were not installed."""
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)


@pytest.mark.thorough
def test_the_papers_figures(tmp_path: Path) -> None:
    paths = draw_figures(tmp_path / "new" / "figures")
    assert [path.name for path in paths] == [
        "fig2_spectrum.png", "fig3_magnetic_moment.png", "fig4_millicharge.png"
    ]  # fmt: skip
    for path in paths:
        assert_picture(path)
    assert sorted(path.name for path in (tmp_path / "new" / "figures").iterdir()) == [
        path.name for path in paths
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("model", ["grid", "charge.json"])
def test_plot_scan(saved: Path, tmp_path: Path, model: str) -> None:
    output = tmp_path / "scan.png"
    result = run("plot", "scan", saved / model, "--label", "LZ", "-o", output, "--json")
    assert result.exit_code == 0, result.stderr
    assert_picture(output)
    beside = json.loads((tmp_path / "scan.numbers.json").read_text(encoding="utf-8"))
    assert json.loads(result.stdout) == beside
    (curve,) = beside["curves"]
    assert (curve["label"], curve["coupling"], curve["unit"]) == ("LZ", "q_nu", "e_0")
    # Up to Δχ² = 9 on both sides, or as far as the grid goes; the curve touches 0 between.
    heights, values = np.array(curve["delta_chi2"]), np.array(curve["values"])
    assert np.all(np.diff(values) > 0)
    assert values[0] < 0 < values[-1]
    assert heights.min() == pytest.approx(0, abs=0.05)
    assert heights.max() == pytest.approx(9, abs=0.1)


def test_plot_scan_of_both(saved: Path, tmp_path: Path) -> None:
    output = tmp_path / "both.svg"
    result = run("plot", "scan", saved / "grid", saved / "charge.json", "-o", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert output.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    beside = json.loads((tmp_path / "both.numbers.json").read_text(encoding="utf-8"))
    assert [curve["label"] for curve in beside["curves"]] == ["q_nu (grid)", "q_nu (charge)"]


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("grid", ()),
        ("grid", ("--coupling", "2e-13")),
        ("charge.json", ()),
        ("charge.json", ("--coupling", "-5e-13")),
    ],
)  # fmt: skip
def test_plot_spectrum(saved: Path, tmp_path: Path, model: str, options: tuple[str, ...]) -> None:
    output = tmp_path / "spectrum.png"
    result = run("plot", "spectrum", saved / model, *options, "-o", output, "--json")
    assert result.exit_code == 0, result.stderr
    assert_picture(output)
    numbers = json.loads(result.stdout)
    assert numbers == json.loads((tmp_path / "spectrum.numbers.json").read_text(encoding="utf-8"))
    assert sum(numbers["observed"]) == 335  # arXiv:2207.03764
    parts = np.sum([component["events"] for component in numbers["components"]], axis=0)
    # The components are the total; sums of 64-bit numbers.
    np.testing.assert_allclose(parts, numbers["total"], rtol=1e-9, atol=1e-9)
    signal = sum(sum(entry["events"]) for entry in numbers["components"] if entry["signal"])
    if options:
        assert signal > 10  # the couplings are beyond the limits: more than √335 / 2 events
    assert len(numbers["edges"]) == len(numbers["observed"]) + 1


def test_spectrum_of_a_grid_is_that_of_its_nearest_point(grid: SignalGrid) -> None:
    near = fitted_spectrum(grid, coupling=1.73e-13)
    assert near.title.endswith("q_nu = 1.7e-13 e_0")  # steps of 0.567e-13
    assert near.total == fitted_spectrum(grid, coupling=1.7e-13).total
    assert near.total != fitted_spectrum(grid, coupling=2.3e-13).total


def test_curves_that_cannot_share_an_axis(charge: Workspace, tmp_path: Path) -> None:
    moment = build("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    with pytest.raises(ConfigError, match="curves in e_0 and mu_B cannot share an axis"):
        profile_lines([charge, moment])
    with pytest.raises(ConfigError, match="2 labels for 1 curves"):
        profile_lines([charge], ["a", "b"])


@pytest.mark.parametrize("command", [("plot", "scan"), ("plot", "spectrum")])
@pytest.mark.parametrize("name", ["figure.xyz", "figure"])
def test_no_such_picture_format(saved: Path, tmp_path: Path, command: tuple[str, str], name: str) -> None:
    result = run(*command, saved / "moment.json", "-o", tmp_path / name)
    assert result.exit_code == 1
    kind = name.removeprefix("figure").removeprefix(".")
    assert result.stderr.startswith(f"nuhist: {tmp_path / name}: no picture format '{kind}'; use one of ")
    assert "png" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("plot", "scan"), ("plot", "spectrum")])
@pytest.mark.usefixtures("without_matplotlib")
def test_without_matplotlib(saved: Path, tmp_path: Path, command: tuple[str, str]) -> None:
    result = run(*command, saved / "moment.json", "-o", tmp_path / "figure.png")
    assert result.exit_code == 1
    assert result.stderr == "nuhist: plots need matplotlib; pip install 'nuhist[plot]'\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_matplotlib")
def test_the_papers_figures_without_matplotlib(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="pip install 'nuhist\\[plot\\]'"):
        draw_figures(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("mu_nu", r"$\mu_{\nu}$"),
        ("q_nue", r"$q_{\nu_e}$"),
        ("mu_nutau", r"$\mu_{\nu_\tau}$"),
        ("g_ae", r"$g_{ae}$"),
        ("kinetic_mixing", r"$\varepsilon_{\mathrm{mix}}$"),
        ("mu", "mu"),
    ],
)
def test_symbols(name: str, formula: str) -> None:
    assert symbol(name) == formula
    assert unit_symbol("e_0") == "$e_0$"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be made: "):
        draw_figures(tmp_path / "file" / "figures")
