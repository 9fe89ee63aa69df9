"""What neutrinos scatter on: electrons of the atom, or whole nuclei."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nuhist.constants import ELECTRON_MASS_KEV
from nuhist.errors import ConfigError
from nuhist.physics import coherent, scattering
from nuhist.physics.couplings import Flavor, radiative
from nuhist.physics.hypothesis import ELECTRON, Hypothesis, RateOptions
from nuhist.physics.targets.nucleus import Nucleus
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

_LOWEST = 1e-3  # keV; no detector sees a nucleus of less


class Body(NamedTuple):
    """What recoils: its mass in keV, how many of them cross sections are multiplied by, and the nucleus."""

    mass: float
    number: float
    nucleus: Nucleus | None


@dataclass(frozen=True)
class Process:
    """A kind of scattering.

    Attributes
    ----------
    name, title
        For experiment.yaml and for readers.
    symbol
        Such as ``"ν–e"``.
    bodies
        What recoils in a target; each has a kinematic limit of its own.
    standard_model
        Cross section of a flavour on one of them, which stands in the options.
    edges
        Recoil energies in keV at which cross sections on a target step, increasing.
    lowest
        Recoil energy in keV below which nothing is seen of a target.
    """

    name: str
    title: str
    symbol: str
    bodies: Callable[[Target], tuple[Body, ...]]
    standard_model: Callable[[Array, Flavor, RateOptions], Array]
    edges: Callable[[Target], Array]
    lowest: Callable[[Target], float]


def _electrons(_: Target) -> tuple[Body, ...]:
    return (Body(ELECTRON_MASS_KEV, 1.0, None),)  # the effective charge counts them


def _nuclei(target: Target) -> tuple[Body, ...]:
    return tuple(Body(nucleus.mass, nucleus.number, nucleus) for nucleus in target.nuclei)


def _on_electrons(energy: Array, flavor: Flavor, options: RateOptions) -> Array:
    return scattering.standard_model(energy, radiative(flavor), options.target)


def _on_nuclei(energy: Array, _: Flavor, options: RateOptions) -> Array:
    return coherent.standard_model(energy, options.struck, options.form_factor)


PROCESSES: dict[str, Process] = {
    entry.name: entry
    for entry in (
        Process(
            ELECTRON,
            "neutrino-electron scattering",
            "ν–e",
            _electrons,
            _on_electrons,
            lambda target: target.edges,
            lambda target: float(target.edges[0]),
        ),
        Process(
            "nucleus",
            "coherent elastic neutrino-nucleus scattering",
            "ν–nucleus",
            _nuclei,
            _on_nuclei,
            lambda _: np.zeros(0),
            lambda _: _LOWEST,
        ),
    )
}


def refuse_other_process(hypothesis: Hypothesis, process: str) -> None:
    """Refuse a hypothesis that has nothing to say of a process.

    Raises
    ------
    ConfigError
        With the processes that it has.
    """
    if process not in hypothesis.processes:
        known = " and ".join(hypothesis.processes)
        raise ConfigError(
            f"hypothesis {hypothesis.name}: has no cross section for {PROCESSES[process].title} (process"
            f" {process}); it has one for the process {known}"
        )
