"""What a method of intervals is, and how its result is put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from nuhist.__about__ import __version__
from nuhist.errors import ConfigError
from nuhist.physics.coupling import spaced
from nuhist.values import as_level

if TYPE_CHECKING:
    from nuhist.inference.curve import Curve
    from nuhist.inference.feldman_cousins import Range
    from nuhist.inference.model import Model
    from nuhist.inference.profile import Profile
    from nuhist.inference.results import Interval
    from nuhist.inference.toys import ToysAt

LEVEL = 0.90  # confidence level by default
_COARSE = 0.01  # of the distance from the best fit; a larger interpolation error is worth a note


@runtime_checkable
class IntervalMethod(Protocol):
    """A frozen dataclass whose fields are the options of a method.

    Attributes
    ----------
    name
        What users call it.
    title
        In figures and tables.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @property
    def throws(self) -> bool:
        """Whether it throws toys, as its field ``execution`` says."""

    def interval(self, model: Model, confidence_level: float | None = None) -> Interval:
        """The interval or the limit.

        Parameters
        ----------
        model
            Whose.
        confidence_level
            0.90 by default.
        """


def shell(text: str, metavar: str | None = None, least: int | None = None) -> dict[str, Any]:
    """Metadata of a field that the shell offers as an option.

    Parameters
    ----------
    text
        Help in one line.
    metavar
        What stands for its value there.
    least
        The least value of a whole number.
    """
    return {"help": text, "metavar": metavar, "least": least}


def level_of(confidence_level: float | None) -> float:
    """A confidence level, 0.90 by default.

    Raises
    ------
    ConfigError
        If it is no such level, see :func:`nuhist.values.as_level`.
    """
    return as_level(LEVEL if confidence_level is None else confidence_level)


def profile_of(model: Model, who: str) -> Profile:
    """The curve of a workspace, for methods that a grid of signal points does not have.

    Parameters
    ----------
    model
        Whose.
    who
        Needs it, such as ``"CLs needs"``.

    Raises
    ------
    ConfigError
        If the model was made from a grid.
    """
    from nuhist.histfactory.patchset import SignalGrid

    if isinstance(model.source, SignalGrid):
        raise ConfigError(f"{who} a workspace with the coupling as a parameter; use method='profile'")
    return model.profile


def toys_command(model: Model, level: float, options: str) -> str:
    """The command that gives the same interval with toys."""
    from nuhist.inference.notes import command

    return command(model, "limit", options, level=level)


def asked(method: IntervalMethod, model: Model, confidence_level: float | None) -> Interval:
    """The interval of a method, which may be one of another package.

    Raises
    ------
    ConfigError
        If it gives no interval, or ends that are no numbers.
    """
    from nuhist.inference.results import Interval

    found: Any = method.interval(model, confidence_level)
    if not isinstance(found, Interval):
        raise ConfigError(f"the method '{method.name}' gave {type(found).__name__} instead of an Interval")
    ends = (found.lower, found.upper, found.best_fit)
    if any(end is not None and isnan(end) for end in ends):
        raise ConfigError(f"the method '{method.name}' gave an end that is no number: {ends[0]}, {ends[1]}")
    return found


def finished(
    model: Model,
    *,
    method: str,
    convention: str,
    ends: tuple[float | None, float | None],
    notes: Sequence[str],
    confidence_level: float | None,
    delta_chi2: float | None = None,
    ranges: tuple[Range | None, Range | None] = (None, None),
    expected: Mapping[str, float | None] | None = None,
    toys: int | None = None,
    seed: int | None = None,
    toys_at: ToysAt | None = None,
) -> Interval:
    """An interval, from values of the parameter: the coupling, and what is the same for all methods."""
    from nuhist.inference.results import Interval

    curve = model.curve
    scale, best = curve.coupling, curve.best

    def coupling(value: float | None) -> float | None:
        return None if value is None else scale.to_coupling(value)

    def couplings(found: Range | None) -> Range | None:
        return None if found is None else (coupling(found[0]), coupling(found[1]))

    error = _interpolation_error(curve, ends)
    width = max((abs(end - best) for end in ends if end is not None), default=0.0)
    if error is not None and error > _COARSE * abs(scale.to_coupling(width)):
        notes = (*notes, f"interpolated to ± {error:.2g}{spaced(scale.unit)}; refine the grid near the ends")
    return Interval(
        parameter=scale.name,
        coupling=scale.coupling,
        unit=scale.unit,
        lower=coupling(ends[0]),
        upper=coupling(ends[1]),
        lower_range=couplings(ranges[0]),
        upper_range=couplings(ranges[1]),
        best_fit=scale.to_coupling(best),
        parameter_lower=ends[0],
        parameter_upper=ends[1],
        parameter_best_fit=best,
        confidence_level=confidence_level,
        method=method,
        convention=convention,
        delta_chi2=delta_chi2,
        toys=toys,
        seed=seed,
        toys_at=toys_at,
        expected=None if expected is None else {key: coupling(value) for key, value in expected.items()},
        interpolation_error=error,
        min_chi2=curve.min_chi2,
        notes=(*notes, *model.notes),
        data_kind=model.data_kind,
        workspace_digest=model.digest,
        nuhist_version=__version__,
    )


def _interpolation_error(curve: Curve, ends: Sequence[float | None]) -> float | None:
    """Largest error of an end from interpolation, as a coupling."""
    errors = [curve.interpolation_error(end) for end in ends if end is not None]
    known = [error for error in errors if error is not None]
    return curve.coupling.to_coupling(max(known)) if known else None
