"""The questions that a model answers: the functions of the package, as methods."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuhist.inference.results import FitResult, Interval, Scan
    from nuhist.inference.study_results import Coverage, GoodnessOfFit, Ranking, Significance


class Questions:
    """Methods of :class:`nuhist.Model` that stand above it; each is the function of the same name."""

    def fit(self, **options: Any) -> FitResult:
        """See :func:`nuhist.fit`."""
        found: FitResult = _asked("fit", self, **options)
        return found

    def limit(self, method: Any = "profile", **options: Any) -> Interval:
        """See :func:`nuhist.limit`."""
        found: Interval = _asked("limit", self, method, **options)
        return found

    def scan(self, couplings: Sequence[float] | None = None, **options: Any) -> Scan:
        """See :func:`nuhist.scan`."""
        found: Scan = _asked("scan", self, couplings, **options)
        return found

    def significance(self, **options: Any) -> Significance:
        """See :func:`nuhist.significance`."""
        found: Significance = _asked("significance", self, **options)
        return found

    def goodness_of_fit(self, **options: Any) -> GoodnessOfFit:
        """See :func:`nuhist.goodness_of_fit`."""
        found: GoodnessOfFit = _asked("goodness_of_fit", self, **options)
        return found

    def ranking(self, **options: Any) -> Ranking:
        """See :func:`nuhist.ranking`."""
        found: Ranking = _asked("ranking", self, **options)
        return found

    def contour(self, x: str, y: str, **options: Any) -> Any:
        """See :func:`nuhist.contour`."""
        return _asked("contour", self, x, y, **options)

    def coverage(self, couplings: Sequence[float], **options: Any) -> Coverage:
        """See :func:`nuhist.coverage`."""
        found: Coverage = _asked("coverage", self, couplings, **options)
        return found


def _asked(question: str, model: Questions, *values: Any, **options: Any) -> Any:
    """The answer of a function of the package, all of which stand above models."""
    return getattr(import_module("nuhist"), question)(model, *values, **options)
