"""What other packages bring along for one of nuhist's tables, by entry points."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from nuhist.errors import ConfigError, unknown_name

Entry = TypeVar("Entry")


class Offers(dict[str, Entry], Generic[Entry]):
    """A table by names: entries that work, and the reason for each of another package that does not.

    Parameters
    ----------
    kind
        What an entry is called in messages, such as ``"method"``.
    entries
        Those that work, by name.

    Attributes
    ----------
    broken
        Messages by name of the entry point.
    """

    def __init__(self, kind: str, entries: dict[str, Entry]) -> None:
        super().__init__(entries)
        self.kind = kind
        self.broken: dict[str, str] = {}

    def entry(self, name: Any) -> Entry:
        """The entry with a name.

        Raises
        ------
        ConfigError
            If there is none, or it is one of another package that does not work.
        """
        if name in self:
            return self[name]
        if name in self.broken:
            raise ConfigError(self.broken[name])
        raise unknown_name(self.kind, name, self)


def with_entry_points(
    own: Iterable[Entry],
    group: str,
    kind: str,
    needs: tuple[str, ...],
    check: Callable[[Any], None] = lambda _: None,
) -> Offers[Entry]:
    """A table by names: nuhist's own entries, then those that installed packages name in a group.

    An entry that does not work keeps nobody from the others: who asks for it is told why.

    Parameters
    ----------
    own
        Entries of nuhist, each with a ``name``.
    group
        The group of entry points, such as ``"nuhist.methods"``.
    kind
        What an entry is called in messages, such as ``"method"``.
    needs
        The attributes that an entry must have besides its name.
    check
        Raises a TypeError or a ConfigError that says what else an entry lacks.
    """
    from importlib import metadata

    found = Offers(kind, {_name(entry): entry for entry in own})
    for point in metadata.entry_points(group=group):
        try:
            entry = point.load()
            _refuse_unfit(entry, point.name, needs, found)
            check(entry)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            message = f"the {kind} '{point.name}' of {point.value} is broken: {reason}"
            found.broken[point.name] = message
            if point.name in found:  # who asks for the name gets another one
                warnings.warn(message, RuntimeWarning, stacklevel=3)
        else:
            found[entry.name] = entry
    return found


def _name(entry: Any) -> str:
    return str(entry.name)


def _refuse_unfit(entry: Any, name: str, needs: tuple[str, ...], found: Offers[Any]) -> None:
    """Refuse what lacks an attribute or has no name of its own, that of the entry point."""
    missing = [each for each in ("name", *needs) if not hasattr(entry, each)]
    if missing:
        raise TypeError(f"it has no {', no '.join(missing)}")
    if not isinstance(entry.name, str):
        raise TypeError("its name is no text")
    if entry.name in found:
        raise TypeError(f"there is a {found.kind} called '{entry.name}' already")
    if entry.name != name:
        raise TypeError(f"its name is '{entry.name}'; the entry point must have the same")
