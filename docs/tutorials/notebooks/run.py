"""Execute the notebooks and keep what they print and draw: ``python docs/tutorials/notebooks/run.py``.

Jupyter would do as well. This needs nothing but nuhist and matplotlib, so that the tests can use it.
"""

from __future__ import annotations

import ast
import base64
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def execute(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the outputs of its cells, run in order in one namespace."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            cells.append(cell)
            continue
        number += 1
        cells.append({**cell, "execution_count": number, "outputs": _run(_text(cell), namespace, number)})
    return {**notebook, "cells": cells}


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _run(source: str, namespace: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run a cell; its outputs are what it prints, and the value of a last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), namespace)  # noqa: S102 - our own notebooks
        if isinstance(last, ast.Expr):
            expression = compile(ast.Expression(last.value), f"cell {number}", "eval")
            value = eval(expression, namespace)  # noqa: S307 - our own notebooks
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        lines = printed.getvalue().splitlines(keepends=True)
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines})
    if value is not None:
        result = {"data": _data(value), "metadata": {}, "output_type": "execute_result"}
        outputs.append({**result, "execution_count": number})
    return outputs


def _data(value: Any) -> dict[str, Any]:
    if not hasattr(value, "savefig"):
        return {"text/plain": [repr(value)]}
    picture = io.BytesIO()
    value.savefig(picture, format="png", dpi=80, metadata={"Software": None})
    return {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": ["<Figure>"]}


def main() -> None:
    """Execute all notebooks of this folder."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        executed = execute(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(executed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
