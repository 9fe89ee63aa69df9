"""The questions that a model answers: the functions of the package, as methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from nuhist.inference.results import FitResult, Interval, Scan
    from nuhist.inference.study_results import Coverage, GoodnessOfFit, Ranking, Significance


Stub = TypeVar("Stub", bound=Callable[..., Any])


class _Asked:
    """A function of the package, all of which stand above models, as a method with its help and keywords."""

    def __init__(self, stub: Callable[..., Any]) -> None:
        self.name, self.__doc__ = stub.__name__, stub.__doc__

    def __get__(self, model: Questions | None, kind: type[Questions] | None = None) -> Any:
        function = getattr(import_module("nuhist"), self.name)
        return function if model is None else MethodType(function, model)


def _asked(stub: Stub) -> Stub:
    """The function of the stub's name; the stub says what comes back."""
    asked: Any = _Asked(stub)
    found: Stub = asked
    return found


class Questions:
    """Methods of :class:`nuhist.Model` that stand above it; each is the function of the same name."""

    @_asked
    def fit(self, **options: Any) -> FitResult:
        """See :func:`nuhist.fit`."""
        raise NotImplementedError

    @_asked
    def limit(self, method: Any = "profile", **options: Any) -> Interval:
        """See :func:`nuhist.limit`."""
        raise NotImplementedError

    @_asked
    def scan(self, couplings: Sequence[float] | None = None, **options: Any) -> Scan:
        """See :func:`nuhist.scan`."""
        raise NotImplementedError

    @_asked
    def significance(self, **options: Any) -> Significance:
        """See :func:`nuhist.significance`."""
        raise NotImplementedError

    @_asked
    def goodness_of_fit(self, **options: Any) -> GoodnessOfFit:
        """See :func:`nuhist.goodness_of_fit`."""
        raise NotImplementedError

    @_asked
    def ranking(self, **options: Any) -> Ranking:
        """See :func:`nuhist.ranking`."""
        raise NotImplementedError

    @_asked
    def contour(self, x: str, y: str, **options: Any) -> Any:
        """See :func:`nuhist.contour`."""
        raise NotImplementedError

    @_asked
    def coverage(self, couplings: Sequence[float], **options: Any) -> Coverage:
        """See :func:`nuhist.coverage`."""
        raise NotImplementedError
