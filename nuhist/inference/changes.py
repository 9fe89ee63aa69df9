"""What a user changes of a workspace's parameters: values to hold, start values, bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import ConfigError, OptionError, unknown_name
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.workspace import Workspace
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array
from nuhist.values import as_bounds, as_named, as_named_numbers


@dataclass(frozen=True)
class Changes:
    """Changes of parameters, by name; of one that is several numbers, ``NAME[0]`` is the first.

    By the name of a coupling they are those of its parameter, with numbers in the coupling's unit, once
    :meth:`of_parameters` has put them into numbers of the parameter.

    Attributes
    ----------
    fixed
        Values to hold.
    init
        Start values of fits.
    bounds
        Lower and upper bound, of the parameters as well.
    asked
        The same as a user has said it, where that was by names of couplings.

    Raises
    ------
    ConfigError
        If a value is not finite, or a lower bound is not below its upper one.
    OptionError
        If a parameter is held and has bounds or a start value, too.
    """

    fixed: Mapping[str, float] = field(default_factory=dict)
    init: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    asked: Changes | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        found: dict[str, dict[str, Any]] = {
            "fixed": as_named_numbers(self.fixed, "fixed"),
            "init": as_named_numbers(self.init, "init"),
            "bounds": {
                name: as_bounds(pair, f"{name}: bounds")
                for name, pair in as_named(self.bounds, "bounds").items()
            },
        }
        for name, values in found.items():
            object.__setattr__(self, name, values)
        for name in sorted(self.fixed.keys() & (self.init.keys() | self.bounds.keys())):
            raise OptionError(
                f"{name} is held at a value, so that its bounds or start value do nothing; leave one out"
            )

    def of_parameters(self, named: Callable[[str], CouplingScale | None]) -> Changes:
        """The same changes, of parameters alone.

        Parameters
        ----------
        named
            What a name that is no parameter's stands for, or None.

        Raises
        ------
        ConfigError
            If a parameter is named twice, once by its coupling, or a coupling whose sign cannot be seen has a
            negative bound.
        """
        found: dict[str, dict[str, Any]] = {"fixed": {}, "init": {}, "bounds": {}}
        for what, entries in found.items():
            given: Mapping[str, Any] = getattr(self, what)
            for name, value in given.items():
                scale = named(name)
                own = name if scale is None else scale.name
                if own in entries:
                    raise ConfigError(f"{what}: {own} is named twice, once by its coupling; leave one out")
                entries[own] = value
                if scale is not None:
                    if what == "bounds" and scale.power % 2 == 0 and value[0] < 0:
                        raise ConfigError(
                            f"{name}: bounds {value[0]:g} to {value[1]:g}; expected numbers from 0 on, as its"
                            f" sign cannot be seen, or bounds of {own}, which may be negative"
                        )
                    pair = value if isinstance(value, tuple) else (value,)
                    numbers = tuple(map(scale.to_parameter, pair))
                    entries[own] = numbers if isinstance(value, tuple) else numbers[0]
        changed = Changes(found["fixed"], found["init"], found["bounds"])
        return self if changed == self else replace(changed, asked=self)

    def words(self, workspace: Workspace | None) -> tuple[str, ...]:
        """The changes in words, for notes; of a parameter that is no plain number its coupling's values, too.

        Parameters
        ----------
        workspace
            Whose parameters are changed; None where nobody knows what they stand for.
        """
        said = []
        for name, value in self.fixed.items():
            scale = _scale(workspace, name)
            if scale is None:
                said.append(f"{name} is held at {value:g}")
            else:
                coupling = f"{scale.shown(value)} of the coupling {scale.coupling}"
                said.append(f"the parameter {name} is held at {value:g}, which is {coupling}")
        for name, (low, high) in self.bounds.items():
            scale = _scale(workspace, name)
            if scale is None:
                said.append(f"{name} has the bounds {low:g} and {high:g}")
            else:
                couplings = f"{scale.shown(low)} and {scale.shown(high)} of the coupling {scale.coupling}"
                beyond = _beyond(workspace, scale, low, high)
                text = f"the parameter {name} has the bounds {low:g} and {high:g}, which are {couplings}"
                said.append(text + beyond)
        return tuple(said)

    @property
    def options(self) -> tuple[str, ...]:
        """The same as words of a command."""
        if self.asked is not None:
            return self.asked.options
        return (
            *(f"--fix {name}={value!r}" for name, value in self.fixed.items()),
            *(f"--init {name}={value!r}" for name, value in self.init.items()),
            *(f"--bounds {name}={low!r}:{high!r}" for name, (low, high) in self.bounds.items()),
        )

    def applied(
        self,
        names: Sequence[str],
        initial: Array,
        lower: Array,
        upper: Array,
        constant: NDArray[np.bool_],
    ) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
        """Start values, bounds and what is constant, changed; all have the shape (parameters,).

        Raises
        ------
        ConfigError
            If there is no such parameter, or a value lies outside of its bounds, which pyhf refuses as well.
        """
        initial, lower, upper, constant = initial.copy(), lower.copy(), upper.copy(), constant.copy()
        for name, (low, high) in self.bounds.items():
            at = _positions(name, names)
            lower[at], upper[at] = low, high
            initial[at] = np.clip(initial[at], low, high)
        for what, values in (("start value", self.init), ("value to hold", self.fixed)):
            for name, value in values.items():
                at = _positions(name, names)
                if (value < lower[at]).any() or (value > upper[at]).any():
                    raise ConfigError(
                        f"{name}: the {what} {value:g} lies outside of its bounds, {lower[at].max():g} to"
                        f" {upper[at].min():g}"
                    )
                initial[at] = value
                constant[at] |= name in self.fixed
        return initial, lower, upper, constant


def _scale(workspace: Workspace | None, name: str) -> CouplingScale | None:
    """What a parameter stands for, where that has other numbers than the parameter."""
    scale = CouplingScale.plain(name) if workspace is None else coupling_scale(workspace, name)
    return None if (scale.reference, scale.power, scale.scale) == (1.0, 1, 1.0) else scale


def _beyond(workspace: Workspace | None, scale: CouplingScale, low: float, high: float) -> str:
    """Bounds within which the counts are those of a signed coupling, if others go beyond."""
    blocks = [] if workspace is None else workspace.measurement()["config"]["parameters"]
    built = next((block["bounds"][0] for block in blocks if block["name"] == scale.name), None)
    if scale.scale == 1.0 or built is None or (built[0] <= low and high <= built[1]):
        return ""
    ends = f"{scale.to_coupling(built[0]):.4g} to {scale.shown(built[1])}"
    return f"; the counts are those of the coupling from {ends} alone, so that others mean nothing"


def _positions(name: str, names: Sequence[str]) -> NDArray[np.intp]:
    """Positions of a parameter, or of all numbers of one that is several."""
    found = [index for index, other in enumerate(names) if other == name or other.startswith(f"{name}[")]
    if not found:
        raise unknown_name("parameter", name, names)
    return np.array(found, dtype=np.intp)
