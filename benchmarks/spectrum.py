"""Time the binned spectrum of LZ: nuhist, nested scipy.integrate.quad, and a plain NumPy loop.

All three compute the same: counts in the 51 bins of LZ (WS2022) of the Standard Model plus a
magnetic moment of 1e-11 μ_B, from pp neutrinos and the two ⁷Be lines, all flavours, free electrons
times the stepping function, eq. (9) of arXiv:2207.05036 with its efficiency and no smearing. Flux
tables and couplings are at hand before the clock starts, for all three.

    python benchmarks/spectrum.py [--bins 4 15 40]

Nested quad takes minutes for 51 bins: it is run on some of them and its time scaled to 51. The
clock is perf_counter, the fastest of several runs counts (one run where the flux is split).
"""

from __future__ import annotations

import argparse
import platform
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import pi, sqrt
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy
from scipy.integrate import IntegrationWarning, quad

import nuhist
from nuhist import constants
from nuhist.constants import ELECTRON_MASS_KEV, FINE_STRUCTURE
from nuhist.experiments.counts import neutrino_counts
from nuhist.experiments.loading import load_experiment
from nuhist.experiments.response import make_response
from nuhist.physics.couplings import radiative
from nuhist.physics.hypotheses import RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints
from nuhist.physics.sources.registry import get_source
from nuhist.physics.sources.survival import solar_composition
from nuhist.physics.targets.registry import get_target
from nuhist.tables import Array, read_table

LZ = load_experiment("lz_ws2022")
EDGES = LZ.edges.tolist()
EFFICIENCY = read_table(LZ.folder / "er_efficiency.csv")
SUN, XENON = get_source("sun:survival=constant"), get_target("xenon")
(PP,) = SUN.group("pp").components
PP_DENSITY = PP.density if PP.density is not None else np.zeros_like(PP.energy)
LINES = [(float(line.energy[0]), line.total) for line in SUN.group("be7").components]
FLAVORS = [(fraction, *radiative(name)) for name, fraction in solar_composition().items()]
TARGET = LZ.exposure * XENON.per_tonne * constants.SECONDS_PER_YEAR
AREA = constants.HBAR_C_KEV_CM**2
WEAK = constants.FERMI_CONSTANT_PER_KEV2**2 * ELECTRON_MASS_KEV / (2 * pi) * AREA
MAGNETIC = pi * FINE_STRUCTURE**2 / ELECTRON_MASS_KEV**2 * AREA * 1e-22  # for 1e-11 μ_B


def by_nuhist() -> Array:
    """Response, moments and fold, as `nuhist spectrum` does them, the efficiency's CSV included."""
    hypothesis = get_hypothesis("magnetic-moment")
    response = make_response(LZ, "none", breakpoints(hypothesis, XENON))
    total = np.zeros(LZ.bins)
    for group in ("pp", "be7"):
        counts = neutrino_counts(LZ, response, hypothesis, "effective", SUN, group, RateOptions())
        total += counts[0] + counts[2]
    return total


def cross_section(t: float, e: float) -> float:
    """Eqs. (1) and (6) for one electron, averaged over flavours; cm²/keV."""
    bracket = 0.0
    for fraction, g_v, g_a in FLAVORS:
        bracket += fraction * (
            (g_v + g_a) ** 2
            + (g_v - g_a) ** 2 * (1 - t / e) ** 2
            - (g_v**2 - g_a**2) * ELECTRON_MASS_KEV * t / e**2
        )
    return WEAK * bracket + MAGNETIC * (1 / t - 1 / e)


def accepted_electrons(t: float) -> float:
    """Efficiency times effective charge."""
    accepted = float(np.interp(t, EFFICIENCY["T_keV"], EFFICIENCY["A_accER"]))
    return accepted * float(XENON.effective_charge(np.array(t)))


def minimum_energy(t: float) -> float:
    """Below eq. (9)."""
    return (t + sqrt(t**2 + 2 * ELECTRON_MASS_KEV * t)) / 2


def by_quad(bins: Sequence[int], *, split: bool) -> Array:
    """Nested quad to 1e-6 in both integrals, the outer one split where it has steps or kinks.

    The inner one is left to quad's own bisection, or split at each node of the flux table, where
    the flux has a kink: slower, and exact to rounding.
    """

    def density(e: float, t: float) -> float:
        return float(np.interp(e, PP.energy, PP_DENSITY)) * cross_section(t, e)

    def rate(t: float) -> float:
        low = minimum_energy(t)
        nodes = PP.energy[PP.energy > low] if split else PP.energy[-1:]
        total = 0.0
        for left, right in pairwise([low, *nodes.tolist()]):
            total += quad(density, left, right, args=(t,), epsabs=0, epsrel=1e-6, limit=2000)[0]
        total += sum(flux * cross_section(t, e) for e, flux in LINES if e > low)
        return TARGET * accepted_electrons(t) * total

    nodes = np.union1d(XENON.edges, EFFICIENCY["T_keV"])
    counts = []
    for i in bins:
        inside = nodes[(nodes > EDGES[i]) & (nodes < EDGES[i + 1])].tolist()
        limits = [EDGES[i], *inside, EDGES[i + 1]]
        counts.append(sum(quad(rate, a, b, epsabs=0, epsrel=1e-6)[0] for a, b in pairwise(limits)))
    return np.array(counts)


def by_loop(energies: int = 2000, recoils: int = 20) -> Array:
    """Loop over bins and recoil energies (midpoints), NumPy over a grid of neutrino energies."""
    counts = np.zeros(LZ.bins)
    for i, (low, high) in enumerate(pairwise(EDGES)):
        width = (high - low) / recoils
        for k in range(recoils):
            t = low + (k + 0.5) * width
            e = np.linspace(minimum_energy(t), PP.energy[-1], energies)
            bracket = np.zeros_like(e)
            for fraction, g_v, g_a in FLAVORS:
                bracket += fraction * (
                    (g_v + g_a) ** 2
                    + (g_v - g_a) ** 2 * (1 - t / e) ** 2
                    - (g_v**2 - g_a**2) * ELECTRON_MASS_KEV * t / e**2
                )
            values = WEAK * bracket + MAGNETIC * (1 / t - 1 / e)
            total = float(np.trapezoid(np.interp(e, PP.energy, PP_DENSITY) * values, e))
            total += sum(flux * cross_section(t, line) for line, flux in LINES if line > e[0])
            counts[i] += TARGET * accepted_electrons(t) * total * width
    return counts


def fastest(function: Callable[[], Array], repeats: int) -> tuple[float, Array]:
    """Seconds of the fastest of several runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        result = function()
        seconds.append(perf_counter() - start)
    return min(seconds), result


def processor() -> str:
    """Name of the processor, where Linux tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} logical cores" if names else platform.processor()


def main() -> None:
    """Run all three and print a table."""
    parser = argparse.ArgumentParser(description="Time nuhist's spectrum against quad and a NumPy loop.")
    parser.add_argument("--bins", type=int, nargs="+", default=[5, 14, 30, 44], help="for nested quad")
    parser.add_argument("--repeats", type=int, default=20, help="of nuhist; 3 of the others")
    arguments = parser.parse_args()
    bins = arguments.bins

    by_nuhist()  # caches of the flux tables, at hand for the others too
    fast, counts = fastest(by_nuhist, arguments.repeats)
    loop, looped = fastest(by_loop, 3)
    with warnings.catch_warnings():
        # At the kinks of the flux quad cannot always vouch for 1e-6; the last column tells.
        warnings.simplefilter("ignore", IntegrationWarning)
        nested, integrated = fastest(lambda: by_quad(bins, split=False), 3)
    exact, reference = fastest(lambda: by_quad(bins[:1], split=True), 1)
    nested *= LZ.bins / len(bins)
    exact *= LZ.bins

    print(f"{processor()}; {platform.system()} {platform.machine()}")
    print(
        f"nuhist {nuhist.__version__}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}"
    )
    print(
        f"{counts.sum():.4f} events; quad in bins {bins}, split quad in bin {bins[0]}, times scaled to 51\n"
    )

    def row(method: str, seconds: float, found: Array) -> None:
        difference = np.abs(counts[bins[: found.size]] / found - 1).max()
        print(f"| {method} | {seconds:.3g} | {seconds / fast:,.0f} | {difference:.1e} |")

    print("| method | seconds for 51 bins | over nuhist's | largest difference from nuhist |")
    print("| --- | --- | --- | --- |")
    row("nuhist", fast, counts[bins])
    row("NumPy loop, 20 × 2000 points per bin", loop, looped[bins])
    row("nested quad, 1e-6", nested, integrated)
    row("nested quad, 1e-6, inner split at 1000 flux nodes", exact, reference)


if __name__ == "__main__":
    main()
