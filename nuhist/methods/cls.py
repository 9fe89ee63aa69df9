"""Upper limits from CLs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from nuhist.errors import OptionError, unknown_name
from nuhist.keywords import named_fields
from nuhist.methods.method import finished, level_of, profile_of, shell, toys_command
from nuhist.values import as_flag, as_text

if TYPE_CHECKING:
    from nuhist.inference.asymptotic import TestStatistic
    from nuhist.inference.execution import Execution
    from nuhist.inference.model import Model
    from nuhist.inference.results import Interval

Calctype = Literal["asymptotics", "toybased"]
_SHOWN = {"qtilde": "q-tilde", "q": "q"}  # test statistics, as they are printed


@named_fields
@dataclass(frozen=True)
class CLs:
    """The method of upper limits from CLs, by asymptotic formulas (arXiv:1007.1727) or toys.

    Attributes
    ----------
    expected
        Whether the limits expected without the coupling, at −2 to +2 standard deviations, are computed, too.
    calctype
        ``"asymptotics"`` (the default) or ``"toybased"``.
    test_stat
        ``"q"`` or ``"qtilde"``; by default q-tilde, or q where the parameter may be negative.
    execution
        How toys are thrown, and where; by default as :class:`nuhist.Execution` does without arguments.

    Raises
    ------
    ConfigError
        If a name does not exist.
    OptionError
        If an option does nothing with the calculator.
    """

    name: ClassVar[str] = "cls"
    title: ClassVar[str] = "CLs"
    expected: bool = field(default=False, metadata=shell("Expected limits, too."))
    calctype: Calctype | None = field(
        default=None, metadata=shell("asymptotics or toybased [default: asymptotics].", "C")
    )
    test_stat: TestStatistic | None = field(
        default=None, metadata=shell("q or qtilde [default: qtilde, or q below 0].", "S")
    )
    execution: Execution | None = field(default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", as_flag(self.expected, "expected"))
        for what in ("calctype", "test_stat"):
            if getattr(self, what) is not None:
                as_text(getattr(self, what), what)
        if self.calctype not in {None, *get_args(Calctype)}:
            raise unknown_name("calculator", str(self.calctype), get_args(Calctype))
        if self.test_stat not in {None, *_SHOWN}:
            raise unknown_name("test statistic", str(self.test_stat), _SHOWN)
        if self.test_stat is not None and self.throws:
            raise OptionError(
                "test_stat=...: does nothing with calctype='toybased', whose toys are fitted as they are"
            )
        if self.execution is not None and not self.throws:
            raise OptionError(
                "execution=...: does nothing with calctype='asymptotics'; it belongs to toybased"
            )

    @property
    def throws(self) -> bool:
        """Whether the method throws toys."""
        return self.calctype == "toybased"

    def interval(self, model: Model, confidence_level: float | None = None) -> Interval:
        """Upper limit of a model, see :class:`nuhist.methods.method.IntervalMethod`.

        Raises
        ------
        ConfigError
            If the model is a grid of signal points.
        """
        from nuhist.inference.cls import cls_limits, natural_statistic
        from nuhist.inference.cls_toys import cls_toys
        from nuhist.inference.execution import Execution, as_execution
        from nuhist.inference.notes import interval_notes

        probability = level_of(confidence_level)
        profile, toys = profile_of(model, "CLs needs"), as_execution(self.execution) or Execution()
        statistic = self.test_stat or natural_statistic(profile)
        if self.throws:
            toys.refuse_level(probability)
            found = cls_toys(profile, probability, toys, model.digest, expected=self.expected)
            notes = found.notes
        else:
            found = cls_limits(profile, probability, expected=self.expected, test_statistic=statistic)
            with_toys = toys_command(model, probability, "--method cls --calctype toybased")
            notes = (*found.notes, *interval_notes(profile, found.upper, with_toys, cls=True))
        kind: str = self.calctype or "asymptotics"
        if self.throws and toys.toys_at == "nominal":
            kind += ", nuisance parameters of the toys at their nominal values"
        return finished(
            model,
            method=self.name,
            convention=(
                f"upper limit where CLs falls below 1 − CL; test statistic {_SHOWN[statistic]}, {kind}"
            ),
            ends=(None, found.upper),
            ranges=(None, found.range),
            notes=notes,
            confidence_level=probability,
            expected=found.bands,
            toys=toys.toys if self.throws else None,
            seed=toys.seed if self.throws else None,
            toys_at=toys.toys_at if self.throws else None,
        )
