"""Redo the tables of docs/inference.md that need toys, and its figure.

    python benchmarks/coverage.py [--ntoys 10000] [--jobs 2] [--plot docs/images/coverage.png]

Prints, in Markdown: the quantile of the test statistic along μ² for XENONnT, the Feldman-Cousins limits
of XENONnT and LZ beside the profile ones, and the coverage of both intervals for two couplings of LZ.
Two minutes on two free cores. The same seed gives the same numbers with any number of processes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import nuhist
from nuhist.inference.execution import Execution
from nuhist.inference.feldman_cousins import belt
from nuhist.inference.model import make_likelihood
from nuhist.inference.profile import Profile
from nuhist.inference.results import Coverage, Interval

LEVEL = 0.90
XENONNT = nuhist.build("xenonnt_sr0", hypothesis="magnetic-moment", flux="paper")
MOMENT = nuhist.build("lz_ws2022", hypothesis="magnetic-moment")
MILLICHARGE = nuhist.build("lz_ws2022", hypothesis="millicharge-fea")
BELT = [0.0, 2e-12, 4e-12, 5e-12, 5.5e-12, 6e-12, 6.4e-12, 7e-12, 8e-12, 9e-12]  # μ_B
MOMENTS = [0.0, 5e-12, 1e-11, 1.5e-11, 2e-11]  # μ_B
CHARGES = [-6e-13, -3e-13, 0.0, 3e-13, 6e-13]  # e₀


def quantiles(execution: Execution) -> None:
    """Print what the belt of XENONnT is made of."""
    profile = Profile(make_likelihood(XENONNT))
    values = np.array([profile.coupling.to_parameter(moment) for moment in BELT])
    found = belt(profile, LEVEL, execution, XENONNT.digest, values=values)
    print("| μ_ν (10⁻¹² μ_B) | μ² (10⁻²² μ_B²) | Δχ² of the data | 90 % quantile of the toys | p |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for moment, *row in zip(BELT, values, found.observed, found.critical, found.p_values, strict=True):
        value, observed, critical, p_value = row
        print(f"| {moment * 1e12:.1f} | {value:.4f} | {observed:.2f} | {critical:.2f} | {p_value:.3f} |")


def limits(execution: Execution) -> None:
    """Print Feldman-Cousins intervals beside profile ones."""

    def shown(interval: Interval) -> str:
        scale = 1e12 if interval.coupling == "mu_nu" else 1e13
        low = "" if interval.lower is None else f"{scale * interval.lower:.2f} to "
        return low + ("open" if interval.upper is None else f"{scale * interval.upper:.2f}")

    names = {
        "XENONnT SR0, `--flux paper`, μ_ν (10⁻¹² μ_B)": XENONNT,
        "LZ WS2022, μ_ν (10⁻¹² μ_B)": MOMENT,
        "LZ WS2022, q_ν, FEA (10⁻¹³ e₀)": MILLICHARGE,
    }
    print("\n| | profile | CLs | Feldman–Cousins |\n| --- | ---: | ---: | ---: |")
    for name, workspace in names.items():
        profile = nuhist.limit(workspace)
        unified = nuhist.limit(workspace, method="feldman-cousins", execution=execution)
        signed = workspace is MILLICHARGE
        cls = "signed: not defined" if signed else shown(nuhist.limit(workspace, method="cls"))
        print(f"| {name} | {shown(profile)} | {cls} | {shown(unified)} |")


def table(result: Coverage) -> None:
    """Print coverage; the calibrating toys' error adds to Feldman-Cousins', as much again in square."""
    print(f"\n| {result.coupling} ({result.unit}) | profile | ± | Feldman–Cousins | ± |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for point in result.points:
        profile, unified = (point.coverage[name] for name in ("profile", "feldman-cousins"))
        print(
            f"| {point.coupling:.2g} | {100 * profile:.1f} | {100 * point.error['profile']:.1f} "
            f"| {100 * unified:.1f} | {141 * point.error['feldman-cousins']:.1f} |"
        )


def plot(results: list[Coverage], path: Path) -> None:
    """Draw coverage against the true coupling, one panel for each coupling."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(8, 3.2), sharey=True, layout="constrained")
    labels = ("true $\\mu_\\nu$ ($10^{-12}\\,\\mu_B$)", "true $q_\\nu$ ($10^{-13}\\,e_0$)")
    for axis, result, label, factor in zip(axes, results, labels, (1e12, 1e13), strict=True):
        x = [factor * point.coupling for point in result.points]
        for name, title, marker, colour, widen in (
            ("profile", "profile, $\\Delta\\chi^2 < 2.71$", "o", "#E69F00", 1.0),
            ("feldman-cousins", "Feldman–Cousins", "s", "#0072B2", np.sqrt(2)),
        ):
            y = [100 * point.coverage[name] for point in result.points]
            error = [100 * widen * point.error[name] for point in result.points]
            axis.errorbar(x, y, error, marker=marker, color=colour, label=title, capsize=2)
        axis.axhline(100 * result.confidence_level, color="black", linewidth=0.8, linestyle="--")
        axis.axhspan(89, 91, color="black", alpha=0.08, linewidth=0)
        axis.set_xlabel(label)
    axes[0].set_ylabel("coverage (%)")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description="Redo the tables and the figure of docs/inference.md.")
    parser.add_argument("--ntoys", type=int, default=10000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, help="where to draw the coverage")
    arguments = parser.parse_args()
    execution = Execution(toys=arguments.ntoys, jobs=arguments.jobs, seed=arguments.seed)
    quantiles(execution)
    limits(execution)
    results = [
        nuhist.coverage(workspace, couplings, confidence_level=LEVEL, execution=execution)
        for workspace, couplings in ((MOMENT, MOMENTS), (MILLICHARGE, CHARGES))
    ]
    for result in results:
        table(result)
    if arguments.plot:
        plot(results, arguments.plot)


if __name__ == "__main__":
    main()
