"""Templates, samples, channels and modifiers: the HistFactory model before it is JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nuhist.tables import Array

STRENGTH = "mu"  # of the signal of one grid point


def point_meaning(coupling: str) -> str:
    """What the strength of the signal of one grid point means, of a grid of a coupling."""
    return f"strength of the events that the coupling adds; 1 means the patch's {coupling}"


# A normsys of these ends is, by interpolation code 4, 1 + 0.8377151 α + 0 α² − 0.0205 α³ + ... between ±1:
# the lower end is where α² drops out. For α = x/s up to 0.002 it is linear to 1e-7.
LINEAR_ENDS, LINEAR_SLOPE = (2.0, 0.3257338864357174), 0.8377151286410064
_DIGITS = 10  # significant: computers and libraries differ in the sixteenth, and errors of models are larger


def written(counts: Array) -> list[float]:
    """Computed counts as a document has them: the same on every machine.

    Examples
    --------
    >>> written(np.array([0.1 + 0.2, 1e-300, 3.0]))
    [0.3, 1e-300, 3.0]
    """
    return [float(f"{count:.{_DIGITS - 1}e}") for count in counts.tolist()]


def rounded(counts: Array) -> Array:
    """Computed counts with the digits of a document."""
    return np.array(written(counts))


def sample_name(hypothesis: str) -> str:
    """Name of the samples of what the coupling of a hypothesis adds, without a group of fluxes."""
    return hypothesis.replace("-", "_")


@dataclass(frozen=True)
class NormFactor:
    """A free factor on a sample."""

    name: str

    def to_spec(self) -> dict[str, Any]:
        """As HistFactory JSON."""
        return {"name": self.name, "type": "normfactor", "data": None}


@dataclass(frozen=True)
class NormSys:
    """A constrained factor on a sample: 1 ± ``fraction`` at ± one standard deviation.

    With ``lower`` it is 1 + ``lower`` at minus one.
    """

    name: str
    fraction: float
    lower: float | None = None

    def to_spec(self) -> dict[str, Any]:
        """As HistFactory JSON."""
        lower = -self.fraction if self.lower is None else self.lower
        data = {"hi": 1 + self.fraction, "lo": 1 + lower}
        return {"name": self.name, "type": "normsys", "data": data}


@dataclass(frozen=True, eq=False)
class HistoSys:
    """A constrained change of shape: counts at plus and at minus one standard deviation.

    They are written with all their digits where ``exact`` says so, and else with those of counts.
    """

    name: str
    up: Array
    down: Array
    exact: bool = False

    def to_spec(self) -> dict[str, Any]:
        """As HistFactory JSON."""
        up, down = (side.tolist() if self.exact else written(side) for side in (self.up, self.down))
        data = {"hi_data": up, "lo_data": down}
        return {"name": self.name, "type": "histosys", "data": data}


@dataclass(frozen=True)
class Lumi:
    """A constrained factor, linear in its parameter, on every sample that has it."""

    name: str = "lumi"  # the only name that HistFactory JSON allows

    def to_spec(self) -> dict[str, Any]:
        """As HistFactory JSON."""
        return {"name": self.name, "type": "lumi", "data": None}


Modifier = NormFactor | NormSys | HistoSys | Lumi


@dataclass(frozen=True)
class Parameter:
    """What a workspace says about one of its parameters.

    Attributes
    ----------
    name
        As in the modifiers.
    meaning, unit
        For readers; they go to the sidecar.
    bounds, init, auxdata, sigma
        Overrides of pyhf's defaults, or None.
    """

    name: str
    meaning: str
    unit: str = "standard deviations"
    bounds: tuple[float, float] | None = None
    init: float | None = None
    auxdata: float | None = None
    sigma: float | None = None

    def to_spec(self) -> dict[str, Any] | None:
        """As HistFactory JSON, or None where nothing is overridden."""
        spec: dict[str, Any] = {}
        if self.bounds is not None:
            spec["bounds"] = [list(self.bounds)]
        for key, value in (("inits", self.init), ("auxdata", self.auxdata), ("sigmas", self.sigma)):
            if value is not None:
                spec[key] = [value]
        return {"name": self.name, **spec} if spec else None


@dataclass(frozen=True, eq=False)
class Sample:
    """Expected counts of one process and what may change them."""

    name: str
    title: str
    counts: Array
    modifiers: tuple[Modifier, ...] = ()

    def to_spec(self) -> dict[str, Any]:
        """As HistFactory JSON."""
        return {
            "name": self.name,
            "data": written(self.counts),
            "modifiers": [modifier.to_spec() for modifier in self.modifiers],
        }

    def scaled(self, factor: float) -> Sample:
        """The same sample with all its counts multiplied."""
        modifiers = tuple(
            replace(m, up=m.up * factor, down=m.down * factor) if isinstance(m, HistoSys) else m
            for m in self.modifiers
        )
        return Sample(self.name, self.title, self.counts * factor, modifiers)


@dataclass(frozen=True, eq=False)
class Channel:
    """Samples and observed counts in common bins of reconstructed energy (keV)."""

    name: str
    edges: Array
    samples: tuple[Sample, ...]
    observed: Array
    description: dict[str, Any] = field(default_factory=dict)

    def to_spec(self) -> dict[str, Any]:
        """As HistFactory JSON, without the observed counts."""
        return {"name": self.name, "samples": [sample.to_spec() for sample in self.samples]}


def linear_constraint(name: str, fraction: float, counts: Array) -> HistoSys:
    """A constrained factor that is exactly linear: 1 + ``fraction`` × parameter."""
    return HistoSys(name, counts * (1 + fraction), counts * (1 - fraction))


def mirrored(name: str, nominal: Array, varied: Array) -> HistoSys:
    """A change of shape whose minus side is the mirror image of its plus side."""
    return HistoSys(name, varied, np.asarray(2 * nominal - varied))
