"""A response to recoils of single energies: straight lines, holes, other targets."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nuhist
from nuhist.errors import ConfigError, DataError, ModelError, NuhistError
from nuhist.experiments.counts import neutrino_counts
from nuhist.experiments.monoenergetic import read_monoenergetic
from nuhist.experiments.response import make_response
from nuhist.physics.hypotheses import RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints, recoil_rates
from nuhist.physics.sources.registry import get_source

ENERGIES = (1.0, 1.5, 2.0, 3.0)
YAML = """
name: single
title: single energies
sources: [none]
process: nucleus
exposure: 3.0
binning:
  axes:
    - {name: S2, edges: [0, 1, 5]}
response:
  monoenergetic:
    table: response.csv
    energy: T
    scale: 0.01
    target: xenon
    parameters: {a: {parameter: single_a, meaning: some yield}}
signal_efficiency: {uncertainty: 0.2, bounds: [0.1, 2.0], meaning: efficiency}
default_background: flat
backgrounds:
  flat:
    observed: {counts: {table: bins.csv, column: n}}
    response: monoenergetic
    flux: split
    samples:
      - name: rest
        constraint: 1.0
        linear: true
        parameter: shared_norm
        shape: {counts: {table: bins.csv, column: b}}
"""


def probability(energy: Any, pull: float) -> tuple[Any, Any]:
    """In percent: linear in the energy between those of the table, and in the parameter between anchors."""
    return 10 * energy + pull * energy, 20 - 3 * energy - pull


def rows(anchors: tuple[int, ...] = (-1, 0, 1, 2)) -> list[str]:
    lines = ((energy, pull, *probability(energy, pull)) for energy, pull in product(ENERGIES, anchors))
    return [",".join(map(str, line)) for line in lines]


def folder(place: Path, text: str = YAML, lines: list[str] | None = None) -> Path:
    (place / "experiment.yaml").write_text(text)
    (place / "response.csv").write_text(
        "T,a,bin0,bin1\n" + "\n".join(rows() if lines is None else lines) + "\n"
    )
    (place / "bins.csv").write_text("n,b\n4,2.5\n1,0.5\n")
    return place


def test_between_energies_and_anchors_are_straight_lines(tmp_path: Path) -> None:
    found = read_monoenergetic(nuhist.load_experiment(folder(tmp_path)))
    energy = np.array([0.99, 1.0, 1.2, 2.7, 3.0, 3.01])
    values = found.at_anchors(energy)
    assert values.shape == (4, 2, 6)
    assert (values[:, :, [0, -1]] == 0).all()  # outside of the table nothing is seen
    for number, pull in enumerate((-1, 0, 1, 2)):
        for place, each in enumerate(energy[1:-1].tolist()):
            # Straight lines through a straight line: only rounding differs.
            np.testing.assert_allclose(values[number, :, place + 1], np.array(probability(each, pull)) / 100)
    np.testing.assert_allclose(found.at_nominal(energy), values[1])


def test_counts_are_rates_times_hat_functions(tmp_path: Path) -> None:
    experiment = nuhist.load_experiment(folder(tmp_path))
    tested, sun = get_hypothesis("standard-model"), get_source("sun")
    physics = RateOptions(target=experiment.target, process="nucleus")
    points = breakpoints(tested, experiment.target, sun.components, "nucleus")
    response = make_response(experiment, "monoenergetic", points)
    counts = neutrino_counts(experiment, response, tested, "effective", sun, "b8", physics)[1]
    # An own sum: 20000 steps between 1 and 3 keV, right to 10⁻⁷ but where isotopes' spectra end.
    edges = np.linspace(1, 3, 20001)
    middle = (edges[1:] + edges[:-1]) / 2
    rates = recoil_rates(tested, "effective", middle, sun.group("b8").components, physics)[1]
    expected = [3.0 * 1e-4 * np.sum(rates * np.array(probability(middle, 0)[bin_]) / 100) for bin_ in (0, 1)]
    np.testing.assert_allclose(counts, expected, rtol=1e-5)


def test_a_workspace_without_energies(tmp_path: Path) -> None:
    workspace = nuhist.build(folder(tmp_path), hypothesis="standard-model")
    (channel,) = workspace.spec["channels"]
    (described,) = (workspace.sidecar or {})["channels"].values()
    assert "edges_keV" not in described
    assert described["axes"] == [{"name": "S2", "edges": [0.0, 1.0, 5.0]}]
    assert any("below 1 keV and above 3 keV are not seen" in text for text in described["assumptions"])
    types = {(m["name"], m["type"]) for sample in channel["samples"] for m in sample["modifiers"]}
    assert {("lumi", "lumi"), ("single_a", "histosys"), ("shared_norm", "histosys")} <= types
    # A norm that is uncertain by all of itself goes down to nothing, and no further.
    (config,) = (entry["config"]["parameters"] for entry in workspace.spec["measurements"])
    assert {"name": "shared_norm", "bounds": [[-1.0, 10.0]]} in config
    path = tmp_path / "workspace.json"
    workspace.save(path)
    assert nuhist.Model(path).fit().min_chi2 == pytest.approx(nuhist.Model(workspace).fit().min_chi2)
    with pytest.raises(ModelError):
        nuhist.moments(path)


@pytest.mark.parametrize(
    ("text", "lines", "kind", "message"),
    [
        (YAML, rows()[:5] + rows()[6:], DataError, r"row of T = 1\.5, a = 0 is not there"),
        (YAML, [*rows(), rows()[3]], DataError, r"row of T = 1, a = 2 is there 2 times"),
        (YAML, rows((-2, -1, 1)), DataError, "column 'a': expected anchors on both sides of 0"),
        (YAML, rows((0, 1, 2)), DataError, "column 'a': expected anchors on both sides of 0"),
        # The 16th row, in percent: 0.9 + 0.2.
        (YAML, [*rows()[:-1], "3.0,2,90,20"], DataError, r"row 16 \(T = 3, a = 2\) adds up to 1\.1, more"),
        (YAML, ["3.0,2,90,20", *rows()[:-1]], DataError, r"row 1 \(T = 3, a = 2\) adds up to 1\.1, more"),
        (YAML.replace("single_a", "lumi"), rows(), ConfigError, "'lumi' is taken twice, by some yield"),
        (YAML.replace("single_a", "b8_flux"), rows(), ConfigError, "'b8_flux' is taken twice, by solar 8B"),
        (YAML.replace("single_a", "sm_strength_nu"), rows(), ConfigError, "is a nuisance parameter, too"),
        (YAML, [*rows()[:-1], "3.0,2,-1,20"], DataError, "is negative"),
        (YAML.replace("0.01", "0.1"), rows(), DataError, "adds up to 4.5, more than 1"),
        (YAML.replace("target: xenon", "target: argon"), rows(), ConfigError, "made for argon, and its"),
        (YAML.replace("[0, 1, 5]", "[0, 1]"), rows(), ConfigError, "has 2 bins, single has 1"),
        (YAML.replace("[0, 1, 5]", "[0, 1, 1]"), rows(), ConfigError, "edges of S2 do not increase"),
        (YAML.replace("[0.1, 2.0]", "[1.1, 2.0]"), rows(), ConfigError, "expected 1 between them"),
        (YAML.replace("        constraint: 1.0\n", ""), rows(), ConfigError, "linear: says how"),
        (YAML.replace(": monoenergetic", ": none"), rows(), ConfigError, "use response='monoenergetic'"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, text: str, lines: list[str], kind: type[NuhistError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        nuhist.build(folder(tmp_path, text, lines), hypothesis="standard-model")


def test_a_folder_of_folders_is_a_set(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        folder(tmp_path / name, YAML.replace("name: single", f"name: {name}"))
    (tmp_path / "experiments.yaml").write_text("title: both\nexperiments: [one, two]\n")
    workspace = nuhist.build(tmp_path, hypothesis="standard-model")
    assert [channel["name"] for channel in workspace.spec["channels"]] == ["one", "two"]
    with pytest.raises(ConfigError, match="is a set of experiments"):
        nuhist.load_experiment(tmp_path)


def warnings_of(place: Path, lines: list[str]) -> list[str]:
    place.mkdir()
    workspace = nuhist.build(folder(place, lines=lines), hypothesis="standard-model")
    (described,) = (workspace.sidecar or {})["channels"].values()
    found: list[str] = described.get("warnings", [])
    assert found == [note for note in nuhist.Model(workspace).notes if "its response" in note]
    return found


def test_a_table_that_ends_where_recoils_are_seen_is_warned_of(tmp_path: Path) -> None:
    # 10 % + 17 % at 1 keV, and 20 % + 14 % at 2 keV, by hand from the function above.
    table = [line for line in rows() if not line.startswith("3")]
    below, above, near = warnings_of(tmp_path / "both", table)
    assert "single: its response begins at 1 keV, where 0.27 of the recoils are seen" in below
    assert "add rows down to where none is seen" in below
    # Fits hold the parameter at -1, where a pull of -1.5 is nothing unusual.
    assert "single: its response has anchors of" in near
    assert "from -1 to 2 standard deviations, and fits hold the parameter between them" in near
    assert "ends at 2 keV, where 0.34 of the recoils are seen" in above
    # 34 % of what lies above 2 keV is missing; by an own sum.
    sun, xenon = get_source("sun"), nuhist.load_experiment("xenonnt_cevns_sr0").target
    edges = np.linspace(1, 6, 5001)
    middle = (edges[1:] + edges[:-1]) / 2
    options = RateOptions(target=xenon, process="nucleus")
    tested = get_hypothesis("standard-model")
    rates = recoil_rates(tested, "effective", middle, sun.components, options)[1]
    counted = np.sum((rates * sum(probability(middle, 0)))[middle < 2]) / 100
    missing = 0.34 * np.sum(rates[middle > 2])
    assert f"about {100 * missing / (counted + missing):.2g} % of the Standard Model's events" in above
    # With a row of nothing at both ends there is nothing to warn of, as in the bundled experiment.
    closed = [*(f"0.9,{a},0,0" for a in (-1, 0, 1, 2)), *table, *(f"2.1,{a},0,0" for a in (-1, 0, 1, 2))]
    assert warnings_of(tmp_path / "closed", closed) == [near]
    bundled = nuhist.build("xenonnt_cevns_sr1", hypothesis="standard-model")
    assert "warnings" not in (bundled.sidecar or {})["channels"]["xenonnt_cevns_sr1"]


@pytest.mark.parametrize(
    ("efficiency", "kind", "seen"),
    [
        ("{table: e.csv, energy: T, value: e}", "none", 0.8),
        ("{table: e.csv, energy: T, value: e, of: reconstructed}", "gaussian", 0.8),
        # Half of what is at 2 keV lies above 2 keV, nearly all of it above the first edge.
        ("{table: e.csv, energy: T, value: e}", "gaussian", 0.8),
    ],
)
def test_an_efficiency_that_begins_where_recoils_are_seen_is_warned_of(
    tmp_path: Path, efficiency: str, kind: str, seen: float
) -> None:
    def build(first: str) -> list[str]:
        (tmp_path / "e.csv").write_text(f"T,e\n{first}\n12.0,0.9\n")
        (tmp_path / "experiment.yaml").write_text(
            f"name: own\ntitle: t\nsources: [none]\nexposure: 2.0\nbinning: {{low: 1, high: 11, bins: 10}}\n"
            f"response: {{efficiency: {efficiency}, resolution: {{sqrt: 0.05}}}}\ndefault_background: b\n"
            f"backgrounds: {{b: {{response: {kind}, flux: split,"
            " samples: [{name: flat, title: flat, events: 90, error: 9, shape: {flat: true}}]}}\n"
        )
        workspace = nuhist.build(tmp_path, hypothesis="magnetic-moment")
        found: list[str] = (workspace.sidecar or {})["channels"]["own"].get("warnings", [])
        return found

    (warning,) = build("2.0,0.8")
    assert f"begins at 2 keV, where {seen:g} of the recoils are seen" in warning
    assert build("1.0,0.0\n2.0,0.8") == []
    assert build("0.5,0.0\n2.0,0.8") == []


def test_anchors_that_end_early_are_compared_as_far_as_they_go(tmp_path: Path) -> None:
    lines = [line for line in rows((-1, 0, 1)) if not line.startswith("3")]
    workspace = nuhist.build(folder(tmp_path, lines=lines), hypothesis="light-vector:mass=10MeV")
    (described,) = (workspace.sidecar or {})["channels"].values()
    (text,) = (each for each in described["assumptions"] if each.startswith("With g2_nu at "))
    assert text.endswith("at ±1 standard deviations of the response's parameters, one or all of them.")
