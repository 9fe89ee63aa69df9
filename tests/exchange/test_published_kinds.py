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


def test_commands_warn(run: Callable[..., Result], tmp_path: Path) -> None:
    published().save(tmp_path / "p.json")
    for arguments in ([], ["-o", tmp_path / "p.hs3.json"]):
        result = run("export", "hs3", tmp_path / "p.json", *arguments)
        assert result.exit_code == 0
        assert "nuhist: " in result.stderr
        assert "can fall below zero within 1 standard deviation" in result.stderr
    assert json.loads((tmp_path / "p.hs3.json").read_text()) == hs3_document(published())
