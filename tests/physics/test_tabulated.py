"""A signal computed elsewhere: its events by hand, its limit by pyhf, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist.cli.main import main
from nuhist.errors import NuhistError, OptionError
from nuhist.histfactory.interest import couplings
from nuhist.histfactory.workspace import load_workspace
from nuhist.methods.scan_results import ExclusionScan
from nuhist.physics.hypotheses import RateOptions, get_hypothesis
from nuhist.physics.recoils import recoil_rates_at
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target
from nuhist.physics.together import hypotheses_together

# 5 events per t yr keV between 3 and 7 keV for g = 1e-12, with the square of g.
TEXT = """# title: a box
# target: TARGET
# coupling: g_ae
# unit: 1
# reference: 1e-12
# cited: nobody
T_keV,power_2
3,5
7,5
"""
GERMANIUM = "# target: germanium\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def box(tmp_path: Path) -> Path:
    path = tmp_path / "Box of mine.csv"
    path.write_text(TEXT.replace("TARGET", "xenon"), encoding="utf-8")
    return path


def test_events_by_hand(box: Path) -> None:
    box.write_text(TEXT.replace("TARGET", "Germanium"), encoding="utf-8")
    found = nuhist.spectrum("gemma_like", hypothesis=str(box), coupling=2e-12)
    # gemma_like sees all between 3 and 43 keV in bins of 1 keV: 4 × 5 × 0.0020503 t yr in each of four.
    np.testing.assert_allclose(found.added[:4], 4 * 5 * 0.0020503, rtol=1e-9)
    np.testing.assert_allclose(found.added[4:], 0, atol=1e-15)
    assert (found.standard_model > 0).all()


def test_a_workspace(box: Path, tmp_path: Path) -> None:
    out = tmp_path / "w.json"
    assert run("build", "xenonnt_sr0", "--hypothesis", box, "-o", out).exit_code == 0
    workspace = load_workspace(out)
    assert workspace.sidecar is not None
    assert workspace.sidecar["poi"]["meaning"] == "(g_ae / 1e-12)^2"
    (channel,) = workspace.spec["channels"]
    (sample,) = (entry for entry in channel["samples"] if entry["name"] == "box_of_mine")
    # No flux, no mixing, no atom changes it.
    assert [entry["name"] for entry in sample["modifiers"]] == ["g_ae_squared"]
    spectrum = nuhist.spectrum("xenonnt_sr0", hypothesis=str(box), coupling=1e-12)
    np.testing.assert_allclose(sample["data"], spectrum.added, rtol=1e-9)
    # Resolution and efficiency: fewer than 4 × 5 × 1.16, more than half.
    assert 0.5 * 23.2 < sum(sample["data"]) < 23.2
    model: Any = pyhf.Workspace(dict(workspace.spec)).model(
        modifier_settings={"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
    )
    found = nuhist.limit(workspace)
    assert found.upper is not None
    assert found.parameter_upper == pytest.approx((found.upper / 1e-12) ** 2, rel=1e-9)
    data = pyhf.Workspace(dict(workspace.spec)).data(model)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
    try:
        heights = [
            float(pyhf.infer.mle.fixed_poi_fit(value, data, model, return_fitted_val=True)[1])
            for value in (found.parameter_best_fit, found.parameter_upper)
        ]
    finally:
        pyhf.set_backend("numpy")
    # 2.7055 by another minimiser, to its tolerance.
    assert heights[1] - heights[0] == pytest.approx(2.7055, abs=2e-3)


def test_several_experiments_and_another_coupling(box: Path) -> None:
    joint = nuhist.build("lz_ws2024", "xenonnt_sr0", hypothesis=[str(box), "magnetic-moment"])
    assert {"g_ae_squared", "mu_nu_squared"} <= set(joint.sidecar["parameters"])  # type: ignore[index]
    assert nuhist.limit(joint).upper is not None


def test_names_and_powers(tmp_path: Path) -> None:
    path = tmp_path / "alp.csv"
    for power, name in ((1, "strength_alp"), (2, "strength_alp_squared"), (4, "strength_alp_power4")):
        path.write_text(f"T_keV,power_{power}\n1,1\n9,0\n", encoding="utf-8")
        hypothesis = get_hypothesis(str(path))
        assert (hypothesis.name, hypothesis.power) == ("alp", power)
        assert hypothesis.parameter_of_interest("effective").name == name
    assert "alp" in run("hypotheses", path).output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("T_keV,power_2_0,power_1_0\n1,1,1\n9,1,1\n", "has no rates of a power of strength_bad_2 alone"),
        ("T_keV,power_3\n1,1\n2,1\n", "power is 3; expected 1 for a signed coupling, or an even number"),
        ("T_keV,rate\n1,1\n2,1\n", "has the columns T_keV, rate; expected T_keV and power_N"),
        ("T_kev,power_2\n1,1\n2,1\n", "has the columns T_kev, power_2; expected T_keV"),
        ("T_keV,power_0\n1,1\n2,1\n", "has rates of power 0"),
        ("T_keV,power_2,power_1_1\n1,1,1\n2,1,1\n", "expected T_keV and power_N, or power_N_M"),
        ("T_keV,a_1,b_1,c_1,power_2\n1,1,1,1,1\n2,1,1,1,1\n", "expected T_keV and power_N"),
        ("T_keV,power_1,power_2\n1,1,1\n9,1,-1\n", "power 2 at T = 9 keV is negative, -1"),
        ("T_keV,power_1,power_2\n1,-900,1\n9,-900,1\n", "takes away more events than bin"),
        ("mass_keV,T_keV,power_2\n5,1,1\n5,1,1\n", "is not above the row before it"),
        ("mass_keV,T_keV,power_2\n5,1,1\n5,2,1\n", "its mass is missing; write"),
        ("# coupling: a, b\nT_keV,power_2\n1,1\n2,1\n", "coupling: 'a, b'; expected one"),
        ("# coupling: a\nT_keV,power_2_0,power_0_2\n1,1,1\n2,1,1\n", "coupling: 'a'; expected 2"),
        ("# coupling: a, a\nT_keV,power_2_0,power_0_2\n1,1,1\n2,1,1\n", "expected two different names"),
        ("T_keV,power_2_0,power_0_2,power_1_1\n1,1,1,3\n9,1,1,3\n", "negative for some couplings"),
        ("T_keV,power_2_0,power_0_2,power_2_2\n1,1,1,1\n9,1,1,1\n", "has the products power_2_2"),
        ("T_keV,power_4_0,power_0_2,power_1_1\n1,1,1,1\n9,1,1,1\n", "has power_4_0 beside power_1_1"),
        ("T_keV,power_2_0,power_1_1\n1,1,1\n9,1,1\n", "power_1_1 at T = 1 keV is so large"),
        ("T_keV,power_2\n2,1\n1,1\n", "is not above the row before it"),
        ("T_keV,power_2\n1,1\n9,-1\n", "power 2 at T = 9 keV is negative, -1"),
        ("T_keV,power_2\n1,1\n2,nan\n", "is not a finite number"),
        ("# reference: much\nT_keV,power_2\n1,1\n2,1\n", "reference: 'much' is no number"),
        ("# reference: -1\nT_keV,power_2\n1,1\n2,1\n", "expected a positive number"),
        ("# coupling: g ae\nT_keV,power_2\n1,1\n2,1\n", "coupling: 'g ae'; expected letters"),
        ("T_keV,power_2\n1000,1\n2000,1\n", "its coupling changes no expected count"),
        (
            "# referense: 1e-3\nT_keV,power_2\n1,1\n9,1\n",
            "line 1: unknown key 'referense'; did you mean reference",
        ),
        ("# unti: 1\nT_keV,power_2\n1,1\n9,1\n", "line 1: unknown key 'unti'; did you mean unit"),
        (
            "# weight: 1\nT_keV,power_2\n1,1\n9,1\n",
            "unknown key 'weight'; expected one of title, coupling, unit",
        ),
        ("#reference=1e-6\nT_keV,power_2\n1,1\n9,1\n", "line 1: 'reference=1e-6' says nothing"),
        ("# refernce = 1e-6\nT_keV,power_2\n1,1\n9,1\n", "write '# reference: ...'"),
        ("# reference 1e-6\nT_keV,power_2\n1,1\n9,1\n", "line 1: 'reference 1e-6' says nothing"),
        ("# reference of g: 1e-6\nT_keV,power_2\n1,1\n9,1\n", "line 1: 'reference of g: 1e-6' says nothing"),
        (
            "# reference: 1e-6\nT_keV,power_2\n1,1\n# Reference: 1e-9\n9,1\n",
            "line 4: the key 'reference' is there twice; keep one",
        ),
        ("# target:\nT_keV,power_2\n1,1\n9,1\n", "target: ''; expected a name, such as xenon"),
        (
            "# target: germanium\nT_keV,power_2\n1,1\n9,1\n",
            "its rates are those of a tonne of germanium, and the experiment has xenon; give a table of rates"
            " in xenon with the line '# target: xenon'",
        ),
        ("T_keV,power_2\n1,1\n9,x\n", "bad.csv: column 'power_2', row 2: 'x' is no number"),
        ("T_keV,power_2\n5,1\n", "has one row, which has no area; expected at least two"),
        ("mass_keV,T_keV,power_2\n5,1,1\n5,2,1\n6,1,1\n", "has one row of mass=6keV, which has no area"),
        (
            "mass_keV,T_keV,power_2\n5,3,1\n6,1,1\n5,7,1\n6,1,1\n",
            "column 'T_keV', row 4: 1 is not above the row before it of mass=6keV; sort the rows",
        ),
    ],
)
def test_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NuhistError) as caught:
        nuhist.build("xenonnt_sr0", hypothesis=str(path))
    assert message in str(caught.value)
    assert (
        run(
            "build", "xenonnt_sr0", "--hypothesis", tmp_path / "none.csv", "-o", tmp_path / "w.json"
        ).exit_code
        == 1
    )


def test_it_has_no_flavour_and_needs_no_grid(box: Path, tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"flavor=...: does nothing with box-of-mine, which is no neutrino's"
    ):
        nuhist.build("xenonnt_sr0", hypothesis=str(box), flavor="e")
    with pytest.raises(NuhistError, match="is one power of its coupling; use nuhist build"):
        nuhist.build_patchset("xenonnt_sr0", hypothesis=str(box), couplings=[0.0, 1e-12])
    named = tmp_path / "magnetic-moment.csv"
    named.write_text(TEXT.replace("TARGET", "xenon"), encoding="utf-8")
    with pytest.raises(NuhistError, match="is one of nuhist's own; expected another name"):
        get_hypothesis(str(named))


BOX = 0.0020503  # tonne years of gemma_like, which sees all between 3 and 43 keV, in bins of 1 keV


def expected(workspace: Any, **values: float) -> Any:
    """Counts that pyhf expects in the first four bins for couplings over their references."""
    model = pyhf.Workspace(dict(workspace.spec)).model(
        modifier_settings={"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
    )
    point = model.config.suggested_init()
    named = {entry["coupling"]: entry for entry in couplings(workspace.sidecar)}
    for name, value in values.items():
        place = model.config.par_slice(named[name]["name"]).start
        point[place] = value ** named[name]["power"] / named[name]["scale"]
    return np.asarray(model.expected_data(point, include_auxdata=False))[:4]


@pytest.mark.parametrize("x", [-2.0, 0.3, 3.0])
def test_two_powers_of_a_signed_coupling(tmp_path: Path, x: float) -> None:
    path = tmp_path / "two.csv"
    path.write_text(GERMANIUM + "# coupling: g\n# reference: 1e-12\nT_keV,power_1,power_2\n3,-1,5\n7,-1,5\n")
    workspace = nuhist.build("gemma_like", hypothesis=str(path))
    added = expected(workspace, g=x) - expected(workspace, g=0.0)
    np.testing.assert_allclose(added, (5 * x**2 - x) * BOX, rtol=1e-6)  # by hand
    found = nuhist.limit(workspace)
    assert found.lower is not None
    assert found.lower < 0


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (2.0, -3.0), (-0.5, 7.0)])
@pytest.mark.parametrize("linear", [0.0, -0.01])
def test_two_couplings_and_their_product(tmp_path: Path, a: float, b: float, linear: float) -> None:
    path = tmp_path / "pair.csv"
    head, row = ("power_1_0,", f"{linear},") if linear else ("", "")
    path.write_text(
        f"{GERMANIUM}# coupling: a, b\n# reference: 1e-12, 1e-11\nT_keV,{head}power_2_0,power_0_2,power_1_1\n"
        f"3,{row}5,1,2\n7,{row}5,1,2\n"
    )
    workspace = nuhist.build("gemma_like", hypothesis=str(path))
    added = expected(workspace, a=a, b=b) - expected(workspace, a=0.0, b=0.0)
    wanted = linear * a + 5 * a**2 + b**2 + 2 * a * b  # by hand
    np.testing.assert_allclose(added, wanted * BOX, rtol=1e-6)
    alone = nuhist.spectrum("gemma_like", hypothesis=f"{path}:b", coupling=2e-11)
    np.testing.assert_allclose(alone.added[:4], 4 * BOX, rtol=1e-9)
    with pytest.raises(NuhistError, match=r"has two couplings, and one hypothesis is asked for; write .*:a"):
        get_hypothesis(str(path))
    with pytest.raises(NuhistError, match=r"no coupling of .* called 'c'; known: a, b"):
        get_hypothesis(f"{path}:c")


def test_two_couplings_without_a_product(tmp_path: Path) -> None:
    path = tmp_path / "pair.csv"
    path.write_text(GERMANIUM + "# coupling: a, b\nT_keV,power_2_0,power_0_1\n3,5,1\n7,5,1\n")
    workspace = nuhist.build("gemma_like", hypothesis=str(path))
    added = expected(workspace, a=2.0, b=3.0) - expected(workspace, a=0.0, b=0.0)
    np.testing.assert_allclose(added, (4 * 5 + 3) * BOX, rtol=1e-9)


def test_powers_that_are_no_polynomial_of_histfactory(tmp_path: Path) -> None:
    path = tmp_path / "four.csv"
    path.write_text(GERMANIUM + "T_keV,power_2,power_4\n3,2,1\n7,2,1\n")
    with pytest.raises(NuhistError, match="use nuhist patchset"):
        nuhist.build("gemma_like", hypothesis=str(path))
    with pytest.raises(NuhistError, match="for each exposure, write a grid of its exact counts by nuhist"):
        nuhist.sensitivity("gemma_like", hypothesis=str(path), exposure=[1.0, 2.0])
    grid = nuhist.build_patchset("gemma_like", hypothesis=str(path), couplings=[0.0, 1.0, 3.0])
    without, *points = (grid.workspace(each).spec for each in grid.points)
    for x, spec in zip((1.0, 3.0), points, strict=True):
        signal = next(each for each in spec["channels"][0]["samples"] if each["name"] == "four")
        np.testing.assert_allclose(signal["data"][:4], (2 * x**2 + x**4) * BOX, rtol=1e-9)
        assert [each["type"] for each in signal["modifiers"]] == ["normfactor"]  # of no flux
    assert without["channels"][0]["name"] == "gemma_like"


MASSES = """# coupling: g
# reference: 1e-12
mass_keV,T_keV,power_2
5,3,1
5,7,1
10,3,9
10,7,9
"""


def test_a_parameter_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "masses.csv"
    path.write_text(MASSES)
    path.write_text(GERMANIUM + MASSES)
    found = nuhist.spectrum("gemma_like", hypothesis=f"{path}:mass=10000eV", coupling=1e-12)
    np.testing.assert_allclose(found.added[:4], 9 * BOX, rtol=1e-9)
    assert get_hypothesis(f"{path}:mass=10keV").name == "masses:mass=10keV"
    assert pickle.loads(pickle.dumps(get_hypothesis(f"{path}:mass=5keV"))).name == "masses:mass=5keV"
    with pytest.raises(NuhistError, match=r"masses: mass = 7 keV is none of 5, 10 keV"):
        get_hypothesis(f"{path}:mass=7keV")
    path.write_text(MASSES)
    scan = nuhist.exclusion("xenonnt_sr0", hypothesis=str(path), over="mass=5,10")
    first, second = (point.upper_observed or 0.0 for point in scan.points)
    assert first == pytest.approx(3 * second, rel=1e-6)  # nine times the events, of one shape
    assert "depends on: mass: mass, 5, 10 keV" in run("hypotheses", path).output


def test_two_parameters_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "both.csv"
    rows = [
        f"{mass},{charge},{energy},{mass * charge}"
        for mass in (1, 2)
        for charge in (3, 5)
        for energy in (3, 7)
    ]
    path.write_text(GERMANIUM + "mass_keV,charge_1,T_keV,power_1\n" + "\n".join(rows) + "\n")
    found = nuhist.spectrum("gemma_like", hypothesis=f"{path}:mass=2keV,charge=5", coupling=1.0)
    np.testing.assert_allclose(found.added[:4], 10 * BOX, rtol=1e-9)
    assert get_hypothesis(f"{path}:charge=3,mass=1").name == "both:mass=1keV,charge=3"
    path.write_text("mass_keV,charge_1,T_keV,power_1\n" + "\n".join(rows[2:]) + "\n")
    with pytest.raises(NuhistError, match="has no rows of mass=1keV, charge=3"):
        get_hypothesis(f"{path}:charge=3,mass=1")


def test_keys_in_any_case_and_comments_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "free.csv"
    path.write_text(
        "#Reference: 1e-6\n# COUPLING : g\n# rates per unit of exposure: made on Monday\n# x=5, seen\n"
        "# https://arxiv.org\n# Title of nothing\nT_keV,power_1\n1,1\n9,1\n"
    )
    found = get_hypothesis(str(path))
    assert (found.reference, found.coupling) == (1e-6, "g")


def test_what_a_table_leaves_out_is_said(tmp_path: Path) -> None:
    path, out = tmp_path / "bare.csv", tmp_path / "w.json"
    rows = "T_keV,power_2_0,power_0_2\n1,1,1\n9,1,1\n"
    path.write_text("# coupling: a, b\n# unit: 1, GeV-1\n" + rows)
    result = run("build", "xenonnt_sr0", "--hypothesis", path, "-o", out)
    taken = "so that its rates are taken as those of a and b = 1 and 1 GeV-1"
    assert [line for line in result.stderr.splitlines() if "reference" in line] == [
        f"nuhist: {path}: states no reference, {taken}"
    ]
    path.write_text("# coupling: a, b\n# reference: 1e-3\n" + rows)
    assert "reference" not in run("build", "xenonnt_sr0", "--hypothesis", path, "-o", out).stderr


def test_masses_that_differ_in_a_late_digit(tmp_path: Path) -> None:
    path = tmp_path / "near.csv"
    path.write_text(MASSES.replace("\n10,", "\n5.0000001,"))
    with pytest.raises(NuhistError, match=r"near: mass = 7 keV is none of 5, 5\.0000001 keV"):
        get_hypothesis(f"{path}:mass=7keV")
    printed = run("exclusion", "xenonnt_sr0", "--hypothesis", path, "--over", "mass=5.0000001,5").stdout
    assert [line.split()[0] for line in printed.splitlines() if line.strip().startswith("5")] == [
        "5",
        "5.0000001",
    ]


OWN = "# coupling: a\n# reference: 1e-6\nT_keV,power_1,power_2\n1,-1,5\n9,-1,5\n"
PAIRS = "# coupling: a, b\n# reference: 1e-6\nmass_keV,T_keV,power_2_0,power_0_2,power_1_1\n" + "".join(
    f"{mass},{energy},5,1,2\n" for mass in (3, 5) for energy in (1, 9)
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["own.csv", "nsi-left"], "own and nsi-left: both are signed, and nothing says .*; build each alone"),
        (["nsi-left", "own.csv"], "nsi-left and own: both are signed"),
        (["own.csv", "pair.csv:b:mass=5"], "give their product, in one table as power_1_1"),
        (["pair.csv:a:mass=3", "pair.csv:b:mass=5"], "both are signed, and nothing says"),
        (["pair.csv:a:mass=3", "pair.csv:a:mass=5"], "both are signed, and nothing says"),
        (["apart.csv"], "both are signed, and nothing says"),
        (["pair.csv:mass=5"], None),
        (["nothing.csv"], None),
        (["own.csv", "box.csv"], None),
        (["own.csv", "magnetic-moment"], None),
        (["box.csv", "nsi-left"], None),
    ],
)
def test_products_of_which_nothing_is_known(tmp_path: Path, names: list[str], expected: str | None) -> None:
    (tmp_path / "own.csv").write_text(OWN)
    (tmp_path / "pair.csv").write_text(PAIRS)
    (tmp_path / "box.csv").write_text(TEXT.replace("TARGET", "xenon"))
    both = "# coupling: a, b\nT_keV,power_1_0,power_2_0,power_0_1,power_0_2"
    (tmp_path / "apart.csv").write_text(f"{both}\n1,-1,5,-1,5\n9,-1,5,-1,5\n")
    (tmp_path / "nothing.csv").write_text(f"{both},power_1_1\n1,-1,5,-1,5,0\n9,-1,5,-1,5,0\n")
    paths = [str(tmp_path / name) if ".csv" in name else name for name in names]
    if expected is None:
        assert hypotheses_together(paths, "effective")
        return
    with pytest.raises(NuhistError, match=expected):
        hypotheses_together(paths, "effective")


def test_a_product_that_the_second_alone_has(tmp_path: Path) -> None:
    path = tmp_path / "both.py"
    path.write_text(
        "import numpy as np\nfrom functools import partial\n"
        "from nuhist.physics.hypothesis import Dependence, Hypothesis\n"
        "def flat(energy, target, size):\n    return size * ((energy > 3) & (energy < 7))\n"
        "def rates(energy, target):\n"
        "    return {1: flat(energy, target, 0.0), 2: flat(energy, target, 4.0)}\n"
        "fields = dict(unit='1', reference=1e-6, dependence=Dependence.POLYNOMIAL)\n"
        "fields |= dict(rates=rates, nodes=(3.0, 7.0), products={'a': partial(flat, size=-6.0)})\n"
        "a = Hypothesis(name='a', title='a', coupling='a', **{**fields, 'products': {}})\n"
        "b = Hypothesis(name='b', title='b', coupling='b', **fields)\n"
    )
    for order in ("ab", "ba"):
        workspace = nuhist.build("gemma_like", hypothesis=[f"{path}:{name}" for name in order])
        added = expected(workspace, a=2.0, b=3.0) - expected(workspace, a=0.0, b=0.0)
        np.testing.assert_allclose(added, (4 * 4 + 4 * 9 - 6 * 6) * BOX, rtol=1e-6)  # by hand


@pytest.mark.parametrize("over", ["5,10", "10,5", "10,20"])
def test_a_scan_has_the_nodes_of_each_value(tmp_path: Path, over: str) -> None:
    # Boxes of 10 eV: all but those of the first value were overlooked.
    path = tmp_path / "lines.csv"
    rows = [
        f"{mass},{mass + shift},{size}"
        for mass in (5, 10, 20)
        for shift, size in ((-0.005, 0), (0, 1e4), (0.005, 0))
    ]
    path.write_text("# reference: 1e-12\nmass_keV,T_keV,power_2\n" + "\n".join(rows) + "\n")
    scan = nuhist.exclusion("xenonnt_sr0", hypothesis=str(path), over=f"mass={over}")
    assert isinstance(scan, ExclusionScan)
    for point in scan.points:
        alone = nuhist.limit(nuhist.build("xenonnt_sr0", hypothesis=f"{path}:mass={point.value:g}"))
        assert point.upper_observed == pytest.approx(alone.upper, rel=1e-9)


def test_a_scan_of_what_is_no_polynomial_says_so_at_once(tmp_path: Path) -> None:
    path = tmp_path / "four.csv"
    rows = [f"{mass},{energy},2,1" for mass in (5, 9) for energy in (3, 7)]
    path.write_text("mass_keV,T_keV,power_2,power_4\n" + "\n".join(rows) + "\n")
    match = (
        r"^four:mass=5keV is no polynomial .* one workspace; for each value, write a grid of its exact counts"
    )
    with pytest.raises(NuhistError, match=match):
        nuhist.exclusion("xenonnt_sr0", hypothesis=str(path), over="mass=5,9")


def test_two_couplings_that_take_away_too_much_together(tmp_path: Path) -> None:
    # Along a = b the squares and the product cancel: what is left is linear, and negative for a < 0.
    path = tmp_path / "pair.csv"
    head = "# coupling: a, b\nT_keV,power_1_0,power_0_1,power_2_0,power_0_2,power_1_1\n"
    path.write_text(head + "1,0.5,0.5,5,5,-10\n30,0.5,0.5,5,5,-10\n", encoding="utf-8")
    with pytest.raises(NuhistError, match=r"pair-a and pair-b: together they take away more events than bin"):
        nuhist.build("xenonnt_sr0", hypothesis=str(path))


def test_a_signal_of_its_own_comes_once_beside_several_fluxes(tmp_path: Path) -> None:
    # XENONnT has a sample of neutrinos for each of five fluxes, of which this signal has none.
    path = tmp_path / "four.csv"
    path.write_text("T_keV,power_2,power_4\n1,2,1\n30,2,1\n")
    grid = nuhist.build_patchset("xenonnt_sr0", hypothesis=str(path), couplings=[0.0, 1.0, 3.0])
    (channel,) = grid.workspace(grid.points[1]).spec["channels"]
    names = [each["name"] for each in channel["samples"]]
    assert names.count("four") == 1
    assert not any(name.startswith("four_") for name in names)
    assert len([name for name in names if name.startswith("nu_")]) == 5


@pytest.mark.parametrize(("part", "allowed"), [(0.99, True), (1.01, False)])
def test_an_interference_may_take_away_what_all_fluxes_make(
    tmp_path: Path, part: float, allowed: bool
) -> None:
    path = tmp_path / "less.csv"
    path.write_text("T_keV,power_1,power_2\n1,-1,1e-9\n30,-1,1e-9\n")
    hypothesis, energy = get_hypothesis(str(path)), np.array([5.0])
    groups = [group.components for group in get_source("sun").groups]
    options = RateOptions(target=get_target("xenon"))
    standard, _ = recoil_rates_at(hypothesis, "effective", 0.0, energy, groups, options)
    coupling = part * float(standard.sum())
    assert coupling > standard[0, 0]  # of pp alone
    if allowed:
        added = recoil_rates_at(hypothesis, "effective", coupling, energy, groups, options)[1]
        np.testing.assert_allclose(added.sum(), -coupling, rtol=1e-6)
    else:
        with pytest.raises(NuhistError, match="expected no negative rate"):
            recoil_rates_at(hypothesis, "effective", coupling, energy, groups, options)
