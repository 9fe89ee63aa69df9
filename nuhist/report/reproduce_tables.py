"""The comparison with arXiv:2207.05036 as tables."""

from __future__ import annotations

from nuhist.__about__ import __version__
from nuhist.report.published import PublishedLimits
from nuhist.report.reproduce import Reproduction, Row

_QUANTITIES = {
    "lower": "lower",
    "upper": "upper",
    "min_chi2": "χ²_min",
    "ar37_events": "fitted ³⁷Ar events",
    "nu_events": "ν–e events at the limit",
}
_FLAVORS = {"effective": "ν_eff", "e": "ν_e", "mu": "ν_μ", "tau": "ν_τ"}
_ARGON = {"fixed": "", "gaussian": ", ³⁷Ar free"}


def to_rows(result: Reproduction) -> tuple[list[str], list[list[str]]]:
    """Header and rows: what, where, the paper's number, and per treatment ours with the ratio."""
    header = ["quantity", "where", "unit", "paper", *result.treatments.values()]
    rows = []
    for row in result.rows:
        published = row.published
        cells = [_cell(row, treatment) for treatment in result.treatments]
        rows.append([_name(row), published.where, row.unit, f"{published.value:g}", *cells])
    return header, rows


def explanation(result: Reproduction) -> str:
    """How to read the table."""
    thresholds = ", ".join(
        f"{title}: Δχ² = {result.thresholds[name]:.4g}" for name, title in result.treatments.items()
    )
    return (
        "In brackets: ours over the paper's. Profile likelihood, 90 % C.L.; thresholds: "
        f"{thresholds}. Ends of the EPA intervals are interpolated between signal points, to"
        f" {result.interpolation_error:.0e} or better. In the components column ³⁷Ar always floats: flat"
        " between 0 and 288 events, or with the Gaussian of eq. (11) where the row says free."
    )


def published_rows(result: PublishedLimits) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the collaborations' own limits beside ours."""
    columns = result.columns
    rows = []
    for entry in result.limits:
        cells = []
        for name in columns:
            value, ratio = entry.ours.get(name), entry.ratios.get(name)
            if name not in entry.ours:  # no such treatment of this flux, or no such limit
                cells.append("-")
                continue
            cells.append("open" if value is None or ratio is None else f"{value:.3g} ({ratio:.2f})")
        what = f"{entry.experiment}: {entry.hypothesis}, {_FLAVORS[entry.flavor]}"
        rows.append([what, entry.source, entry.unit, f"{entry.published:.3g}", *cells])
    return ["limit", "source", "unit", "published", *columns], rows


def to_markdown(
    header: list[str], rows: list[list[str]], note: str, command: str = "nuhist reproduce"
) -> str:
    """A Markdown table, with a line on how to read it and who made it."""
    lines = [
        "| " + " | ".join(header) + " |",
        "| --- | --- | --- | " + " | ".join("---:" for _ in header[3:]) + " |",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        f"{note} Made by nuhist {__version__} with `{command}`.",
    ]
    return "\n".join(lines) + "\n"


def _name(row: Row) -> str:
    published = row.published
    flavor = _FLAVORS[published.flavor]
    return f"{published.hypothesis}, {flavor}{_ARGON[published.ar37]}: {_QUANTITIES[published.quantity]}"


def _cell(row: Row, treatment: str) -> str:
    value, ratio = row.ours[treatment], row.ratios[treatment]
    if value is None or ratio is None:
        return "open"
    digits = 1 if row.unit in ("1", "events") else 2
    return f"{value:.{digits}f} ({ratio:.2f})"
