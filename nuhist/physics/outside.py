"""Hypotheses that a user's Python file or another package brings along."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from importlib import util
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from nuhist.entry_points import Offers, with_entry_points
from nuhist.errors import ConfigError, NuhistError, unknown_name
from nuhist.files import read_text
from nuhist.physics.family import Family
from nuhist.physics.hypothesis import Hypothesis

ENTRY_POINTS = "nuhist.hypotheses"  # group of the hypotheses and families of other packages
_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>[^:]*)(?::(?P<values>.*))?", re.DOTALL)


def is_in_file(text: str) -> bool:
    """Whether a hypothesis is named as ``FILE.py:NAME``."""
    return _FILE.fullmatch(text) is not None


def from_file(text: str) -> tuple[Hypothesis | Family, str, str]:
    """What ``FILE.py:NAME`` or ``FILE.py:NAME:PARAMETER=VALUE`` names.

    The file is run as Python.

    Returns
    -------
    The hypothesis or the family, its name with the file's whole path, and the text of the values.

    Raises
    ------
    ConfigError
        If the file cannot be run or has no hypothesis of that name.
    DataError
        If it cannot be read.
    """
    match = _FILE.fullmatch(text)
    if match is None:
        raise ConfigError(f"{text}: expected FILE.py:NAME")
    path = Path(match["path"])
    read_text(path)  # notes that the file is read, and says so where it cannot be
    module = _run(path.resolve(), path.stat().st_mtime_ns)
    found = getattr(module, match["name"], None)
    if not isinstance(found, Hypothesis | Family):
        known = [name for name, value in vars(module).items() if isinstance(value, Hypothesis | Family)]
        if found is not None:
            raise ConfigError(
                f"{path}: {match['name']} is a {type(found).__name__}; expected a Hypothesis or a Family"
            )
        raise unknown_name(f"hypothesis in {path}", match["name"], known)
    name = f"{path.resolve()}:{match['name']}"
    return replace(found, origin=name), name, match["values"] or ""


@cache
def _run(path: Path, _changed: int) -> ModuleType:
    """The module of a file, run once for each of its states."""
    name = f"nuhist_outside_{re.sub('[^A-Za-z0-9_]', '_', str(path.with_suffix('')))}"
    spec = util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: is no Python file")
    module = util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickle look for what it defines
    sys.path.insert(0, str(path.parent))  # as Python does for a file that it runs
    try:
        with redirect_stdout(sys.stderr):  # standard output is for results
            spec.loader.exec_module(module)
    except NuhistError as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        raise ConfigError(f"{path}{where}: {error}") from error
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"{path}: cannot be run: {reason}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


@cache
def of_packages() -> Offers[Any]:
    """Hypotheses and families of installed packages, by name."""
    return with_entry_points([], ENTRY_POINTS, "hypothesis", ("title",), _check)


def _check(entry: Any) -> None:
    if not isinstance(entry, Hypothesis | Family):
        raise TypeError("it is no nuhist Hypothesis and no Family")
