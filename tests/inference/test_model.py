"""One model for everything that is asked: what it is made from, what it keeps, what it changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

import nuhist
from nuhist import Model, Workspace
from nuhist.errors import ConfigError, DataError, FitError, KeywordError, ModelError, OptionError
from nuhist.exchange.hepdata.study import study as hepdata_study
from nuhist.inference.prepare import make_likelihood
from nuhist.report.page_study import study

Build = Callable[..., Workspace]


def test_the_same_interval_from_anything(built: Build, tmp_path: Path) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    path = tmp_path / "x.json"
    workspace.save(path)
    document = json.loads(path.read_text())
    intervals = [nuhist.limit(source) for source in (str(path), path, workspace, Model(workspace))]
    assert all(interval == intervals[0] for interval in intervals)
    # A document alone has no sidecar, which says what the parameter means.
    plain = [nuhist.limit(source) for source in (document, pyhf.Workspace(document))]
    assert plain[0] == plain[1]
    assert plain[0].parameter_upper == intervals[0].parameter_upper


@pytest.mark.parametrize("source", [3, None, [1.0], b"{}", object()])
def test_what_no_model_is_made_from(source: Any) -> None:
    name = type(source).__name__
    for ask in (nuhist.limit, nuhist.fit, nuhist.significance, nuhist.ranking, Model):
        with pytest.raises(ConfigError, match=f"a model is made from a path, .*, not from {name}"):
            ask(source)


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(nuhist.NuhistError, match=r"none\.json"):
        nuhist.fit(tmp_path / "none.json")


def test_a_model_never_changes(counting: Build) -> None:
    model = Model(counting([5], [1.0], [3.0]))
    with pytest.raises(FrozenInstanceError):
        model.poi = "other"  # type: ignore[misc]
    assert repr(model).startswith("Model(counting.json: channels counting; observed data; ")


def test_choices_are_made_once(counting: Build) -> None:
    model = Model(counting([5], [1.0], [3.0]))
    with pytest.raises(OptionError, match="engine: the model has made this choice"):
        nuhist.limit(model, engine="pyhf")


def test_a_likelihood_is_built_once(built: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[str] = []

    def counted(*given: Any, **choices: Any) -> Any:
        made.append(given[0].origin)
        return make_likelihood(*given, **choices)

    monkeypatch.setattr("nuhist.inference.model.make_likelihood", counted)
    workspace = built("lz_ws2022", hypothesis="magnetic-moment")
    found = study(workspace)
    assert not found.failures
    assert found.ranking is not None
    assert len(made) == 1
    made.clear()
    hepdata_study("lz", workspace)
    assert len(made) == 1
    made.clear()
    model = Model(workspace)
    model.ranking()
    model.limit("cls", expected=True)
    model.fit()
    model.asimov().limit()
    model.significance()
    assert len(made) == 1


def test_fixed_parameters(counting: Build) -> None:
    # Five seen over three, whose norm is held at one standard deviation of 20 %: 3.6 expected.
    workspace = counting([5], [1.0], [3.0], sigma=0.2)
    found = Model(workspace, fixed={"norm": 1.0}).fit()
    assert found.best_fit == pytest.approx(1.4, abs=1e-6)
    assert found.notes[-1] == "norm is held at 1"
    assert {entry.name: entry.uncertainty for entry in found.parameters}["norm"] is None
    assert found.workspace_digest != workspace.digest
    with pytest.raises(FitError, match="its parameter of interest is fixed"):
        Model(workspace, fixed={"mu": 1.0}).limit()


def test_bounds_and_start_values(counting: Build) -> None:
    workspace = counting([2], [1.0], [3.0])
    found = Model(workspace, bounds={"mu": (-2.0, 5.0)}).limit()
    # Without the bound at 0 the best fit is where the count is.
    assert found.best_fit == pytest.approx(-1.0, abs=1e-6)
    assert "mu has the bounds -2 and 5" in found.notes
    assert Model(workspace, init={"mu": 4.0}).fit().best_fit == pytest.approx(0.0, abs=1e-6)


def test_bounds_are_said_in_the_coupling_too() -> None:
    # The parameter is (delta / 0.3) / scale, and mu_nu_squared is (mu_nu / 1e-11)²: both by hand.
    workspace = nuhist.build("xenonnt_cevns_sr0", hypothesis="weak-mixing-angle")
    name = workspace.interest() or ""
    scale = (workspace.sidecar or {})["poi"]["scale"]
    bound = 2 / 0.3 / scale
    (note,) = Model(workspace, bounds={name: (-bound, bound)}).changed
    assert note.startswith(f"the parameter {name} has the bounds -{bound:g} and {bound:g}, which are")
    assert note.endswith("-2 and 2 of the coupling delta_sin2_theta_w")
    (note,) = Model(workspace, bounds={name: (-0.3, 1.0)}).changed
    # Built for ±17 references of 0.3.
    assert note.endswith(
        "; the counts are those of the coupling from -5.1 to 5.1 alone, so that others mean nothing"
    )
    (note,) = Model(workspace, fixed={name: bound / 2}).changed
    assert note.endswith("which is 1 of the coupling delta_sin2_theta_w")
    moment = nuhist.build("xenonnt_sr0", hypothesis="magnetic-moment")
    (note,) = Model(moment, bounds={"mu_nu_squared": (0.0, 4.0)}).changed
    assert note.endswith("has the bounds 0 and 4, which are 0 mu_B and 2e-11 mu_B of the coupling mu_nu")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"fixed": {"nrom": 1.0}}, "no parameter called 'nrom'; did you mean norm"),
        ({"fixed": {"norm": float("nan")}}, "norm = nan: expected a number"),
        (
            {"bounds": {"mu": (2.0, 1.0)}},
            "mu: bounds 2 to 1; expected two numbers",
        ),
        ({"init": {"mu": 11.0}}, "mu: the start value 11 lies outside of its bounds, 0 to 10"),
        ({"init": {"norm": 1.0}, "fixed": {"norm": 1.0}}, "norm is held at a value, so that its bounds or"),
        ({"data": [1.0, 2.0, 3.0]}, "data: expected 1 counts, or 2 numbers with auxiliary data"),
        ({"data": [-1.0]}, "data: a count is negative"),
        ({"data": {"other": [1.0]}}, "data: expected counts of the channels counting"),
    ],
)
def test_choices_that_make_no_sense(counting: Build, choices: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Model(counting([5], [1.0], [3.0], sigma=0.2), **choices).fit()


def test_other_data(counting: Build) -> None:
    workspace = counting([5], [1.0], [3.0])
    for model in (
        Model(workspace, data=[7.0]),
        Model(workspace, data={"counting": [7.0]}),
        Model(workspace).with_data(np.array([7.0])),
    ):
        found = model.limit()
        upper = nuhist.limit(counting([7], [1.0], [3.0])).parameter_upper
        assert found.parameter_upper == pytest.approx(upper, rel=1e-9)
        assert found.data_kind == "other"
        assert "the data were given by the user" in found.notes
    assert Model(workspace).fit().best_fit == pytest.approx(2.0, abs=1e-6)


def test_asimov_data(built: Build) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment")
    model = Model(workspace)
    asimov = model.asimov(1e-11)
    found = asimov.limit()
    assert found.best_fit == pytest.approx(1e-11, rel=1e-4)
    assert found.min_chi2 == pytest.approx(0.0, abs=1e-6)
    assert found.data_kind == "asimov"
    assert "the data are expected, Asimov, at mu_nu = 1e-11 mu_B" in found.notes
    assert asimov.digest != model.digest
    # The limit on what is expected without the coupling is the expected limit.
    expected = model.limit(expected=True).expected
    assert expected is not None
    assert model.asimov().limit().upper == pytest.approx(expected["0"], rel=1e-4)
    assert model.asimov("fit").limit().best_fit == pytest.approx(model.limit().best_fit, rel=1e-4)
    with pytest.raises(ConfigError, match="mu_nu = -1 mu_B"):
        model.asimov(-1.0)


def test_toys(counting: Build) -> None:
    model = Model(counting([400], [100.0], [300.0]))
    counts = [model.toy(seed).likelihood.data[0] for seed in range(40)]
    # Thrown at the best fit, 400 events: five standard errors.
    assert np.mean(counts) == pytest.approx(400.0, abs=5 * np.sqrt(400 / 40))
    assert len(set(counts)) > 20
    assert model.toy(3).limit() == model.toy(3).limit()
    assert model.toy(3).data_kind == "toy"


def test_a_grid_has_no_parameters(grid: nuhist.SignalGrid) -> None:
    assert Model(grid).limit() == nuhist.limit(grid)
    for choices in ({"fixed": {"atomic_response": 0.0}}, {"data": [1.0]}):
        with pytest.raises(OptionError, match="takes no other"):
            Model(grid, **choices)
    with pytest.raises(ConfigError, match="is a grid of signal points"):
        Model(grid).fit()


@pytest.fixture(scope="module")
def grid() -> nuhist.SignalGrid:
    couplings = np.linspace(-4e-13, 4e-13, 17).tolist()
    return nuhist.build_patchset(
        "lz_ws2022", couplings=couplings, hypothesis="millicharge-epa", background="paper"
    )


def test_commands_for_toys_keep_the_data(counting: Build, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    counting([3], [1.0], [1.0]).save(path)
    (note,) = (note for note in Model(path).asimov(1.0).limit().notes if "with toys" in note)
    assert note.endswith(f"nuhist limit {path} --method feldman-cousins --asimov 1.0")
    (note,) = (note for note in Model(path, data=[4.0]).limit().notes if "with toys" in note)
    assert note.endswith("nuhist limit WS --method feldman-cousins")
    (note,) = (note for note in Model(path).limit(confidence_level=0.9999999).notes if "with toys" in note)
    assert note.endswith("--cl 0.9999999")


def test_asimov_data_of_less_than_nothing(counting: Build) -> None:
    model = Model(counting([3], [1.0], [1.0]), bounds={"mu": (-10.0, 10.0)})
    with pytest.raises(ConfigError, match=r"mu = -5: there channel 'counting', bin 0 would expect less"):
        model.asimov(-5.0)


def test_a_workspace_is_no_sidecar(counting: Build, tmp_path: Path) -> None:
    with pytest.raises(nuhist.NuhistError, match="is the name of a sidecar"):
        counting([3], [1.0], [1.0]).save(tmp_path / "x.meta.json")


def test_a_seed_has_an_end() -> None:
    with pytest.raises(ConfigError, match="must be below 2"):
        nuhist.Execution(seed=2**70)


def test_a_background_has_no_bound_to_lift() -> None:
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    alone = Workspace(
        {
            "channels": [{"name": "a", "samples": [{"name": "b", "data": [4.0], "modifiers": [norm]}]}],
            "observations": [{"name": "a", "data": [5.0]}],
            "measurements": [{"name": "m", "config": {"poi": "", "parameters": []}}],
            "version": "1.0.0",
        }
    )
    model = Model(alone)
    assert model.lifted() is model


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"poi": "mue"}, "no parameter called 'mue'; did you mean mu"),
        ({"engine": "minuit"}, "no engine called 'minuit'; known: compiled, pyhf"),
        ({"fixed": {"nrm": 1.0}}, "no parameter called 'nrm'; did you mean norm"),
        ({"bounds": {"nrm": (0.0, 1.0)}}, "no parameter called 'nrm'"),
        ({"measurement": "other"}, "no measurement called 'other'"),
    ],
)
def test_unknown_names_are_refused_where_the_model_is_made(
    choice: dict[str, Any], message: str, counting: Build
) -> None:
    with pytest.raises((ConfigError, ModelError), match=message):
        Model(counting([5], [1.0], [3.0], sigma=0.2), **choice)


def test_keywords_of_its_methods_are_named(counting: Build) -> None:
    model = Model(counting([5], [1.0], [3.0]))
    with pytest.raises(
        KeywordError, match=r"couplng is no option of nuhist\.Model\.asimov; did you mean coup"
    ):
        model.asimov(couplng=1.0)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="couplings: expected at least one"):
        model.scan([])
    with pytest.raises(DataError, match="the path begins with a brace, as the text of a document does"):
        Model('{"channels": []}')


def test_a_bound_that_the_best_fit_is_at_is_said_to_end_the_search(counting: Build) -> None:
    # Two seen over three: the best fit is at the lower bound, which is not 0 here.
    found = nuhist.limit(Model(counting([2], [1.0], [3.0]), bounds={"mu": (1.0, 50.0)}))
    assert found.lower is None
    assert any(
        note.startswith("open below: 1 ") and "it is the bound of mu, 1: give it" in note
        for note in found.notes
    )
    assert not any("changes no expected count" in note for note in found.notes)
