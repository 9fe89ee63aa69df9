"""Intervals by the unified ordering of Feldman and Cousins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from nuhist.keywords import named_fields
from nuhist.methods.method import finished, level_of, profile_of, shell
from nuhist.values import as_whole

if TYPE_CHECKING:
    from nuhist.inference.execution import Execution
    from nuhist.inference.model import Model
    from nuhist.inference.results import Interval

_POINTS = 20


@named_fields
@dataclass(frozen=True)
class FeldmanCousins:
    """The method of Feldman and Cousins: an interval of values whose Δχ² is below the quantile of toys there.

    Attributes
    ----------
    points
        Number of values at which toys are thrown at first, 20 by default; more follow around the ends.
    execution
        How toys are thrown, and where; by default as :class:`nuhist.Execution` does without arguments.

    Raises
    ------
    ConfigError
        If the points are no whole number of at least 2.
    """

    name: ClassVar[str] = "feldman-cousins"
    title: ClassVar[str] = "Feldman–Cousins"
    throws: ClassVar[bool] = True
    points: int | None = field(
        default=None, metadata=shell("Values at which toys are thrown at first [default: 20].", "N", least=2)
    )
    execution: Execution | None = field(default=None)

    def __post_init__(self) -> None:
        if self.points is not None:
            object.__setattr__(self, "points", as_whole(self.points, "points", 2))

    def interval(self, model: Model, confidence_level: float | None = None) -> Interval:
        """Interval of a model, see :class:`nuhist.methods.method.IntervalMethod`.

        Raises
        ------
        ConfigError
            If the model is a grid of signal points.
        """
        from nuhist.inference.execution import Execution, as_execution
        from nuhist.inference.feldman_cousins import belt, belt_interval

        probability = level_of(confidence_level)
        profile, toys = profile_of(model, "toys need"), as_execution(self.execution) or Execution()
        toys.refuse_level(probability)
        points = _POINTS if self.points is None else self.points
        thrown = belt(profile, probability, toys, model.digest, points=points)
        found = belt_interval(thrown, probability, profile)
        return finished(
            model,
            method=self.name,
            convention=(
                "values whose Δχ² is below the quantile of toys thrown there (unified ordering), nuisance"
                f" parameters at their {'nominal' if toys.toys_at == 'nominal' else 'profiled'} values"
            ),
            ends=(found.lower, found.upper),
            ranges=(found.lower_range, found.upper_range),
            notes=found.notes,
            confidence_level=probability,
            toys=toys.toys,
            seed=toys.seed,
            toys_at=toys.toys_at,
        )
