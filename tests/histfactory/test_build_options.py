"""Exposure, Asimov data and a user's own counts; what contradicts itself is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

from nuhist import BuildOptions, Workspace, build
from nuhist.errors import ConfigError, DataError, NuhistError
from tests.digits import WRITTEN

Build = Callable[..., Workspace]


def expected(workspace: Workspace, values: dict[str, float]) -> np.ndarray:
    """Counts per bin by pyhf, at the suggested start but for some values."""
    model = pyhf.Workspace(dict(workspace.spec)).model()
    parameters = np.array(model.config.suggested_init())
    for name, value in values.items():
        parameters[model.config.par_slice(name)] = value
    return np.asarray(model.expected_data(parameters, include_auxdata=False))


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize("argon", ["fixed", "gaussian", "flat"])
@pytest.mark.parametrize(
    ("hypothesis", "options", "without"),
    [
        ("magnetic-moment", {"background": "paper"}, {"mu_nu_squared": 0.0}),
        ("magnetic-moment", {"background": "components"}, {"mu_nu_squared": 0.0}),
        ("millicharge-fea", {"background": "paper", "constraint": "linear"}, {"q_nu": 0.0}),
        ("millicharge-epa-only", {"background": "components", "constraint": "linear"}, {"q_nu_squared": 0.0}),
        ("standard-model", {"background": "components"}, {"sm_strength_nu": 1.0}),
    ],
)
def test_asimov_data_are_what_pyhf_expects_without_the_coupling(
    built: Build, hypothesis: str, options: dict[str, Any], without: dict[str, float], argon: str
) -> None:
    workspace = built("lz_ws2022", hypothesis=hypothesis, ar37=argon, asimov=True, **options)
    observed = workspace.observed()["lz_ws2022"]
    # The same sums in another order: rounding only.
    np.testing.assert_allclose(observed, expected(workspace, without), rtol=WRITTEN, atol=WRITTEN)


def test_asimov_data_hold_the_argon_that_lz_found(built: Build) -> None:
    # arXiv:2207.05036: 52.5 fitted; with 96 the Asimov data would be no expectation of LZ's.
    kinds = ("fixed", "gaussian", "flat")
    totals = [
        sum(
            built("lz_ws2022", hypothesis="magnetic-moment", background="paper", ar37=kind, asimov=True)
            .observed()["lz_ws2022"]
        )
        for kind in kinds
    ]  # fmt: skip
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-12)


@pytest.mark.parametrize("hypothesis", ["magnetic-moment", "millicharge-fea"])
def test_exposure_scales_everything(built: Build, hypothesis: str) -> None:
    one = built("lz_ws2022", hypothesis=hypothesis, background="paper", ar37="gaussian", asimov=True)
    assert one.sidecar is not None
    exposure = one.sidecar["channels"]["lz_ws2022"]["exposure_tonne_year"]
    ten = built(
        "lz_ws2022",
        hypothesis=hypothesis,
        background="paper",
        ar37="gaussian",
        asimov=True,
        exposure=10 * exposure,
    )
    np.testing.assert_allclose(
        ten.observed()["lz_ws2022"], 10 * np.array(one.observed()["lz_ws2022"]), rtol=WRITTEN
    )
    # At other parameters too, so that the histosys scale with their samples.
    poi = one.measurement()["config"]["poi"]
    values = {poi: 3.0 if poi == "mu_nu_squared" else 3e-4, "lz_ws2022_ar37_norm": 0.7, "solar_nu_flux": 1.3}
    np.testing.assert_allclose(expected(ten, values), 10 * expected(one, values), rtol=WRITTEN)
    assert ten.sidecar is not None
    assert ten.sidecar["channels"]["lz_ws2022"]["exposure_tonne_year"] == pytest.approx(10 * exposure)


def test_a_planned_experiment_has_its_expectation_at_any_exposure(built: Build) -> None:
    planned = built("darwin_like", hypothesis="magnetic-moment", exposure=100.0)
    asked = built("darwin_like", hypothesis="magnetic-moment", exposure=100.0, asimov=True)
    assert planned.data_kind == "asimov"
    assert planned.spec == asked.spec
    with pytest.raises(
        ConfigError, match="lz_ws2022: another exposure has no observed counts; add asimov=True"
    ):
        built("lz_ws2022", hypothesis="magnetic-moment", exposure=100.0)


def test_own_counts_are_taken_as_they_are(tmp_path: Path) -> None:
    counts = [float(bin % 7) for bin in range(51)]
    path = tmp_path / "counts.csv"
    path.write_text("# toy\ncounts\n" + "".join(f"{value:g}\n" for value in counts), encoding="utf-8")
    workspace = build(
        "lz_ws2022", hypothesis="magnetic-moment", background="paper", observed=path, exposure=2.0
    )
    assert workspace.observed()["lz_ws2022"] == counts
    assert workspace.sidecar is not None
    assert workspace.sidecar["options"]["lz_ws2022"]["observed"] == str(path)
    densities = build("lz_ws2022_paper", hypothesis="magnetic-moment", observed=path)
    assert densities.observed()["lz_ws2022_paper"] == [3 * count for count in counts]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("counts\n1\n2\n", ConfigError, "51 bins"),
        ("counts\n" + 50 * "1\n" + "0.5\n", ConfigError, "row 51: 0.5 is no whole number"),
        ("events\n" + 51 * "1\n", DataError, "has no column 'counts'"),
        ("counts\n" + 50 * "1\n" + "nan\n", DataError, "row 51: nan is not a finite number"),
        ("counts\n" + 50 * "1\n" + "-1\n", DataError, "row 51: -1 is negative"),
        ("counts\n" + 50 * "1\n" + "many\n", DataError, "'many' is no number"),
        ("counts\n" + 50 * "1\n" + "1,2\n", DataError, "line 52 has 2 columns"),
        ("", DataError, "has no rows"),
    ],
)
def test_wrong_own_counts_name_the_file(
    tmp_path: Path, content: str, kind: type[NuhistError], message: str
) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(kind, match=re.escape(message)) as caught:
        build("lz_ws2022", hypothesis="magnetic-moment", observed=path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exposure": 2.0}, "add asimov=True or observed=..."),
        ({"exposure": 0.0, "asimov": True}, "exposure 0 t yr: must be positive"),
        ({"exposure": -1.0, "asimov": True}, "exposure -1 t yr: must be positive"),
        ({"exposure": float("nan"), "asimov": True}, "exposure nan t yr: must be positive"),
        ({"exposure": float("inf"), "asimov": True}, "exposure inf t yr: must be positive"),
        ({"asimov": True, "observed": Path("x.csv")}, "asimov=True and observed=... exclude each other"),
        ({"ar37": "gausian"}, "no ³⁷Ar treatment called 'gausian'; did you mean gaussian?"),
        ({"constraint": "lineal"}, "no constraint called 'lineal'; did you mean linear?"),
        ({"flux": "splitt"}, "no flux model called 'splitt'; did you mean split?"),
        ({"response": "matrx"}, "no response called 'matrx'; did you mean matrix?"),
        ({"atomic": "rpa"}, "no atomic response called 'rpa'; did you mean rrpa?"),
        ({"background": "papers"}, "no background of lz_ws2022 called 'papers'; did you mean paper?"),
        ({"neutrino_mass": 0.0}, "neutrino mass 0 eV: must be positive"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build("lz_ws2022", hypothesis="magnetic-moment", **options)


def test_options_come_as_an_object_too(built: Build) -> None:
    options = BuildOptions(background="paper", ar37="flat")
    one = build("lz_ws2022", hypothesis="magnetic-moment", options=options)
    assert one.spec == built("lz_ws2022", hypothesis="magnetic-moment", background="paper", ar37="flat").spec
    # A keyword goes before the object.
    two = build("lz_ws2022", hypothesis="magnetic-moment", options=options, ar37="gaussian")
    assert (
        two.spec == built("lz_ws2022", hypothesis="magnetic-moment", background="paper", ar37="gaussian").spec
    )
