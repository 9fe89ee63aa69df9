"""Our own worst habits in prose, found: in docstrings, in messages and in the documentation.

    python scripts/style.py

Each habit has a pattern and a remedy. codespell looks for misspelt words, with settings in pyproject.toml.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "DESIGN.md", "SECURITY.md", "DATA_LICENSES.md", "docs/**/*.md")

# What a docstring of a public object, or of one of its parameters, begins with and says not what it is.
FRAGMENT = re.compile(r"(?:Of|Whose|Those|For|That|In) ")
PARAMETER = re.compile(r"^([a-z_][\w, ]*)\n {4}(Of [^\n]*)$", re.MULTILINE)
HABITS = {
    r"\b(?:simply|obviously|of course|basically|actually|really)\b": "says nothing; leave it out",
    r"\b(?:e\.g\.|i\.e\.|etc\.)": "write 'such as', 'that is', or all of them",
    r"\b(?:in order to|due to the fact|it should be noted|note that)\b": "write 'to', 'since', or nothing",
    r"\b[Uu]tili[sz]e": "write 'use'",
    r"\ballows? to\b": "say who does what",
    r"\b(\w+) \1\b": "a word is there twice",
    r" [—–] \w+ing\b": "write a sentence of its own",
}
TWICE = {"that", "had", "s", "x", "in", "on"}  # 'that that' and the like may be right


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and texts of what documents public objects in a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            text = ast.get_docstring(node)
            if text:
                yield node.lineno, text


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a page that are neither code nor tables' rules."""
    code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code:
            yield number, re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", "", line)


def habits(text: str) -> Iterator[str]:
    """What is wrong with a text."""
    for pattern, remedy in HABITS.items():
        for found in re.finditer(pattern, text):
            if not (found.groups() and (found[1].lower() in TWICE or found[1].isdigit())):
                yield f"'{found[0]}': {remedy}"


def findings(root: Path = ROOT) -> Iterator[str]:
    """All that is found, as FILE:LINE: what."""
    for path in sorted((root / "nuhist").rglob("*.py")):
        for number, text in docstrings(path):
            where = f"{path.relative_to(root)}:{number}"
            if FRAGMENT.match(text):
                yield f"{where}: '{text.splitlines()[0][:40]}': say what it is"
            for name, said in PARAMETER.findall(text):
                if not name.endswith("Error"):
                    yield f"{where}: {name}: '{said[:40]}': say what it is"
            yield from (f"{where}: {each}" for each in habits(text.split(">>>")[0]))
    for pattern in PAGES:
        for path in sorted(root.glob(pattern)):
            for number, line in prose(path):
                yield from (f"{path.relative_to(root)}:{number}: {each}" for each in habits(line))


if __name__ == "__main__":
    found = list(findings())
    print(*found, sep="\n")
    sys.exit(bool(found))
