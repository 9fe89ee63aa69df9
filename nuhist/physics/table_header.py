"""What comment lines of a table of a signal say: keys with values; slips of them are refused."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from nuhist.errors import ConfigError

KEYS = ("title", "coupling", "unit", "reference", "target", "cited")
_COMMENT = re.compile(r"\s*#+\s*(.*?)\s*")
_SAID = re.compile(r"(\w+)\s*:(?!//)\s*(.*)")
# What somebody may have meant as a key: another sign behind the word, further words, or a number alone.
_MEANT = re.compile(r"(\w+)(?:[^:=]*[:=](?!//)|\s+[-+.\d][-+.\deE]*$)")
_NEAR = 0.75  # similarity of a word to a key of which it is a slip


def read_header(path: Path, text: str) -> Mapping[str, str]:
    """Values by key of the comment lines ``# KEY: VALUE`` of a table.

    Keys may be in any case. A comment that begins neither with a word and a colon nor with a key is one for
    readers alone.

    Parameters
    ----------
    path
        Where the table is, for messages.
    text
        What stands there.

    Raises
    ------
    ConfigError
        If a key is unknown or there twice, or a comment looks like one of a key that is written otherwise.
    """
    said: dict[str, str] = {}
    for number, words in _comments(text):
        match = _SAID.fullmatch(words)
        if match is None:
            _refuse_slip(f"{path}: line {number}", words)
            continue
        key = match[1].lower()
        if key not in KEYS:
            raise ConfigError(
                f"{path}: line {number}: unknown key '{match[1]}'; {_meant(key)} A comment of your own has no"
                " colon behind its first word."
            )
        if key in said:
            raise ConfigError(f"{path}: line {number}: the key '{key}' is there twice; keep one")
        said[key] = match[2]
    return said


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Numbers of the lines that are comments, and what stands there."""
    for number, line in enumerate(text.splitlines(), start=1):
        match = _COMMENT.fullmatch(line)
        if match is not None:
            yield number, match[1]


def _refuse_slip(where: str, words: str) -> None:
    match = _MEANT.match(words)
    near = [] if match is None else difflib.get_close_matches(match[1].lower(), KEYS, n=1, cutoff=_NEAR)
    if near:
        raise ConfigError(
            f"{where}: '{words:.60}' says nothing, as it is not of the form '# KEY: VALUE'; write"
            f" '# {near[0]}: ...', or begin the comment with another word"
        )


def _meant(key: str) -> str:
    near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(KEYS)}."
