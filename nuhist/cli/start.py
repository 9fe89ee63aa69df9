"""A quicker start: what pyhf imports only for toys and for limits of its own is imported when it is used."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

# Modules of pyhf, and the packages of SciPy of which each takes functions by name. They take most of the
# time in which pyhf is imported.
_TAKEN = {
    "pyhf.tensor.numpy_backend": ("scipy.special", "scipy.stats"),
    "pyhf.infer.intervals.upper_limits": ("scipy.optimize",),
}


class QuickStart(MetaPathFinder):
    """Imports pyhf without the packages that it hardly uses.

    Names that pyhf takes from them stand for the functions themselves, and import the package when they
    are used. Nothing else sees them: neither other modules nor :data:`sys.modules`. It is meant for the
    process of the command ``nuhist``; in anyone else's, pyhf is imported as it is.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Where one of these modules of pyhf lies, and how to load it; None for all others."""
        packages = frozenset(_TAKEN.get(fullname, ())) - sys.modules.keys()
        if not packages:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path, packages)
        return spec


class _Loader(SourceFileLoader):
    """Runs a module whose ``from package import name`` gives names that wait."""

    def __init__(self, name: str, path: str, packages: frozenset[str]) -> None:
        super().__init__(name, path)
        self._packages = packages

    def exec_module(self, module: ModuleType) -> None:
        """Run it with an import statement of its own."""

        def found(
            name: str,
            names: Mapping[str, object] | None = None,
            local: Mapping[str, object] | None = None,
            wanted: Sequence[str] | None = (),
            level: int = 0,
        ) -> Any:
            if wanted and not level and {name, *(f"{name}.{part}" for part in wanted)} & self._packages:
                return _Package(name)
            return builtins.__import__(name, names, local, wanted or (), level)

        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": found}
        super().exec_module(module)


class _Package:
    """A package of which each attribute waits."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> _Waiting:
        return _Waiting(self._name, name)


class _Waiting:
    """A function, or an object with methods, whose package is imported when it is used."""

    def __init__(self, package: str, name: str) -> None:
        self._package, self._name = package, name

    def _found(self) -> Any:
        return getattr(import_module(self._package), self._name)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._found()(*arguments, **keywords)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found(), name)
