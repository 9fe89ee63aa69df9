"""The errors that nuhist raises: one root, one kind per source of trouble."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from nuhist.characters import printable

OF_EXECUTION = (
    "toys",
    "seed",
    "toys_at",
    "jobs",
    "scheduler",
    "resume",
    "progress",
)  # the fields of nuhist.Execution
_LISTED = 20  # names in a message


class NuhistError(Exception):
    """Root of every error that nuhist raises on purpose.

    The message says what is wrong, where, and what to do about it, on one line. Names in it come from
    files: characters that a terminal would obey are written as escapes.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class ConfigError(NuhistError):
    """A name, an option or an experiment.yaml that makes no sense."""


class OptionError(ConfigError):
    """Options that do nothing or exclude each other; on the command line a wrong usage, exit code 2."""


class KeywordError(ConfigError, TypeError):
    """A keyword that a function does not have, which Python calls a ``TypeError``."""


class DataError(NuhistError):
    """A file that cannot be read or written, or whose content cannot be used."""


class ModelError(NuhistError):
    """A workspace that is no valid or no meaningful HistFactory model."""


class FitError(NuhistError):
    """A fit or an interval that could not be obtained."""


class ExchangeError(NuhistError):
    """A file of another format that cannot be read or written."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Error for a name that does not exist, with the nearest ones suggested.

    Parameters
    ----------
    kind
        What the name should have named, such as ``"experiment"``.
    name
        What was given; what is no text is shown as one.
    known
        The names that exist.
    """
    return ConfigError(f"no {kind} called '{name}'; {_hint(str(name), known)}")


def unknown_option(name: str, where: str, known: Iterable[str]) -> KeywordError:
    """Error for a keyword that a function does not have, with the nearest ones suggested.

    Parameters
    ----------
    name
        What was given.
    where
        What does not have it, such as ``"nuhist.limit"``.
    known
        The keywords that exist.
    """
    names = set(known)
    if "execution" in names and name.removeprefix("n") in OF_EXECUTION:
        of = name.removeprefix("n")
        return KeywordError(f"{name} is no option of {where}; give execution=nuhist.Execution({of}=...)")
    return KeywordError(f"{name} is no option of {where}; {_hint(name, names)}")


def missing_extra(purpose: str, package: str, extra: str) -> DataError:
    """Error for an optional package that is not installed, with the command that installs it.

    Parameters
    ----------
    purpose
        What needs it, such as ``"plots"``.
    package
        Its name, as readers know it.
    extra
        Extra of nuhist's optional dependencies.
    """
    return DataError(f"{purpose} need {package}; pip install 'nuhist[{extra}]'")


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    near = near or [each for each in names if name and name == "".join(w[0] for w in each.split("_") if w)]
    return f"did you mean {' or '.join(near)}?" if near else f"known: {_listed(names)}"


def _listed(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_LISTED])} and {more} more"
