"""What other packages bring along for one of nuhist's tables, by entry points."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nuhist.errors import ConfigError


def with_entry_points(own: Iterable[Any], group: str, kind: str, needs: tuple[str, ...]) -> dict[str, Any]:
    """A table by names: nuhist's own entries, then those that installed packages name in a group.

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

    Raises
    ------
    ConfigError
        If an entry of another package cannot be imported, lacks an attribute, or has the name of another.
    """
    from importlib import metadata

    found = {entry.name: entry for entry in own}
    for point in metadata.entry_points(group=group):
        try:
            entry = point.load()
        except Exception as error:
            raise ConfigError(f"the {kind} '{point.name}' of {point.value} is broken: {error}") from error
        missing = [name for name in ("name", *needs) if not hasattr(entry, name)]
        if missing:
            raise ConfigError(f"the {kind} '{point.name}' of {point.value} has no {missing[0]}")
        if entry.name in found:
            raise ConfigError(f"{point.value}: there is a {kind} called '{entry.name}' already")
        found[entry.name] = entry
    return found
