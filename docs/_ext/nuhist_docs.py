"""What makes one site of pages that are also read on a forge, where directives would show as code.

- The tables of contents come from the headings and links of ``index.md``.
- Links to files outside of ``docs/`` become their paths.
- Pages with a marker get the help of all commands, or a notebook, in its place.
- Names that ``api.md`` lists become their docstrings.
"""

from __future__ import annotations

import base64
import json
import re
from importlib import import_module
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click
    from sphinx.application import Sphinx

_PAGE_LINK = re.compile(r"\]\(([\w/-]+)\.md\)")
_LINK_UPWARDS = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>\.\./[^)#]*)(#[^)]*)?\)")
_COMMANDS = "<!-- commands -->"
_API_NAME = re.compile(r"^- `(?P<name>nuhist[\w.]+)`$", flags=re.MULTILINE)
_NOTEBOOK = re.compile(r"<!-- notebook: (?P<name>[\w-]+\.ipynb) -->")


def setup(app: Sphinx) -> dict[str, Any]:
    """Join Sphinx's reading of the pages."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    where = page.rpartition("/")[0]
    text = _LINK_UPWARDS.sub(lambda link: _as_path(link, where), source[0])
    if page == "index":
        text += tables_of_contents(text)
    if _COMMANDS in text:
        text = text.replace(_COMMANDS, command_reference())
    if page == "reference/api":
        text = _API_NAME.sub(_docstring, text)
    if not text.startswith("#"):  # the table that nuhist reproduce writes
        text = f"# {page.rpartition('/')[2].replace('-', ' ').capitalize()}\n\n{text}"
    folder = Path(app.srcdir) / "tutorials" / "notebooks"
    source[0] = _NOTEBOOK.sub(lambda found: notebook(folder / found["name"], Path(app.outdir)), text)


def _as_path(link: re.Match[str], where: str) -> str:
    """A link out of ``docs/`` as the path in the repository; others stay."""
    path = normpath(f"docs/{where}/{link['path']}")
    if path.startswith("docs/"):
        return link[0]
    return f"`{path}`" if link["text"].strip("`/") == path else f"{link['text']} (`{path}`)"


def _docstring(entry: re.Match[str]) -> str:
    module, _, name = entry["name"].rpartition(".")
    found = getattr(import_module(module), name)
    kind = "autofunction"
    if isinstance(found, type):
        kind = "autoexception" if issubclass(found, Exception) else "autoclass"
    return f"```{{eval-rst}}\n.. {kind}:: {entry['name']}\n```"


def tables_of_contents(index: str) -> str:
    """Hidden tables of contents: one for each heading, with the pages that it links to."""
    parts = []
    seen: set[str] = set()
    for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        caption, _, body = section.partition("\n")
        pages = [page for page in dict.fromkeys(_PAGE_LINK.findall(body)) if page not in seen]
        seen.update(pages)
        if pages:
            entries = "\n".join(pages)
            parts.append(f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n")
    return "".join(parts)


def command_reference() -> str:
    """The help of every command, in Markdown, from click."""
    import click

    from nuhist.cli.main import main

    context = click.Context(main, info_name="nuhist", terminal_width=92, **main.context_settings)
    return "".join(_command(main, context, level=2))


def _command(command: click.Command, context: click.Context, level: int) -> list[str]:
    import click

    title = "#" * level
    parts = [f"{title} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                inner = click.Context(child, info_name=name, parent=context, terminal_width=92)
                parts += _command(child, inner, min(level + 1, 4) if level > 2 else 3)
    return parts


def notebook(path: Path, output: Path) -> str:
    """Markdown of a notebook with its outputs; pictures go to the site's folder."""
    parts = []
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text.replace("](../", "]("))  # links as seen from the folder above
            continue
        parts.append(f"```python\n{text}\n```")
        for result in cell["outputs"]:
            if "text" in result:
                parts.append(f"```text\n{''.join(result['text']).rstrip()}\n```")
            elif "image/png" in result["data"]:
                picture = output / "_images" / f"{path.stem}_{number}.png"
                picture.parent.mkdir(parents=True, exist_ok=True)
                picture.write_bytes(base64.b64decode("".join(result["data"]["image/png"])))
                parts.append(f'<img src="../_images/{picture.name}" alt="Figure of the cell above">')
            else:
                parts.append(f"```text\n{''.join(result['data']['text/plain'])}\n```")
    return "\n\n".join(parts)
