"""Build wheel and sdist, install them where nothing else is, and try everything; writes the report.

    python -m benchmarks.install [--python python3.11] [--parts files bare extras oldest newest] [-o FILE]

Run it in the checkout, with all extras. Needs git, and the network for pip and uv, which go into a
temporary environment. Half an hour on two cores, nearly all of it the tests at the lowest and at the newest
versions. What is tried in each environment: ``benchmarks/install_checks.py``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

from benchmarks.install_checks import Place, bare, extras, files
from benchmarks.install_run import ROOT, environment, run
from benchmarks.install_versions import versions
from nuhist.__about__ import __version__
from nuhist.files import write_atomically

PARTS = ("files", "bare", "extras", "oldest", "newest")
TOOLS = ("build", "uv", "mypy")


def main() -> None:
    """Read the arguments, try everything, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="of the environments")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of the tests")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packaging-") as name:
        folder = Path(name)
        tools = environment(folder / "tools", options.python)
        run(tools / "pip", "install", "-q", *TOOLS)
        run(tools / "python", "-m", "build", "--outdir", folder / "dist", ROOT)  # the wheel from the sdist
        run(tools / "python", "-m", "build", "--wheel", "--outdir", folder / "direct", ROOT)
        place = Place(folder, tools, options.python)
        parts = []
        for part in options.parts:
            if part == "files":
                parts.append(files(place))
            elif part == "bare":
                parts.append(bare(place))
            elif part == "extras":
                parts.append(extras(place))
            else:
                parts.append(versions(place, options.processes, oldest=part == "oldest"))
            print(parts[-1], flush=True)
    said = run(options.python, "--version").stdout.strip()
    text = HEAD.format(__version__, said) + "\n".join(parts) + REST
    if options.output:
        write_atomically(options.output, text)
    if re.search(
        r"^\| (?:not|failed) \||\| (?:FAILS|BROKEN|MISSING|DIFFER|OTHER|ELSEWHERE)\b", text, re.MULTILINE
    ):
        raise SystemExit("something above is not as it should be")


HEAD = """# Packaging

nuhist {0} as it is installed, away from the checkout, with {1}. Written by `python -m benchmarks.install
-o benchmarks/results/packaging.md`. The part of it that needs no network runs with the tests
(`tests/test_packaging.py`). Other versions of Python were not at hand.

"""

REST = """
## What was found and mended

- **distributed** before 2024.8: a run on a Dask cluster hangs for ever when a worker is killed. Tried:
  2024.1, 2024.4, 2024.6 and 2024.7 hang, 2024.8 goes on. The bound was 2024.1.
- **mplhep** before 0.4.1 lacks the styles of ATLAS and DUNE that `--style` takes. The bound was 0.3.50.
- **click** 8.2.0 completes nothing in shells where an argument takes several values. The bound was 8.2.
- **sphinx** 7.3.0 and 7.3.2 cannot build the documentation, **ruff** before 0.11 and **mypy** before 2.0
  find faults that later ones do not. The bounds were 7.3, 0.8 and 1.13; the packages with types had none.
- `--json` of `plot spectrum` with several channels, and of `plot pulls`, `plot ranking` and `report`
  without a sidecar, did not keep to the schema of outputs: the schema was wrong.
- `nuhist reproduce --plots` printed its table, and only then said that matplotlib is missing; `rebuild` said
  so of uproot after minutes.
- A type checker took any name for a public one: `nuhist.nothing` passed.

## Upper bounds, and why

- **numpy** and **pyhf** have none. pyhf 0.7.6 calls `percentile(interpolation=...)` for expected values from
  its toys, which NumPy 2.4 and newer answer with a TypeError. nuhist throws its own toys and never asks for
  that (`tests/inference/test_cls_toys.py`); only who calls pyhf's own `ToyCalculator` needs an older NumPy.
  Each fit to data is checked against the density of the pyhf that is installed. `NUHIST_PYHF` makes
  `scripts/quick.sh` install another pyhf, such as its development head, as the weekly workflow does.
- **scipy not 1.16.0, 1.16.1, 1.16.2**: pyhf's developers exclude them, since their new SLSQP ends with
  "Singular matrix E in LSQ subproblem" in pyhf's own tests ([pyhf
  2593](https://github.com/scikit-hep/pyhf/issues/2593)). nuhist's fits passed their tests with 1.16.1,
  but workspaces are for pyhf too.
- **iminuit < 3**: pyhf 0.7.6 and cabinetry 0.6.0 know version 2. There is no version 3 yet.
- **cabinetry** has none; 0.6.0, the newest and the lowest, is what the tests ran with.

The lowest pytest is 8.3.4: before, tests in folders without `__init__.py` could not import each other.
With the lowest versions three things are done for the tests' sake: pyparsing stays below 3.3 (matplotlib
3.8 uses names that it calls deprecated, and warnings are errors in the tests); `numpy.trapezoid`, which
tests use and nuhist does not, is an alias of `trapz`; and two tests are left out: one of the order in
which matplotlib lists subfigures (before 3.10 by columns; they lie at the same places), and the tutorial's
output, where the page of matplotlib 3.8 has 0.42 MB instead of 0.44. Types and style are checked with the
newest versions only.
"""


if __name__ == "__main__":
    main()
