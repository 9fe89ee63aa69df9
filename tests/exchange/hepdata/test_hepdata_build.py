"""A submission as HEPData and its readers see it: hepdata-validator, YAML, stock pyhf."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq

from nuhist import limit, load, load_experiment
from nuhist.exchange.hepdata.names import model_names
from nuhist.exchange.hepdata.submission import build_submission
from nuhist.exchange.hepdata.tables import efficiency_curve
from nuhist.histfactory.workspace import load_workspace
from nuhist.inference.spectrum import fitted_spectrum
from tests.exchange.hepdata.conftest import Run
from tests.exchange.hepdata.submissions import (
    FOREIGN,
    FOREIGN_CHANNEL,
    column,
    documents,
    extract,
    numbers,
    table,
)

EXPERIMENTS = Path(str(files("nuhist") / "experiments"))


def hepdata_messages(**where: str) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves files open
        warnings.simplefilter("ignore", DeprecationWarning)  # it uses old names of jsonschema
        from hepdata_validator.full_submission_validator import FullSubmissionValidator

        validator = FullSubmissionValidator(autoload_remote_schemas=False)
        valid = validator.validate(**where)
    assert valid == (not validator.get_messages())
    return {file: [entry.message for entry in found] for file, found in validator.get_messages().items()}


def rows(readme: str, method: str) -> dict[str, list[str]]:
    """Cells of the README's table of results by model."""
    lines = [line.strip("|").split("|") for line in readme.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {line[0]: line for line in cells if len(line) == 12 and line[3] == method}


# --- what HEPData asks for


def test_hepdata_validator_accepts_folder_and_archive(single: Path, several: tuple[Path, str]) -> None:
    for folder in (single, several[0]):
        assert hepdata_messages(directory=str(folder)) == {}
        assert hepdata_messages(archive=f"{folder}.tar.gz") == {}


def test_the_first_document_has_the_likelihoods(several: tuple[Path, str]) -> None:
    first = documents(several[0])[0]
    resource = first["additional_resources"][0]
    assert resource["type"] == "HistFactory"
    assert resource["license"]["name"] == "CC0"
    assert "/publicdomain/zero/1.0" in resource["license"]["url"]
    assert (several[0] / resource["location"]).is_file()
    assert "pyhf" in resource["description"]
    # LZ's data have a HEPData record of their own.
    links = [entry["location"] for entry in first["additional_resources"]]
    assert "https://www.hepdata.net/record/ins2107834" in links


def test_tables_have_what_the_schema_leaves_open(several: tuple[Path, str]) -> None:
    tables = documents(several[0])[1:]
    assert [entry["name"] for entry in tables] == [
        "Spectrum moment", "Spectrum charge", "Spectrum grid", "Spectrum foreign",
        "Efficiency lz_ws2022 none",
        "Profile likelihood moment", "Profile likelihood charge", "Profile likelihood grid",
        "Profile likelihood foreign",
        "Limits mu_nu", "Limits q_nu", "Limits mu",
    ]  # fmt: skip
    for entry in tables:
        keywords = {item["name"]: item["values"] for item in entry["keywords"]}
        foreign = entry["name"] in {"Spectrum foreign", "Profile likelihood foreign", "Limits mu"}
        assert keywords["observables"]
        assert keywords.get("reactions") == (None if foreign else ["NU E- --> NU E-"])
        assert "cmenergies" not in keywords
        assert "Example" not in entry["location"] + entry["description"]  # hepdata_lib's defaults
        assert entry["data_license"]["name"] == "CC0"


def test_files_of_the_archive(single: Path, several: tuple[Path, str], tmp_path: Path) -> None:
    one = extract(single / "likelihoods.tar.gz", tmp_path / "one")
    assert {path.name for path in one.iterdir()} == {
        "BkgOnly.json", "BkgOnly.meta.json", "patchset.json", "moment.json", "moment.meta.json",
        "expected_results.json", "README.md",
    }  # fmt: skip
    many = extract(several[0] / "likelihoods.tar.gz", tmp_path / "many")
    assert {path.name for path in many.iterdir()} == {
        "moment.json", "moment.meta.json", "moment.BkgOnly.json", "moment.BkgOnly.meta.json",
        "moment.patchset.json", "charge.json", "charge.meta.json", "charge.BkgOnly.json",
        "charge.BkgOnly.meta.json", "charge.patchset.json", "grid.BkgOnly.json", "grid.BkgOnly.meta.json",
        "grid.patchset.json", "foreign.json", "expected_results.json", "README.md",
    }  # fmt: skip


def test_workspaces_come_back_as_they_were(single: Path, inputs: Path, unpacked_single: Path) -> None:
    for name in ("moment.json", "moment.meta.json"):
        assert (unpacked_single / name).read_bytes() == (inputs / name).read_bytes()


# --- what a reader does: stock pyhf, nothing of nuhist


class Reader:
    """A workspace in stock pyhf, with fits from several starts."""

    def __init__(self, file: Path) -> None:
        workspace = pyhf.Workspace(json.loads(file.read_text(encoding="utf-8")))
        self.model = workspace.model()
        self.data = workspace.data(self.model)
        self.low, self.high = self.model.config.suggested_bounds()[self.model.config.poi_index]

    def held(self, value: float) -> float:
        fit = pyhf.infer.mle.fixed_poi_fit(
            value, self.data, self.model, return_fitted_val=True, tolerance=1e-10
        )
        return float(fit[1])

    def lowest(self) -> tuple[float, float]:
        """Parameter of interest and 2NLL at the global minimum."""
        found = []
        for start in (self.low / 20, 0.0, self.high / 200, self.high / 20):
            initial = list(self.model.config.suggested_init())
            initial[self.model.config.poi_index] = start
            fit = pyhf.infer.mle.fit(
                self.data, self.model, init_pars=initial, return_fitted_val=True, tolerance=1e-10
            )
            found.append((float(fit[0][self.model.config.poi_index]), float(fit[1])))
        return min(found, key=lambda entry: entry[1])

    def end(self, outside: float) -> float:
        """Where 2NLL is 2.7055 above its minimum (90 % of χ² with one degree of freedom)."""
        best, lowest = self.lowest()
        found: float = brentq(lambda value: self.held(value) - lowest - 2.7055, best, outside, rtol=1e-6)
        return found


def test_stock_pyhf_gets_the_readmes_limit(unpacked_single: Path) -> None:
    readme = (unpacked_single / "README.md").read_text(encoding="utf-8")
    cells = rows(readme, "profile")["moment"]
    assert cells[1:5] == ["mu_nu", "mu_B", "profile", "90 %"]
    assert "mu_nu_squared = (mu_nu / 1e-11 mu_B)^2" in readme
    reader = Reader(unpacked_single / "moment.json")
    value = reader.end(10.0)
    # The README's limit is known to 1e-4, its fits to far less.
    assert float(cells[6]) == pytest.approx(1e-11 * np.sqrt(value), rel=1e-3)
    assert float(cells[9]) == pytest.approx(value, rel=1e-3)
    best, lowest = reader.lowest()
    assert float(cells[7]) == pytest.approx(1e-11 * np.sqrt(best), rel=1e-2)  # 2NLL is flat there
    assert f"constants included: {lowest:.3f}" in readme
    # Saturated: each Poisson term at its data, each constraint at its auxiliary datum.
    counts = np.array(reader.data[: reader.model.config.nmaindata])
    constraints = len(reader.model.config.auxdata)
    poisson = -2 * sum(pyhf.tensorlib.poisson_logpdf(count, max(count, 1e-300)) for count in counts)
    saturated = float(poisson) + constraints * np.log(2 * np.pi)
    assert float(cells[11]) == pytest.approx(lowest - saturated, abs=1e-3)


def test_stock_pyhf_gets_the_readmes_interval_of_a_signed_coupling(
    several: tuple[Path, str], tmp_path: Path
) -> None:
    folder = extract(several[0] / "likelihoods.tar.gz", tmp_path / "x")
    cells = rows((folder / "README.md").read_text(encoding="utf-8"), "profile")["charge"]
    reader = Reader(folder / "charge.json")
    for position, outside in ((5, reader.low), (6, reader.high)):
        # q_nu = (q / 1e-13 e_0) / 1e4
        assert float(cells[position]) == pytest.approx(1e-9 * reader.end(outside), rel=1e-3)


def test_stock_pyhf_gets_the_readmes_cls_limit(unpacked_single: Path) -> None:
    cells = rows((unpacked_single / "README.md").read_text(encoding="utf-8"), "cls")["moment"]
    reader = Reader(unpacked_single / "moment.json")
    found = pyhf.infer.hypotest(float(cells[9]), reader.data, reader.model, test_stat="qtilde")
    assert float(found) == pytest.approx(0.10, rel=5e-3)


def test_the_patchset_is_pyhfs(unpacked_single: Path) -> None:
    background = pyhf.Workspace(json.loads((unpacked_single / "BkgOnly.json").read_text(encoding="utf-8")))
    patchset = pyhf.PatchSet(json.loads((unpacked_single / "patchset.json").read_text(encoding="utf-8")))
    patchset.verify(background)
    assert len(patchset) > 8
    assert patchset.references == {"hepdata": "ins0000000"}  # that there is none yet
    model = patchset.apply(background, "mu_nu_1").model()
    full = Reader(unpacked_single / "moment.json")
    assert model.config.poi_name == "mu"
    at_point = pyhf.infer.mle.fixed_poi_fit(
        1.0, background.data(model), model, return_fitted_val=True, tolerance=1e-10
    )
    assert float(at_point[1]) == pytest.approx(full.held(1.0), abs=1e-5)  # (1e-11 / 1e-11)²


def programs(readme: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", readme, re.DOTALL)


def printed(program: str, folder: Path) -> list[float]:
    """Numbers that a program prints in a Python that has no nuhist."""
    blocked = f"import sys\nsys.modules['nuhist'] = None\n{program}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", blocked], cwd=folder, capture_output=True, text=True, check=True
    )
    return [float(line.split()[-1]) for line in done.stdout.splitlines()]


def test_the_readmes_programs_print_its_numbers(several: tuple[Path, str], tmp_path: Path) -> None:
    folder = extract(several[0] / "likelihoods.tar.gz", tmp_path / "x")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for_workspace, for_grid = programs(readme)
    results = rows(readme, "profile")
    assert printed(for_workspace, folder) == pytest.approx([float(results["moment"][9])], rel=1e-3)
    assert "- profile: interpolated" in readme
    ends = [float(cell) for cell in results["grid"][8:10]]
    assert ends[0] < 0 < ends[1]
    assert printed(for_grid, folder) == pytest.approx(ends, rel=1e-3)


def test_the_readme_says_what_a_reader_needs(unpacked_single: Path) -> None:
    readme = (unpacked_single / "README.md").read_text(encoding="utf-8")
    for text in (
        "neutrino magnetic moment; all flavours have the same coupling",
        "51 bins, 0 to 17 keV",
        "335 counts observed",
        "exposure 0.908 t yr",
        "arXiv:2207.03764",
        "| solar_nu_flux | normsys | all solar fluxes, 7 % as in arXiv:2207.05036 | standard deviations |",
        f"| pyhf | {pyhf.__version__} |",
        f"| numpy | {np.__version__} |",
        "pyhf patchset verify BkgOnly.json patchset.json",
        "CC0",
    ):
        assert text in readme
    digest = pyhf.utils.digest(json.loads((unpacked_single / "moment.json").read_text(encoding="utf-8")))
    assert digest in readme


# --- the tables' numbers


def test_spectrum(single: Path, inputs: Path) -> None:
    content = table(single, "Spectrum moment")
    workspace = load_workspace(inputs / "moment.json")
    observed = numbers(column(content, "Observed"))
    assert observed == workspace.spec["observations"][0]["data"]
    energy = column(content, "Reconstructed energy")
    assert energy["header"]["units"] == "keV"
    assert (energy["values"][0]["low"], energy["values"][-1]["high"]) == (0, 17)
    fitted = fitted_spectrum(workspace)
    total = column(content, "Fitted, total")
    assert numbers(total) == pytest.approx(fitted.total, rel=1e-7)
    errors = [entry["errors"][0] for entry in total["values"]]
    assert [entry["symerror"] for entry in errors] == pytest.approx(fitted.uncertainty, rel=1e-7)
    parts = [numbers(entry) for entry in content["dependent_variables"][2:]]
    assert len(parts) == 3  # neutrinos, magnetic moment, background
    assert np.sum(parts, axis=0) == pytest.approx(numbers(total), rel=1e-6)
    qualifiers = {entry["name"]: entry for entry in total["qualifiers"]}
    assert qualifiers["Exposure"] == {
        "name": "Exposure",
        "value": pytest.approx(0.908, abs=1e-3),
        "units": "t yr",
    }
    assert qualifiers["Experiment"]["value"] == "lz_ws2022"


def test_errors_of_observed_events(single: Path) -> None:
    # 68.27 % central intervals of Poisson means, as printed in the Review of Particle Physics and in
    # Gehrels, Astrophys. J. 303 (1986) 336, Tables 1 and 2 (84.13 % one-sided limits).
    upper = {0: 1.841, 1: 3.300, 2: 4.638, 3: 5.918, 4: 7.163, 10: 14.267}
    lower = {0: 0.0, 1: 0.173, 2: 0.708, 3: 1.367, 4: 2.086, 10: 6.891}
    seen = set()
    for entry in column(table(single, "Spectrum moment"), "Observed")["values"]:
        count = int(entry["value"])
        if count in upper:
            error = entry["errors"][0]["asymerror"]
            assert count + error["plus"] == pytest.approx(upper[count], abs=1e-3)
            assert count + error["minus"] == pytest.approx(lower[count], abs=1e-3)
            seen.add(count)
    assert len(seen) >= 3


def test_large_counts_are_not_rounded(several: tuple[Path, str]) -> None:
    # hepdata_lib keeps five digits unless told otherwise.
    assert numbers(column(table(several[0], "Spectrum foreign"), "Observed")) == [1234567, 0, 0]


def test_efficiency_is_the_published_one_where_nothing_is_smeared(single: Path) -> None:
    with (EXPERIMENTS / "lz_ws2022" / "er_efficiency.csv").open(encoding="utf-8") as stream:
        lines = [line for line in stream if not line.startswith("#")]
    published = list(csv.DictReader(lines))
    energies = [float(entry["T_keV"]) for entry in published]
    values = [float(entry["A_accER"]) for entry in published]
    content = table(single, "Efficiency lz_ws2022 none")
    at = numbers(column(content, "True recoil energy"))
    assert at[:2] == pytest.approx([0.05, 0.15])
    expected = np.interp(at, energies, values, left=0.0, right=0.0)
    assert numbers(column(content, "Efficiency")) == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-12)


def test_efficiency_of_a_matrix_is_the_sum_of_its_row() -> None:
    with (EXPERIMENTS / "lz_ws2022" / "er_response.csv").open(encoding="utf-8") as stream:
        lines = [line for line in stream if not line.startswith("#")]
    expected = {}
    for entry in csv.DictReader(lines):
        energy = float(entry.pop("E_true_keV"))
        expected[round(energy, 3)] = sum(float(value) for value in entry.values())
    energies, values = efficiency_curve(load_experiment("lz_ws2022"), "matrix")
    compared = 0
    for energy, value in zip(energies.tolist(), values.tolist(), strict=True):
        # Rows hold for 0.05 keV either way: a point between two rows belongs to one of them.
        near = [expected[key] for key in expected if abs(key - energy) < 0.0501]
        if near:
            assert any(value == pytest.approx(entry, rel=1e-9) for entry in near)
            compared += 1
    assert compared > 150


def test_curve_and_limits(several: tuple[Path, str], inputs: Path) -> None:
    folder, _ = several
    for name, key, file in (("moment", "mu_nu", "moment.json"), ("charge", "q_nu", "charge.json")):
        curve = table(folder, f"Profile likelihood {name}")
        couplings, heights = numbers(column(curve, key)), numbers(column(curve, "Delta chi2"))
        result = limit(load(inputs / file))
        # Straight lines between 31 points of a parabola to 9: off by (0.1 σ)² at most.
        assert np.interp(result.upper or 0, couplings, heights) == pytest.approx(2.7055, abs=0.05)
        limits = table(folder, f"Limits {key}")
        upper = column(limits, "Upper end")
        assert upper["header"]["units"] == result.unit
        assert numbers(upper)[0] == pytest.approx(result.upper, rel=1e-7)
    content = table(folder, "Limits q_nu")
    assert numbers(column(content, "Model")) == ["charge", "grid"]
    assert numbers(column(content, "Method")) == ["profile", "profile"]
    assert all(value < 0 for value in numbers(column(content, "Lower end")))
    content = table(folder, "Limits mu_nu")
    assert numbers(column(content, "Method")) == ["profile", "cls"]
    assert numbers(column(content, "Lower end")) == ["-", "-"]  # one-sided


# --- models from elsewhere, names, options


def test_a_foreign_workspace_without_a_sidecar(several: tuple[Path, str], tmp_path: Path) -> None:
    folder, messages = several
    assert "note: foreign: no patchset: there is no sidecar" in messages
    assert "note: charge: no CLs limit" in messages
    content = table(folder, "Spectrum foreign")
    assert numbers(column(content, "Bin")) == [1, 2, 3]
    readme = (extract(folder / "likelihoods.tar.gz", tmp_path / "x") / "README.md").read_text(
        encoding="utf-8"
    )
    assert "no patchset: there is no sidecar that says what its parameter of interest means" in readme
    assert "Likelihoods" in readme


def test_a_foreign_workspace_alone_is_described_by_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(FOREIGN), encoding="utf-8")
    build_submission({"foreign": load(path)}, tmp_path / "made", data_license="CC0-1.0")
    head = documents(tmp_path / "made")[0]
    assert head["comment"].startswith("Statistical models in the HistFactory format, with what follows")
    (resource,) = (entry for entry in head["additional_resources"] if entry.get("type") == "HistFactory")
    assert "files with full workspaces, and a README" in resource["description"]
    readme = (extract(tmp_path / "made" / "likelihoods.tar.gz", tmp_path / "x") / "README.md").read_text(
        encoding="utf-8"
    )
    for word in ("electron recoil", "meta.json", "sidecar with", "| unit | fitted", "keV"):
        assert word not in readme, word


def test_special_characters_survive(several: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = several
    content = table(folder, "Spectrum foreign")
    qualifiers = {entry["name"]: entry["value"] for entry in column(content, "Observed")["qualifiers"]}
    assert qualifiers["Channel"] == FOREIGN_CHANNEL
    assert column(content, "Fitted, - bkg: <i>")
    description = next(entry for entry in documents(folder) if entry.get("name") == "Spectrum foreign")[
        "description"
    ]
    # HEPData reads descriptions as HTML, in which this is the text itself.
    assert description.startswith('SR &lt;b&gt;1&lt;/b&gt; &amp; "x: y" #2 | {a}: events')
    readme = (extract(folder / "likelihoods.tar.gz", tmp_path / "x") / "README.md").read_text(
        encoding="utf-8"
    )
    assert r'Channel SR \<b>1\</b> \& "x: y" #2 \| {a}' in readme
    assert "| norm: {a} | normsys |" in readme


def test_names_of_models() -> None:
    titles = ["lz", "LZ", "lz", "BkgOnly", "readme", "../../etc", "", "μ ν", "a.meta", "x" * 100]
    names = model_names(titles)
    assert names == [
        "lz", "LZ_2", "lz_3", "BkgOnly_2", "readme_2", "etc", "model", "model_2", "a_meta", "x" * 40,
    ]  # fmt: skip


def test_options(run: Run, small: Path, tmp_path: Path) -> None:
    abstract = tmp_path / "abstract.txt"
    abstract.write_text("Limits on μ_ν:\n a < b & c, 5 % of 'x'\n", encoding="utf-8")
    folder = tmp_path / "a" / "b"  # made on the way
    arguments = ("--inspire-id", "923960", "--abstract", abstract, "--cl", "0.95")
    result = run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", folder, *arguments)
    assert result.exit_code == 0, result.output
    first = documents(folder)[0]
    assert first["record_ids"] == [{"type": "inspire", "id": 923960}]
    assert first["comment"] == "Limits on μ_ν:\n a &lt; b &amp; c, 5 % of 'x'"
    inside = extract(folder / "likelihoods.tar.gz", tmp_path / "x")
    patchset = json.loads((inside / "patchset.json").read_text(encoding="utf-8"))
    assert patchset["metadata"]["references"] == {"hepdata": "ins0923960"}  # seven digits, as pyhf wants
    readme = (inside / "README.md").read_text(encoding="utf-8")
    assert rows(readme, "profile")["small"][4] == "95 %"
    assert "threshold 3.8415" in readme  # χ² quantile


def test_a_workspace_without_a_parameter_of_interest(run: Run, small: Path, tmp_path: Path) -> None:
    spec = json.loads(small.read_text(encoding="utf-8"))
    spec["measurements"][0]["config"]["poi"] = ""
    (tmp_path / "alone.json").write_text(json.dumps(spec), encoding="utf-8")
    result = run(
        "hepdata", "build", "--data-license", "CC0-1.0", tmp_path / "alone.json", "-o", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    assert "no parameter of interest" in result.stderr
    assert [entry.get("name") for entry in documents(tmp_path / "out")] == [None, "Spectrum alone"]
    assert run("hepdata", "validate", tmp_path / "out").exit_code == 0


def test_the_same_input_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name / "submission"
        build_submission(
            {"small": load(small)}, folder, data_license="CC0-1.0", command="nuhist hepdata build small.json"
        )
        made.append((folder / "likelihoods.tar.gz").read_bytes())
        readme = extract(folder / "likelihoods.tar.gz", tmp_path / name / "x") / "README.md"
        assert "nuhist hepdata build small.json" in readme.read_text(encoding="utf-8")
        made.append(Path(f"{folder}.tar.gz").read_bytes())
    assert made[:2] == made[2:]


# --- whole or not at all


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_what_is_there_is_not_overwritten(run: Run, small: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "beside.tar.gz").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    before = contents(tmp_path)
    for target in ("full", "beside", "small.json", "link"):
        result = run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / target)
        assert result.exit_code == 1
        assert "is there already" in result.stderr
    assert contents(tmp_path) == before


def test_an_empty_folder_is_taken(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (
        run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / "empty").exit_code == 0
    )
    assert hepdata_messages(directory=str(tmp_path / "empty")) == {}
    again = run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / "empty")
    assert again.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small.json", "small.json"], "are the same model"),
        (["small.json", "--inspire-id", "0"], "INSPIRE record 0"),
        (["small.json", "--inspire-id", "12345678"], "up to 7 digits"),
        (["small.json", "--cl", "90"], "confidence level 90"),
        (["small.json", "--abstract", "nothing.txt"], "nothing.txt: cannot be read"),
        (["nothing.json"], "nothing.json: cannot be read"),
    ],
)
def test_refused_and_nothing_left(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(small.parent)
    before = contents(tmp_path)
    result = run("hepdata", "build", "--data-license", "CC0-1.0", *arguments, "-o", "out")
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert contents(tmp_path) == before


def test_the_working_folder_itself_is_refused(
    run: Run, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("hepdata", "build", "--data-license", "CC0-1.0", inputs / "foreign.json", "-o", ".")
    assert result.exit_code == 1
    assert "name one in it" in result.stderr


def test_a_failure_leaves_nothing(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    from nuhist.exchange.hepdata import submission

    before = contents(tmp_path)
    monkeypatch.setattr(submission, "messages", lambda _folder: ["submission.yaml: is bad"])
    result = run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "is no valid submission: submission.yaml: is bad" in result.stderr
    assert contents(tmp_path) == before
    monkeypatch.undo()
    monkeypatch.setattr(submission, "LARGEST_UPLOAD", 100)
    assert (
        "HEPData takes 50 MB"
        in run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / "out").stderr
    )
    assert contents(tmp_path) == before
    monkeypatch.undo()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(submission, "_move", full)
    assert (
        "No space left on device"
        in run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / "out").stderr
    )
    assert contents(tmp_path) == before


def test_nothing_lands_where_the_command_runs(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # hepdata_lib's create_files would write submission.tar.gz there.
    where = tmp_path / "where"
    where.mkdir()
    monkeypatch.chdir(where)
    assert run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / "out").exit_code == 0
    assert not any(where.iterdir())


@pytest.mark.parametrize("module", ["hepdata_lib", "hepdata_validator.full_submission_validator"])
def test_without_the_extra(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run("hepdata", "build", "--data-license", "CC0-1.0", small, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "pip install 'nuhist[hepdata]'" in result.stderr
    assert not (tmp_path / "out").exists()
