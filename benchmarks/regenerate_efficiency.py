"""Simulate the efficiency and the response of LZ's first run again, and compare with the bundled tables.

    pip install numpy nestpy==2.1.3
    python benchmarks/regenerate_efficiency.py [--events 60000] [--energies 1 1.5 2 ...] [-o FILE]
    python benchmarks/regenerate_efficiency.py --response [--events 16000] [--energies ...] [-o FILE]

nestpy is NEST in Python; nuhist never needs it. The cuts are those of arXiv:2207.03764: coincidence of three
photosensors, 3 <= S1c <= 80 phd, S2 > 600 phd before and S2c < 1e5 phd after correction. Events are spread
evenly over the fiducial volume, the field is 192 V/cm, the energy 13.5 eV (S1c/g1 + S2c/g2). nestpy's
random numbers have no seed here, so that each run is another sample. 0.1 ms per event.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TABLES = Path(__file__).parents[1] / "nuhist" / "experiments" / "lz_ws2022"
FIELD = 192.0  # V/cm
WORK_FUNCTION = 0.0135  # keV per quantum, as in LZ's reconstruction
EDGES = np.linspace(0.0, 17.0, 52)  # keVee
CELL = 0.1  # keV of true energy in a row of the response
ENERGIES = (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0, 10.0, 12.0, 14.0, 15.0, 17.0)


@dataclass(frozen=True)
class Events:
    """Reconstructed energies in keV and whether they pass the cuts."""

    energy: Array
    accepted: NDArray[np.bool_]


class Simulation:
    """NEST with the detector LZ_WS2022."""

    def __init__(self, seed: int) -> None:
        import nestpy  # type: ignore[import-not-found,unused-ignore]

        self.nest = nestpy
        self.detector = nestpy.detectors.LZ_WS2022()
        self.calculator = nestpy.NESTcalc(self.detector)
        temperature, pressure = self.detector.get_T_Kelvin(), self.detector.get_p_bar()
        self.density = nestpy.NESTcalc.GetDensity(temperature, pressure, False, 0, 131.293)
        self.drift = self.calculator.SetDriftVelocity(temperature, self.density, FIELD, pressure)
        self.g2 = self.calculator.CalculateG2(0)
        self.rng = np.random.default_rng(seed)

    def run(self, energies: Iterable[float]) -> Events:
        """Simulate an electron recoil of each energy."""
        found = [self._event(float(energy)) for energy in energies]
        reconstructed, accepted = zip(*found, strict=True)
        return Events(np.array(reconstructed), np.array(accepted))

    def _event(self, energy: float) -> tuple[float, bool]:
        nest, detector, beta = self.nest, self.detector, self.nest.beta
        top = detector.get_TopDrift()
        time = self.rng.uniform(detector.get_dt_min(), detector.get_dt_max())
        radius = detector.get_radius() * np.sqrt(self.rng.random())
        angle = self.rng.uniform(0.0, 2 * np.pi)
        at = (radius * np.cos(angle), radius * np.sin(angle), top - time * self.drift)
        yields = self.calculator.GetYields(beta, energy, self.density, FIELD)
        quanta = self.calculator.GetQuanta(yields, self.density)
        full = nest.S1CalculationMode.Full
        s1 = self.calculator.GetS1(
            quanta, *at, *at, self.drift, self.drift, beta, 0, FIELD, energy, full, 0, [], []
        )
        mode = nest.S2CalculationMode.Full
        electrons = quanta.electrons
        s2 = self.calculator.GetS2(electrons, *at, *at, time, self.drift, 0, FIELD, mode, 0, [], [], self.g2)
        # In photons detected: [5] is S1 corrected, [6] and [7] S2 before and after its correction. A
        # signal that fails the coincidence or the threshold is negative.
        passed = 3.0 <= s1[5] <= 80.0 and s2[6] > 600.0 and s2[7] < 1e5
        return WORK_FUNCTION * (abs(s1[5]) / self.detector.get_g1() + abs(s2[7]) / self.g2[3]), passed


def efficiency_row(simulation: Simulation, energy: float, events: int) -> list[float]:
    """T, A_roi, mean and width of the energy of all and of accepted events."""
    found = simulation.run(np.full(events, energy))
    row = [energy, float(found.accepted.mean())]
    for chosen in (found.energy, found.energy[found.accepted]):
        row += [float(chosen.mean()), float(chosen.std())] if chosen.size else [np.nan, np.nan]
    return row


def response_row(simulation: Simulation, energy: float, events: int) -> list[float]:
    """T, and the probability to pass the cuts in each bin; events are flat in the cell of T."""
    found = simulation.run(simulation.rng.uniform(energy - CELL / 2, energy + CELL / 2, events))
    counts, _ = np.histogram(found.energy[found.accepted], EDGES)
    return [energy, *(counts / events)]


def bundled(name: str) -> tuple[list[str], Array]:
    """Columns and rows of a bundled table."""
    lines = (TABLES / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    return rows[0], np.array(rows[1:], dtype=np.float64)


def compare_efficiency(rows: Sequence[Sequence[float]], events: int) -> None:
    """Print A_roi and the energies beside the bundled ones."""
    columns, table = bundled("er_efficiency.csv")
    pick = [columns.index(name) for name in ("A_roi", "Erec_mean_all", "Erec_sigma_all")]
    print("| T (keV) | efficiency | bundled | difference in σ | mean | bundled | width | bundled |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for energy, found, mean, width, *_ in rows:
        old, old_mean, old_width = table[np.argmin(np.abs(table[:, 0] - energy)), pick]
        error = np.sqrt(max(old * (1 - old), 1 / events) * (1 / events + 1 / 60000))
        print(
            f"| {energy:g} | {found:.4f} | {old:.4f} | {(found - old) / error:+.1f}"
            f" | {mean:.3f} | {old_mean:.3f} | {width:.3f} | {old_width:.3f} |"
        )


def compare_response(rows: Sequence[Sequence[float]], events: int) -> None:
    """Print χ² of each row's shape against the bundled one, over bins with at least 5 events expected.

    The bundled rows add up to the efficiency that LZ publishes (arXiv:2511.17350), other cuts included.
    """
    _, table = bundled("er_response.csv")
    print("| T (keV) | in the cuts | bundled, all cuts | χ² of the shape | bins |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for energy, *found in rows:
        old = table[np.argmin(np.abs(table[:, 0] - energy)), 1:]
        shape = old * sum(found) / old.sum()
        used = shape * events >= 5
        variance = shape[used] * (1 / events + 1 / 16000)  # 4e6 events in 250 cells
        chi2 = float(np.sum((np.array(found)[used] - shape[used]) ** 2 / variance))
        print(f"| {energy:g} | {sum(found):.4f} | {old.sum():.4f} | {chi2:.1f} | {used.sum()} |")


def main() -> None:
    """Simulate, print the comparison, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=60000)
    parser.add_argument("--energies", type=float, nargs="+", default=ENERGIES)
    parser.add_argument("--response", action="store_true")
    parser.add_argument("--seed", type=int, default=1, help="of the positions")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    simulation = Simulation(options.seed)
    rows: list[list[float]] = []
    row = response_row if options.response else efficiency_row
    for energy in options.energies:
        rows.append(row(simulation, energy, options.events))
        print(f"{energy:g} keV", file=sys.stderr)
    (compare_response if options.response else compare_efficiency)(rows, options.events)
    if options.output is not None:
        lines = [",".join(f"{value:.6g}" for value in row) for row in rows]
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
