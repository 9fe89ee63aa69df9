"""The report of ``benchmarks/equivalence.py`` in Markdown."""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

import nuhist
from tests.equivalence.checks import LIKELIHOOD, POINTS
from tests.equivalence.exchange import FORMATS
from tests.equivalence.fits import FIT, MOST_FITTED

LONGEST = 180  # seconds for one comparison of one model; fits without gradients can take hours
TITLES = {"root": "ROOT templates", "xml": "HistFactory XML", "hs3": "HS3"}

Entry = dict[str, Any]


def report(entries: Sequence[Entry], seed: int) -> str:
    """The report in Markdown."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("pyhf", "numpy", "scipy", "iminuit"))
    parts = [
        "# Equivalence with pyhf\n",
        f"Written by `python -m benchmarks.equivalence --models {len(entries)} --seed {seed}`, with"
        f" nuhist {nuhist.__version__}, {versions}, Python {platform.python_version()}. A short version with"
        " smaller models runs with the tests (`tests/equivalence`). What is compared, and what pyhf's own"
        " limits are: [below](#what-is-compared).\n",
        models(entries),
        likelihoods(entries),
        fits(entries),
        sums(entries),
        exchanges(entries),
        EXPLANATION,
    ]
    return "\n".join(parts)


def models(entries: Sequence[Entry]) -> str:
    """What was drawn."""
    sizes = [entry["size"] for entry in entries]

    def spread(key: str) -> str:
        values = [each[key] for each in sizes]
        return f"{min(values)} to {max(values)}, median {np.median(values):g}"

    having = Counter(kind for each in sizes for kind in each["modifiers"])
    keys = Counter(key for each in sizes for key in each["overrides"])
    several = sum(sum(each["modifiers"].values()) for each in sizes)
    rows = [
        ("channels", spread("channels")),
        ("bins", spread("bins")),
        ("samples", spread("samples")),
        ("free parameters", free_parameters(entries)),
        ("with empty bins", str(sum(each["empty"] > 0 for each in sizes))),
        ("modifiers in all", f"{several:,}"),
        *((f"with {kind}", str(count)) for kind, count in sorted(having.items())),
        *((f"with an override of {key}", str(count)) for key, count in sorted(keys.items())),
    ]
    return f"## {len(entries)} models\n\n" + table(("", "models"), rows)


def free_parameters(entries: Sequence[Entry]) -> str:
    """Their spread, where the fit was looked at."""
    values = [entry["fit"]["parameters"] for entry in entries if "parameters" in entry["fit"]]
    return f"{min(values)} to {max(values)}, median {np.median(values):g}"


def likelihoods(entries: Sequence[Entry]) -> str:
    """The compiled likelihood at random points."""
    found, rest = finished(entries, "likelihood")
    worst = [each["worst"] for each in found]
    rows = [
        ("points with a density, compared", str(sum(each["compared"] for each in found))),
        ("points where neither has one", str(sum(each["impossible"] for each in found))),
        (
            "points where a bin expects less than 0 and only pyhf has one",
            str(sum(e["negative"] for e in found)),
        ),
        ("largest difference", f"{max(worst):.1e}"),
        (f"models above {LIKELIHOOD:.0e}", str(sum(value > LIKELIHOOD for value in worst))),
        *rest,
    ]
    return "## Likelihood\n\n" + table(("", ""), rows)


def fits(entries: Sequence[Entry]) -> str:
    """Fits against pyhf's."""
    found, rest = finished(entries, "fit")
    compared = [each for each in found if each["excess"] is not None]
    worse = [each for each in compared if each["excess"] > FIT]
    negative = [each for each in worse if each["negative"]]
    rows = [
        (f"models with at most {MOST_FITTED} free parameters, compared with pyhf's fits", str(len(compared))),
        ("nuhist worse than pyhf's best by more than 1e-6", str(len(worse) - len(negative))),
        ("the same, but pyhf's best expects less than 0 in an empty bin", str(len(negative))),
        (
            "of these, worse than SciPy kept out of there by more than 1e-6",
            str(sum(each["edge"] is not None and each["edge"] > FIT for each in negative)),
        ),
        ("nuhist better by more than 1e-6", str(sum(each["excess"] < -FIT for each in compared))),
        ("nuhist better by more than 1e-3", str(sum(each["excess"] < -1e-3 for each in compared))),
        ("models where pyhf's SciPy fit fails", str(sum("scipy" in each["failed"] for each in found))),
        ("models where pyhf's Minuit fit fails", str(sum("minuit" in each["failed"] for each in found))),
        ("nuhist's fit fails", str(sum(each["error"] is not None for each in found))),
        (
            "one parameter moved alone lowers 2NLL by more than 1e-6",
            str(sum(e["lower"] > FIT for e in found)),
        ),
        ("a fit left to pyhf because the likelihoods differ", str(sum(bool(e["warnings"]) for e in found))),
        *rest,
    ]
    bad = [e["number"] for e in entries if is_bad_fit(e["fit"])]
    listed = f"\nModels to look at: {', '.join(map(str, bad))}.\n" if bad else ""
    return "## Fits\n\n" + table(("", "models"), rows) + listed


def is_bad_fit(fit: Mapping[str, Any]) -> bool:
    """Whether a fit breaks the promise."""
    if "excess" not in fit:
        return True
    excess = fit["edge"] if fit["negative"] else fit["excess"]
    worse = excess is not None and excess > FIT
    return bool(worse or fit["lower"] > FIT or fit["error"])


def sums(entries: Sequence[Entry]) -> str:
    """Combinations of two models."""
    found, rest = finished(entries, "sum")
    made = [each for each in found if each["refused"] is None]
    rows = [
        ("pairs combined", str(len(made))),
        ("parameters shared, beside the one of interest", str(sum(each["shared"] for each in made))),
        ("parameters of one name kept apart", str(sum(each["apart"] for each in made))),
        ("largest difference from the sum", f"{max(each['worst'] for each in made):.1e}"),
        (f"pairs above {LIKELIHOOD:.0e}", str(sum(each["worst"] > LIKELIHOOD for each in made))),
        *reasons(found),
        *rest,
    ]
    return "## Combination\n\n" + table(("", ""), rows)


def exchanges(entries: Sequence[Entry]) -> str:
    """Export and import."""
    rows = []
    refusals = []
    for kind in FORMATS:
        found, rest = finished(entries, kind)
        made = [each for each in found if each["refused"] is None]
        rows.append(
            (
                TITLES[kind],
                str(len(made)),
                f"{max((each['worst'] for each in made), default=0):.1e}",
                str(sum(each["worst"] > LIKELIHOOD for each in made)),
                str(sum(not each["settings"] for each in made)),
                str(len(found) - len(made)),
                "; ".join(f"{what} {count}" for what, count in rest),
            )
        )
        refusals += [(f"{TITLES[kind]}: {what}", count) for what, count in reasons(found)]
    columns = ("", "models", "largest difference", f"above {LIKELIHOOD:.0e}", "settings lost", "refused", "")
    return "## Export and import\n\n" + table(columns, rows) + "\n" + table(("reason", "models"), refusals)


def finished(entries: Sequence[Entry], key: str) -> tuple[list[Entry], list[tuple[str, str]]]:
    """What a comparison found, and rows for the models on which it did not end."""
    found = [entry[key] for entry in entries if key in entry]
    late = [entry["number"] for entry in entries if "late" in entry.get(key, {})]
    crashed = [(entry["number"], entry[key]["crash"]) for entry in entries if "crash" in entry.get(key, {})]
    rest = []
    if late:
        rest.append((f"not ended after {LONGEST} s (models {', '.join(map(str, late))})", str(len(late))))
    rest += [(f"crash (model {number}): {what}", "1") for number, what in crashed]
    return [each for each in found if "late" not in each and "crash" not in each], rest


def reasons(found: Sequence[Entry]) -> list[tuple[str, str]]:
    """Why something was refused, with names and numbers taken out."""
    refused = [each["refused"] for each in found if each["refused"]]
    plain = Counter(
        re.sub(r"'[^']*'|\[[^\]]*\]|\d+", "…", text.partition(": ")[2] or text) for text in refused
    )
    return [(f"refused: {text}", str(count)) for text, count in plain.most_common()]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [
        f"| {' | '.join(columns)} |",
        f"| {' | '.join('---' if index == 0 else '---:' for index in range(len(columns)))} |",
    ]
    lines += [f"| {' | '.join(text.replace('|', '/') for text in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


EXPLANATION = f"""## What is compared

- **Models** come from `tests/strategies.py`: a seed gives a model, the same on each machine. Counts per bin
  go from 0.02 to 300 per sample, with empty bins, samples and channels. Modifiers are of all seven
  types, several on a sample, with names shared between samples, channels and types where pyhf allows it.
- **Likelihood**: 2NLL of the compiled likelihood and of pyhf's `logpdf` at {POINTS} points, with the
  workspace's data or thrown ones. Every second point has a parameter on a bound. A difference is
  relative to 2NLL where that is more than 1.
- **Fits**: `nuhist.fit`'s global minimum against the lower of `pyhf.infer.mle.fit` with SciPy and
  with Minuit (at most 20,000 calls), all three evaluated with pyhf's `logpdf`. With NumPy pyhf has no
  gradients, so that the comparison stops at {MOST_FITTED} free parameters. In all models parameters are
  moved one by one (up to 200 of them) along a parabola, which has to find nothing lower.
- **Combination**: two models with the same names. About half of the common parameters are shared, the
  others kept apart; 2NLL has to be the sum, less the constraint terms that it would count twice.
- **Export and import**: pyhf's likelihood of the workspace that comes back, and its start values, bounds and
  fixed parameters. What a format cannot hold has to be refused with a message.

## Where pyhf differs, by its own definition

- **Less than nothing expected.** Where a bin expects a negative number and nothing is seen, pyhf's Poisson
  term goes on as −λ, which is more than 1. Its fits are drawn there. nuhist takes such a point as
  impossible. The rows above count these cases apart: there nuhist is compared with SciPy's SLSQP on pyhf's
  likelihood with the constraint that no bin expects less than nothing.
- **Minuit's correlations.** pyhf's Minuit fit ends with an AttributeError where Minuit gives no covariance;
  it counts as failed.
- **Accuracy.** pyhf stops SciPy's SLSQP at 1e-6 of 2NLL and Minuit at its default distance, so that
  nuhist is better by more than 1e-6 on many models. That says nothing about pyhf's likelihood.
"""
