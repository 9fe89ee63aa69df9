"""Which neutrinos scatter on what in an experiment, as experiment.yaml says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nuhist.physics.sources.registry import get_source, source_tables
from nuhist.physics.sources.source import Source
from nuhist.physics.targets.registry import get_target, read_target
from nuhist.physics.targets.target import Target

DEFAULT_SOURCE, DEFAULT_TARGET = "sun", "xenon"


@dataclass(frozen=True)
class SourceChoice:
    """A source that is named and not made yet: its tables are read when it is.

    Attributes
    ----------
    text
        As :func:`nuhist.physics.sources.registry.get_source` takes it.
    folder
        Where paths of tables begin.
    """

    text: str
    folder: Path

    @property
    def kind(self) -> str:
        """Name of the kind of source."""
        return self.text.partition(":")[0]

    def tables(self) -> dict[str, str]:
        """Paths of its tables as they are written, by parameter; a ConfigError as from :meth:`make`."""
        return source_tables(self.text)

    def make(self) -> Source:
        """The source; a ConfigError or a DataError if it cannot be made."""
        return get_source(self.text, self.folder)


def source_choice(entry: str | Mapping[str, Any], folder: Path) -> SourceChoice:
    """The source of an entry: its name, or a mapping with the name and parameters."""
    if isinstance(entry, str):
        return SourceChoice(entry, folder)
    words = [
        f"{key}={value['table'] if isinstance(value, Mapping) else value}"
        for key, value in entry.items()
        if key != "name"
    ]
    return SourceChoice(":".join(filter(None, (entry["name"], ",".join(words)))), folder)


def chosen_target(entry: str | Mapping[str, str], folder: Path) -> Target:
    """The target of an entry: its name, or ``{table: FILE.yaml}``."""
    if isinstance(entry, Mapping):
        return read_target(folder / entry["table"])
    return get_target(entry)
