"""Hypotheses of a Python file and of another package: found, fitted, scanned, and what slips are told."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist.cli.main import main
from nuhist.errors import NuhistError
from nuhist.experiments import outside as experiments_outside
from nuhist.physics import outside, scattering
from nuhist.physics.called import called
from nuhist.physics.hypotheses import Hypothesis, RateOptions, find_parameter, get_hypothesis
from nuhist.physics.targets.registry import get_target
from nuhist.physics.terms import evaluate_terms, own_line, own_rates

# The documentation's example is of this length, too.
FILE = """
from functools import partial
from nuhist.physics.couplings import Couplings, radiative
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import KEEPS, Dependence, Hypothesis
from nuhist.physics.mediator import MASS, in_fermi_constants, shifted

def terms(energy, flavor, options, mass, size):
    shift = in_fermi_constants(size, energy, mass)
    return shifted(energy, radiative(flavor), options.target, shift, Couplings(1.0, 0.0))

def made(name, title, values):
    return Hypothesis(name=name, title=title, coupling="g2_my", unit="1", reference=2e-14,
        terms=partial(terms, mass=values["mass"], size=2e-14), dependence=Dependence.POLYNOMIAL,
        scale=1e4, bounds=(0.0, 17.0), amplitude=KEEPS)

boson = Family("my-boson", "boson of mine", (MASS,), made)
light = boson.at({"mass": 1.0})
number = 3
"""
POWER = """
from nuhist.physics.hypothesis import Dependence, Hypothesis
from nuhist.physics import scattering
import numpy as np

def terms(energy, flavor, options):
    moment = lambda t: scattering.magnetic_moment(t, options.target)
    return TERMS

mine = Hypothesis(name="mine", title="mine", coupling="m", unit="mu_B", reference=1e-11, terms=terms,
    dependence=Dependence.POWER, parameter="m{flavor}_squared", power=2)
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.py"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_from_the_shell(file: Path, tmp_path: Path) -> None:
    # The same boson as nuhist's own, at its reference for a light one.
    out = tmp_path / "w.json"
    assert run("build", "xenonnt_sr0", "--hypothesis", f"{file}:light", "-o", out).exit_code == 0
    mine = json.loads(run("limit", out, "--json").stdout)
    own = nuhist.limit(nuhist.build("xenonnt_sr0", hypothesis="light-vector:mass=1keV"))
    assert mine["upper"] == pytest.approx(own.upper, rel=1e-6)
    assert mine["parameter"] == "g2_my_scaled_mass1keV"
    described = run("hypotheses", f"{file}:boson")
    assert "boson of mine" in " ".join(described.output.split())


def test_a_parameter_without_a_unit(tmp_path: Path) -> None:
    # Other processes find it by its name: charge=2, not charge=21 of the unit 1.
    path = tmp_path / "own.py"
    path.write_text(
        "import numpy as np\nfrom nuhist.physics.family import Family\n"
        "from nuhist.physics.hypothesis import Hypothesis\n"
        "from nuhist.physics.own_parameter import OwnParameter\n"
        "def made(name, title, values):\n"
        "    def rates(energy, target):\n        return {2: values['charge'] * np.ones_like(energy)}\n"
        "    return Hypothesis(name, title, 'g', '1', 1.0, power=2, rates=rates)\n"
        "family = Family('mine', 'mine', (OwnParameter('charge', 'charge', '1', {}, 0.0, 5.0),), made)\n",
        encoding="utf-8",
    )
    found = get_hypothesis(f"{path}:family:charge=2")
    assert (found.name, found.title) == ("mine:charge=2", "mine, charge 2")
    assert found.parameter == "g{flavor}_squared_charge2"
    assert pickle.loads(pickle.dumps(found)).name == found.name
    described = run("hypotheses", f"{path}:family")  # whose range is below the usual example of 10
    assert described.exit_code == 0
    assert "family:charge=5" in "".join(described.output.split())


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_a_scan(file: Path, tmp_path: Path, jobs: int) -> None:
    # Other processes read the file themselves.
    over = ("--over", "mass=1keV:100keV:2:log")
    result = run(
        "exclusion", "xenonnt_sr0", "--hypothesis", f"{file}:boson", *over, "--json", "--jobs", str(jobs)
    )
    assert result.exit_code == 0, result.output
    points = json.loads(result.stdout)["points"]
    own = nuhist.exclusion("xenonnt_sr0", hypothesis="light-vector", over="mass=1keV:100keV:2:log")
    found = [point["upper_observed"] for point in points]
    assert found[0] == pytest.approx(own.points[0].upper_observed, rel=1e-5)
    assert len(found) == len(own.points) == 2


def test_it_can_be_sent(file: Path) -> None:
    hypothesis = get_hypothesis(f"{file}:boson:mass=10keV")
    again = pickle.loads(pickle.dumps(hypothesis))
    assert again.name == hypothesis.name == "my-boson:mass=10keV"
    plain = get_hypothesis("magnetic-moment")
    assert pickle.loads(pickle.dumps(plain)) == plain


def test_a_changed_file_is_run_again(file: Path) -> None:
    assert get_hypothesis(f"{file}:light").unit == "1"
    file.write_text(FILE.replace('unit="1"', 'unit="keV"') + "# more\n", encoding="utf-8")
    assert get_hypothesis(f"{file}:light").unit == "keV"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lite", "no hypothesis in my.py called 'lite'; did you mean light"),
        ("number", "my.py: number is a int; expected a Hypothesis or a Family"),
        ("light:mass=3keV", "has no parameter of its own"),
        ("boson", "my-boson: its mass is missing; write my.py:boson:mass=10keV"),
        ("boson:mass=3kg", "expected a number with a unit of"),
    ],
)
def test_names_that_are_not_there(file: Path, name: str, message: str) -> None:
    with pytest.raises(NuhistError) as caught:
        get_hypothesis(f"{file}:{name}")
    assert message in str(caught.value).replace(str(file), "my.py")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("{2: 1e-22 * moment(energy)[0]}", "power 2: has the shape"),
        ("{1: moment(energy)}", "has the powers 1; expected 2"),
        ("{2: moment(energy) * np.nan}", "is nan at T ="),
        (
            "{2: moment(energy / energy.mean())}",
            "expected a value for each T",
        ),
        (
            "{2: np.where(energy > 5, 1, np.nan) * moment(energy)}",
            "is nan at T",
        ),
        ("{2: -1e-22 * moment(energy)}", "expected no negative rate"),
        (
            "{2: 0 * moment(energy)}",
            "its coupling changes no expected count",
        ),
        ("[1]", "gives a list; expected a mapping"),
        # The line of the user's own file, whatever raised; the seventh of POWER.
        (
            "{2: moment(energy) / nothing}",
            "terms() in {path}, line 8, raised NameError: name 'nothing' is not",
        ),
        ("{2: np.zeros((4, 2)) @ np.zeros(5)}", "terms() in {path}, line 8, raised ValueError: matmul"),
        ("{2: np.stack([energy, energy[:1]])}", "terms() in {path}, line 8, raised ValueError: all input"),
        ("{2: [].pop()}", "terms of flavour e: terms() in {path}, line 8, raised IndexError: pop from empty"),
    ],
)
def test_slips(tmp_path: Path, terms: str, message: str) -> None:
    path = tmp_path / "slip.py"
    path.write_text(POWER.replace("TERMS", terms), encoding="utf-8")
    result = run("build", "xenonnt_sr0", "--hypothesis", f"{path}:mine", "-o", tmp_path / "w.json")
    assert result.exit_code == 1
    assert message.format(path=path) in result.stderr if "{path}" in message else message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "w.json").exists()


def test_what_other_functions_of_a_file_raise(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    own = (
        "def fails(*_):\n    return 1 / 0\n"
        "from nuhist.physics.hypothesis import no_terms\n"
        "def one(**given):\n"
        "    return Hypothesis('one', 'one', 'g', '1', 1.0, no_terms, Dependence.POWER, 'g', **given)\n"
        "line, rates = one(line=fails), one(rates=partial(fails))\n"
        "mass = Family('of-fails', 'fails', (MASS,), fails)\n"
        "nothing = Family('of-nothing', 'nothing', (MASS,), lambda *_: None)\n"
    )
    file.write_text(text + own, encoding="utf-8")
    first = len(text.splitlines()) + 2
    for name, where in (
        ("line", "hypothesis one: line"),
        ("rates", "hypothesis one: rates"),
        ("mass:mass=3keV", "of-fails:mass=3keV"),
    ):
        with pytest.raises(NuhistError) as caught:
            nuhist.build("xenonnt_sr0", hypothesis=f"{file}:{name}")
        expected = f"{where}: fails() in {file}, line {first}, raised ZeroDivisionError: division by zero"
        assert str(caught.value) == expected
        assert isinstance(caught.value.__cause__, ZeroDivisionError)  # with the whole traceback
    with pytest.raises(
        NuhistError, match="of-nothing:mass=3keV: its function gives a NoneType; expected a Hyp"
    ):
        get_hypothesis(f"{file}:nothing:mass=3keV")


# Without a reference, which is found by calling the functions, up to 30 keV in xenon.
FAILING = """
from functools import partial
import numpy as np
from nuhist.physics.hypothesis import Hypothesis

def now(*_, **__):
    return 1 / 0

def later(energy, *_, **__):
    return {1: np.ones_like(energy)} if energy.max() < 31 else 1 / 0

def line(target):
    return (5.0, 1e3) if target.name == "xenon" else 1 / 0

def coefficients(energy, *_, **__):
    return {1: np.full((4, *energy.shape), 1e-45)} if energy.max() < 31 else 1 / 0

def deeper(*_):
    return now()

mine = Hypothesis("mine", "mine", "g", "1", FIELDS)
"""


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("rates=now", "now"),
        ("line=now", "now"),
        ("terms=now", "now"),
        ("terms=partial(now, mass=1.0)", "now"),
        ("rates=partial(now, function=np.exp, line=3.0)", "now"),  # keywords of the user's own
        ("rates=deeper", "deeper"),  # the line is the one that raises
    ],
)
def test_what_is_raised_while_a_reference_is_found(tmp_path: Path, fields: str, name: str) -> None:
    path = tmp_path / "failing.py"
    path.write_text(FAILING.replace("FIELDS", fields), encoding="utf-8")
    with pytest.raises(NuhistError) as caught:
        get_hypothesis(f"{path}:mine")
    text = f": {name}() in {path}, line 7, raised ZeroDivisionError: division by zero"
    assert str(caught.value).startswith(f"hypothesis mine: {fields.partition('=')[0]}")
    assert str(caught.value).endswith(text)


def test_a_function_of_nuhist_that_is_called_wrongly() -> None:
    with pytest.raises(NuhistError, match=r"^asked: millicharge_epa\(\) raised TypeError: "):
        called(partial(scattering.millicharge_epa, neutrino_mass_ev=1.0), "asked")


def elsewhere(hypothesis: Hypothesis) -> None:
    """Call what a hypothesis has at 40 keV, or in germanium, where no reference is looked for."""
    energy, target = np.array([40.0]), get_target("germanium")
    if hypothesis.of_neutrinos:
        evaluate_terms(hypothesis, energy, "e", RateOptions())
    elif hypothesis.line is not None:
        own_line(hypothesis, target)
    else:
        own_rates(hypothesis, energy, target)


@pytest.mark.parametrize(
    ("fields", "name", "number"),
    [
        ("rates=later", "later", 10),
        ("rates=partial(later, mass=1.0)", "later", 10),
        ("rates=partial(later, function=np.exp, line=3.0)", "later", 10),
        ("line=line", "line", 13),
        ("terms=coefficients", "coefficients", 16),
    ],
)
def test_what_is_raised_once_a_reference_is_found(
    tmp_path: Path, fields: str, name: str, number: int
) -> None:
    path = tmp_path / "failing.py"
    path.write_text(FAILING.replace("FIELDS", fields), encoding="utf-8")
    found = get_hypothesis(f"{path}:mine")
    with pytest.raises(NuhistError) as caught:
        elsewhere(found)
    assert f": {name}() in {path}, line {number}, raised ZeroDivisionError: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name\n", "cannot be run: ModuleNotFoundError"),
        ("def (\n", "cannot be run: SyntaxError"),
        ("raise SystemExit\n", "cannot be run: SystemExit"),
        (
            "from nuhist.physics.hypothesis import Hypothesis\nmine = Hypothesis('mine', 'mine', 'g', '')\n",
            "bad.py, line 2: hypothesis 'mine': unit is ''; expected a text",
        ),
        (
            POWER.replace('name="mine"', 'name="magnetic-moment"').replace("TERMS", "{}"),
            "is one of nuhist's own",
        ),
    ],
)
def test_files_that_do_not_work(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NuhistError) as caught:
        get_hypothesis(f"{path}:mine")
    assert message in str(caught.value)
    assert (
        run("spectrum", "xenonnt_sr0", "--hypothesis", tmp_path / "no.py:x", "--coupling", "1").exit_code == 1
    )


# Each slip of a function that says something by another way than its result.
SPEAKING = """
import numpy as np
import sys
from nuhist.physics.hypothesis import Hypothesis
print("the file is run")

def prints(energy, target):
    print("rates of", target.name)
    return {2: np.ones_like(energy)}

def ends(energy, target):
    sys.exit(3)

def warns(energy, target):
    return {2: np.sqrt(energy - 1.0)}

def made(rates):
    return Hypothesis(rates.__name__, "t", "g", "1", 1.0, rates=rates, power=2)

prints, ends, warns = map(made, (prints, ends, warns))
"""


def test_what_functions_say_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "speaking.py"
    path.write_text(SPEAKING, encoding="utf-8")
    shell = [sys.executable, "-m", "nuhist", "build", "xenonnt_sr0", "--hypothesis"]

    def built(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*shell, f"{path}:{name}"], capture_output=True, text=True, check=False)

    good = built("prints")
    assert good.returncode == 0
    assert json.loads(good.stdout)["version"] == "1.0.0"
    assert {"the file is run", "rates of xenon"} <= set(good.stderr.splitlines())
    ended, warned = built("ends"), built("warns")
    assert (ended.returncode, warned.returncode) == (1, 1)
    where = f"hypothesis ends: rates: ends() in {path}, line 12, raised SystemExit: 3"
    assert ended.stderr.splitlines() == ["the file is run", f"nuhist: {where}"]
    assert len(warned.stderr.splitlines()) == 2
    assert "nan at T = " in warned.stderr


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with a hypothesis, a family, an experiment, and one that does not work."""
    site = tmp_path / "site"
    info = site / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    more = POWER.replace("TERMS", "{2: 1e-22 * moment(energy)}")
    folder = site / "their_xenon"
    folder.mkdir()
    bundled = Path(nuhist.__file__).parent / "experiments" / "cr51_xenon" / "experiment.yaml"
    efficiency = bundled.parents[1] / "xenonnt_sr0" / "er_efficiency.csv"
    (folder / "er_efficiency.csv").write_bytes(efficiency.read_bytes())
    text = (
        bundled.read_text(encoding="utf-8")
        .replace("../xenonnt_sr0/", "")
        .replace("name: cr51_xenon", "name: their_xenon")
    )
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    where = f"class Xenon:\n    name = 'their_xenon'\n    folder = {str(folder)!r}\n"
    (site / "theirs.py").write_text(FILE + more + where, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[nuhist.hypotheses]\nmine = theirs:mine\nmy-boson = theirs:boson\nthree = theirs:number\n"
        "[nuhist.experiments]\ntheir_xenon = theirs:Xenon\n"
    )
    monkeypatch.syspath_prepend(site)
    for each in (outside, experiments_outside):
        each.of_packages.cache_clear()
    yield
    sys.modules.pop("theirs", None)
    monkeypatch.undo()
    for each in (outside, experiments_outside):
        each.of_packages.cache_clear()


@pytest.mark.usefixtures("installed")
def test_another_package() -> None:
    workspace = nuhist.build("their_xenon", hypothesis="mine", flavor="e")
    assert nuhist.limit(workspace).upper is not None
    assert get_hypothesis("my-boson:mass=10keV").title == "boson of mine, mass 10 keV"
    found = find_parameter("g2_mymu_scaled_mass10keV")
    assert found is not None
    assert found[0].name == "my-boson:mass=10keV"
    listed = run("hypotheses").output
    assert "my-boson:mass=10keV" in listed
    assert "their_xenon" in run("experiments").output
    with pytest.raises(NuhistError, match="the hypothesis 'three' of theirs:number is broken"):
        get_hypothesis("three")
    assert np.isfinite(nuhist.spectrum("their_xenon", hypothesis="mine", coupling=1e-11).added).all()


def test_a_file_imports_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("TITLE = 'beside'\n", "utf-8")
    (tmp_path / "own.py").write_text(
        "import neighbour_of_mine\nfrom nuhist.physics.hypotheses import HYPOTHESES\n"
        "from dataclasses import replace\n"
        "mine = replace(HYPOTHESES['magnetic-moment'], name='mine', title=neighbour_of_mine.TITLE)\n",
        "utf-8",
    )
    before = list(sys.path)
    assert get_hypothesis(f"{tmp_path / 'own.py'}:mine").title == "beside"
    assert sys.path == before
