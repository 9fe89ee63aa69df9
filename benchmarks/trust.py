"""Collect what the campaigns found into one page.

    python -m benchmarks.trust [-o docs/explanation/trust.md]

The figures are read from the pages that the campaigns write; the page says which command makes which.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from nuhist.files import write_atomically

DOCS = Path(__file__).parents[1] / "docs" / "explanation"


def main() -> None:
    """Read the arguments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    text = trust_page(DOCS)
    if options.output is None:
        print(text, end="")
    else:
        write_atomically(options.output, text)


def trust_page(docs: Path) -> str:
    """The page, from the campaigns' own pages in a folder."""
    pages = {
        name: (docs / f"trust-{name}.md").read_text(encoding="utf-8")
        for name in ("equivalence", "fuzzing", "faults", "packaging")
    }
    equivalence, packaging = pages["equivalence"], pages["packaging"]
    models = found(equivalence, r"^## ([\d,]+) models")
    random, guided = re.findall(r"([\d,]+) inputs, (?:no|[\d,]+) faults", pages["fuzzing"])[:2]
    inputs = len(re.findall(r"^\| \w+ \| `\w+\.\w+` \|", pages["fuzzing"], re.MULTILINE))
    faults, commands, problems, signals, left = re.findall(
        r"\*\*(\d+) faults in (\d+) commands, (\d+) problems; (\d+) signals.*?, (\d+) problems",
        pages["faults"],
    )[0]
    rows = [
        (
            "[Equivalence with pyhf](trust-equivalence.md)",
            f"{models} random models, {cell(equivalence, 'points with a density, compared')} points",
            f"largest difference of 2NLL {cell(equivalence, 'largest difference')}; of"
            f" {cell(equivalence, 'models with at most 80 free parameters, compared with pyhf')} models"
            f" fitted by pyhf too, nuhist is worse by more than 1e-6 on"
            f" {cell(equivalence, 'nuhist worse than pyhf')}; sums"
            f" {cell(equivalence, 'largest difference from the sum')}; ROOT"
            f" {cell(equivalence, 'ROOT templates', 2)}, XML {cell(equivalence, 'HistFactory XML', 2)}",
            "`python -m benchmarks.equivalence --models 1000 --jobs 2"
            " -o docs/explanation/trust-equivalence.md`",
        ),
        (
            "[Physics against other routes](trust-physics.md)",
            "nine fluxes, both couplings, photoabsorption, efficiencies",
            "rates 6e-8; the page states each difference",
            "`pytest tests/physics/test_other_routes.py`",
        ),
        (
            "[Fuzzing](trust-fuzzing.md)",
            f"{random} spoiled inputs, 10,000 for each reader; {guided} more guided by coverage",
            f"{inputs} kinds of input that gave something else than a message, or took for ever; all mended",
            "`python -m benchmarks.fuzz --inputs 10000 --report docs/explanation/trust-fuzzing.md`",
        ),
        (
            "[Faults](trust-faults.md)",
            f"{faults} faults in {commands} commands; {signals} signals, kills and contests of processes",
            f"{int(problems) + int(left)} problems remain",
            "`python -m benchmarks.faults -o docs/explanation/trust-faults.md`",
        ),
        (
            "[Packaging](trust-packaging.md)",
            f"wheel ({cell(packaging, 'wheel')}) alone, with each extra, at the lowest and newest versions",
            f"files missing: {cell(packaging, 'of these not in the wheel')}; tests at the lowest versions:"
            f" {cell(packaging, 'tests')}; `import nuhist`"
            f" {cell(packaging, 'CPU time of `import nuhist` after NumPy').split(' (')[0]} beyond NumPy",
            "`python -m benchmarks.install -o docs/explanation/trust-packaging.md`",
        ),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return TEXT.replace("ROWS", table)


def found(text: str, pattern: str) -> str:
    """First group of a pattern that has to be there."""
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"no {pattern!r}: was the page written by its campaign?")
    return match[1]


def cell(text: str, label: str, column: int = 1) -> str:
    """What a table has beside a label, or beside one that begins so."""
    pattern = r"^\| " + re.escape(label) + r"[^|]*\|" + r"[^|]*\|" * (column - 1) + r" ([^|]*?) *\|"
    return found(text, pattern)


TEXT = """# What was tried

How nuhist was tried before it asks for trust, what that found, and what was mended. Written by
`python -m benchmarks.trust -o docs/explanation/trust.md`, which takes its figures from the campaigns' own
pages. Each campaign is one command in a checkout with the `test` extra; a short version of each runs with the
tests.

| What | Tried | Found | Command |
| --- | --- | --- | --- |
ROWS

## Faults that the random models showed in fits

Mended, and kept as tests, but for one: in model 837 Minuit found a second minimum, 0.83 lower, where many
bin-by-bin factors vanish; none of our starts leads there.

- **Edges.** Where nothing is seen, 2NLL has no logarithm that keeps a bin above zero, and a template that
  bends may take it to λ = 0. Newton steps ended in front of such an edge, up to thousands of 2NLL too
  high. Now each step of a fit that struggles keeps λ ≥ 0 as a constraint ([Inference](inference.md)).
- **Two valleys.** Fits ended in the higher of two minima. A search now looks along each parameter for which
  counts may turn, and goes on from what it finds.
- **False convergence.** A step that was damped very much promised little, and was taken for convergence.
- **Curvature.** The second derivative lacked the products of bin-by-bin factors with other parameters, and of
  such factors with each other.
- **Digits.** The likelihood lost digits where far fewer events are expected than seen.
- **Sharing.** `combine` took one workspace's auxiliary datum in silence where the other had its own.

## What is not covered

- pyhf's fits with NumPy have no gradients, so that models with more than 80 free parameters are compared with
  themselves only: one parameter moved alone must find nothing lower.
- Few models with some hundred free parameters have long curved valleys in which a fit ends a little too
  high; the page on [equivalence](trust-equivalence.md) lists them.
- The campaigns took hours, on snapshots of code that was being mended. What changed in a reader or a writer
  was tried again, but not all that stands beside it: the spoiled inputs are not of one commit, nor are the
  faults.
- Other versions of Python than 3.11, other systems than Linux, and power cuts were not tried.
"""


if __name__ == "__main__":
    main()
