"""``nuhist plot``: a picture and its numbers, or one line that says why not."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nuhist import build
from nuhist.cli.main import main
from nuhist.files import to_json
from nuhist.report.figure_table import FIGURES
from tests.planes import forecast, plane


def run(*arguments: object) -> Result:
    """``nuhist ARGUMENTS`` in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``moment.json``, ``charge.json`` and ``plane.json``."""
    folder = tmp_path_factory.mktemp("models")
    for name, hypothesis in (("moment", "magnetic-moment"), ("charge", "millicharge-fea")):
        build("lz_ws2022", hypothesis=hypothesis, background="paper").save(folder / f"{name}.json")
    (folder / "plane.json").write_text(to_json(plane().to_json()), encoding="utf-8")
    (folder / "forecast.json").write_text(to_json(forecast().to_json()), encoding="utf-8")
    return folder


def test_results_that_cannot_be_drawn(saved: Path, tmp_path: Path) -> None:
    def refused(*arguments: object) -> str:
        result = run("plot", "exclusion", *arguments, "-o", tmp_path / "x.png")
        assert result.exit_code in {1, 2}
        (line,) = result.stderr.splitlines()
        return line

    good = saved / "plane.json"
    one = tmp_path / "one.json"
    one.write_text(to_json(plane((400,), (100,)).to_json()), encoding="utf-8")
    assert "no contour: there is one point; there is nothing to draw" in refused(one)
    line = tmp_path / "line.json"
    line.write_text(to_json(plane(light=(100,)).to_json()), encoding="utf-8")
    assert "results in different labels: heavy, light and heavy" in refused(good, line)
    assert "draw it with nuhist plot sensitivity" in refused(saved / "forecast.json")
    assert "is no result of nuhist exclusion" in refused(saved / "moment.json")
    assert "no palette called 'grey'" in refused(good, "--palette", "grey")
    assert "--label: 1 for 2 results" in refused(good, good, "--label", "a")
    curve = tmp_path / "curve.csv"
    curve.write_text("x\n1\n2\n")
    assert "a published curve has two columns" in refused(good, "--published", curve)
    spoiled = plane().to_json()
    spoiled["points"][3]["cls_expected"] = [0.1]
    one.write_text(to_json(spoiled), encoding="utf-8")
    assert "points[3].cls_expected" in refused(one)
    assert (
        "names the two parameters of a contour"
        in run(
            "plot",
            "contour",
            saved / "moment.json",
            "--parameters",
            "mu_nu_squared",
            "-o",
            tmp_path / "x.png",
        ).stderr
    )


def joined(entries: list[dict[str, list[float]]], key: str) -> list[float]:
    """Lists of several entries, one after the other."""
    return [value for entry in entries for value in entry[key]]


# Arguments of each kind, where these are not a model alone.
ARGUMENTS = {
    "spectrum": ("{moment}", "--prefit"),
    "response": ("xenonnt_sr0",),
    "efficiency": ("xenonnt_sr0", "lz_ws2022"),
    "flux": (),
    "cross-section": ("--coupling", "magnetic-moment=2e-11,millicharge-fea=-1e-13", "--flavor", "e"),
    "contour": ("{moment}", "--parameters", "mu_nu_squared,lz_ws2022_background_norm", "--levels", "0.5"),
    "exclusion": ("{plane}", "--limits"),
    "sensitivity": ("{forecast}",),
    "world-limits": ("{moment}", "--label", "LZ, ours"),
}
# A column of the CSV, and where its numbers are in the JSON.
COLUMNS: dict[str, tuple[str, Any]] = {
    "scan": ("delta_chi2", lambda numbers: numbers["curves"][0]["delta_chi2"]),
    "cls": ("expected +1", lambda numbers: numbers["expected"]["+1"]),
    "pulls": ("pull", lambda numbers: [entry["pull"] for entry in numbers["pulls"]]),
    "ranking": ("impact_up", lambda numbers: [entry["impact_up"] for entry in numbers["impacts"]]),
    "correlations": ("mu_nu_squared", lambda numbers: numbers["correlations"][0]),
    "response": ("1-1.5 keV", lambda numbers: numbers["probability"][0]),
    "efficiency": ("efficiency", lambda numbers: joined(numbers["experiments"], "efficiency")),
    "flux": ("energy_keV", lambda numbers: joined(numbers["components"], "energies")),
    "cross-section": ("millicharge-fea cm2/keV", lambda numbers: numbers["curves"][2]["values"]),
    "contour": ("mu_nu/mu_B", lambda numbers: [x for x, _ in numbers["levels"][0]["lines"][0]]),
    "exclusion": (
        "cls_observed",
        lambda numbers: [each["cls_observed"] for each in numbers["results"][0]["points"]],
    ),
    "sensitivity": ("significance", lambda numbers: [each["significance"] for each in numbers["points"]]),
    "world-limits": ("upper", lambda numbers: [entry["upper"] for entry in numbers["limits"]]),
}


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize("kind", [each.name for each in FIGURES])
def test_each_kind(saved: Path, tmp_path: Path, kind: str) -> None:
    arguments = [
        argument.format(
            moment=saved / "moment.json", plane=saved / "plane.json", forecast=saved / "forecast.json"
        )
        for argument in ARGUMENTS.get(kind, ("{moment}",))
    ]
    picture, numbers = tmp_path / "figure.svg", tmp_path / "numbers.csv"
    result = run("plot", kind, *arguments, "-o", picture, "--numbers", numbers, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"{picture}: drawn; its numbers: {numbers}\n"
    assert "</svg>" in picture.read_text(encoding="utf-8")
    printed = json.loads(result.stdout)
    with numbers.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if kind == "spectrum":
        found = [float(row["events"]) for row in rows if row["component"] == "expected"]
        assert found == printed["total"]
        return
    name, where = COLUMNS[kind]
    assert [float(row[name]) for row in rows] == where(printed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.svg", "numbers.csv"]


@pytest.mark.thorough
def test_numbers_go_beside_the_picture(tmp_path: Path) -> None:
    result = run("plot", "flux", "-o", tmp_path / "flux.pdf")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert (tmp_path / "flux.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((tmp_path / "flux.numbers.json").read_text(encoding="utf-8"))["components"]


@pytest.mark.thorough
def test_couplings_and_their_effect(tmp_path: Path) -> None:
    printed = [
        json.loads(run("plot", "cross-section", *options, "-o", tmp_path / "x.png", "--json").stdout)
        for options in ((), ("--coupling", "magnetic-moment=2e-11", "--neutrino-energy", "300"))
    ]
    assert [entry["curves"][1]["value"] for entry in printed] == [1e-11, 2e-11]
    assert [entry["neutrino_energy"] for entry in printed] == [None, 300.0]


@pytest.mark.thorough
def test_a_style(tmp_path: Path) -> None:
    for name in ("plain", "atlas"):
        assert run("plot", "flux", "--style", name, "-o", tmp_path / f"{name}.png").exit_code == 0
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "atlas.png").read_bytes()


NO_FORMAT = "{here}/x.docx: no picture format 'docx'; use one of eps, jpg, pdf, png, "
NO_FOLDER = "{here}/none/x.png: cannot be written: No such file or directory"
NO_NUMBERS = "{here}/x.txt: numbers are written as .csv or .json; name such a file"
SIGNED = "{charge}: CLs is an upper limit, and q_nu_scaled is signed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("flux -o {here}/x.docx", NO_FORMAT),
        ("flux -o {here}/none/x.png", NO_FOLDER),
        ("flux --numbers {here}/x.txt", NO_NUMBERS),
        ("flux --numbers {here}/none/x.csv", "{here}/none/x.csv: cannot be written"),
        ("flux --style belle", "no style called 'belle'"),
        ("response lz", "no experiment called 'lz'"),
        ("response xenonnt_cevns", "xenonnt_cevns: is a set of experiments, xenonnt_cevns_sr0, "),
        ("response xenonnt_sr0 --response matrix", "xenonnt_sr0 has no response matrix"),
        ("efficiency lz_ws2022 --response x", "no response called 'x'"),
        ("cls {charge}", SIGNED),
        ("cls {moment} --cl 2", "confidence level 2: must lie between 0 and 1"),
        ("spectrum {moment} --channel x", "{moment}: no channel 'x'; it has lz_ws2022"),
        ("ranking {here}/none.json", "{here}/none.json: cannot be read"),
        ("cross-section --coupling x=1", "no hypothesis called 'x'"),
        ("cross-section --coupling magnetic-moment=much", "magnetic-moment=much: 'much' is no number"),
        ("cross-section --atomic x", "no atomic response called 'x'"),
        ("world-limits {moment} --method x", "no method called 'x'"),
        ("world-limits --label a", "1 labels for 0 workspaces"),
    ],
)
def test_bad_input(saved: Path, tmp_path: Path, arguments: str, message: str) -> None:
    places = {"here": tmp_path, "moment": saved / "moment.json", "charge": saved / "charge.json"}
    complete = arguments if " -o " in arguments else f"{arguments} -o {{here}}/x.png"
    result = run("plot", *(argument.format(**places) for argument in complete.split()))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"nuhist: {message.format(**places)}")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
