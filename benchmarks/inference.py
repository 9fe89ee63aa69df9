"""Time fits, toys and limits against pyhf and cabinetry, and see how they grow.

    python benchmarks/inference.py [--quick] [--parts toys large limits scaling jobs] [--compared N]
        [--plot FILE]

Everything is LZ (WS2022, 51 bins, all components) with a magnetic moment, except in `scaling` and `large`,
whose models are generated. Each ratio is of two things timed in the same run, one after the other, with one
BLAS thread. Seconds are of the clock on the wall, and CPU seconds of this process beside them: other
work on the machine disturbs the former, hardly the latter. Three to four minutes on two free cores.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import resource
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nuhist
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.execution import Execution
from nuhist.inference.likelihood import Likelihood
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.profile import Profile
from nuhist.inference.toys import BATCH, ToyModel, batches, statistic, toy_model

Numbers = NDArray[np.float64]

LEVEL = 0.90
SAME = 1e-4  # in 2NLL: test statistics of one toy, fitted twice
LARGE = 117  # parameters of a generated model, as published ones have them
TESTED = 2.0  # of mu_nu_squared: where toys are thrown and tested
BINS = (10, 30, 100, 300, 1000, 3000, 10000)
PARAMETERS = (5, 10, 20, 50, 100, 200)
FIXED_BINS, FIXED_PARAMETERS = 50, 10  # of the other axis
LARGEST = 4e7  # numbers in the derivatives of all toys: bounds the time of a row


@dataclass(frozen=True)
class Timing:
    """Seconds of a call, and what it gave."""

    wall: float
    cpu: float
    result: Any


def timed(function: Callable[[], Any], repeats: int = 1) -> Timing:
    """The fastest of several runs."""
    runs = []
    for _ in range(repeats):
        wall, cpu = perf_counter(), process_time()
        result = function()
        runs.append(Timing(perf_counter() - wall, process_time() - cpu, result))
    return min(runs, key=lambda run: run.cpu)


def processor() -> str:
    """Name of the processor, where Linux tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} logical cores" if names else platform.processor()


def header() -> None:
    """Print the machine, how busy it is, and the versions."""
    print(f"{processor()}; {platform.system()} {platform.machine()}")
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    print(f"load before the start {load} (0 where nothing else runs)")
    names = ("numpy", "scipy", "pyhf", "cabinetry", "iminuit")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"nuhist {nuhist.__version__}, Python {platform.python_version()}, {versions}")


def thrown(model: ToyModel, truth: np.ndarray[Any, Any], value: float, toys: int) -> list[Any]:
    """Test statistics of toys, batch by batch."""
    return [statistic(model, task)[0] for task in batches(truth, value, toys, seed=1)]


def toys(workspace: Workspace, *, quick: bool, compared: int | None) -> None:
    """Toys per second, and the test statistics of some of them beside pyhf's own fits."""
    import pyhf
    from pyhf.infer.calculators import ToyCalculator

    likelihood = make_likelihood(workspace)
    truth = Profile(likelihood).at(TESTED).parameters
    model = toy_model(likelihood)
    ours, theirs, default = (2000, 3, 5) if quick else (10000, 20, 40)
    thrown(model, truth, TESTED, 100)
    fast = timed(lambda: thrown(model, truth, TESTED, ours))

    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
    calculator = ToyCalculator(
        likelihood.data.tolist(), likelihood.model, ntoys=theirs, test_stat="qtilde", track_progress=False
    )
    slow = timed(lambda: calculator.distributions(TESTED))
    done = 2 * theirs  # it throws as many without the coupling, and fits both twice
    print(f"\n## Toys per second, {len(likelihood.names)} parameters\n")
    print("| | toys | wall s | CPU s | toys per CPU s |\n| --- | ---: | ---: | ---: | ---: |")
    for name, count, run in (("nuhist", ours, fast), ("pyhf ToyCalculator, scipy", done, slow)):
        print(f"| {name} | {count} | {run.wall:.2f} | {run.cpu:.2f} | {count / run.cpu:,.1f} |")
    cpu = ours / fast.cpu / (done / slow.cpu)
    print(f"\nratio {cpu:,.0f} in CPU time, {ours / fast.wall / (done / slow.wall):,.0f} on the wall")

    compare(likelihood, model, truth, compared or default)


def compare(likelihood: Likelihood, model: ToyModel, truth: Numbers, compared: int) -> None:
    """Fit the same toys with pyhf: test statistics, and who has the lower minimum where they differ."""
    tasks = batches(truth, TESTED, compared, seed=1)
    data = np.concatenate([model.throw(task.truth, task.size, task.seed, task.batch) for task in tasks])
    mine = np.concatenate(thrown(model, truth, TESTED, compared))
    start = perf_counter()
    fits = np.array([_pyhf_fits(likelihood, row.tolist()) for row in data])
    seconds, second = perf_counter() - start, int(np.sum(fits[:, :, 1]))
    held, free = fits[:, :, 0].T
    far = np.abs(mine - np.maximum(held - free, 0.0))
    apart = np.flatnonzero(~(far < SAME))  # a fit that failed is NaN, and far from anything
    print(
        f"\nthe same {compared} toys fitted by both (pyhf: {seconds:.0f} s): {compared - apart.size} test"
        f" statistics agree within {SAME:g}; largest difference {far.max():.1e}"
    )
    print(f"{np.isnan(mine).sum()} toys lost by nuhist; {second} of pyhf's fits left by SciPy to Minuit")
    start_at = np.tile(truth, (apart.size, 1))
    constant = model.model.constant(data[apart])
    at, height = model.held(data[apart], start_at, TESTED)
    for name, ours, theirs in (
        ("constrained", height, held),
        ("free", model.free(data[apart], at)[1], free),
    ):
        if apart.size:
            gains = theirs[apart] - ours - constant
            span = f"{gains.min():.1e} to {gains.max():.1e}"
            print(f"where they differ, {name} fits: pyhf's 2NLL minus ours {span}")


def _pyhf_fits(likelihood: Likelihood, data: list[float]) -> list[tuple[float, bool]]:
    """2NLL of pyhf's constrained and free fit, and whether Minuit had to make it after SciPy."""
    import pyhf

    found = []
    for fit in (partial(pyhf.infer.mle.fixed_poi_fit, TESTED), pyhf.infer.mle.fit):
        for second, optimizer in enumerate(
            (pyhf.optimize.scipy_optimizer(tolerance=1e-10), pyhf.optimize.minuit_optimizer())
        ):
            pyhf.set_backend("numpy", optimizer)
            try:
                height = fit(data, likelihood.model, return_fitted_val=True)[1]
            except pyhf.exceptions.FailedMinimization:
                continue
            found.append((float(height), bool(second)))
            break
        else:
            raise RuntimeError("neither SciPy nor Minuit converges in pyhf")
    return found


def limits(workspace: Workspace, *, quick: bool) -> None:
    """Limits in process, after a first call, against pyhf and cabinetry."""
    import pyhf

    repeats = 3 if quick else 10
    for method in ("profile", "cls"):
        nuhist.limit(workspace, method=method, confidence_level=LEVEL)
    rows = [
        (
            "nuhist, profile",
            timed(lambda: nuhist.limit(workspace, method="profile", confidence_level=LEVEL), repeats),
        ),
        (
            "nuhist, cls with bands",
            timed(
                lambda: nuhist.limit(workspace, method="cls", confidence_level=LEVEL, expected=True), repeats
            ),
        ),
        (
            "nuhist, profile, `--engine pyhf`",
            timed(lambda: nuhist.limit(workspace, method="profile", engine="pyhf")),
        ),
    ]
    found = [(name, run, [run.result.parameter_upper, _median(run.result, workspace)]) for name, run in rows]
    likelihood = make_likelihood(workspace)
    if not quick:
        found += [
            ("pyhf toms748_scan, scipy 1e-10", *_toms748(likelihood)),
            ("cabinetry.fit.limit, poi_tolerance 1e-3", *_cabinetry(likelihood)),
        ]
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
    profile, cls = rows[0][1], rows[1][1]
    print("\n## A 90 % limit on mu_nu_squared\n")
    print("| | wall s | CPU s | over profile | over cls | limit | expected |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, run, (upper, median) in found:
        shown = "" if median is None else f"{median:.5f}"
        print(
            f"| {name} | {run.wall:.3g} | {run.cpu:.3g} | {run.cpu / profile.cpu:.3g} "
            f"| {run.cpu / cls.cpu:.3g} | {upper:.5f} | {shown} |"
        )
    reference = cls.result.parameter_upper
    for name, _, (upper, _) in found[3:]:
        print(f"{name}: CLs limit {upper / reference - 1:+.1e} relative to nuhist's")
    print(f"profile, pyhf's fits: {found[2][2][0] / found[0][2][0] - 1:+.1e} relative to the compiled ones")


def _median(interval: Any, workspace: Workspace) -> float | None:
    """Median expected limit in units of the parameter."""
    if interval.expected is None or interval.expected["0"] is None:
        return None
    scale = make_likelihood(workspace).interest
    return float(scale.to_parameter(interval.expected["0"]))


def _toms748(likelihood: Likelihood) -> tuple[Timing, list[float]]:
    import pyhf
    from pyhf.infer.intervals.upper_limits import toms748_scan

    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-10))
    run = timed(lambda: toms748_scan(likelihood.data.tolist(), likelihood.model, 0.1, 10.0, level=1 - LEVEL))
    return run, [float(run.result[0]), float(run.result[1][2])]


def _cabinetry(likelihood: Likelihood) -> tuple[Timing, list[float]]:
    import cabinetry

    logging.getLogger("cabinetry").setLevel(logging.ERROR)
    run = timed(
        lambda: cabinetry.fit.limit(
            likelihood.model,
            likelihood.data.tolist(),
            bracket=(0.1, 10.0),
            confidence_level=LEVEL,
            poi_tolerance=1e-3,
        )
    )
    return run, [float(run.result.observed_limit), float(run.result.expected_limit[2])]


def generated(bins: int, parameters: int) -> Workspace:
    """One channel: a falling signal, and samples that each have a norm of 10 %."""
    random = np.random.default_rng([bins, parameters])
    x = np.linspace(0.0, 1.0, bins)
    signal = {
        "name": "signal",
        "data": (100 / bins * np.exp(-3 * x)).tolist(),
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    samples = [signal]
    for index in range(parameters - 1):
        shape = 1 + 0.5 * np.sin(2 * np.pi * (random.uniform(0.2, 3) * x + random.uniform()))
        modifier = {"name": f"norm_{index}", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
        counts = 5000 / bins / (parameters - 1) * shape
        samples.append({"name": f"sample_{index}", "data": counts.tolist(), "modifiers": [modifier]})
    total = np.sum([sample["data"] for sample in samples], axis=0)
    spec = {
        "channels": [{"name": "channel", "samples": samples}],
        "observations": [{"name": "channel", "data": random.poisson(total).astype(float).tolist()}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    return Workspace(spec)


def scaling(*, quick: bool, plot: Path | None) -> None:
    """Cost per toy against bins and parameters, and the memory of a batch."""
    bins = BINS[:4] if quick else BINS
    parameters = PARAMETERS[:4] if quick else PARAMETERS
    print("\n## Cost of a toy (a free and a constrained fit)\n")
    print("| bins | parameters | toys | CPU ms per toy | million products per step | ns per thousand |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    along_bins = [_cost(count, FIXED_PARAMETERS) for count in bins]
    along_parameters = [_cost(FIXED_BINS, count) for count in parameters]

    print("\n| toys | batches | peak MB (tracemalloc) |\n| ---: | ---: | ---: |")
    model = toy_model(make_likelihood(generated(FIXED_BINS, FIXED_PARAMETERS)))
    for count in (BATCH, 2 * BATCH, 4 * BATCH):
        tracemalloc.start()
        thrown(model, model.initial, 1.0, count)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"| {count} | {count // BATCH} | {peak / 1e6:.1f} |")
    unit = 1024 if sys.platform != "darwin" else 1024**2
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(f"\nlargest resident memory of this process up to here: {resident:,.0f} MB")
    if plot:
        _plot(bins, along_bins, parameters, along_parameters, plot)


def _cost(bins: int, parameters: int) -> float:
    """CPU milliseconds per toy; prints a row."""
    model = toy_model(make_likelihood(generated(bins, parameters)))
    count = int(np.clip(LARGEST / (bins * parameters * parameters), 20, BATCH))
    thrown(model, model.initial, 1.0, 2)
    run = timed(lambda: thrown(model, model.initial, 1.0, count), 2)
    milliseconds = 1e3 * run.cpu / count
    # Of one Gauss-Newton step: derivatives of all rows, curvature, and the linear equations.
    products = bins * parameters * (2 * parameters) + parameters**3 / 3
    print(
        f"| {bins} | {parameters} | {count} | {milliseconds:.3f} | {products / 1e6:.4f} "
        f"| {1e6 * milliseconds / (products / 1e3):,.0f} |"
    )
    return milliseconds


def _plot(
    bins: tuple[int, ...],
    along_bins: list[float],
    parameters: tuple[int, ...],
    along_parameters: list[float],
    path: Path,
) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    series = (
        (axes[0], bins, along_bins, f"bins ({FIXED_PARAMETERS} parameters)", 1),
        (axes[1], parameters, along_parameters, f"parameters ({FIXED_BINS} bins)", 2),
    )
    for axis, x, y, label, power in series:
        guide = y[-1] * (np.array(x) / x[-1]) ** power
        axis.loglog(x, y, "o-", color="#0072B2")
        axis.loglog(x, guide, "--", color="black", linewidth=0.8, label=f"power {power}")
        axis.set_xlabel(label)
        axis.legend(frameon=False)
    axes[0].set_ylabel("CPU ms per toy")
    figure.savefig(path, dpi=130)


def jobs(workspace: Workspace, *, quick: bool) -> None:
    """A Feldman-Cousins interval with one process and with two."""
    points, count = (5, 2000) if quick else (20, 10000)
    print(f"\n## Feldman-Cousins, {points} points of {count} toys\n")
    print("| jobs | wall s | CPU s, all processes | limit (μ_B) |\n| ---: | ---: | ---: | ---: |")
    seconds, uppers = [], []
    for number in (1, 2):
        execution = Execution(toys=count, seed=1, jobs=number)
        start, cpu = perf_counter(), _cpu_of_all()
        found = nuhist.limit(workspace, method="feldman-cousins", points=points, execution=execution)
        seconds.append(perf_counter() - start)
        uppers.append(found.upper)
        shown = "open" if found.upper is None else f"{found.upper:.4g}"
        print(f"| {number} | {seconds[-1]:.1f} | {_cpu_of_all() - cpu:.1f} | {shown} |")
    same = "the same" if uppers[0] == uppers[1] else "DIFFERENT"
    print(f"\ntwo jobs are {seconds[0] / seconds[1]:.2f} times as fast as one, start included; {same} limit")


def _cpu_of_all() -> float:
    """CPU seconds of this process and of those it has started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def main() -> None:
    """Run the parts that were asked for."""
    from threadpoolctl import threadpool_limits

    parts = ("toys", "large", "limits", "scaling", "jobs")
    parser = argparse.ArgumentParser(description="Time nuhist's fits, toys and limits.")
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    parser.add_argument(
        "--quick", action="store_true", help="fewer toys and points, without toms748 and cabinetry"
    )
    parser.add_argument("--compared", type=int, metavar="N", help="toys that pyhf fits too (0.2 s each)")
    parser.add_argument("--plot", type=Path, help="where to draw the cost of a toy")
    arguments = parser.parse_args()
    quick = arguments.quick
    warnings.simplefilter("ignore", DeprecationWarning)  # jsonschema.RefResolver, in pyhf
    warnings.simplefilter("ignore", RuntimeWarning)  # steps that SLSQP itself clips

    start = perf_counter()
    header()
    workspace = nuhist.build("lz_ws2022", hypothesis="magnetic-moment")
    with threadpool_limits(1):
        if "toys" in arguments.parts:
            toys(workspace, quick=quick, compared=arguments.compared)
        if "large" in arguments.parts:
            toys(generated(FIXED_BINS, LARGE), quick=True, compared=arguments.compared)
        if "limits" in arguments.parts:
            limits(workspace, quick=quick)
        if "scaling" in arguments.parts:
            scaling(quick=quick, plot=arguments.plot)
        if "jobs" in arguments.parts:
            jobs(workspace, quick=quick)
    print(f"\n{perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
