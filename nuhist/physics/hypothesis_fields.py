"""What the fields of a hypothesis hold: numbers that are left out, flavours, dependences, functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Literal, NamedTuple, get_args

from nuhist.physics.couplings import Flavor
from nuhist.physics.rate_options import RateOptions
from nuhist.physics.targets.target import Target
from nuhist.tables import Array


class Unstated(float):
    """A number that is left out and that nuhist finds: no number until then."""


UNSTATED = Unstated("nan")
FlavorChoice = Literal["effective", "e", "mu", "tau"]
FLAVOR_CHOICES: tuple[FlavorChoice, ...] = get_args(FlavorChoice)


class Dependence(Enum):
    """How the rate depends on the coupling."""

    POWER = "one power of the coupling beside the Standard Model"
    POLYNOMIAL = "a part linear and a part quadratic in a signed coupling"
    GENERAL = "no polynomial in the coupling"


# What an amplitude does to the neutrino, see :class:`~nuhist.physics.hypothesis.Hypothesis`.
KEEPS = "keep flavour and helicity"
FLIPS = "flip the helicity"
CHANGES = "change the flavour and keep the helicity"


def turns_into(mass: float) -> str:
    """What an amplitude does that gives a heavy state, of a mass in keV; that of another mass does not."""
    return f"turn the neutrino into a state of {mass:g} keV"


Terms = Callable[[Array, Flavor, RateOptions], Mapping[int, Array]]
# Changes of g_V and g_A at recoil energies in keV.
Shift = Callable[[Array, Flavor, RateOptions], tuple[Array, Array]]
# Parameters of a source by name, at x = coupling / reference, for the flavours that have the coupling.
Propagation = Callable[[float, FlavorChoice], Mapping[str, float]]
# dR/dT of a signal that is no neutrino's, events per tonne year keV, by power of the coupling.
Rates = Callable[[Array, Target], Mapping[int, Array]]
# dR/dT that the product of two couplings adds, events per tonne year keV.
Product = Callable[[Array, Target], Array]
# Of a line: its energy in keV, and events per tonne year for x = 1.
Line = Callable[[Target], tuple[float, float]]


def no_terms(_energy: Array, _flavor: Flavor, _options: RateOptions) -> Mapping[int, Array]:
    """Terms of a signal that is no neutrino's, or that electrons do not have: nothing."""
    return {}


class ParameterRange(NamedTuple):
    """Scale and bounds of a parameter of interest, see :class:`~nuhist.physics.hypothesis.Hypothesis`."""

    scale: float
    bounds: tuple[float, float]
