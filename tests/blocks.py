"""Blocks of code of the documentation, and what runs them: each page in one folder, in the page's order."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import click
import pytest
from click.testing import CliRunner

import nuhist
from nuhist.cli.main import main

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
_FENCE = re.compile(r"^( *)(`{3,})([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_NO_CODE = ("{code-cell}", "{eval-rst}", "{include}", "{toctree}")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")


@dataclass(frozen=True)
class Step:
    """A command, a block of Python, or a block of something else, with what the page prints below it."""

    language: str
    text: str
    printed: tuple[str, ...] = ()


def page_text(name: str) -> str:
    """The text of a page, or of the file of the repository that it shows."""
    path = DOCS / name
    text = path.read_text(encoding="utf-8")
    shown = re.fullmatch(r"```{include} (\S+)\n```\n", text)
    return (path.parent / shown[1]).read_text(encoding="utf-8") if shown else text


def steps(text: str) -> Iterator[Step]:
    """What a page has to run or to use, in its order.

    Left out are doctests, which pytest finds itself, cells, which the site runs, and directives.
    """
    found = list(_FENCE.finditer(text))
    if len(re.findall(r"^[ >*-]*(?:\d+\. +)?(?:```|~~~)", text, re.MULTILINE)) != 2 * len(found):
        pytest.fail("a block is not closed, or begins other than with ``` on a line of its own")
    shown: set[int] = set()
    for number, fence in enumerate(found):
        language, block = fence[3].strip(), dedent(fence[4])
        if number in shown or language.startswith(_NO_CODE) or (language == "pycon" and ">>> " in block):
            continue
        if language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, printed = part.replace("\\\n", " ").partition("\n")
                yield Step(language, command, lines(printed))
            continue
        printed = ""
        if language == "python" and number + 1 < len(found):
            after = found[number + 1]
            if after[3].strip() == "text" and not text[fence.end() : after.start()].strip():
                shown.add(number + 1)
                printed = dedent(after[4])
        yield Step(language, block, lines(printed))


def lines(text: str) -> tuple[str, ...]:
    """Lines that are not empty."""
    return tuple(line.rstrip() for line in text.splitlines() if line.strip())


def blocks(language: str, page: str) -> list[str]:
    """Blocks of one language, those in lists among them."""
    return [dedent(fence[4]) for fence in _FENCE.finditer(page_text(page)) if fence[3].strip() == language]


def run_steps(todo: list[Step], files: Mapping[str, tuple[str, ...]], smaller: Mapping[str, str]) -> None:
    """Run them in the current folder.

    What a page shows of a file goes into the files that ``files`` names by its beginning. ``smaller`` has
    what is replaced in commands.
    """
    names: dict[str, object] = {"nuhist": nuhist}
    for step in todo:
        written = next((each for start, each in files.items() if step.text.startswith(start)), None)
        if written is not None:
            for name in written:
                with Path(name).open("a", encoding="utf-8") as file:
                    file.write(step.text)
        elif step.language == "console":
            run_line(step, smaller)
        elif step.language == "python":
            printed = io.StringIO()
            with redirect_stdout(printed):
                exec(compile(_changed(step.text, smaller), "block", "exec"), names)
            if step.printed:
                assert printed_as(step.printed, printed.getvalue()), printed.getvalue()
        else:
            pytest.fail(f"nothing runs this block, and no list names it:\n{step.text}")


def _changed(text: str, smaller: Mapping[str, str]) -> str:
    for long, short in smaller.items():
        text = text.replace(long, short)
    return text


def run_line(step: Step, smaller: Mapping[str, str]) -> None:
    """Run one line of a shell: commands joined by pipes, with an output that may go to a file."""
    line, _, into = _changed(step.text, smaller).partition(" > ")
    if line.startswith("printf "):
        subprocess.run(["sh", "-c", f"{line} > {into}"], check=True)
        return
    if line.startswith("cd "):
        os.chdir(line.removeprefix("cd "))
        return
    output: str | None = None
    refused = bool(step.printed) and all(each.startswith("nuhist: ") for each in step.printed)
    for command in line.split(" | "):
        program, *words = shlex.split(command, comments=True)
        result = CliRunner().invoke(_program(program), words, input=output)
        assert (result.exit_code == 0) is not refused, f"{line}\n{result.output}{result.exception!r}"
        output = result.stdout
    if into:
        Path(into.strip()).write_text(output or "", encoding="utf-8")
    elif step.printed:
        assert printed_as(step.printed, result.output), f"{line}\n{result.output}"


def _program(name: str) -> click.Command:
    """A program in this process."""
    if name == "pyhf":
        from pyhf.cli import cli

        return cli  # type: ignore[no-any-return]
    if name == "cabinetry":
        pytest.importorskip("cabinetry")
        from cabinetry.cli import cabinetry

        return cabinetry  # type: ignore[no-any-return]
    if name != "nuhist":
        pytest.fail(f"{name} is not run, and no list names its command")
    return main


def printed_as(page: tuple[str, ...] | list[str], found: str) -> bool:
    """Whether it was printed: "..." stands for any lines, a digest for any digest.

    A last digit may differ by one, since the last bits of a fit depend on the processor. Of more than five
    digits the others may differ, since stock pyhf ends its fits early.
    """
    pattern = "\n".join(
        ".*"
        if line.strip() == "..."
        else f"({_NUMBER.pattern})".join(map(re.escape, _NUMBER.split(_any_digest(line))))
        for line in page
    )
    match = re.fullmatch(pattern, "\n".join(map(_any_digest, lines(found))), re.DOTALL)
    numbers = [number for line in page for number in _NUMBER.findall(_any_digest(line))]
    return match is not None and all(map(_same, numbers, match.groups()))


def _same(printed: str, found: str) -> bool:
    digits, _, exponent = printed.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    return abs(float(printed) - float(found)) < 1.5 * max(unit, 1e-5 * abs(float(printed)))


def _any_digest(line: str) -> str:
    return re.sub(r"\b[0-9a-f]{12}(?:[0-9a-f]{52})?\b", "DIGEST", line)
