"""Intervals from the profile likelihood and the quantile of χ²."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from nuhist.errors import ConfigError, OptionError
from nuhist.keywords import named_fields
from nuhist.methods.method import finished, level_of, shell, toys_command
from nuhist.values import as_flag, as_positive

if TYPE_CHECKING:
    from nuhist.inference.model import Model
    from nuhist.inference.results import Interval


_LEAST = 1e-6  # in 2NLL: what fits know


@named_fields
@dataclass(frozen=True)
class ProfileLikelihood:
    """The method of profile likelihood: an interval of values whose Δχ² is below the quantile of χ².

    Δχ² is 2NLL, minimised over all other parameters, less its global minimum.

    Attributes
    ----------
    expected
        Whether the expected upper limit is computed, too: that of the data expected without the coupling.
    delta_chi2
        A threshold of Δχ² in place of a confidence level.

    Raises
    ------
    ConfigError
        If the threshold is not positive.
    """

    name: ClassVar[str] = "profile"
    title: ClassVar[str] = "profile likelihood"
    throws: ClassVar[bool] = False
    expected: bool = field(default=False, metadata=shell("The expected limit, too."))
    delta_chi2: float | None = field(
        default=None, metadata=shell("A threshold in 2NLL instead of a level.", "X")
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", as_flag(self.expected, "expected"))
        if self.delta_chi2 is None:
            return
        found = as_positive(self.delta_chi2, "threshold", "in Δχ²")
        if found < _LEAST:
            raise ConfigError(
                f"threshold {found:g} in Δχ²: less than {_LEAST:g} is rounding; take a larger one"
            )
        object.__setattr__(self, "delta_chi2", found)

    def interval(self, model: Model, confidence_level: float | None = None) -> Interval:
        """Interval of a model, see :class:`nuhist.methods.method.IntervalMethod`.

        Raises
        ------
        OptionError
            If there is a level beside a threshold.
        """
        from nuhist.inference.notes import interval_notes
        from nuhist.inference.profile import threshold
        from nuhist.inference.region import profile_ends

        if self.delta_chi2 is not None and confidence_level is not None:
            raise OptionError(
                "confidence_level=...: does nothing beside delta_chi2=..., which is a threshold without a"
                " level"
            )
        probability = level_of(confidence_level)
        level, curve = self.delta_chi2 or threshold(probability), model.curve
        ends, notes = profile_ends(curve, level)
        if self.delta_chi2 is None:
            further = max(ends, key=lambda end: -1.0 if end is None else abs(end - curve.best))
            with_toys = toys_command(model, probability, "--method feldman-cousins")
            notes = (*notes, *interval_notes(curve, further, with_toys, cls=False))
        return finished(
            model,
            method=self.name,
            convention=(
                f"2NLL, profiled over all other parameters, less than {level:.4f} above its global minimum"
            ),
            ends=ends,
            notes=notes,
            confidence_level=probability if self.delta_chi2 is None else None,
            delta_chi2=level,
            expected={"0": profile_ends(curve.asimov(), level)[0][1]} if self.expected else None,
        )
