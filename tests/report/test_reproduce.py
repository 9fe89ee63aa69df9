"""The numbers of arXiv:2207.05036: the table of them, and ours beside them."""

from __future__ import annotations

import re

import pytest

from nuhist.physics.hypotheses import FLAVOR_CHOICES
from nuhist.report.reproduce import TREATMENTS, Reproduction, Row, published_numbers, reproduce
from nuhist.report.reproduce_tables import explanation, to_markdown, to_rows

# Table I as printed: 90 % C.L., 1e-11 μ_B; and 1e-13 e_0 in FEA and EPA.
TABLE_1 = {
    "effective": (1.1, (-3.0, 4.7), (-1.5, 1.5)),
    "e": (1.5, (-3.6, 6.5), (-2.1, 2.0)),
    "mu": (2.3, (-8.9, 8.8), (-3.1, 3.1)),
    "tau": (2.1, (-8.1, 8.1), (-2.8, 2.8)),
}
# Eqs. (13) to (15) repeat the first row of Table I; (16), (17) and the text of Sec. VI are with ³⁷Ar free.
FREE_ARGON: dict[str, tuple[float | None, float]] = {
    "magnetic-moment": (None, 1.2),
    "millicharge-fea": (-3.3, 5.0),
    "millicharge-epa": (-1.6, 1.5),
}
MIN_CHI2 = {"fixed": 100.0, "gaussian": 99.6}
ARGON_EVENTS = 48
SCATTERING_EVENTS = 50

Key = tuple[str, str, str, str]


@pytest.fixture(scope="module")
def result() -> Reproduction:
    """All of it, once."""
    return reproduce(jobs=1)


@pytest.fixture(scope="module")
def rows(result: Reproduction) -> dict[Key, Row]:
    """By hypothesis, flavour, ³⁷Ar and quantity."""
    found: dict[Key, Row] = {}
    for row in result.rows:
        number = row.published
        found[number.hypothesis, number.flavor, number.ar37, number.quantity] = row
    assert len(found) == len(result.rows)
    return found


def printed() -> dict[Key, float]:
    """Every number that the paper prints."""
    numbers: dict[Key, float] = {}
    for flavor, (moment, fea, epa) in TABLE_1.items():
        numbers["magnetic-moment", flavor, "fixed", "upper"] = moment
        for hypothesis, ends in (("millicharge-fea", fea), ("millicharge-epa", epa)):
            numbers[hypothesis, flavor, "fixed", "lower"] = ends[0]
            numbers[hypothesis, flavor, "fixed", "upper"] = ends[1]
    for hypothesis, (lower, upper) in FREE_ARGON.items():
        if lower is not None:
            numbers[hypothesis, "effective", "gaussian", "lower"] = lower
        numbers[hypothesis, "effective", "gaussian", "upper"] = upper
        for ar37, chi2 in MIN_CHI2.items():
            numbers[hypothesis, "effective", ar37, "min_chi2"] = chi2
    numbers["magnetic-moment", "effective", "gaussian", "ar37_events"] = ARGON_EVENTS
    numbers["magnetic-moment", "effective", "fixed", "nu_events"] = SCATTERING_EVENTS
    return numbers


def test_the_published_table_is_complete_and_right() -> None:
    found = {
        (number.hypothesis, number.flavor, number.ar37, number.quantity): number
        for number in published_numbers()
    }
    assert len(found) == len(published_numbers())
    assert {key: number.value for key, number in found.items()} == printed()
    # Of Table I: 4 limits of the moment, 8 ends in FEA, 8 in EPA; the equations are named.
    table = [number for number in found.values() if number.where.startswith("Table I")]
    assert len(table) == 20
    assert {number.flavor for number in table} == set(FLAVOR_CHOICES)
    places = " ".join(number.where for number in found.values())
    assert set(re.findall(r"eq\. \((\d+)\)", places)) == {"13", "14", "15", "16", "17"}


@pytest.mark.thorough
def test_every_cell_is_filled(result: Reproduction) -> None:
    assert len(result.rows) == len(printed())
    for row in result.rows:
        assert set(row.ours) == set(row.ratios) == {treatment.name for treatment in TREATMENTS}
        for name, value in row.ours.items():
            assert value is not None, (row.published, name)
            ratio = row.ratios[name]
            assert ratio == pytest.approx(value / row.published.value, rel=1e-12)
            assert (ratio or 0) > 0  # no end has changed sides


@pytest.mark.thorough
def test_bounds_in_the_reading_of_the_paper(rows: dict[Key, Row]) -> None:
    # Densities as counts. 15 %: what the issue asks; the worst is the lower end of ν_e in EPA, 14 %,
    # whose asymmetry is not reproduced. Two printed digits are 2 to 5 %.
    for key, row in rows.items():
        if key[2] == "fixed" and key[3] in ("lower", "upper"):
            assert row.ratios["densities"] == pytest.approx(1, abs=0.15), key
    for hypothesis in FREE_ARGON:
        ratio = rows[hypothesis, "effective", "gaussian", "upper"].ratios["densities"]
        assert ratio == pytest.approx(1, abs=0.15)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flavor", "densities", "counts_1p64"),
    # An independent calculation of eq. (10) (other code and quadrature; design notes, sec. 2).
    [("effective", 0.992, 1.086), ("e", 1.367, 1.496), ("mu", 2.142, 2.345), ("tau", 1.950, 2.134)],
)
def test_moments_of_an_independent_calculation(
    rows: dict[Key, Row], flavor: str, densities: float, counts_1p64: float
) -> None:
    row = rows["magnetic-moment", flavor, "fixed", "upper"]
    # It differs in fluxes and constants: 1 %.
    assert row.ours["densities"] == pytest.approx(densities, rel=0.01)
    assert row.ours["counts_1p64"] == pytest.approx(counts_1p64, rel=0.01)


@pytest.mark.thorough
@pytest.mark.parametrize("hypothesis", FREE_ARGON)
def test_minimum_of_chi2(rows: dict[Key, Row], hypothesis: str) -> None:
    fixed = rows[hypothesis, "effective", "fixed", "min_chi2"]
    free = rows[hypothesis, "effective", "gaussian", "min_chi2"]
    # The same independent calculation: 99.1, with ³⁷Ar free 98.9, and 33.0 with true counts.
    assert fixed.ours["densities"] == pytest.approx(99.1, abs=1)
    assert free.ours["densities"] == pytest.approx(98.9, abs=1)
    for counts in ("counts", "counts_1p64"):
        assert fixed.ours[counts] == pytest.approx(33.0, abs=1)
    # No charge, no moment: the hypotheses share what is fitted there.
    other = rows["magnetic-moment", "effective", "fixed", "min_chi2"]
    assert fixed.ours["densities"] == pytest.approx(other.ours["densities"], abs=0.2)


@pytest.mark.thorough
def test_events_that_the_paper_quotes(rows: dict[Key, Row]) -> None:
    argon = rows["magnetic-moment", "effective", "gaussian", "ar37_events"]
    for value in argon.ours.values():
        # The paper's ~ 48 and LZ's 52.5: a fit to the same peak of about 50 events, with or without
        # the right counts.
        assert value is not None
        assert 45 < value < 55
    scattering = rows["magnetic-moment", "effective", "fixed", "nu_events"]
    assert scattering.ours["densities"] == pytest.approx(SCATTERING_EVENTS, abs=3)  # printed as ~ 50


@pytest.mark.thorough
def test_a_lower_threshold_gives_narrower_intervals(rows: dict[Key, Row]) -> None:
    for key, row in rows.items():
        if key[3] in ("lower", "upper"):
            narrow, wide = row.ours["counts_1p64"], row.ours["counts"]
            assert narrow is not None
            assert wide is not None
            assert abs(narrow) < abs(wide)


@pytest.mark.thorough
def test_thresholds_and_interpolation_are_said(result: Reproduction) -> None:
    # 2.7055: the 0.9 quantile of χ² with one degree of freedom, from tables.
    assert result.thresholds == pytest.approx(
        {"densities": 2.7055, "counts": 2.7055, "counts_1p64": 1.64, "components": 2.7055}, abs=1e-4
    )
    # Three digits are printed: less than half a unit of the last one.
    assert 0 < result.interpolation_error < 3e-3


@pytest.mark.thorough
def test_markdown_has_all_rows(result: Reproduction) -> None:
    text = to_markdown(*to_rows(result), explanation(result))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    header, rule, *body = (line.strip("|").split("|") for line in lines)
    assert [cell.strip() for cell in header] == [
        "quantity", "where", "unit", "paper", "densities as counts", "true counts",
        "true counts, Δχ² = 1.64", "components",
    ]  # fmt: skip
    assert len(rule) == 8
    assert len(body) == len(result.rows)
    for cells, row in zip(body, result.rows, strict=True):
        assert len(cells) == 8
        assert row.published.hypothesis in cells[0]
        assert float(cells[3]) == row.published.value
        for cell, value in zip(cells[4:], row.ours.values(), strict=True):
            found = re.fullmatch(r" (-?\d+\.\d+) \((\d+\.\d\d)\) ", cell)
            assert found, cell
            # One or two digits are shown: half a unit of the last.
            assert float(found[1]) == pytest.approx(value, abs=0.051)
    assert "open" not in "".join(lines)
    assert "\n\nIn brackets: ours over the paper's." in text
    assert "densities as counts: Δχ² = 2.706" in text


@pytest.mark.thorough
def test_rows_are_the_markdowns(result: Reproduction) -> None:
    header, table = to_rows(result)
    assert len(header) == 8
    names = [row[0] for row in table]
    assert len(set(names)) == len(names)  # no two of one name


@pytest.mark.thorough
def test_json_holds_all_numbers(result: Reproduction) -> None:
    found = result.to_json()
    assert [row["published"]["value"] for row in found["rows"]] == [
        row.published.value for row in result.rows
    ]
    assert found["rows"][0]["ours"] == result.rows[0].ours
    assert set(found["treatments"]) == set(found["thresholds"])
