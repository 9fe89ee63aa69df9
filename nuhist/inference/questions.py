"""The questions that a model answers: the functions of the package, as methods."""

from __future__ import annotations

from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The functions stand above models; type checkers read their signatures, and nothing is imported.
    import nuhist
    from nuhist.inference.results import Interval


class _Asked:
    """A function of the package as a method, with its help and keywords; imported where it is asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.__doc__ = name, f"See :func:`nuhist.{name}`."

    def __get__(self, model: Questions | None, kind: type[Questions] | None = None) -> Any:
        function = getattr(import_module("nuhist"), self.name)
        return function if model is None else MethodType(function, model)


class Questions:
    """Methods of :class:`nuhist.Model` that stand above it; each is the function of the same name."""

    if TYPE_CHECKING:
        contour = nuhist.contour
        coverage = nuhist.coverage
        fit = nuhist.fit
        goodness_of_fit = nuhist.goodness_of_fit
        ranking = nuhist.ranking
        scan = nuhist.scan
        significance = nuhist.significance

        def limit(self, method: Any = "profile", **options: Any) -> Interval:
            """See :func:`nuhist.limit`, whose decorator hides its signature here."""

    else:
        contour = _Asked()
        coverage = _Asked()
        fit = _Asked()
        goodness_of_fit = _Asked()
        limit = _Asked()
        ranking = _Asked()
        scan = _Asked()
        significance = _Asked()
