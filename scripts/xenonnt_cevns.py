"""Make the tables of the experiments xenonnt_cevns_sr0, _sr1 and _sr2 from XENONnT's public release.

    python scripts/xenonnt_cevns.py RELEASE [nuhist/experiments/xenonnt_cevns]

RELEASE is the unpacked release, https://github.com/XENONnT/cevns_data_release (DOI 10.5281/zenodo.20576156),
licensed under CC-BY-4.0: post-selection data, binning and templates of arXiv:2604.06002. Needs h5py.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import yaml

RUNS = {"sr0": 1.174398, "sr1": 2.342593, "sr2": 3.249665}  # tonne years, of the release's own templates
ANCHORS = range(-3, 4)
ENERGIES = [round(0.1 * number, 1) for number in range(5, 51)]
SOURCE = (
    "# Source: XENONnT, data release https://doi.org/10.5281/zenodo.20576156 of arXiv:2604.06002; changed"
    " in form by scripts/xenonnt_cevns.py.\n# Licence: CC-BY-4.0.\n"
)


def template(path: Path) -> np.ndarray:
    """A histogram in four dimensions as one of 81 bins, the last dimension's fastest."""
    with h5py.File(path) as file:
        counts: np.ndarray = file["templates/template"][()]
    return counts.ravel()


def written(value: float) -> str:
    """Four digits of what counts, fewer of what does not, as a file has at most a mebibyte."""
    digits = 4 if value > 50 else 3 if value > 0.01 else 1
    return f"{value:.{digits}g}"


def responses(release: Path, run: str) -> list[str]:
    """Probability per bin of recoils of one energy, in millionths, for each pair of anchors."""
    lines = ["T_keV,t_ly,t_qy," + ",".join(f"bin{number}" for number in range(81))]
    for energy, light, charge in product(ENERGIES, ANCHORS, ANCHORS):
        name = f"template_XENONnT_{run}_mono_{energy:.3f}_cevns_tly_{light:.1f}_tqy_{charge:.1f}.h5"
        values = template(release / "templates" / run / "mono" / name)
        lines.append(f"{energy:g},{light},{charge}," + ",".join(written(1e6 * value) for value in values))
    return lines


def counts(release: Path, run: str) -> list[str]:
    """Edges, observed events and expected backgrounds of each bin."""
    edges = yaml.safe_load((release / "binning" / f"{run}.yaml").read_text())
    with (release / "data" / f"{run}.csv").open() as file:
        events = list(csv.DictReader(file))
    values = np.array([[float(event[name]) for name in edges] for event in events])
    observed = np.histogramdd(values, bins=list(edges.values()))[0].ravel()
    # As nuhist import alea names the events of XENONnT's model of 2024, whose cS2 have single precision.
    exact = np.where([name == "cs2" for name in edges], values.astype(np.float32), values)
    rows = np.ascontiguousarray(exact[np.lexsort(exact.T)], dtype="<f8")
    lines = [f"# Dataset: sha256:{hashlib.sha256(rows.tobytes()).hexdigest()}"]
    if observed.sum() != len(events):
        raise SystemExit(f"{run}: {len(events) - observed.sum():.0f} events lie outside the bins")
    folder, time = release / "templates" / run, RUNS[run]
    neutrons, *varied = (
        template(folder / "rg" / f"template_XENONnT_{run}_rg_cevns_tly_{light:.1f}_tqy_{charge:.1f}.h5")
        for light, charge in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
    )
    factors = ", ".join(f"{each.sum() / neutrons.sum():.4f}" for each in varied)
    lines.append(f"# Neutrons at t_ly = -1 and 1, t_qy = -1 and 1, over those of nominal yields: {factors}")
    columns = {
        "observed": observed,
        "accidental": time * template(folder / "ac" / f"template_XENONnT_{run}_ac_cevns.h5"),
        "electron": time * template(folder / "er" / f"template_XENONnT_{run}_er_cevns.h5"),
        "neutron": time * neutrons,
    }
    short = ("cs2", "s2pre", "s1_bdt", "s2_bdt")
    lines += [",".join(["bin", *(f"{each}_{end}" for each in short for end in ("low", "high")), *columns])]
    for number, place in enumerate(product(range(3), repeat=4)):
        ends = [
            f"{axis[index + side]:.9g}"
            for axis, index in zip(edges.values(), place, strict=True)
            for side in (0, 1)
        ]
        row = [f"{column[number]:.6g}" for column in columns.values()]
        lines.append(",".join([str(number), *ends, *row]))
    return lines


def main(release: Path, target: Path) -> None:
    """Write the tables of all runs."""
    for run, time in RUNS.items():
        folder = target / run
        folder.mkdir(parents=True, exist_ok=True)
        said = (
            "# Probability of a nuclear recoil of T_keV to be in a bin, in millionths, at yields of light and"
            " charge in standard deviations (t_ly, t_qy).\n"
        )
        (folder / "response.csv").write_text(said + SOURCE + "\n".join(responses(release, run)) + "\n")
        said = f"# Events in {time} t yr: observed, and expected of backgrounds. Edges: cS2 in PE,"
        said += " quantile of S2pre/dt, scores.\n"
        (folder / "bins.csv").write_text(said + SOURCE + "\n".join(counts(release, run)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "nuhist/experiments/xenonnt_cevns"))
