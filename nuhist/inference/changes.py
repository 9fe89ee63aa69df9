"""What a user changes of a workspace's parameters: values to hold, start values, bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nuhist.errors import ConfigError, OptionError, unknown_name
from nuhist.tables import Array


@dataclass(frozen=True)
class Changes:
    """Changes of parameters, by name; of one that is several numbers, ``NAME[0]`` is the first.

    Attributes
    ----------
    fixed
        Values to hold, in the parameter's own unit.
    init
        Start values of fits.
    bounds
        Lower and upper bound.

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

    def __post_init__(self) -> None:
        for name, value in (*self.fixed.items(), *self.init.items()):
            if not np.isfinite(value):
                raise ConfigError(f"{name} = {value}: expected a number")
        for name, (low, high) in self.bounds.items():
            if not (np.isfinite(low) and np.isfinite(high) and low < high):
                raise ConfigError(
                    f"{name}: bounds {low:g} to {high:g}; expected two numbers, the first below the second"
                )
        for name in sorted(self.fixed.keys() & (self.init.keys() | self.bounds.keys())):
            raise OptionError(
                f"{name} is held at a value, so that its bounds or start value do nothing; leave one out"
            )

    @property
    def words(self) -> tuple[str, ...]:
        """The changes in words, for notes."""
        return (
            *(f"{name} is held at {value:g}" for name, value in self.fixed.items()),
            *(f"{name} has the bounds {low:g} and {high:g}" for name, (low, high) in self.bounds.items()),
        )

    @property
    def options(self) -> tuple[str, ...]:
        """The same as words of a command."""
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
            If there is no such parameter, or a start value lies outside of the bounds.
        """
        initial, lower, upper, constant = initial.copy(), lower.copy(), upper.copy(), constant.copy()
        for name, (low, high) in self.bounds.items():
            at = _positions(name, names)
            lower[at], upper[at] = low, high
            initial[at] = np.clip(initial[at], low, high)
        for name, value in self.init.items():
            at = _positions(name, names)
            if (value < lower[at]).any() or (value > upper[at]).any():
                raise ConfigError(
                    f"{name}: the start value {value:g} lies outside of its bounds, {lower[at].max():g} to"
                    f" {upper[at].min():g}"
                )
            initial[at] = value
        for name, value in self.fixed.items():
            at = _positions(name, names)
            initial[at], constant[at] = value, True
        return initial, lower, upper, constant


def _positions(name: str, names: Sequence[str]) -> NDArray[np.intp]:
    """Positions of a parameter, or of all numbers of one that is several."""
    found = [index for index, other in enumerate(names) if other == name or other.startswith(f"{name}[")]
    if not found:
        raise unknown_name("parameter", name, names)
    return np.array(found, dtype=np.intp)
