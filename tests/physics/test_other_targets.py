"""Targets beside xenon, and of a user's own: electrons, masses, photoabsorption, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import periodictable
import pytest

from nuhist.errors import ConfigError, NuhistError
from nuhist.physics.hypotheses import HYPOTHESES, RateOptions
from nuhist.physics.recoils import breakpoints, recoil_rates
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target, read_target, target_names

HEAD = "name: mine\ntitle: mine\nsources: [a table]\n"
GERMANIUM = HEAD + "element: Ge\nshells: [[K, 2, 11], [L and above, 30, 1]]\n"
SILICON = HEAD + "element: Si\nshells: [[K, 2, 1.839], [L1, 2, 0.1497], [L23, 6, 0.0995], [M, 4, 0.0082]]\n"


@pytest.mark.parametrize(
    ("name", "energy", "electrons"),
    [
        # X-ray Data Booklet, Table 1-1: K of germanium at 11.103 keV, L at 1.4146, 1.2481, 1.217 keV.
        ("germanium", 20.0, 32), ("germanium", 5.0, 30), ("germanium", 1.3, 28), ("germanium", 1.22, 26),
        ("germanium", 1.0, 22), ("argon", 4.0, 18), ("argon", 1.0, 16), ("silicon", 2.0, 14),
        ("silicon", 1.0, 12),
        ("iodine", 40.0, 53), ("iodine", 10.0, 51), ("caesium", 40.0, 55), ("caesium", 10.0, 53),
        # A formula unit has both.
        ("caesium_iodide", 40.0, 108), ("caesium_iodide", 10.0, 104), ("caesium_iodide", 1.0, 0),
    ],
)  # fmt: skip
def test_electrons(name: str, energy: float, electrons: float) -> None:
    if (name, energy) == ("caesium_iodide", 1.0):
        # By hand from the two tables: Cs without K, L, M1 to M3 (55 − 18), I without K, L, M1 (53 − 12).
        electrons = 55 - 2 - 8 - 2 - 2 - 4 + 53 - 2 - 8 - 2
    assert float(get_target(name).effective_charge(np.array(energy))) == electrons


@pytest.mark.parametrize("name", target_names())
def test_all_electrons_are_there(name: str) -> None:
    target = get_target(name)
    symbols = [element.symbol for element, _ in target.elements]
    whole = sum(periodictable.elements.symbol(symbol).number for symbol in symbols)
    assert float(target.effective_charge(np.array(1e3))) == whole
    assert float(target.effective_charge(np.array(1e-4))) == 0
    assert (np.diff(target.effective_charge(np.linspace(1e-3, 50, 5000))) >= 0).all()
    assert target.sources


def test_atoms_per_tonne() -> None:
    # N_A × 1e6 g over the molar mass, which periodictable and these tables of weights share to 1e-3.
    for name, mass in (
        ("germanium", 72.63),
        ("argon", 39.95),
        ("silicon", 28.085),
        ("caesium_iodide", 259.81),
    ):
        assert get_target(name).per_tonne == pytest.approx(6.02214076e29 / mass, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "energy", "elam", "chantler"),
    # cm²/g from other evaluations, as xraydb 4.5.8 carries them.
    [
        ("germanium", 2.0, 2707, 2624), ("germanium", 10.0, 35.72, 34.14), ("argon", 2.0, 509.4, 465.6),
        ("argon", 10.0, 62.32, 61.36), ("silicon", 2.0, 2775, 2805), ("silicon", 10.0, 33.15, 32.16),
        ("caesium", 2.0, 2218, 2099), ("caesium", 10.0, 176.4, 174.2), ("iodine", 2.0, 1989, 1857),
        ("iodine", 10.0, 159.7, 156.7),
    ],
)  # fmt: skip
def test_photoabsorption(name: str, energy: float, elam: float, chantler: float) -> None:
    target = get_target(name)
    found = float(target.photoabsorption(np.array(energy))) * target.per_tonne / 1e6
    low, high = sorted((elam, chantler))
    assert 0.95 * low < found < 1.06 * high  # the evaluations themselves differ by up to 9 %


def test_a_compound_adds_its_atoms() -> None:
    energy = np.array([0.5, 3.0, 12.0])
    parts = [get_target(name).photoabsorption(energy) for name in ("caesium", "iodine")]
    np.testing.assert_allclose(get_target("caesium_iodide").photoabsorption(energy), sum(parts), rtol=1e-12)


def test_a_target_by_a_table_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SILICON, encoding="utf-8")
    mine, ours = read_target(path), get_target("silicon")
    energy = np.array([0.3, 1.0, 5.0])
    np.testing.assert_array_equal(mine.effective_charge(energy), ours.effective_charge(energy))
    assert mine.per_tonne == ours.per_tonne
    path.write_text(SILICON.replace("element: Si", "molar_mass: 28.085"), encoding="utf-8")
    bare = read_target(path)
    assert bare.per_tonne == pytest.approx(ours.per_tonne, rel=1e-9)
    rates = recoil_rates(
        HYPOTHESES["magnetic-moment"], "e", energy, get_source("sun").components, RateOptions(target=bare)
    )
    assert (rates[2] > 0).all()
    with pytest.raises(
        ConfigError, match=r"target mine: no photoabsorption of mine is known, which equivalent"
    ):
        breakpoints(HYPOTHESES["millicharge-epa-only"], bare)


def test_isotopes(tmp_path: Path) -> None:
    # Germanium of ⁷⁶Ge alone, 75.921402726 u (AME2020): 6.02214076e29 / 75.9214.
    path = tmp_path / "mine.yaml"
    text = HEAD + "element: Ge\nisotopes: {{{}}}\nshells: [[K, 2, 11.1], [L and above, 30, 1]]\n"
    path.write_text(text.format("76: 1.0"), encoding="utf-8")
    assert read_target(path).per_tonne == pytest.approx(6.02214076e29 / 75.9214, rel=1e-6)
    path.write_text(text.format("74: 0.25, 76: 0.75"), encoding="utf-8")
    assert read_target(path).per_tonne == pytest.approx(
        6.02214076e29 / (0.25 * 73.92118 + 0.75 * 75.9214), rel=1e-6
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GERMANIUM + "isotopes: {74: 0.5, 76: 0.4}\n", "isotopes: the fractions add up to 0.9; expected 1"),
        (GERMANIUM + "isotopes: {99: 1.0}\n", "isotopes.99: Ge has no isotope of that mass number"),
        (HEAD + "element: Ge\nshells: [[K, 2, 11]]\n", "shells: have 2 electrons; expected the 32 of Ge"),
        (HEAD + "molar_mass: 0.5\nshells: [[K, 2, 1]]\n", "molar_mass"),
        (HEAD + "element: Ge\nshells: [[K, 32, 11103]]\n", "shells[0][2]"),
        (HEAD + "element: Qq\nshells: [[K, 2, 11]]\n", "element: there is none with the symbol 'Qq'"),
        (HEAD + "shells: [[K, 2, 11]]\n", "expected either element: SYMBOL or molar_mass: NUMBER"),
        (HEAD + "molar_mass: 30\nisotopes: {28: 1}\nshells: [[K, 2, 1]]\n", "isotopes: need element:"),
        (HEAD + "element: Ge\nshells: [[K, 2, -1]]\n", "shells[0][2]"),
        (HEAD + "element: Ge\nshells: [[K, 0, 1]]\n", "shells[0][1]"),
        (HEAD + "element: Ge\nshells: []\n", "shells"),
        (HEAD + "compound: {xenon: 1, water: 2}\n", "no target called 'water'"),
        (HEAD + "compound: {xenon: 1}\nelement: Xe\n", "element: belongs to a target of one element"),
        (HEAD + "element: Ge\nshells: [[K, 2, 11]]\nweight: 3\n", "weight"),
        ("- 1\n", "mine.yaml"),
    ],
)  # fmt: skip
def test_bad_targets(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NuhistError) as caught:
        read_target(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_rrpa_but_for_xenon() -> None:
    with pytest.raises(ConfigError, match=r"target germanium: no RRPA is published .* use atomic='step'"):
        get_target("germanium").rrpa_correction(np.array([1.0]))
    with pytest.raises(ConfigError, match="no target called 'xenonn'; did you mean xenon"):
        get_target("xenonn")


def test_bundled_targets_are_as_the_schema_has_them() -> None:
    # They are read without this check, which takes longer than the reading.
    import yaml

    from nuhist.physics.targets import registry
    from nuhist.schemas import check

    for path in Path(registry.__file__).parent.glob("tables/*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        check(content, "target", str(path), ConfigError)
        assert content["name"] == path.stem
