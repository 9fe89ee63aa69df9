"""HS3: what is written, what comes back, and what is refused. RooFit reads it in test_with_root.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from click.testing import Result

from nuhist import Workspace
from nuhist.errors import ConfigError, ExchangeError
from nuhist.exchange.hs3.read import import_hs3
from nuhist.exchange.hs3.write import export_hs3, hs3_document
from nuhist.files import to_json

Built = Callable[..., Workspace]
Spec = dict[str, Any]
LINEAR = {"hypothesis": "magnetic-moment", "background": "paper", "constraint": "linear", "ar37": "gaussian"}
MODELS: list[dict[str, Any]] = [
    {"hypothesis": "magnetic-moment"},
    {"hypothesis": "millicharge-fea", "background": "paper"},
    LINEAR,
]


def foreign_spec() -> Spec:
    """All types of modifiers but a lumi, and a constant parameter."""
    path = Path(__file__).parent / "foreign_workspace.json"
    spec: Spec = json.loads(path.read_text(encoding="utf-8"))
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            sample["modifiers"] = [entry for entry in sample["modifiers"] if entry["type"] != "lumi"]
    parameters = spec["measurements"][0]["config"]["parameters"]
    parameters.remove(next(block for block in parameters if block["name"] == "lumi"))
    return spec


@pytest.fixture
def document() -> Spec:
    """An HS3 document, to spoil, without what nuhist stores in it."""
    found: Spec = json.loads(to_json(hs3_document(Workspace(foreign_spec()))))
    del found["misc"]["nuhist"]
    return found


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., Workspace]:
    """Import a document."""

    def run(document: Spec, **choices: Any) -> Workspace:
        (tmp_path / "model.json").write_text(json.dumps(document), encoding="utf-8")
        return import_hs3(tmp_path / "model.json", **choices)

    return run


@pytest.mark.parametrize("choices", MODELS)
def test_round_trip_keeps_the_digest_and_the_sidecar(
    built: Built, tmp_path: Path, choices: dict[str, Any]
) -> None:
    original = built("lz_ws2022", **choices)
    export_hs3(original, tmp_path / "lz.json")
    found = import_hs3(tmp_path / "lz.json")
    assert found.digest == original.digest
    assert found.sidecar == original.sidecar


def test_round_trip_without_what_nuhist_stores(document: Spec, imported: Callable[..., Workspace]) -> None:
    """HS3 itself holds all but a sidecar, the staterror's name, and settings that are pyhf's own."""
    found = json.loads(json.dumps(imported(document).spec).replace("staterror_one", "mc_one"))
    original = foreign_spec()
    for spec in (found, original):
        config = spec["measurements"][0]["config"]
        config["parameters"].sort(key=lambda block: str(block["name"]))
    assert found == original


def test_commands(built: Built, run: Callable[..., Result], tmp_path: Path) -> None:
    assert "Experimental" in run("export", "hs3", "--help").stdout
    assert "Experimental" in run("import", "hs3", "--help").stdout
    built("lz_ws2022", **LINEAR).save(tmp_path / "lz.json")
    result = run("export", "hs3", tmp_path / "lz.json", "-o", tmp_path / "lz.hs3.json")
    assert (result.exit_code, result.stdout) == (0, "")
    result = run("import", "hs3", tmp_path / "lz.hs3.json", "-o", tmp_path / "again.json")
    assert result.exit_code == 0, result.stderr
    for name in ("lz.json", "lz.meta.json"):  # byte for byte
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("lz", "again")).read_bytes()


def test_parameters_keep_names_starts_and_bounds(built: Built) -> None:
    original = built("lz_ws2022", **MODELS[1])
    document = hs3_document(original)
    (analysis,) = document["analyses"]
    assert analysis["parameters_of_interest"] == ["q_nu_scaled"]
    (point,) = document["parameter_points"]
    values = {entry["name"]: entry for entry in point["parameters"]}
    assert values["q_nu_scaled"] == {"name": "q_nu_scaled", "value": 1e-05}
    assert values["nom_q_nu_scaled"] == {"name": "nom_q_nu_scaled", "value": 0.0, "const": True}
    bounds = {axis["name"]: [axis["min"], axis["max"]] for axis in document["domains"][0]["axes"]}
    blocks = {block["name"]: block for block in original.measurement()["config"]["parameters"]}
    assert bounds == {
        "q_nu_scaled": blocks["q_nu_scaled"]["bounds"][0],
        "solar_nu_flux": [-5, 5],  # pyhf's own
        "lz_ws2022_background_norm": [-5, 5],
    }
    (axis,) = document["distributions"][0]["axes"]
    np.testing.assert_allclose(axis["edges"], np.arange(52) / 3, rtol=1e-15)  # LZ's bins: 0 to 17 keV


def test_pyhs3_has_the_likelihood_of_pyhf(built: Built, tmp_path: Path) -> None:
    """Where Python is new enough for pyhs3 (3.12) and it is installed.

    Not for models with bins in which nothing is expected: pyhs3 0.4.2 has 0 log 0 = NaN there.
    """
    pyhs3 = pytest.importorskip("pyhs3", reason="pyhs3 is not installed; it needs Python 3.12")
    pytensor = pytest.importorskip("pytensor")
    original = built("lz_ws2022", **LINEAR)
    export_hs3(original, tmp_path / "lz.json")
    theirs = pyhs3.Workspace.load(tmp_path / "lz.json")
    model = theirs.model(theirs.analyses[0], progress=False)
    inputs = list(pytensor.graph.traversal.explicit_graph_inputs([model.log_prob]))
    likelihood = pytensor.function(inputs, -2 * model.log_prob)
    workspace = pyhf.Workspace(dict(original.spec))
    ours = workspace.model()
    data, names = workspace.data(ours), ours.config.par_names
    low, high = np.clip(ours.config.suggested_bounds(), -3, 3).T
    differences = []
    for point in np.random.default_rng(3).uniform(low, high, (20, len(names))):
        values = dict(zip(names, point, strict=True))
        theirs_at = np.ravel(likelihood(*(values[entry.name] for entry in inputs)))[0]
        differences.append(theirs_at + 2 * ours.logpdf(point, data)[0])
    assert np.ptp(differences) < 1e-8  # two sums of some hundred terms: 1e-12


# As RooFit's HistFactory writes it: constraints as distributions, constrained parameters called alpha_...,
# a luminosity on every sample.
def _as_roofit(document: Spec, *, constant: bool) -> Spec:
    text = json.dumps(document).replace('"parameter": "sh', '"parameter": "alpha_sh')
    text = text.replace('"parameter": "held"', '"parameter": "alpha_held"')
    found: Spec = json.loads(text.replace('"constraint": "Gauss"', '"constraint_name": ""'))
    (point,) = found["parameter_points"]
    for entry in (*point["parameters"], *found["domains"][0]["axes"]):
        if entry["name"] in ("shape", "shared", "held"):
            entry["name"] = f"alpha_{entry['name']}"
    lumi = {"name": "Lumi", "type": "normfactor", "parameter": "Lumi", "constraint_name": "lumiConstraint"}
    for distribution in found["distributions"]:
        for sample in distribution["samples"]:
            for modifier in sample["modifiers"]:
                if modifier.pop("constraint_name", None) is not None and modifier["type"] != "staterror":
                    modifier["constraint_name"] = f"{modifier['parameter']}Constraint"
                if modifier["type"] == "normsys":
                    modifier["interpolation"] = 5
            sample["modifiers"].insert(0, lumi)
    centres = {"alpha_shape": 0.0, "alpha_shared": 0.0, "alpha_held": 0.0, "Lumi": 1.0}
    for name, centre in centres.items():
        found["distributions"].append(
            {
                "name": f"{name}Constraint".replace("Lumi", "lumi"),
                "type": "gaussian_dist",
                "x": name,
                "mean": f"nom_{name}",
                "sigma": 0.04 if name == "Lumi" else 1.0,
            }
        )
        point["parameters"].append({"name": f"nom_{name}", "value": centre, "const": True})
    point["parameters"].append({"name": "Lumi", "value": 1.0, "const": constant})
    found["domains"][0]["axes"].append({"name": "Lumi", "min": 0.8, "max": 1.2})
    return found


def test_what_roofit_writes_of_a_histfactory_model(
    document: Spec, imported: Callable[..., Workspace]
) -> None:
    expected = imported(document).spec
    constant = imported(_as_roofit(document, constant=True)).spec
    assert constant["channels"] == expected["channels"]  # a luminosity that is constantly 1 is none
    assert constant["observations"] == expected["observations"]
    free = imported(_as_roofit(document, constant=False)).spec
    assert {entry["type"] for s in free["channels"][1]["samples"] for entry in s["modifiers"][:1]} == {"lumi"}
    blocks = {block["name"]: block for block in free["measurements"][0]["config"]["parameters"]}
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.04], "inits": [1.0], "bounds": [[0.8, 1.2]]}
    assert blocks["lumi"] == lumi  # with the start, of which pyhf has no default
    assert blocks["held"] == {"name": "held", "inits": [0.5], "fixed": True}


def test_an_analysis_can_be_chosen(document: Spec, imported: Callable[..., Workspace]) -> None:
    other = {**document["analyses"][0], "name": "other", "parameters_of_interest": ["mu", "shape"]}
    document["analyses"].append(other)
    messages: list[str] = []
    assert imported(document, message=messages.append).measurement()["name"] == "theirs"
    assert imported(document, message=messages.append, measurement="other").measurement()["name"] == "other"
    assert "theirs is read; with measurement=...: other" in messages[0]
    assert "has 2 parameters of interest; mu is taken" in messages[1]
    with pytest.raises(ConfigError, match=r"no analysis of .* called 'others'; did you mean other"):
        imported(document, measurement="others")


def _modifiers_of(document: Spec) -> Iterator[Spec]:
    for distribution in document["distributions"]:
        for sample in distribution["samples"]:
            yield from sample["modifiers"]


def _modifier(document: Spec, name: str) -> Spec:
    return next(entry for entry in _modifiers_of(document) if entry["name"] == name)


@pytest.mark.parametrize("code", ["code1", 0, {"type": "add", "in": "poly1", "out": "poly1"}])
def test_other_interpolations_are_refused(
    document: Spec, imported: Callable[..., Workspace], code: object
) -> None:
    _modifier(document, "shape")["interpolation"] = code
    with pytest.raises(ExchangeError, match=r"histosys 'shape': interpolation .* is not pyhf's"):
        imported(document)


def _gaussian(document: Spec, width: float) -> None:
    _modifier(document, "shape")["constraint_name"] = "wide"
    document["distributions"].append(
        {"name": "wide", "type": "gaussian_dist", "x": "shape", "mean": "nom_shape", "sigma": width}
    )


def _unknown(document: Spec) -> None:
    _modifier(document, "free").update(type="customsys")


def _by_others(document: Spec) -> None:
    document["metadata"]["packages"] = [{"name": "pyhs3", "version": "0.4.2"}]


def _log_normal(document: Spec) -> None:
    _modifier(document, "shared").update(constraint="LogNormal")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d.pop("metadata"), "is no HS3: it has no metadata with an hs3_version"),
        (lambda d: d.pop("likelihoods"), "has no 'likelihoods'"),
        (lambda d: d.pop("data"), "has no 'data'"),
        (
            lambda d: d["distributions"][0].update(type="other"),
            "distribution 'model_one' is of type other; only",
        ),
        (lambda d: d["distributions"][0]["axes"].append({}), "is not as HS3 has it: too many values"),
        (
            lambda d: d["distributions"][0]["axes"][0]["edges"].pop(),
            "'obs_x_one' has no 3 bins with edges in",
        ),
        (lambda d: d["distributions"][0]["axes"][0].update(edges=[0, 2, np.nan, 3]), "no 3 bins with edges"),
        (lambda d: d["data"][0]["contents"].__setitem__(1, np.nan), "bin 1: nan is no finite number"),
        (lambda d: d["distributions"][0].update(samples=7), "is not as HS3 has it: 'int' object is not"),
        (lambda d: d["likelihoods"][0]["data"].pop(), "is not as HS3 has it: zip"),
        (_log_normal, "normsys 'shared': its constraint is not Gaussian; pyhf has no other"),
        (_unknown, "customsys 'free': has no counterpart in HistFactory JSON"),
        (
            _by_others,
            "shapesys 'uncorrelated': HS3 does not say whether its numbers are relative, as in RooFit",
        ),
        (
            lambda d: _modifier(d, "uncorrelated")["data"]["vals"].__setitem__(1, 0),
            "model_one: shapesys 'uncorrelated': bin 1 has no error and is not constant",
        ),
        (
            lambda d: _modifier(d, "uncorrelated").update(constraint_type="LogNormal"),
            "shapesys 'uncorrelated': its constraint 'LogNormal' is not known; pyhf has Poisson",
        ),
        (lambda d: _gaussian(d, 2.0), "histosys 'shape': its constraint is 0 ± 2; pyhf has ± 1 only"),
        (lambda d: d["misc"].update(nuhist={"nuhist_remainder": 9}), "misc.nuhist: version 9 is not known"),
        (lambda d: d["misc"].update(nuhist=[]), "misc.nuhist: is not what nuhist wrote; take it out"),
    ],
)
def test_documents_that_make_no_sense(
    document: Spec, refused: Callable[..., str], tmp_path: Path, spoil: Callable[[Spec], object], message: str
) -> None:
    spoil(document)
    (tmp_path / "bad.json").write_text(json.dumps(document), encoding="utf-8")
    assert message in refused("import", "hs3", tmp_path / "bad.json", "-o", tmp_path / "out.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [("[" * 100_000, "nested too deeply"), ("{", "is no JSON"), ("[]", "is no HS3"), ("", "is empty")],
)
def test_files_that_are_no_documents(
    refused: Callable[..., str], tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    assert message in refused("import", "hs3", tmp_path / "bad.json", "-o", tmp_path / "out.json")


@pytest.mark.parametrize(
    ("modifier", "message"),
    [
        (
            {"name": "a-b", "type": "normfactor", "data": None},
            "'a-b' is no name of a parameter for RooFit; use letters, digits and underscores, first a letter",
        ),
    ],
)
def test_models_that_hs3_cannot_hold(
    refused: Callable[..., str], tmp_path: Path, modifier: Spec, message: str
) -> None:
    spec = foreign_spec()
    spec["channels"][0]["samples"][0]["modifiers"].append(modifier)
    (tmp_path / "bad.json").write_text(json.dumps(spec), encoding="utf-8")
    assert message in refused("export", "hs3", tmp_path / "bad.json", "-o", tmp_path / "out.json")


def test_a_shapesys_is_written_as_roofit_has_it(document: Spec, imported: Callable[..., Workspace]) -> None:
    """Errors as parts of the counts: 2 of 10, 1 of 20, 0.25 of 1.5; and what others make of them is said."""
    said: list[str] = []
    hs3_document(Workspace(foreign_spec(), origin="foreign"), message=said.append)
    assert [line for line in said if "shapesys" in line] == [
        "foreign: errors of 1 shapesys (uncorrelated) are written relative to the counts, as RooFit has them;"
        " pyhs3 0.4.2 takes them for absolute"
    ]
    entry = _modifier(document, "uncorrelated")
    assert entry["data"] == {"vals": [0.2, 0.05, 0.25 / 1.5]}
    assert entry["parameters"] == [f"gamma_uncorrelated_bin_{index}" for index in range(3)]
    entry["constraint_type"] = "Gauss"
    imported(document, message=said.append)
    assert "its Gaussian constraint becomes a Poisson one, which pyhf has" in said[-1]


def test_a_shapefactor_as_roofit_writes_it(document: Spec, imported: Callable[..., Workspace]) -> None:
    """RooFit 6.40 makes a shapesys without errors of it, whose parameters are free."""
    expected = imported(document)
    (entry,) = [e for e in _modifiers_of(document) if e["type"] == "shapefactor"]
    entry |= {"type": "shapesys", "constraint_type": "Gauss", "data": {"vals": [0.0, 0.0]}}
    assert imported(document).digest == expected.digest


def test_a_constraint_that_is_centred_elsewhere(imported: Callable[..., Workspace]) -> None:
    """The centre stands in the document itself, as RooFit reads it; domains without axes are null there."""
    spec = foreign_spec()
    blocks = spec["measurements"][0]["config"]["parameters"]
    blocks.append({"name": "shape", "auxdata": [0.3]})
    document = json.loads(to_json(hs3_document(Workspace(spec))))
    (point,) = document["parameter_points"]
    assert {"name": "nom_shape", "value": 0.3, "const": True} in point["parameters"]
    del document["misc"]["nuhist"]
    document["domains"][1]["axes"] = None
    found = {block["name"]: block for block in imported(document).measurement()["config"]["parameters"]}
    assert found["shape"] == {"name": "shape", "auxdata": [0.3]}
    blocks.append({"name": "mc_one", "auxdata": [1.1, 1.0, 1.0]})
    with pytest.raises(
        ExchangeError, match=r"'mc_one' has auxdata \[1.1, 1.0, 1.0\] of its own; HS3 has those"
    ):
        hs3_document(Workspace(spec))


def test_several_staterrors_are_refused(tmp_path: Path) -> None:
    def sample(name: str, error: str) -> dict[str, Any]:
        modifiers = [
            {"name": "mu", "type": "normfactor", "data": None},
            {"name": error, "type": "staterror", "data": [1.0]},
        ]
        return {"name": name, "data": [5.0], "modifiers": modifiers}

    workspace = Workspace(
        {
            "channels": [{"name": "only", "samples": [sample("one", "stat"), sample("two", "other")]}],
            "observations": [{"name": "only", "data": [10.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="two.json",
    )
    with pytest.raises(ExchangeError, match="channel 'only': has several staterrors; HS3 holds one"):
        export_hs3(workspace, tmp_path / "two.hs3.json")
    assert not list(tmp_path.iterdir())
