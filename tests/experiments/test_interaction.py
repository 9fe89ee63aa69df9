"""Sources and targets of an experiment of one's own: by tables alone, by other keys, and what is refused."""

from __future__ import annotations

from math import pi
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from nuhist import build, combine, limit, load_experiment, moments, significance, spectrum
from nuhist.cli.main import main
from nuhist.errors import NuhistError

TEXT = """
name: own
title: Silicon at a beam of one's own
sources: [nobody]
source: {{name: table, table: beam.csv, uncertainty: 0.02}}
target: {{table: silicon.yaml}}
exposure: 0.01
binning: {{low: 2.0, high: 12.0, bins: 10}}
response: {{efficiency: {{table: efficiency.csv, energy: T, value: seen}}}}
{more}
default_background: flat
backgrounds:
  flat:
    response: none
    flux: split
    samples: [{{name: flat, events: 100, error: 10, shape: {{flat: true}}}}]
"""
TARGET = (
    "name: silicon\ntitle: silicon\nsources: [a table]\nelement: Si\nshells: [[K, 2, 1.839], [L, 12, 0.1]]\n"
)


def own(folder: Path, text: str = TEXT, *, more: str = "") -> Path:
    """An experiment on which ν_μ of 300 to 400 keV fall, 1e12 per cm² and s."""
    (folder / "experiment.yaml").write_text(text.format(more=more), encoding="utf-8")
    (folder / "beam.csv").write_text("E_keV,nu_mu\n300,1e10\n400,1e10\n", encoding="utf-8")
    (folder / "silicon.yaml").write_text(TARGET, encoding="utf-8")
    (folder / "efficiency.csv").write_text("T,seen\n1,1\n20,1\n", encoding="utf-8")
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_events_by_hand(tmp_path: Path) -> None:
    # A moment of 1e-11 μ_B, 14 electrons above 1.839 keV: ∫∫ (1/T − 1/E) dE dT between T = 2 and 3 keV is
    # 100 ln(3/2) − ln(4/3), times 1e10 per cm² s keV, π α² (ħc)²/m² × 1e-22, N_A, 0.01 t yr.
    found = spectrum(own(tmp_path), hypothesis="magnetic-moment", coupling=1e-11)
    scale = pi / 137.035999**2 * (1.973269804e-8 / 510.99895) ** 2 * 1e-22
    atoms = 6.02214076e29 / 28.085 * 0.01 * 365.25 * 86400
    expected = 1e10 * (100 * np.log(3 / 2) - np.log(4 / 3)) * scale * 14 * atoms
    assert found.added[0] == pytest.approx(expected, rel=1e-4)  # silicon's weight
    assert (found.standard_model > 0).all()


def test_a_workspace_from_tables_alone(tmp_path: Path) -> None:
    workspace = build(own(tmp_path), hypothesis="magnetic-moment", flavor="mu")
    described = workspace.sidecar["channels"]["own"]  # type: ignore[index]
    assert described["neutrino_source"] == "table:table=beam.csv,uncertainty=0.02"
    assert (described["target"], described["process"]) == ("silicon", "electron")
    assert "beam_flux" in workspace.sidecar["parameters"]  # type: ignore[index]
    assert limit(workspace).upper is not None
    found = run("experiments", tmp_path)
    assert "table:table=beam.csv,uncertainty=0.02" in found.output
    assert "electron scattering on silicon" in found.output


def test_another_source_from_the_shell(tmp_path: Path) -> None:
    folder = own(tmp_path)
    plain = run("spectrum", folder, "--hypothesis", "magnetic-moment", "--coupling", "1e-10", "--json")
    other = run(
        "spectrum", folder, "--hypothesis", "magnetic-moment", "--coupling", "1e-10", "--json",
        "--source", "reactor:power=3GW,distance=14m",
    )  # fmt: skip
    assert plain.exit_code == other.exit_code == 0, other.output
    assert plain.output != other.output


def test_names_are_enough(tmp_path: Path) -> None:
    text = TEXT.replace(
        "{{name: table, table: beam.csv, uncertainty: 0.02}}", "reactor:power=3GW,distance=14m"
    )
    experiment = load_experiment(own(tmp_path, text.replace("{{table: silicon.yaml}}", "argon")))
    assert experiment.target.name == "argon"
    source = experiment.neutrino_source(experiment.treatment())
    assert source.name == "reactor:distance=14m,power=3GW"
    mapped = text.replace("reactor:power=3GW,distance=14m", "{{name: reactor, power: 3000MW, distance: 14}}")
    again = load_experiment(own(tmp_path, mapped))
    assert again.neutrino_source(again.treatment()).name == source.name


def test_without_a_word_it_is_the_sun_on_xenon(tmp_path: Path) -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith(("source:", "target:"))]
    experiment = load_experiment(own(tmp_path, "\n".join(lines)))
    assert experiment.target.name == "xenon"
    assert experiment.neutrino_source(experiment.treatment()).name == "sun"
    assert experiment.process == "electron"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{{table: silicon.yaml}}", "silicium", "no target called 'silicium'; did you mean silicon"),
        ("{{table: silicon.yaml}}", "{{table: ../silicon.yaml}}", "target.table: '../silicon.yaml' lies"),
        ("{{table: silicon.yaml}}", "{{table: none.yaml}}", "none.yaml: cannot be read"),
        ("{{table: silicon.yaml}}", "[xenon]", "target"),
        ("table: beam.csv", "table: ../beam.csv", "source.table: '../beam.csv' lies outside"),
        (
            "{{name: table, table: beam.csv, uncertainty: 0.02}}",
            "table:table=../beam.csv",
            "source.table: '../beam.csv' lies outside",
        ),
        ("{{name: table, table: beam.csv, uncertainty: 0.02}}", "sun:survival=/p.csv", "source.survival: '/"),
        (
            "{{name: table, table: beam.csv, uncertainty: 0.02}}",
            "{{name: reactor, flux: 1e13, spectrum: ../s.csv}}",
            "source.spectrum: '../s.csv' lies outside",
        ),
        (
            "    flux: split",
            "    flux: split\n    source: lines:table=../l.csv",
            "backgrounds.flat.source.table: '../l.csv' lies outside",
        ),
        ("table: beam.csv", "table: none.csv", "none.csv: cannot be read"),
        ("table: beam.csv, ", "", "source table: its table is missing"),
        ("name: table, ", "", "source"),
        ("name: table", "name: tables", "no source called 'tables'; did you mean table"),
        ("uncertainty: 0.02", "uncertainty: -1", "uncertainty = -1 is outside its range"),
        ("uncertainty: 0.02", "power: 3", "no parameter of table called 'power'"),
        ("exposure:", "process: nucleon\nexposure:", "process"),
        ("    flux: split", "    flux: paper", "flux='paper': is one parameter for the Sun"),
        ("    flux: split", "    flux: split\n    source: {{name: cr51, activity: -1}}", "activity = -1 PBq"),
        ("    flux: split", "    flux: split\n    atomic: rrpa", "target silicon: no RRPA is published"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    folder = own(tmp_path, TEXT.replace(old, new))
    with pytest.raises(NuhistError) as caught:
        build(folder, hypothesis="magnetic-moment")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    found = run("build", folder, "--hypothesis", "magnetic-moment", "-o", tmp_path / "w.json")
    assert found.exit_code in {1, 2}
    assert len(found.stderr.splitlines()) == 1 or found.exit_code == 2
    assert not (tmp_path / "w.json").exists()


def test_equivalent_photons_need_photoabsorption(tmp_path: Path) -> None:
    folder = own(tmp_path)
    (folder / "silicon.yaml").write_text(
        TARGET.replace("element: Si", "molar_mass: 28.085"), encoding="utf-8"
    )
    with pytest.raises(NuhistError, match="target silicon: no photoabsorption of silicon is known"):
        build(folder, hypothesis="millicharge-epa-only")
    assert limit(build(folder, hypothesis="magnetic-moment", flavor="mu")).upper


def test_other_sources_have_other_parameters(tmp_path: Path) -> None:
    # The same name with another meaning is refused; the Sun's parameters are not shared with a beam's.
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    one = TEXT.replace(
        "{{name: table, table: beam.csv, uncertainty: 0.02}}", "reactor:power=3GW,distance=14m"
    )
    two = one.replace("3GW", "2GW").replace("name: own", "name: other")
    assert limit(build(own(first, one), hypothesis="magnetic-moment", flavor="e")).upper
    with pytest.raises(NuhistError, match="other: 'reactor_flux' means something else in another experiment"):
        build(own(first, one), own(second, two), hypothesis="magnetic-moment", flavor="e")


def test_a_tiny_flux_above_a_large_background() -> None:
    # 2e-12 of 750 events in a bin: the difference of two sums is rounding, and no other expectation.
    workspace = build("gemma_like", hypothesis="magnetic-moment", source="atmospheric")
    assert workspace.sidecar["channels"]["gemma_like"]["neutrino_source"] == "atmospheric"  # type: ignore[index]


def test_a_signed_coupling_of_which_nothing_is_seen() -> None:
    # Asimov data at a best fit of 0: no deviation, on either side.
    found = significance(build("cr51_xenon", hypothesis="charge-radius", flavor="e"))
    assert found.q0 == pytest.approx(0, abs=1e-9)
    assert found.significance == pytest.approx(0, abs=1e-4)


def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "away.csv").write_text("E_keV,nu_mu\n300,1e10\n400,1e10\n", encoding="utf-8")
    folder = tmp_path / "own"
    folder.mkdir()
    text = TEXT.replace("{{name: table, table: beam.csv, uncertainty: 0.02}}", "table:table=link.csv")
    own(folder, text)
    (folder / "link.csv").symlink_to(tmp_path / "away.csv")
    with pytest.raises(NuhistError, match=r"source\.table: 'link\.csv' lies outside"):
        load_experiment(folder)
    assert load_experiment(folder, allow_outside=True).source.make().group("link").total == pytest.approx(
        1e12
    )


def test_tables_of_one_name_are_not_one_flux(tmp_path: Path) -> None:
    # Two folders, two beams of the same file name: they are told apart by what they hold.
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for path, name in zip(paths, ("own", "other", "third"), strict=True):
        path.mkdir()
        own(path, TEXT.replace("name: own", f"name: {name}"))
    shared = build(paths[0], paths[1], hypothesis="magnetic-moment")
    assert list(shared.sidecar["parameters"]).count("beam_flux") == 1  # type: ignore[index]
    (paths[2] / "beam.csv").write_text("E_keV,nu_mu\n300,1e10\n400,2e10\n", encoding="utf-8")
    with pytest.raises(
        NuhistError, match=r"third: 'beam_flux' means something else .* decorrelate=\['beam_flux'\]"
    ):
        build(paths[0], paths[2], hypothesis="magnetic-moment")
    parts = [build(path, hypothesis="magnetic-moment") for path in paths]
    said: list[str] = []
    combine(parts[:2], correlate=["beam_flux"], message=said.append)
    assert not [line for line in said if "means two things" in line and line.startswith("beam_flux")]
    combine([parts[0], parts[2]], correlate=["beam_flux"], message=said.append)
    assert [line for line in said if line.startswith("beam_flux is one parameter, and means two things: ")]
    apart = combine([parts[0], parts[2]], decorrelate=["beam_flux"])
    assert {"own_beam_flux", "third_beam_flux"} <= set(apart.sidecar["parameters"])  # type: ignore[index]


def test_lines_of_one_name_are_not_one_flux(tmp_path: Path) -> None:
    # The same energies with other fluxes.
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, name, flux in zip(paths, ("own", "other"), ("1e12", "2e12"), strict=True):
        path.mkdir()
        own(path, TEXT.replace("name: own", f"name: {name}").replace("name: table", "name: lines"))
        (path / "beam.csv").write_text(f"E_keV,nu_mu\n400,{flux}\n", encoding="utf-8")
    with pytest.raises(NuhistError, match="'beam_flux' means something else in another"):
        build(*paths, hypothesis="magnetic-moment")


def test_data_with_other_neutrinos_are_refused(tmp_path: Path) -> None:
    # LZ's counts hold solar neutrinos; a table may be somebody's solar flux.
    for arguments in (["--asimov"], []):
        found = run(
            "build", "lz_ws2024", "--hypothesis", "magnetic-moment", *arguments,
            "--source", "reactor:power=3GW,distance=14m", "-o", tmp_path / "w.json",
        )  # fmt: skip
        assert found.exit_code == 1
        assert "the counts of lz_ws2024 were taken with neutrinos of sun" in found.stderr
        assert not (tmp_path / "w.json").exists()
    (tmp_path / "s.csv").write_text("E_keV,nu_e\n100,1e8\n400,1e8\n", encoding="utf-8")
    for source in (f"table:table={tmp_path}/s.csv", "sun:model=agss09"):
        assert limit(build("lz_ws2024", hypothesis="magnetic-moment", source=source)).upper


def test_moments_do_not_read_the_table_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    workspace = build(own(folder), hypothesis="magnetic-moment")
    workspace.save(tmp_path / "w.json")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beam.csv").write_text("E_keV,nu_e\n300,1e10\n400,1e10\n", encoding="utf-8")
    found = moments(tmp_path / "w.json")
    assert found.flavors == {"e": 0, "mu": 1, "tau": 0}
    assert found.masses is None
    del workspace.sidecar["channels"]["own"]["neutrinos"]  # type: ignore[index]
    with pytest.raises(NuhistError, match="'own': does not say which flavours the table of its source has"):
        moments(workspace)


def test_bins_above_the_largest_recoil_energy(tmp_path: Path) -> None:
    # ν_μ of 30 to 50 keV push electrons to 2 E²/(m + 2 E) = 8.1837 keV; the bin of 8 to 9 keV holds
    # ∫ (ln(50/E_min) ... ) dT up to there: no node of the quadrature may miss the end.
    folder = own(tmp_path)
    (folder / "beam.csv").write_text("E_keV,nu_mu\n30,1e10\n50,1e10\n", encoding="utf-8")
    found = spectrum(folder, hypothesis="magnetic-moment", coupling=1e-11)
    end = 2 * 50**2 / (510.99895 + 100)
    energy = np.linspace(8.0, end, 200_001)
    least = (energy + np.sqrt(energy**2 + 2 * 510.99895 * energy)) / 2
    rate = 1e10 * ((50 - least) / energy - np.log(50 / least))
    scale = pi / 137.035999**2 * (1.973269804e-8 / 510.99895) ** 2 * 1e-22
    atoms = 6.02214076e29 / 28.085 * 0.01 * 365.25 * 86400
    assert found.added[6] == pytest.approx(np.trapezoid(rate, energy) * scale * 14 * atoms, rel=1e-4)
    assert found.added[7] == 0
