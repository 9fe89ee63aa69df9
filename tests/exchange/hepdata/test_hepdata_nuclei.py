"""A submission of electrons and nuclei: what recoils in each table, by keywords and in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from nuhist import build
from nuhist.exchange.hepdata.scattering import phrases, reactions, scattering_in, scattering_of, sentence
from nuhist.report.citations import citations
from tests.exchange.hepdata.submissions import extract

# HEPData's form of coherent scattering names the nucleus on both sides.
ELECTRONS, XENON = "NU E- --> NU E-", "NU XE --> NU XE"


@pytest.fixture(scope="module")
def folder(run: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of one nuclear and one joint workspace."""
    place = tmp_path_factory.mktemp("nuclei")
    for name, experiments in (("nuclei", []), ("both", ["xenonnt_sr0"])):
        workspace = build(*experiments, "xenonnt_cevns_sr0", hypothesis="magnetic-moment")
        workspace.save(place / f"{name}.json")
    result = run(
        "hepdata", "build", place / "nuclei.json", place / "both.json", "-o", place / "sub",
        "--data-license", "CC-BY-4.0",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return place / "sub"


def test_each_table_says_what_recoils(folder: Path) -> None:
    head, *tables = yaml.safe_load_all((folder / "submission.yaml").read_text(encoding="utf-8"))
    assert head["comment"].startswith("Statistical models of electron and nuclear recoils")
    expected = {
        "Spectrum nuclei": [XENON],
        "Spectrum both xenonnt_sr0": [ELECTRONS],
        "Spectrum both xenonnt_cevns_sr0": [XENON],
        "Efficiency xenonnt_cevns_sr0 monoenergetic": [XENON],
        "Efficiency xenonnt_sr0 gaussian": [ELECTRONS],
        "Profile likelihood nuclei": [XENON],
        "Profile likelihood both": [ELECTRONS, XENON],
        "Limits mu_nu": [ELECTRONS, XENON],
    }
    found: dict[str, list[str]] = {}
    for table in tables:
        keywords: dict[str, Any] = {entry["name"]: entry["values"] for entry in table["keywords"]}
        found[table["name"]] = sorted(keywords["reactions"])
        recoils = {each for each in keywords["phrases"] if each.endswith("recoils")}
        assert recoils == {
            {ELECTRONS: "electron recoils", XENON: "nuclear recoils"}[each] for each in keywords["reactions"]
        }
    assert found == expected
    efficiency = next(each for each in tables if each["name"].startswith("Efficiency xenonnt_cevns"))
    text = " ".join(efficiency["description"].split())
    assert "a nuclear recoil of a true energy is observed in one of the 81 bins of cS2" in text
    assert "keV (response" not in text


def test_the_readme_says_what_recoils(folder: Path, tmp_path: Path) -> None:
    text = (extract(folder / "likelihoods.tar.gz", tmp_path / "all") / "README.md").read_text(
        encoding="utf-8"
    )
    nuclei, both = (line for line in text.splitlines() if line.startswith("- physics:"))
    assert "solar neutrinos scatter coherently on the nuclei of xenon;" in nuclei
    assert "2207.05036" not in nuclei
    assert "on the electrons of xenon and coherently on the nuclei of xenon;" in both
    assert "of electrons as in arXiv:2207.05036" in both
    # Shells and RRPA are no source of a nuclear channel.
    part = text[text.index("## nuclei") : text.index("## both")]
    assert "Electrons above each energy" not in part
    assert "form factor: Helm's" in part


def test_other_sources_and_targets() -> None:
    germanium = {"neutrino_source": "sun", "target": "germanium", "process": "nucleus"}
    assert reactions(scattering_in([germanium])) == ["NU GE --> NU GE"]
    assert phrases(scattering_of(["gemma_like"])) == ["reactor neutrinos", "electron recoils"]
    gone = {"neutrino_source": "table:file=gone.csv", "target": "mine", "process": "nucleus"}
    assert reactions(scattering_in([gone])) == []
    assert sentence(scattering_in([gone])) == "neutrinos scatter coherently on the nuclei of mine"
    assert reactions(scattering_of(["xenonnt_cevns", "lz_ws2022"])) == [XENON, ELECTRONS]
    assert scattering_of(["lz_ws2022", "somebody's"]) == []


def test_the_paper_on_electrons_is_not_cited_for_nuclei() -> None:
    nuclei = build("xenonnt_cevns_sr0", hypothesis="nsi-up")
    assert "2207.05036" not in citations([nuclei])
    assert "2604.06002" in citations([nuclei])
    assert "2207.05036" in citations([build("xenonnt_sr0", hypothesis="light-scalar:mass=1keV")])


def test_a_small_parameter_in_stock_pyhf(run: Callable[..., Result], tmp_path: Path) -> None:
    # SciPy's minimum was 0.34 above, and CLs 0.16 for 0.10 so that a good submission was not valid.
    path = tmp_path / "vector.json"
    build("xenonnt_cevns", hypothesis="light-vector:mass=50MeV").save(path)
    licence = ("--data-license", "CC-BY-4.0")
    assert run("hepdata", "build", path, *licence, "-o", tmp_path / "sub").exit_code == 0
    archive = tmp_path / "sub" / "likelihoods.tar.gz"
    readme = (extract(archive, tmp_path / "archive") / "README.md").read_text(encoding="utf-8")
    assert "pyhf fit --value --optimizer minuit vector.json" in readme
    result = run("hepdata", "validate", tmp_path / "sub")
    assert result.exit_code == 0, result.output
    assert "stock pyhf, CLs: CLs is 0.099" in result.output or "CLs is 0.100" in result.output
