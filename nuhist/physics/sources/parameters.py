"""What a user may set of a source: numbers with units, choices, tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from nuhist.errors import ConfigError, unknown_name
from nuhist.physics.own_parameter import DIGITS, OwnParameter
from nuhist.physics.sources.source import Source


@dataclass(frozen=True)
class Choice:
    """One of some words, or a table's path.

    Attributes
    ----------
    name, title
        For the command line and for readers.
    choices
        The words.
    default
        The word where none is given; None where one must be, or a table.
    table
        Whether anything else is the path of a table.
    """

    name: str
    title: str
    choices: tuple[str, ...]
    default: str | None
    table: bool = False

    def parsed(self, text: str, source: str) -> str:
        """A value as a user writes it; a ConfigError if it is none of the words and no path either."""
        if not (self.table or text in self.choices):
            raise unknown_name(f"{self.name} of {source}", text, self.choices)
        return text


class Settings:
    """Values of a source's parameters.

    Parameters
    ----------
    values
        By name: a number in the parameter's unit, a word or a path.
    given
        Names of those that the user gave.
    folder
        Where paths of tables begin.
    """

    def __init__(
        self, values: Mapping[str, float | str | None], given: Collection[str], folder: Path
    ) -> None:
        self._values, self._given, self._folder = values, given, folder

    def number(self, name: str) -> float:
        """A number in its unit."""
        return float(self._values[name] or 0.0)

    def is_given(self, name: str) -> bool:
        """Whether the user gave a value."""
        return name in self._given

    def word(self, name: str) -> str:
        """A word, or a path as it was written."""
        return str(self._values[name])

    def has_table(self, parameter: OwnParameter | Choice) -> bool:
        """Whether the value of a parameter is a table's path."""
        value = self._values[parameter.name]
        return isinstance(parameter, Choice) and value is not None and value not in parameter.choices

    def path(self, name: str) -> Path:
        """A table's path."""
        return self._folder / self.word(name)


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    Attributes
    ----------
    title
        For readers.
    parameters
        What a user may set.
    make
        The source of a name and settings.
    optional
        Names of parameters without a default that need not be given.
    shown
        Parameters as a user may write them, for messages.
    """

    title: str
    parameters: tuple[OwnParameter | Choice, ...]
    make: Callable[[str, Settings], Source]
    optional: tuple[str, ...] = ()
    shown: str = ""

    def settings(self, name: str, text: str, folder: Path) -> tuple[str, Settings]:
        """Values in a text such as ``power=3GW,distance=14m``, and a name with those that are no defaults.

        Raises
        ------
        ConfigError
            If a parameter is unknown, twice there or missing, or a value cannot be used.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        given: dict[str, float | str] = {}
        for part in filter(None, text.split(",")):
            key, equals, value = part.partition("=")
            if not equals:
                raise ConfigError(
                    f"source {name}:{text}: expected NAME=VALUE with commas between, and none in a path;"
                    f" write {self.example(name)}"
                )
            if key not in known:
                raise unknown_name(f"parameter of {name}", key, known)
            if key in given:
                raise ConfigError(f"source {name}:{text}: {key} is there twice")
            given[key] = known[key].parsed(value, name)
        values: dict[str, float | str | None] = {}
        for key, parameter in known.items():
            values[key] = given.get(key, parameter.default)
            if values[key] is None and key not in self.optional:
                raise ConfigError(f"source {name}: its {key} is missing; write {self.example(name)}")
        words = [
            f"{key}={_written(known[key], value)}"
            for key, value in sorted(given.items())
            if value != known[key].default
        ]
        return ":".join(filter(None, (name, ",".join(words)))), Settings(values, set(given), folder)

    def example(self, name: str) -> str:
        """How a user writes one."""
        return ":".join(filter(None, (name, self.shown)))


def _written(parameter: OwnParameter | Choice, value: float | str) -> str:
    if isinstance(parameter, Choice) or isinstance(value, str):
        return str(value)
    return f"{value:.{DIGITS}g}{parameter.unit if parameter.unit != '1' else ''}"
