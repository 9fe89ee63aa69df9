"""What the library says of its keywords, in the words of the shell: ``asimov=True`` is ``--asimov`` there.

The library's messages name a keyword as Python writes it: with its value (``method='cls'``,
``fixed={'mu': 1}``), or with ``...`` where any will do. Here each becomes the option of the command that was
called, or of one that has it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import click

_VALUE = r"\.\.\.|True\b|False\b|'[^']*'|\[[^\]\n]*\]|\{[^}\n]*\}|-?\d[\d.e+-]*"
_KEYWORD = re.compile(rf"(?<![\w.'\"(\[{{-])([a-z][a-z0-9_]*)=({_VALUE})")
# Keywords of Python that are called otherwise in the shell, by the name of the option's parameter.
_OTHERWISE = {"toys": ("ntoys",), "couplings": ("span", "grids"), "verify": ("no_verify",), "options": ()}
_COMMAND = "nuhist.command"  # key of the command that was called, in click's notes


def remember(context: click.Context) -> None:
    """Note the command that is about to be called; the last one is the one that runs."""
    context.meta[_COMMAND] = context.command


def in_shell(message: str) -> str:
    """A message of the library, with the options of the shell for the keywords in it."""
    return _KEYWORD.sub(lambda found: _option(found[1], found[2]) or found[0], message)


def _option(keyword: str, value: str) -> str | None:
    """An option with a value, or None where no command has it."""
    context = click.get_current_context(silent=True)
    if context is None:
        return None
    called, root = context.meta.get(_COMMAND, context.command), context.find_root().command
    for name in (keyword, *_OTHERWISE.get(keyword, ())):
        flag = options(called).get(name) or _options_of_all(root).get(name)
        if flag is not None:
            return " ".join([flag, *_words(value)])
    return None


def _words(value: str) -> tuple[str, ...]:
    """The value as words of a command; nothing for a flag, or where any value will do."""
    if value in {"...", "True", "False"}:
        return ()
    if value[0] == "{":
        inside = value[1:-1].replace("'", "").replace(": ", "=").removesuffix("=...")
        return tuple(inside.split(", "))
    try:
        found = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return (value.strip("[]").replace("'", ""),)
    return tuple(map(_quoted, found if isinstance(found, list) else [found]))


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if re.search(r"[\s{}*]", text) else text


@cache  # a command stays the same
def options(command: click.Command) -> dict[str, str]:
    """The longest form of each option of a command, by the name of its parameter."""
    found = [each for each in command.get_params(_below(command)) if isinstance(each, click.Option)]
    return {str(each.name): max(each.opts, key=len) for each in found}


def _below(command: click.Command) -> click.Context:
    """A context of a command below the root's, whose words for help it takes."""
    current = click.get_current_context(silent=True)
    root = None if current is None else current.find_root()
    return click.Context(command, parent=root, resilient_parsing=True)


@cache
def _options_of_all(root: click.Command) -> dict[str, str]:
    """Options of all commands; of those with one name, that of the first command."""
    found: dict[str, str] = {}
    for command in _leaves(root):
        found = {**options(command), **found}
    return found


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if not isinstance(command, click.Group):
        yield command
        return
    context = _below(command)
    for name in command.list_commands(context):
        if (found := command.get_command(context, name)) is not None:
            yield from _leaves(found)
