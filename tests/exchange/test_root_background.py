"""``--template SAMPLE=FILE:HISTOGRAM``: a background's counts from a ROOT file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import nuhist
from nuhist import Workspace
from nuhist.errors import ConfigError
from nuhist.exchange.root.background import read_template
from nuhist.exchange.root.write import save_root
from nuhist.experiments.loading import load_experiment
from nuhist.histfactory.options import ReplacedTemplate
from nuhist.histfactory.templates import written
from nuhist.histfactory.workspace import load_workspace
from nuhist.schemas import check
from tests.digits import WRITTEN

pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")

Build = Callable[..., Workspace]
LZ = load_experiment("lz_ws2022")
RISING = np.linspace(0.0, 5.0, LZ.bins)  # no background of LZ looks like this


def template(sample: str, counts: Any = RISING, edges: Any = LZ.edges) -> ReplacedTemplate:
    return ReplacedTemplate(sample, np.asarray(counts), np.asarray(edges), "mine.root:h")


def sample(workspace: Workspace, name: str) -> Any:
    """A sample of the first channel."""
    return next(entry for entry in workspace.spec["channels"][0]["samples"] if entry["name"] == name)


def build(*templates: ReplacedTemplate, **choices: Any) -> Workspace:
    return nuhist.build(
        choices.pop("experiment", "lz_ws2022"), hypothesis="magnetic-moment", templates=templates, **choices
    )


def test_counts_are_taken_and_nothing_else_changes(built: Build) -> None:
    own = built("lz_ws2022", hypothesis="magnetic-moment")
    found = build(template("beta"))
    assert sample(found, "beta") == {**sample(own, "beta"), "data": written(RISING)}
    rest = [
        [entry for entry in workspace.spec["channels"][0]["samples"] if entry["name"] != "beta"]
        for workspace in (own, found)
    ]
    assert rest[0] == rest[1]
    assert found.observed() == own.observed()
    assert found.spec["measurements"] == own.spec["measurements"]


def test_the_sidecar_says_where_it_comes_from(built: Build) -> None:
    found = build(template("beta"), template("xe127"))
    assert found.sidecar is not None
    sources = {"beta": "mine.root:h", "xe127": "mine.root:h"}
    assert found.sidecar["channels"]["lz_ws2022"]["templates"] == sources
    assert found.sidecar["options"]["lz_ws2022"]["templates"] == sources
    check(json.loads(json.dumps(found.sidecar)), "sidecar", "here", ConfigError)
    own = built("lz_ws2022", hypothesis="magnetic-moment").sidecar
    assert own is not None
    assert "templates" not in own["options"]["lz_ws2022"]
    assert "templates" not in own["channels"]["lz_ws2022"]


def test_constraints_follow() -> None:
    # The 36/215 on the β decays, linear: hi and lo are 1 ± that of the new counts.
    found = sample(build(template("beta"), constraint="linear"), "beta")["modifiers"]
    (norm,) = found
    np.testing.assert_allclose(norm["data"]["hi_data"], RISING * (1 + 36 / 215), rtol=WRITTEN)
    np.testing.assert_allclose(norm["data"]["lo_data"], RISING * (1 - 36 / 215), rtol=WRITTEN)


def test_argon_keeps_its_events() -> None:
    # Fitted 52.5 events of at most 288 by LZ, whatever the template's own number (here 127.5).
    assert RISING.sum() == pytest.approx(127.5)
    flat = build(template("ar37"), ar37="flat")
    block = next(
        b for b in flat.spec["measurements"][0]["config"]["parameters"] if b["name"] == "lz_ws2022_ar37_norm"
    )
    assert block["bounds"] == [[0.0, pytest.approx(288 / 127.5)]]
    assert block["inits"] == [pytest.approx(52.5 / 127.5)]
    gaussian = sample(build(template("ar37"), ar37="gaussian"), "ar37")["modifiers"][0]["data"]
    np.testing.assert_allclose(gaussian["hi_data"], 2 * RISING)
    np.testing.assert_allclose(gaussian["lo_data"], 0 * RISING)
    with pytest.raises(ConfigError, match="the template of ar37 has no events"):
        build(template("ar37", 0 * RISING))


def test_nothing_is_taken_out_of_a_total() -> None:
    # The paper's background contains ³⁷Ar and the scattering, which nuhist takes out of its own counts.
    for ar37 in ("fixed", "flat", "gaussian"):
        found = build(template("background"), background="paper", ar37=ar37)
        assert sample(found, "background")["data"] == written(RISING)


def test_the_exposure_scales_it_too() -> None:
    found = build(template("beta"), exposure=2 * LZ.exposure, asimov=True)
    np.testing.assert_allclose(sample(found, "beta")["data"], 2 * RISING, rtol=WRITTEN)


def test_in_a_patchset() -> None:
    grid = nuhist.build_patchset(
        "lz_ws2022", couplings=[-1e-13, 1e-13], hypothesis="millicharge-epa", templates=(template("beta"),)
    )
    assert sample(grid.background, "beta")["data"] == written(RISING)


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ([template("betta")], r"no background of lz_ws2022 called 'betta'; did you mean beta\?; neutrino"),
        ([template("nu_pp")], r"'nu_pp'; known: accidentals, .*; neutrino scattering follows from the hypo"),
        ([template("beta"), template("beta")], "mine.root:h: sample 'beta' is replaced twice; keep one"),
        ([template("beta", edges=2 * LZ.edges)], "51 bins from 0 to 34 keV, lz_ws2022 has 51 bins from 0 to"),
        ([template("beta", RISING[1:], LZ.edges[1:])], "has 50 bins from 0.333333 to 17 keV, lz_ws2022 has"),
        ([template("beta", edges=[0, 0.5, *LZ.edges[2:]])], "has edge 1 at 0.5 keV, lz_ws2022 has it at 0.3"),
    ],
)  # fmt: skip
def test_what_cannot_be_replaced(templates: list[ReplacedTemplate], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(*templates)


def test_several_experiments_are_refused() -> None:
    with pytest.raises(
        ConfigError,
        match=r"templates=... belongs to one experiment, and there are lz_ws2022, xenonnt_sr0; build it",
    ):
        nuhist.build("lz_ws2022", "xenonnt_sr0", hypothesis="magnetic-moment", templates=(template("beta"),))


def test_the_command(
    built: Build, run: Callable[..., Result], write_root: Callable[..., Path], tmp_path: Path
) -> None:
    own = built("lz_ws2022", hypothesis="magnetic-moment")
    save_root(own, tmp_path / "lz.root")
    write_root(tmp_path / "mine.root", {"h": RISING}, LZ.edges.tolist())
    command = ("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "-o", tmp_path / "x.json")
    # Its own histogram makes the same workspace.
    result = run(*command, "--template", f"beta={tmp_path}/lz.root:lz_ws2022/beta")
    assert result.exit_code == 0, result.stderr
    assert load_workspace(tmp_path / "x.json").digest == own.digest
    result = run(
        *command, "--template", f"beta={tmp_path}/mine.root:h", "--template", f"xe124={tmp_path}/mine.root:h"
    )
    assert result.exit_code == 0, result.stderr
    found = load_workspace(tmp_path / "x.json")
    for name in ("beta", "xe124"):
        assert sample(found, name)["data"] == written(RISING)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("beta", "template 'beta': expected SAMPLE=FILE:HISTOGRAM, such as beta=mine.root:beta"),
        ("beta=mine.root", "expected SAMPLE=FILE:HISTOGRAM"),
        ("=mine.root:h", "expected SAMPLE=FILE:HISTOGRAM"),
        ("beta=mine.root:", "expected SAMPLE=FILE:HISTOGRAM"),
        ("beta=none.root:h", "none.root: cannot be read: No such file"),
        ("beta=mine.root:g", "mine.root: no histogram called 'g'; it has h, negative"),
        ("beta=mine.root:negative", "mine.root: negative: bin 51 (from 16.6667 to 17): -1 is negative"),
        ("betta=mine.root:h", "no background of lz_ws2022 called 'betta'; did you mean beta?"),
    ],
)
def test_bad_templates_are_refused(
    refused: Callable[..., str],
    write_root: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    histograms = {"h": RISING, "negative": np.append(RISING[:-1], -1.0)}
    write_root(tmp_path / "mine.root", histograms, LZ.edges.tolist())
    arguments = ("build", "lz_ws2022", "--hypothesis", "magnetic-moment", "-o", tmp_path / "x.json")
    assert message in refused(*arguments, "--template", text)


def test_counts_outside_the_bins_are_mentioned(tmp_path: Path) -> None:
    messages: list[str] = []
    foreign = Path(__file__).parent / "root" / "foreign.root"
    found = read_template(f"beta={foreign}:detector/beta", messages.append)
    assert found.source == f"{foreign}:detector/beta"
    assert messages == [
        f"{foreign}: counts outside the bins are left out: detector/beta (0 below, 0.5 above)"
    ]
