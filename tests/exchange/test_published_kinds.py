"""What published likelihoods have and our own models have not: there and back, and what the export says."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from click.testing import Result
from scipy.stats import norm

from nuhist import Workspace
from nuhist.errors import ExchangeError, OptionError
from nuhist.exchange.differences import root_differences
from nuhist.exchange.hs3.read import import_hs3
from nuhist.exchange.hs3.write import export_hs3, hs3_document
from nuhist.exchange.luminosity import with_luminosity

Spec = dict[str, Any]

LUMI = {"name": "lumi", "type": "lumi", "data": None}
BLOCK = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.017], "inits": [1.0], "bounds": [[0.915, 1.085]]}


def published(*, fixed: bool = False, poi: str = "mu_SIG") -> Workspace:
    """A channel like those that ATLAS publishes: a lumi on one of two samples, no signal, a name with +."""
    block = {**BLOCK, "fixed": True} if fixed else BLOCK
    shape = {"name": "JES", "type": "histosys", "data": {"hi_data": [12.0, 8.0], "lo_data": [9.0, 11.0]}}
    small = {"name": "JES", "type": "histosys", "data": {"hi_data": [0.5, 0.1], "lo_data": [0.2, -0.1]}}
    samples = [
        {"name": "WZ+b", "data": [10.0, 10.0], "modifiers": [LUMI, shape]},
        {
            "name": "fakes",
            "data": [0.3, 0.1],
            "modifiers": [small, {"name": "stat", "type": "staterror", "data": [0.15, 0.0]}],
        },
    ]
    return Workspace(
        {
            "channels": [{"name": "SR", "samples": samples}],
            "observations": [{"name": "SR", "data": [11.0, 9.0]}],
            "measurements": [{"name": "Normal", "config": {"poi": poi, "parameters": [block]}}],
            "version": "1.0.0",
        },
        None,
        "published.json",
    )


@pytest.mark.parametrize("fixed", [False, True])
def test_hs3_there_and_back(tmp_path: Path, *, fixed: bool) -> None:
    original = published(fixed=fixed)
    export_hs3(original, tmp_path / "x.json")
    assert import_hs3(tmp_path / "x.json").digest == original.digest
    document = hs3_document(original)
    assert document["likelihoods"][0]["aux_distributions"] == ["lumiConstraint"]
    assert {"name": "lumi", "value": 1.0, **({"const": True} if fixed else {})} in document[
        "parameter_points"
    ][0]["parameters"]


def test_xml_there_and_back(tmp_path: Path) -> None:
    """A luminosity that is held at 1 changes nothing, on whatever samples ROOT has it."""
    pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")
    from nuhist.exchange.xml.read import import_xml
    from nuhist.exchange.xml.write import export_xml

    said: list[str] = []
    export_xml(published(fixed=True), tmp_path / "x", message=said.append)
    assert import_xml(tmp_path / "x" / "combination.xml").digest == published(fixed=True).digest
    late = published(fixed=True)
    late.spec["channels"][0]["samples"][0]["modifiers"].reverse()  # lumi is not the first
    export_xml(late, tmp_path / "late")
    assert import_xml(tmp_path / "late" / "combination.xml").digest == late.digest
    assert any("'mu_SIG' scales no sample" in line for line in said)
    with pytest.raises(ExchangeError, match="add lumi='normsys'"):
        export_xml(published(), tmp_path / "y")
    export_xml(published(), tmp_path / "y", lumi="normsys", message=said.append)
    expected, _ = with_luminosity(published(), "normsys")
    assert import_xml(tmp_path / "y" / "combination.xml").digest == expected.digest
    negative = published(fixed=True)
    negative.spec["channels"][0]["samples"][1]["data"][1] = -0.1
    export_xml(negative, tmp_path / "z", message=said.append)
    assert any("1 bin of 1 sample ('fakes' of SR) expect fewer than no events" in line for line in said)
    said.clear()
    assert import_xml(tmp_path / "z" / "combination.xml", message=said.append).digest == negative.digest
    assert any("expects -0.1 events in a bin; ROOT takes none" in line for line in said)


def test_what_a_normsys_in_place_of_a_lumi_changes() -> None:
    """pyhf's expected counts of both: equal at -1, 0 and 1, and as close as is said at 2."""
    changed, (said,) = with_luminosity(published(), "normsys")
    assert "lumi becomes a normsys of 1.7 %" in said
    assert "the same within 0.029 % up to 2 standard deviations" in said
    counts = []
    for workspace, places in ((published(), (0.983, 1, 1.017, 1.034)), (changed, (-1, 0, 1, 2))):
        parts = {"channels": workspace.spec["channels"]}
        parts["parameters"] = workspace.measurement()["config"]["parameters"]
        model = pyhf.Model(parts, poi_name=None)
        vector = np.array(model.config.suggested_init())
        rows = []
        for place in places:
            vector[model.config.par_slice("lumi")] = place
            rows.append(model.expected_actualdata(vector))
        counts.append(np.array(rows))
    np.testing.assert_allclose(counts[0][:3], counts[1][:3], rtol=1e-13)
    np.testing.assert_allclose(counts[0][3], counts[1][3], rtol=2.9e-4)
    assert np.abs(counts[0][3] / counts[1][3] - 1).max() > 2e-4
    held = published()
    held.spec["measurements"][0]["config"]["parameters"] = [{**BLOCK, "inits": [1.1], "fixed": True}]
    (block,) = with_luminosity(held, "normsys")[0].measurement()["config"]["parameters"]
    assert 1.017 ** block["inits"][0] == pytest.approx(1.1, rel=1e-13)  # as code 4 goes on beyond 1
    with pytest.raises(OptionError, match="is neither keep nor normsys"):
        with_luminosity(published(), "no")
    with pytest.raises(OptionError, match="has no lumi"):
        with_luminosity(changed, "normsys")
    other = published()
    other.spec["measurements"][0]["config"]["parameters"] = [{**BLOCK, "auxdata": [1.2]}]
    with pytest.raises(ExchangeError, match=r"its luminosity is 1\.2 ± 0\.017; only one of 1"):
        with_luminosity(other, "normsys")


def test_what_root_evaluates_otherwise_is_counted() -> None:
    below, wide = root_differences(published())
    assert below == (
        "published.json: 1 bin of 1 sample ('fakes' of SR) can fall below zero within 1 standard deviation of"
        " their histosys (1 by one parameter alone); there ROOT and RooFit take zero, pyhf does not, and 2NLL"
        " differs"
    )
    # Half a count in two: the constraint's part above zero at 1 - 1.5 * 0.5, against that at 1.
    change = 2 * (log(norm.cdf(2.0)) - log(norm.cdf(0.5)))
    assert "1 bin has a statistical error above 15 % (50 % in SR, bin 0)" in wide
    assert f"changes 2NLL by up to {change:.2g} within 1.5 standard deviations" in wide
    empty = published()
    dips = {"name": "dip", "type": "histosys", "data": {"hi_data": [0.5, 1.0], "lo_data": [0.0, 1.0]}}
    empty.spec["channels"][0]["samples"][1] |= {"data": [0.0, 1.0], "modifiers": [dips]}
    # Code 4p of 0, 0.5, 0: 0.25 a + a² (15 - 10 a² + 3 a⁴) / 32, which is -0.035 at a = -0.3.
    assert "1 bin of 1 sample ('fakes' of SR) can fall below zero" in root_differences(empty)[0]
    certain = published()
    certain.spec["channels"][0]["samples"][1]["modifiers"].clear()
    assert root_differences(certain) == ()
    uncertain = {"name": "each", "type": "shapesys", "data": [1e-5, 1.0]}
    certain.spec["channels"][0]["samples"][0]["modifiers"].append(uncertain)
    (large,) = root_differences(certain)
    assert (
        "1 bin of shapesys with more than 1e+08 events behind them (1e+12 for 'each' of SR, bin 0)" in large
    )


@pytest.mark.parametrize("linear", [-1.0, 1.0])
@pytest.mark.parametrize(("bounds", "dips"), [((-17e-5, 17e-5), True), ((0.0, 17e-5), None), (None, True)])
def test_a_signed_coupling_of_either_sign_dips(
    linear: float, bounds: tuple[float, float] | None, dips: bool | None
) -> None:
    # x + x² events of x = 1e5 α: -0.25 at x = -1/2, as a parabola has it; with bounds from 0 on, where x < 0.
    square = 8 / 15 * 1e10
    sides = {"hi_data": [square + 1e5 * linear, 1.0], "lo_data": [square - 1e5 * linear, 1.0]}
    changed = published()
    coupling = {"name": "g", "type": "histosys", "data": sides}
    changed.spec["channels"][0]["samples"][1] |= {"data": [0.0, 1.0], "modifiers": [coupling]}
    if bounds is not None:
        blocks = changed.spec["measurements"][0]["config"]["parameters"]
        blocks.append({"name": "g", "bounds": [list(bounds)]})
    said = [line for line in root_differences(changed) if "can fall below zero" in line]
    assert bool(said) == (linear < 0 if dips is None else dips)
    model = pyhf.Workspace(changed.spec).model(
        poi_name=None,
        modifier_settings={"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}},
    )
    point = model.config.suggested_init()
    point[model.config.par_slice("g").start] = -linear / 2 * 1e-5
    bare = published()
    bare.spec["channels"][0]["samples"][1] |= {"data": [0.0, 1.0], "modifiers": []}
    start = pyhf.Workspace(bare.spec).model(poi_name=None)
    without = start.expected_actualdata(start.config.suggested_init())[0]
    assert model.expected_actualdata(point)[0] - without == pytest.approx(-0.25, rel=1e-6)


def test_commands_warn(run: Callable[..., Result], tmp_path: Path) -> None:
    published().save(tmp_path / "p.json")
    for kind, arguments in (
        ("hs3", []),
        ("hs3", ["-o", tmp_path / "p.hs3.json"]),
        ("root", ["-o", tmp_path / "p.root"]),
        ("xml", ["--lumi", "normsys", "-o", tmp_path / "p_xml"]),
    ):
        result = run("export", kind, tmp_path / "p.json", *arguments)
        assert result.exit_code == 0
        assert "nuhist: " in result.stderr
        assert "can fall below zero within 1 standard deviation" in result.stderr
    assert json.loads((tmp_path / "p.hs3.json").read_text()) == hs3_document(published())
