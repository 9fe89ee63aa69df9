"""CLs limits of published likelihoods with nuhist, beside pyhf's hypotest there, one table from one run.

    python -m benchmarks.published_limits --likelihoods FOLDER [--only NAME[,..]] [--budget S] [--search] ...

FOLDER is that of :mod:`benchmarks.published`. A likelihood without a strength gets a constructed signal: in
each bin of its first channel the root of what the samples expect, times ``signal_strength``. Limits are at
95 %, observed and expected at 0, 1, −1, 2, −2 standard deviations. pyhf's hypotest, with SciPy, is asked at
each of them, in this order until the budget of CPU seconds is spent; where its CLs differs from 0.05, the
derivative of nuhist's says by how much the limit would. A search for six limits takes pyhf some thirty calls,
so that the seconds of six, at places that are known beforehand, are the least it could need; with
``--search`` its own search (``upper_limit``) runs, too. nuhist's seconds
are those of ``nuhist.limit``, everything but the reading of the file in them. Each is a process of its own
with one BLAS thread.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from benchmarks.published import Result, in_a_process, pyhf_model, seconds_of, timed

STRENGTH = "signal_strength"
SAME = 1e-3  # relative: what the issue asks of limits
ORDER = (None, 0, 1, -1, 2, -2)  # the observed limit, and standard deviations
LEVEL = 0.05
STEP = 1e-3  # relative, for the derivative of CLs


def main() -> None:
    """Run all limits and print the table, or one for the parent process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--likelihoods", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="NAME[,..]", help="files without .json, in this order")
    parser.add_argument(
        "--budget", type=float, default=100.0, metavar="S", help="CPU seconds of pyhf's calls"
    )
    parser.add_argument("--timeout", type=float, default=600.0, metavar="S", help="of each process")
    parser.add_argument("--search", action="store_true", help="pyhf's own search of the six limits, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all numbers")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one, arguments.likelihoods)))
        return
    files = {file.stem: file for file in sorted(arguments.likelihoods.glob("*.json"))}
    rows: dict[str, dict[str, Result]] = {}
    run = ("-m", "benchmarks.published_limits")
    for name in list(filter(None, arguments.only.split(","))) or list(files):
        ours = in_a_process("nuhist", files[name], arguments.timeout, run)
        asked = json.dumps([arguments.budget, *ours.get("limits", [])])
        theirs = in_a_process(asked, files[name], arguments.timeout, run)
        rows[name] = {"nuhist": ours, "pyhf": theirs}
        if arguments.search:
            rows[name]["search"] = in_a_process("search", files[name], arguments.timeout, run)
        print(row(name, rows[name]), file=sys.stderr, flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(rows))


def one(method: str, file: Path) -> Result:
    """One file here; ``method`` is ``nuhist``, ``search``, or pyhf's budget and where it is asked."""
    warnings.simplefilter("ignore")
    spec = with_a_strength(json.loads(file.read_text(encoding="utf-8")))
    if method == "nuhist":
        return with_nuhist(spec)
    if method == "search":
        return with_search(spec)
    budget, *limits = json.loads(method)
    return with_pyhf(spec, budget, limits)


def with_a_strength(spec: dict[str, Any]) -> dict[str, Any]:
    """A likelihood as it is, or with a constructed signal where its parameter of interest does nothing."""
    model, _ = pyhf_model(spec)
    if model.config.poi_name is not None:
        return spec
    spec = copy.deepcopy(spec)
    samples = spec["channels"][0]["samples"]
    total = np.sum([sample["data"] for sample in samples], axis=0)
    signal = np.sqrt(np.maximum(total, 1.0)).round(6).tolist()
    strength = {"name": STRENGTH, "type": "normfactor", "data": None}
    samples.append({"name": "constructed_signal", "data": signal, "modifiers": [strength]})
    config = spec["measurements"][0]["config"]
    config["poi"] = STRENGTH
    config["parameters"].append({"name": STRENGTH, "bounds": [[0.0, 100.0]], "inits": [1.0]})
    return spec


def with_nuhist(spec: Mapping[str, Any]) -> Result:
    """The limits, and the derivative of ln CLs by ln of each; the first call, which imports, is not timed."""
    import nuhist
    from nuhist.histfactory.workspace import checked_workspace
    from nuhist.inference.asymptotic import AsymptoticCls
    from nuhist.inference.cls import natural_statistic
    from nuhist.inference.prepare import make_likelihood
    from nuhist.inference.profile import Profile

    workspace = checked_workspace(spec, None, "published")

    def limit() -> Any:
        return nuhist.limit(workspace, method="cls", confidence_level=1 - LEVEL, expected=True)

    limit()
    seconds, found = timed(limit)
    bands = {int(name): value for name, value in found.expected.items()}
    limits = [found.upper if sigma is None else bands[sigma] for sigma in ORDER]
    profile = Profile(make_likelihood(workspace))
    curve = AsymptoticCls(profile, natural_statistic(profile))
    slopes = []
    for sigma, value in zip(ORDER, limits, strict=True):
        ends = [value * (1 + STEP), value * (1 - STEP)]
        heights = [curve.observed(end) if sigma is None else curve.expected(end, sigma) for end in ends]
        slopes.append(float(np.log(heights[0] / heights[1])) / (2 * STEP))
    return {"seconds": seconds, "limits": limits, "slopes": slopes}


def with_pyhf(spec: Mapping[str, Any], budget: float, limits: Sequence[float]) -> Result:
    """CLs by pyhf's hypotest at each limit, and the mean seconds of a call."""
    import pyhf

    pyhf.set_backend("numpy", "scipy")
    model, data = pyhf_model(spec)
    lowest = model.config.suggested_bounds()[model.config.poi_index][0]
    statistic, start, found = "qtilde" if lowest >= 0 else "q", process_time(), []
    for sigma, limit in zip(ORDER, limits, strict=True):
        if process_time() - start > budget:
            break
        observed, expected = pyhf.infer.hypotest(
            limit, data, model, test_stat=statistic, return_expected_set=True
        )
        found.append(float(observed if sigma is None else expected[sigma + 2]))
    return {"seconds": 6 * (process_time() - start) / len(found), "cls": found}


def with_search(spec: Mapping[str, Any]) -> Result:
    """The six limits by pyhf's own search, in the order of nuhist's, and how many calls it took."""
    import pyhf
    from pyhf.infer.intervals import upper_limits

    pyhf.set_backend("numpy", "scipy")
    model, data = pyhf_model(spec)
    calls = [0]
    hypotest = upper_limits.hypotest

    def counted(*given: Any, **more: Any) -> Any:
        calls[0] += 1
        return hypotest(*given, **more)

    upper_limits.hypotest = counted
    seconds, (observed, expected) = timed(lambda: upper_limits.upper_limit(data, model, level=LEVEL))
    limits = [float(observed if sigma is None else expected[sigma + 2]) for sigma in ORDER]
    return {"seconds": seconds, "limits": limits, "calls": calls[0]}


def searched(found: Mapping[str, Result]) -> tuple[float, float] | None:
    """How many times faster than pyhf's own search, and by how much limits differ at the most, relatively."""
    ours, theirs = found["nuhist"], found.get("search", {})
    if "limits" not in ours or "limits" not in theirs:
        return None
    pairs = zip(ours["limits"], theirs["limits"], strict=True)
    return theirs["seconds"] / ours["seconds"], max(abs(one / other - 1) for one, other in pairs)


def largest_difference(found: Mapping[str, Result]) -> float | None:
    """By how much, relatively, a limit would differ with pyhf's CLs, at the most."""
    ours, theirs = found["nuhist"], found["pyhf"]
    if "slopes" not in ours or "cls" not in theirs:
        return None
    pairs = zip(theirs["cls"], ours["slopes"], strict=False)
    return float(max(abs(np.log(max(value, 1e-300) / LEVEL) / slope) for value, slope in pairs))


def row(name: str, found: Mapping[str, Result]) -> str:
    """One line of the table."""
    ours, theirs = found["nuhist"], found["pyhf"]
    limits = ours.get("limits")
    shown = ["", ""] if not limits else [f"{value:.5g}" for value in limits[:2]]
    ratio = theirs["seconds"] / ours["seconds"] if "seconds" in ours and "seconds" in theirs else None
    apart = largest_difference(found)
    cells = [name, *shown, seconds_of(ours, "seconds"), seconds_of(theirs, "seconds")]
    cells += ["" if ratio is None else f"{ratio:.0f}", str(len(theirs.get("cls", [])))]
    cells.append("" if apart is None else f"{apart:.1e}")
    if "search" in found:
        search, own = found["search"], searched(found)
        cells += [seconds_of(search, "seconds"), str(search.get("calls", ""))]
        cells += ["", ""] if own is None else [f"{own[0]:.0f}", f"{own[1]:.1e}"]
    return "| " + " | ".join(cells) + " |"


def table(rows: Mapping[str, Mapping[str, Result]]) -> str:
    """The table, and what it says in the median."""
    header = ["likelihood", "observed", "expected", "nuhist s", "pyhf s, six calls", "ratio"]
    header += ["compared", "limit differs by"]
    if any("search" in found for found in rows.values()):
        header += ["pyhf s, its search", "calls", "ratio", "limit differs by"]
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    lines += [row(name, found) for name, found in rows.items()]
    both = [found for found in rows.values() if all("seconds" in found[name] for name in ("nuhist", "pyhf"))]
    if both:
        ratio = statistics.median(found["pyhf"]["seconds"] / found["nuhist"]["seconds"] for found in both)
        same = sum((largest_difference(found) or 0.0) <= SAME for found in both)
        lines.append(f"\n{ratio:.0f} times faster in the median; {same} of {len(both)} agree to {SAME:g}")
    own = [pair for pair in map(searched, rows.values()) if pair is not None]
    if own:
        lines.append(f"{statistics.median(pair[0] for pair in own):.0f} times faster than pyhf's search")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
