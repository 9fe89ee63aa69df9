"""Run docs/how-to/from-pyhf-and-cabinetry.md, and print its table: seconds of each side.

    python benchmarks/side_by_side.py

Seconds are CPU time of this process.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "from-pyhf-and-cabinetry.md"
THEIRS, OURS = "# pyhf, cabinetry", "# nuhist"
_FENCE = re.compile(r"^```(python|text|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """A piece of Python of the page; ``expected`` is what the page prints below it, or below both sides."""

    job: str
    code: str
    expected: str = ""
    printed: str = field(default="", init=False)
    seconds: float = field(default=0.0, init=False)

    @property
    def side(self) -> str:
        """First line, which says whose it is."""
        return self.code.splitlines()[0]


def read_page(text: str) -> tuple[list[Block], list[str]]:
    """Its Python, and its commands for the shell, in the order of the page."""
    blocks: list[Block] = []
    commands: list[str] = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        job = section.partition("\n")[0]
        for language, body in _FENCE.findall(section):
            if language == "python":
                blocks.append(Block(job, body))
            elif language == "text":
                for block in blocks:
                    block.expected = body if block.job == job and not block.expected else block.expected
            else:
                commands += [line.removeprefix("$ ") for line in body.splitlines()]
    return blocks, commands


def run(blocks: list[Block]) -> None:
    """Execute them one after another in one namespace, in the current folder."""
    names: dict[str, Any] = {}
    for block in blocks:
        printed = io.StringIO()
        before = time.process_time()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.code, block.job, "exec"), names)
        block.seconds, block.printed = time.process_time() - before, printed.getvalue()


def table(blocks: list[Block]) -> str:
    """The page's table, in Markdown."""
    rows = ["| Job | pyhf, cabinetry | nuhist |"]
    rows.append("| --- | ---: | ---: |")
    for job in dict.fromkeys(block.job for block in blocks):
        sides = {block.side: block for block in blocks if block.job == job}
        if THEIRS in sides and OURS in sides:
            theirs, ours = sides[THEIRS], sides[OURS]
            rows.append(f"| {job} | {theirs.seconds:.2f} | {ours.seconds:.2f} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    os.environ["MPLBACKEND"] = "Agg"
    blocks, _ = read_page(PAGE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        # The time to import is not that of a job.
        exec("import cabinetry, iminuit, matplotlib.pyplot, pyhf, nuhist, scipy.stats, contourpy", {})
        run(blocks)
    for block in blocks:
        if block.printed != block.expected:
            print(f"{block.job}, {block.side}: printed {block.printed!r}, the page has {block.expected!r}")
    print(table(blocks))


if __name__ == "__main__":
    main()
