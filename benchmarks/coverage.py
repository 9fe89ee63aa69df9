"""Redo the tables of docs/explanation/inference.md that need toys, and its figure.

    python benchmarks/coverage.py [--ntoys 10000] [--jobs 2] [--plot docs/images/coverage.png]

Prints, in Markdown: the quantile of the test statistic along μ² for XENONnT, the Feldman-Cousins limits
of XENONnT and LZ beside the profile ones, and the coverage of both intervals for two couplings of LZ.
Two minutes on two free cores. The same seed gives the same numbers with any number of processes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import nuhist
from nuhist.inference.execution import Execution
from nuhist.inference.feldman_cousins import belt
from nuhist.inference.prepare import make_likelihood
from nuhist.inference.profile import Profile
from nuhist.inference.results import Interval
from nuhist.inference.study_results import Coverage

LEVEL = 0.90
XENONNT = nuhist.build("xenonnt_sr0", hypothesis="magnetic-moment", flux="paper")
MOMENT = nuhist.build("lz_ws2022", hypothesis="magnetic-moment")
MILLICHARGE = nuhist.build("lz_ws2022", hypothesis="millicharge-fea")
BELT = [0.0, 2e-12, 4e-12, 5e-12, 5.5e-12, 6e-12, 6.4e-12, 7e-12, 8e-12, 9e-12]  # μ_B
MOMENTS = [0.0, 5e-12, 1e-11, 1.5e-11, 2e-11]  # μ_B
SHIFTED = "lz_ws2022_beta_norm"
WIDTHS = (-1.0, 1.0)
METHODS = {
    "profile": ("profile", "o", "#E69F00"),
    "feldman-cousins": ("Feldman–Cousins", "s", "#0072B2"),
    "cls": ("CLs", "^", "#009E73"),
}
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


def table(result: Coverage, shifted: Mapping[float, Coverage]) -> None:
    """Print coverage, and that of toys whose β background is truly off its profiled value."""
    methods = [name for name in METHODS if name in result.points[0].coverage]
    header = [f"{METHODS[name][0]} | ±" for name in methods]
    header += [f"{METHODS[name][0]}, β {widths:+g}σ" for widths in shifted for name in methods]
    print(f"\n| {result.coupling} ({result.unit}) | {' | '.join(header)} |")
    print("| " + "---: | " * (1 + len(methods) * (2 + len(shifted))))
    for index, point in enumerate(result.points):
        row = [f"{100 * point.coverage[name]:.1f} | {100 * point.error[name]:.1f}" for name in methods]
        for other in shifted.values():
            row += [f"{100 * other.points[index].coverage[name]:.1f}" for name in methods]
        print(f"| {point.coupling:.2g} | {' | '.join(row)} |")


def plot(results: list[Coverage], path: Path) -> None:
    """Draw coverage against the true coupling, one panel for each coupling."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(8, 3.2), sharey=True, layout="constrained")
    labels = ("true $\\mu_\\nu$ ($10^{-12}\\,\\mu_B$)", "true $q_\\nu$ ($10^{-13}\\,e_0$)")
    for axis, result, label, factor in zip(axes, results, labels, (1e12, 1e13), strict=True):
        x = [factor * point.coupling for point in result.points]
        for name in (name for name in METHODS if name in result.points[0].coverage):
            title, marker, colour = METHODS[name]
            y = [100 * point.coverage[name] for point in result.points]
            error = [100 * point.error[name] for point in result.points]
            axis.errorbar(x, y, error, marker=marker, color=colour, label=title, capsize=2)
        axis.axhline(100 * result.confidence_level, color="black", linewidth=0.8, linestyle="--")
        axis.axhspan(89, 91, color="black", alpha=0.08, linewidth=0)
        axis.set_xlabel(label)
    axes[0].set_ylabel("coverage (%)")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(
        description="Redo the tables and the figure of docs/explanation/inference.md."
    )
    parser.add_argument("--ntoys", type=int, default=10000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, help="where to draw the coverage")
    arguments = parser.parse_args()
    execution = Execution(toys=arguments.ntoys, jobs=arguments.jobs, seed=arguments.seed)
    quantiles(execution)
    limits(execution)
    results = []
    for workspace, couplings in ((MOMENT, MOMENTS), (MILLICHARGE, CHARGES)):
        nominal, *others = (
            nuhist.coverage(workspace, couplings, confidence_level=LEVEL, shift=shift, execution=execution)
            for shift in ({}, *({SHIFTED: widths} for widths in WIDTHS))
        )
        table(nominal, dict(zip(WIDTHS, others, strict=True)))
        results.append(nominal)
    if arguments.plot:
        plot(results, arguments.plot)


if __name__ == "__main__":
    main()
