"""alea's models as workspaces: its likelihood, how near pyhf's is to it, what is refused, what is never run.

Expected counts are computed here by hand, from the templates; those of XENONnT's release are printed in its
papers or come from alea itself (0.3.5, with blueice 1.2.1), and need the release: NUHIST_XENONNT names the
folder ``data`` of the one for light WIMPs.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

import nuhist
from nuhist.errors import NuhistError
from nuhist.exchange.alea.document import read_model
from nuhist.exchange.alea.likelihood import AleaLikelihood, read_grids
from nuhist.exchange.alea.pickled import read_pickle
from nuhist.exchange.alea.read import import_alea
from nuhist.exchange.alea.space import edges, numbers
from nuhist.exchange.alea.write import export_alea
from nuhist.exchange.inference_interface.files import Axis, TemplateFile, template_file_bytes
from nuhist.histfactory.morphing import bent, normsys
from nuhist.histfactory.summary import summarise
from nuhist.report.citations import citations
from tests.exchange.alea_models import AXES, MODEL, PATTERN, counts, write_model

RELEASE = os.environ.get("NUHIST_XENONNT")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("alea"))


def imported(model: Path, **options: Any) -> nuhist.Workspace:
    return import_alea(
        model, **{"data": [str(model.with_name("data.pkl"))], "settings": [PATTERN], **options}
    )


def test_expected_counts_are_those_of_the_templates(model: Path) -> None:
    workspace = imported(model)
    channel = workspace.spec["channels"][0]
    totals: dict[str, float] = {}
    for sample in channel["samples"]:
        source = sample["name"].split("_")[0]
        totals[source] = totals.get(source, 0) + sum(sample["data"])
    # Livetime 1.5; what is fitted to the anchors meets them to a part in a thousand.
    assert totals["wimp"] == pytest.approx(1.5 * 3.0, rel=1e-3)
    assert totals["b8"] == pytest.approx(1.5 * 6.0, rel=1e-3)
    assert totals["ac"] == pytest.approx(1.5 * 2.0 * 5.25, rel=1e-9)
    assert workspace.observed()["SR0"] == [3, 1, 1, 1, 0, 2]
    assert workspace.data_kind == "observed"


def test_likelihood_is_aleas(model: Path) -> None:
    """Both of alea's interpolations by hand, halfway between two anchors."""
    found = read_model(model, patterns={("SR0", "wimp"): PATTERN.partition("=")[2]})
    observed = {"SR0": np.array([3.0, 1, 1, 1, 0, 2])}
    likelihood = AleaLikelihood(found, read_grids(found), observed, {})
    term = found.terms[0]
    ends = [counts("b8", 1, 0).ravel(), counts("b8", 2, 0).ravel()]
    total = (ends[0].sum() + ends[1].sum()) / 2
    share = (ends[0] / ends[0].sum() + ends[1] / ends[1].sum()) / 2
    values = likelihood.values({"t_ly": 1.5, "signal_efficiency": 1.1, "b8_rate_multiplier": 0.9})
    expected = 1.5 * 1.1 * 0.9 * total * share
    np.testing.assert_allclose(likelihood.counts(term, term.sources[1], values), expected, rtol=1e-12)


def test_pyhf_is_near_to_alea_and_says_how_near(model: Path) -> None:
    said: list[str] = []
    workspace = imported(model, message=said.append)
    assert workspace.sidecar is not None
    record = workspace.sidecar["imported"]
    found = record["deviations_of_2lnL"]
    assert found["largest_at_1_sigma"] < 0.01
    assert found["largest_at_2_sigma"] < 0.02
    assert found["at_best_fit"] < 0.05
    assert said[-1].startswith(f"{model}: 2 ln L is alea's but for ")
    # The same from pyhf itself, at a point that nothing was fitted to.
    own = pyhf.Workspace(dict(workspace.spec))
    density = own.model()
    parameters = dict.fromkeys(density.config.par_names, 0.0) | {"lumi": 1.1, "wimp_rate_multiplier": 2.0}
    parameters |= {"t_ly": 0.7, "t_qy": -1.3, "b8_rate_multiplier": 0.5, "ac_rate_multiplier": -1.0}
    theirs = density.logpdf([parameters[name] for name in density.config.par_names], own.data(density))[0]
    alea_model = read_model(model, patterns={("SR0", "wimp"): PATTERN.partition("=")[2]})
    grids, observed = read_grids(alea_model), {"SR0": np.array(workspace.observed()["SR0"])}
    ours = AleaLikelihood(alea_model, grids, observed, {}).log_likelihood(
        {
            "signal_efficiency": 1.1, "wimp_rate_multiplier": 2.0, "t_ly": 0.7, "t_qy": -1.3,
            "b8_rate_multiplier": 1.15, "ac_rate_multiplier": 1.6,
        }
    )  # fmt: skip
    assert ours - theirs == pytest.approx(record["log_likelihood_constant"], abs=0.02)


def test_without_negative_samples_it_is_further_away(model: Path) -> None:
    workspace = imported(model, mapping="positive")
    samples = workspace.spec["channels"][0]["samples"]
    assert [sample["name"] for sample in samples] == ["wimp", "b8", "ac"]
    assert min(min(sample["data"]) for sample in samples) >= 0
    nearer, further = (
        each.sidecar["imported"]["deviations_of_2lnL"]["largest_at_2_sigma"]  # type: ignore[index]
        for each in (imported(model), workspace)
    )
    assert further > nearer


def test_choices(model: Path) -> None:
    workspace = imported(
        model, fix=["wimp_rate_multiplier=0"], free=["b8_rate_multiplier"], poi="b8_rate_multiplier"
    )
    names = {sample["name"].split("_")[0] for sample in workspace.spec["channels"][0]["samples"]}
    assert names == {"b8", "ac"}
    kinds = {
        modifier["type"]
        for sample in workspace.spec["channels"][0]["samples"]
        for modifier in sample["modifiers"]
        if modifier["name"] == "b8_rate_multiplier"
    }
    assert kinds == {"normfactor"}
    assert nuhist.limit(workspace).parameter == "b8_rate_multiplier"
    assert imported(model, data=()).data_kind == "asimov"


def test_efficiencies_of_their_own_in_a_combination(model: Path, tmp_path: Path) -> None:
    """Two models with a lumi each cannot be combined; with --lumi normsys the joint likelihood is the sum."""
    other = write_model(tmp_path, MODEL.replace("SR0", "SR1").replace("uncertainty: 0.2", "uncertainty: 0.1"))
    data: dict[str, Any] = {"data": (), "settings": [PATTERN.replace("SR0", "SR1")]}
    apart: dict[str, Any] = {"correlate": ["t_*", "*_rate_multiplier"]}
    with pytest.raises(NuhistError, match=r"a lumi cannot be renamed.*lumi='normsys' where alea's model"):
        nuhist.combine([imported(model, data=()), import_alea(other, **data)], decorrelate=["lumi"], **apart)
    parts = [imported(model, data=(), lumi="normsys"), import_alea(other, **data, lumi="normsys")]
    for part in parts:
        assert part.sidecar is not None
        assert "signal_efficiency" in part.sidecar["parameters"]
        assert part.sidecar["imported"]["deviations_of_2lnL"]["largest_at_2_sigma"] < 0.02
    joint = nuhist.combine(parts, decorrelate=["signal_efficiency"], prefer="own", **apart)
    # What a rate of 1 is, nothing says.
    with pytest.raises(
        NuhistError, match="both have 'wimp_rate_multiplier', and nothing says for which signal"
    ):
        nuhist.combine(parts, decorrelate=["signal_efficiency"], correlate=["t_*", "[ab]*_rate_multiplier"])
    said: dict[str, Any] = {
        "coupling": "sigma",
        "unit": "cm^2",
        "reference": 1e-45,
        "signal": {"mass_GeV": 6},
    }
    described = [nuhist.describe(part, **said) for part in parts]
    nuhist.combine(described, decorrelate=["signal_efficiency"], correlate=["t_*", "[ab]*_rate_multiplier"])
    models = [nuhist.Model(each).likelihood for each in (joint, *parts)]
    point = dict(zip(models[0].names, models[0].initial, strict=True)) | {
        "t_ly": 0.4,
        "wimp_rate_multiplier": 2.0,
    }
    efficiencies = sorted(name for name in point if name.endswith("signal_efficiency"))
    assert len(efficiencies) == 2
    point |= dict(zip(efficiencies, (1.0, -1.5), strict=True))
    heights = []
    for own, efficiency in zip(models[1:], (1.0, -1.5), strict=True):
        values = point | {"signal_efficiency": efficiency}
        heights.append(own.twice_nll(np.array([values[name] for name in own.names])))
    shared = sum(
        np.log(2 * np.pi) + point[name] ** 2
        for name in models[0].names
        if name in ("t_ly", "t_qy", "b8_rate_multiplier", "ac_rate_multiplier")
    )
    whole = models[0].twice_nll(np.array([point[name] for name in models[0].names]))
    assert whole == pytest.approx(sum(heights) - shared, rel=0, abs=1e-9)


def test_terms_and_citations_are_kept(model: Path, tmp_path: Path) -> None:
    said: dict[str, Any] = {
        "license": "CC-BY-4.0",
        "sources": ["A search, arXiv:2409.17868", "doi:10.5281/zenodo.14522706"],
    }
    workspace = imported(model, **said)
    assert workspace.sidecar is not None
    assert said.items() <= workspace.sidecar["channels"]["SR0"].items()
    assert {"axes", "dataset", "title"} <= set(workspace.sidecar["channels"]["SR0"])
    assert workspace.digest == imported(model).digest
    (channel,) = summarise(workspace).channels
    assert (channel.license, list(channel.sources)) == (said["license"], said["sources"])
    cited = citations([workspace])
    assert "arXiv:2409.17868" in cited
    assert "10.5281/zenodo.14522706" in cited
    # Also of what nuhist exported, which keeps what was said until it is said anew.
    (again,) = export_alea(workspace, tmp_path)
    assert import_alea(again).sidecar == workspace.sidecar
    other = import_alea(again, license="MIT").sidecar
    assert other is not None
    assert other["channels"]["SR0"] == {**workspace.sidecar["channels"]["SR0"], "license": "MIT"}


def test_templates_are_found_in_folders_below(model: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "model.yaml"
    other.write_text(MODEL, encoding="utf-8")
    pattern = "SR0/wimp=wimp_{wimp_mass:d}_{t_ly:.1f}_{t_qy:d}.h5"  # without its folder
    data = [str(model.with_name("data.pkl"))]
    found = import_alea(other, templates=model.parent, settings=[pattern], data=data)
    assert found.digest == imported(model).digest


def test_events_from_csv(model: Path, tmp_path: Path) -> None:
    said: list[str] = []
    csv = tmp_path / "sr0.csv"
    csv.write_text("cs2,bdt\n150,0.2\n900,0.3\n")
    workspace = imported(model, data=[f"SR0={csv}"], message=said.append)
    assert workspace.observed()["SR0"] == [1, 0, 0, 0, 0, 0]
    assert "1 of 2 events lie outside the bins, in 'cs2' first" in said[0]


def test_a_search_may_have_seen_nothing(model: Path, tmp_path: Path) -> None:
    csv = tmp_path / "sr0.csv"
    csv.write_text("cs2,bdt\n")
    workspace = imported(model, data=[f"SR0={csv}"])
    assert workspace.observed()["SR0"] == [0] * 6
    assert workspace.sidecar is not None
    assert "dataset" not in workspace.sidecar["channels"]["SR0"]  # or any two would hold the same events


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"settings": ["SR1/wimp=a.h5"]}, "called 'SR1/wimp'; did you mean SR0/wimp?"),
        ({"settings": ["SR0/wmp=a.h5"]}, "called 'SR0/wmp'; did you mean SR0/wimp"),
        ({"data": ["SR9=data.pkl"]}, "no term in"),
    ],
)
def test_names_that_are_not_there(model: Path, choices: dict[str, Any], message: str) -> None:
    with pytest.raises(NuhistError) as caught:
        imported(model, **choices)
    assert message in str(caught.value)


def swapped(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def template(values: Any, axes: tuple[Axis, ...] = AXES) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = template_file_bytes(TemplateFile(axes, {"template": np.array(values, dtype=float)}))
        (folder / "ac.h5").write_bytes(content)

    return change


def pickled(content: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "data.pkl").write_bytes(pickle.dumps(content))

    return change


GOOD = [[2.0, 1.0], [1.0, 0.5], [0.5, 0.25]]
OTHER = (Axis(AXES[0].edges + np.array([0, 5, 0, 0]), "cs2"), AXES[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "ac.h5").unlink(), "SR0/ac: there is no ac.h5 in"),
        (lambda folder: (folder / "b8/b8_1.0_2.h5").unlink(), "SR0/b8: there is no b8/b8_1.0_2.h5 in"),
        (template(GOOD, OTHER), "axis 0 has 3 bins from 100 to 500, in the analysis_space of SR0 'cs2'"),
        (template(GOOD, (Axis(AXES[0].edges, "s2"), AXES[1])), "axis 0 is 's2', in the analysis_space 'cs2'"),
        (template(np.full((3, 2), np.nan)), "entry [0, 0]: nan is no finite number"),
        (template([[2.0, 1.0], [-1.0, 0.5], [0.5, 0.25]]), "entry [1, 0]: -1 is negative"),
        (
            swapped(
                "t_ly: {nominal_value: 0, ptype: shape, uncertainty: 1,",
                "t_ly: {nominal_value: 0, ptype: shape, uncertainty: 1.0e+300,",
            ),
            "'t_ly': its uncertainty, 1e+300, is more than a million times as wide as its bounds",
        ),
        (
            swapped("ptype: efficiency", "ptype: efficency"),
            "ptype: 'efficency' is not known; expected one of rate,",
        ),
        (swapped("np.linspace(0, 1, 3)", "np.__import__('os')"), "is no list of numbers; write a list"),
        (swapped("np.linspace(0, 1, 3)", "__import__('os').getcwd()"), "is no list of numbers; write a list"),
        (
            swapped("BinnedLogLikelihood", "UnbinnedLogLikelihood"),
            "likelihood_type: 'blueice.likelihood.Unbinned",
        ),
        (
            swapped("  template_folder: null", "  likelihood_weights: [0.5]"),
            "likelihood_weights: means likelihood",
        ),
        (
            swapped("slice_args: {}", "likelihood_config: {morpher: IndexMorpher}"),
            "'morpher': 'IndexMorpher' cannot be held",
        ),
        (
            swapped(
                "slice_args: {}", "likelihood_config: {model_statistical_uncertainty_handling: bb_single}"
            ),
            "without Beeston and Barlow's errors of templates",
        ),
        (swapped("uncertainty: 0.3,", "uncertainty: stats.norm(1),"), "is a distribution in words"),
        (swapped("{t_ly:.1f}_{t_qy:d}.h5", "{t_ly:>9999999}.h5"), "{t_ly:>9999999} is no format of a number"),
        (swapped("{t_ly:.1f}_{t_qy:d}.h5", "{t_ly.__class__}.h5"), "{t_ly.__class__} is none of its named"),
        (swapped("t_ly: {nominal_value: 0,", "t_ly: {nominal_valeu: 0,"), "'nominal_valeu' is no key"),
        (
            swapped("class: alea.template_source.TemplateSource", "class: os.system"),
            "class: 'os.system' cannot be",
        ),
        (swapped("{t_ly:.1f}_{t_qy:d}.h5", "x" * 5000), "SR0/b8: there is no b8/b8_xxx"),
        (
            swapped("livetime_parameter: livetime", "livetime_parameter: {a: 1} #"),
            "livetime_parameter: there is no parameter",
        ),
        (pickled([np.array([(1.0,)], dtype=[("cs2", float)])]), "no field of the events of"),
        (pickled([Path("/")]), "wants to make a pathlib"),
        (pickled({"SR9": np.zeros(1)}), "has no events of SR0; add data=['SR0=FILE']"),
        (
            lambda folder: (folder / "data.pkl").write_bytes(b"\x80\x04cos\nsystem\n."),
            "wants to make a os.system",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    change: Callable[[Path], None], message: str, model: Path, tmp_path: Path
) -> None:
    shutil.copytree(model.parent, tmp_path, dirs_exist_ok=True)
    path = tmp_path / model.name
    change(tmp_path)
    with pytest.raises(NuhistError) as caught:
        imported(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["fix", "settings"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("b8_rate_multiplier=-3", "'b8_rate_multiplier': is -3, but multiplies counts and cannot be below 0"),
        ("signal_efficiency=0.1", "'signal_efficiency': 0.1 lies outside its fit_limits, 0.4 to 1.6"),
        ("t_ly=7", "'t_ly': 7 lies outside its anchors, -2 to 2"),
        ("livetime_sr0=0", "livetime_parameter: 'livetime_sr0' is 0; expected more than 0"),
    ],
)
def test_values_that_a_parameter_cannot_have(model: Path, option: str, value: str, message: str) -> None:
    given = [PATTERN, value] if option == "settings" else [value]
    with pytest.raises(NuhistError) as caught:
        imported(model, **{option: given})
    assert message in str(caught.value)


def test_fits_show_sources_and_not_their_terms(model: Path) -> None:
    found = nuhist.fit(imported(model))
    assert [(each.sample, each.title) for each in found.samples] == [
        ("ac", "ac"),
        ("b8", "b8"),
        ("wimp", "wimp"),
    ]
    # Livetime 1.5, and the templates' totals; see above.
    before = [each.before for each in found.samples]
    assert before == pytest.approx([1.5 * 2.0 * 5.25, 1.5 * 6.0, 1.5 * 3.0], rel=1e-3)
    # 30 % of its rate and 20 % of its efficiency, and what yields and few events do to it: those of the
    # terms alone would be many times as large.
    (b8,) = (each for each in found.samples if each.sample == "b8")
    assert 0.2 < b8.uncertainty / b8.before < 0.6


def test_a_rate_held_at_0_leaves_its_source_out(model: Path) -> None:
    # Also one with a relative uncertainty, which is that of its own nominal value.
    workspace = imported(model, fix=["b8_rate_multiplier=0"])
    assert {sample["name"].split("_")[0] for sample in workspace.spec["channels"][0]["samples"]} == {
        "wimp",
        "ac",
    }


def test_what_is_to_be_done_is_named(model: Path) -> None:
    with pytest.raises(
        NuhistError, match=r"settings=\['SR0/wimp=PATTERN'\], or leave it out with fix=\['wimp_rate_mult"
    ):
        imported(model, settings=[])
    with pytest.raises(NuhistError, match=r"no source in .* called 'SR0/wipm'; did you mean SR0/wimp"):
        imported(model, settings=[PATTERN.replace("wimp=", "wipm=", 1), PATTERN])


def test_expressions_are_read_and_not_run() -> None:
    np.testing.assert_array_equal(edges("np.linspace(0, 1, 5)", "x"), np.linspace(0, 1, 5))
    np.testing.assert_array_equal(edges("np.geomspace(1, 10**2, num=3)", "x"), np.geomspace(1, 100, 3))
    np.testing.assert_array_equal(numbers("np.arange(-2, 3)", "x"), [-2, -1, 0, 1, 2])
    assert numbers("1, 2.5", "x") == [1, 2.5]
    wrong: tuple[Any, ...] = (
        "np.linspace(0, 1, 10**9)",
        "np.zeros(3)",
        "np.arange(1, 2, 0)",
        "np.load('x')",
        "1 2 x",
        5,
        {},
        [],
    )
    for bad in wrong:
        with pytest.raises(NuhistError):
            numbers(bad, "x")


def test_functions_are_pyhfs() -> None:
    """A normsys and a bent histosys, by pyhf's own interpolation codes."""
    pulls = np.array([-2.5, -1.0, -0.4, 0.0, 0.3, 1.0, 1.7])
    code4 = pyhf.interpolators.code4([[[[0.4], [1.0], [2.5]]]])(pulls[None, :])
    np.testing.assert_allclose(normsys((2.5, 0.4), pulls), np.array(code4).ravel(), rtol=1e-12)
    code4p = pyhf.interpolators.code4p([[[[1.0], [0.0], [1.0]]]])(pulls[None, :])
    np.testing.assert_allclose(bent(pulls), np.array(code4p).ravel(), rtol=1e-12, atol=1e-15)


def test_pickles_of_numpy_are_read_without_numpy_reading_them() -> None:
    events = np.array([(1.5, -1), (2.5, 3)], dtype=[("cs2", "<f8"), ("source", "<i8")])
    for protocol in range(2, 6):
        found = read_pickle(pickle.dumps({"SR0": events, "x": np.float64(2.0)}, protocol), "p")
        np.testing.assert_array_equal(found["SR0"], events)
    with pytest.raises(NuhistError, match="array of objects"):
        read_pickle(pickle.dumps(np.array([None])), "p")


def release(mass: int, **options: Any) -> nuhist.Workspace:
    folder = Path(RELEASE or "")
    patterns = [
        f"SR{run}/wimp=wimp_si/template_XENONnT_sr{run}_wimp_si_{mass}_cevns_tly_{{t_ly:.1f}}_tqy_{{t_qy:.1f}}.h5"
        for run in (0, 1)
    ]
    return import_alea(
        folder / "statistical_model_base.yaml",
        **{"templates": folder, "data": [str(folder / "real_data.pkl")], "settings": patterns, **options},
    )


@pytest.mark.skipif(RELEASE is None, reason="no release here; NUHIST_XENONNT names the folder with its YAML")
def test_xenonnts_own_limit() -> None:
    workspace = release(6)
    assert workspace.sidecar is not None
    record = workspace.sidecar["imported"]
    assert record["log_likelihood_constant"] == pytest.approx(9.0700118952, abs=1e-3)
    assert record["deviations_of_2lnL"]["largest_at_2_sigma"] < 0.02
    assert [sum(data) for data in workspace.observed().values()] == [9, 28]
    # alea's own profile limit is 2.656.
    assert nuhist.limit(workspace).upper == pytest.approx(2.656, rel=2e-3)
