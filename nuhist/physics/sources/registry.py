"""The table of sources: a module of :mod:`nuhist.physics.sources.kinds` each."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from nuhist.errors import unknown_name
from nuhist.physics.sources.parameters import SourceKind
from nuhist.physics.sources.source import Source
from nuhist.values import as_text

_KINDS = Path(__file__).parent / "kinds"


def source_names() -> tuple[str, ...]:
    """Names of all kinds of neutrino sources that :func:`get_source` knows."""
    return tuple(sorted(path.stem.replace("_", "-") for path in _KINDS.glob("[a-z]*.py")))


def source_kind(name: str) -> SourceKind:
    """A kind of source by name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in source_names():
        raise unknown_name("source", name, source_names())
    module = import_module(f"nuhist.physics.sources.kinds.{name.replace('-', '_')}")
    kind: SourceKind = module.KIND
    return kind


def get_source(text: str, folder: Path | None = None) -> Source:
    """Look a source of neutrinos up by its name, or by its name and its parameters.

    Parameters
    ----------
    text
        ``NAME`` or ``NAME:PARAMETER=VALUE,...``, such as ``"sun:model=agss09,survival=constant"``.
    folder
        Where paths of tables begin; by default where the process runs.

    Raises
    ------
    ConfigError
        If there is none of that name, or a parameter is unknown, missing or cannot be used.
    DataError
        If a table cannot be used.

    Examples
    --------
    >>> sun = get_source("sun")
    >>> [group.name for group in sun.groups]
    ['pp', 'be7', 'pep', 'cno', 'b8']
    """
    if source_tables(text):
        name, _, values = text.partition(":")
        kind = source_kind(name)
        return kind.make(*kind.settings(name, values, folder or Path()))  # a file may change
    return _kept(_full_name(text))


def source_tables(text: str) -> dict[str, str]:
    """Paths of the tables that a source reads, by parameter, as they are written.

    Raises
    ------
    ConfigError
        As :func:`get_source`, which reads them.

    Examples
    --------
    >>> source_tables("sun:survival=mine.csv"), source_tables("sun")
    ({'survival': 'mine.csv'}, {})
    """
    name, _, values = as_text(text, "source").partition(":")
    kind = source_kind(name)
    _, settings = kind.settings(name, values, Path())
    found = (parameter.name for parameter in kind.parameters if settings.has_table(parameter))
    return {parameter: settings.word(parameter) for parameter in found}


def _full_name(text: str) -> str:
    name, _, values = text.partition(":")
    return source_kind(name).settings(name, values, Path())[0]


@cache
def _kept(full: str) -> Source:
    name, _, values = full.partition(":")
    kind = source_kind(name)
    return kind.make(*kind.settings(name, values, Path()))
