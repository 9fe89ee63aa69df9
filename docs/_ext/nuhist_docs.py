"""What makes one site of files that are also read on a forge.

- Links to files outside of ``docs/`` become links to the repository, or paths where it has no address; files
  of the root that have a page of the site become links to it.
- The table that ``nuhist reproduce`` writes gets a heading.
- sphinx-click gets the options of a command as a table, and pages may link to its headings.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from os.path import normpath, relpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import click
    from docutils import nodes
    from sphinx.application import Sphinx

# Files of the root, and the pages that include them.
ON_SITE = {
    "CHANGELOG.md": "docs/reference/changelog.md",
    "CONTRIBUTING.md": "docs/reference/contributing.md",
    "DESIGN.md": "docs/explanation/design.md",
    "SECURITY.md": "docs/reference/security.md",
}
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<path>(?![a-z]+:|#)[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_FENCED = re.compile(r"(^```.*?^```)", flags=re.MULTILINE | re.DOTALL)


def setup(app: Sphinx) -> dict[str, Any]:
    """Join Sphinx's reading of the pages."""
    app.add_config_value("nuhist_repository", None, "env", str)
    app.connect("source-read", _read)
    app.connect("include-read", _include)
    app.connect("doctree-read", _headings)
    app.connect("autodoc-process-docstring", _fields, priority=600)  # after napoleon
    app.connect("sphinx-click-process-description", _description)
    app.connect("sphinx-click-process-usage", _usage)
    app.connect("sphinx-click-process-options", _options)
    app.connect("sphinx-click-process-arguments", _nothing)
    app.connect("sphinx-click-process-epilog", _epilog)
    return {"parallel_read_safe": True}


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    path = f"docs/{page}.md"
    text = with_links(source[0], path, path, app.config.nuhist_repository)
    if page == "explanation/comparison-table":
        what = "Each number of arXiv:2207.05036, and ours beside it. [Comparison](comparison.md) says more."
        text = f"# All numbers of the paper\n\n{what}\n\n{text}"
    source[0] = text


def _include(app: Sphinx, included: Path, _: str, content: list[str]) -> None:
    file = normpath(f"docs/{included.as_posix()}")
    if file in ON_SITE:
        content[0] = with_links(content[0], file, ON_SITE[file], app.config.nuhist_repository)


def _headings(app: Sphinx, page: nodes.document) -> None:
    """Headings that sphinx-click makes become known to MyST, so that links to commands hold."""
    from docutils import nodes

    if app.env.docname == "reference/command-reference":
        known = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
        for section in page.findall(nodes.section):
            for name in section["ids"]:
                known.setdefault(name, (section.line, name, name.replace("-", " ")))


def with_links(text: str, file: str, page: str, repository: str | None) -> str:
    """The text of a file with links that hold where it is shown.

    Parameters
    ----------
    text
        Markdown.
    file, page
        Where it stands, and the page that shows it, as paths in the repository.
    repository
        Its address, if there is one.
    """

    def link(found: re.Match[str]) -> str:
        target = normpath(f"{file}/../{found['path']}")
        target = ON_SITE.get(target, target)
        anchor = found["anchor"] or ""
        if target.startswith("docs/"):
            return f"[{found['text']}]({relpath(target, f'{page}/..')}{anchor})"
        if repository:
            return f"[{found['text']}]({repository}/blob/main/{target}{anchor})"
        return f"`{target}`" if found["text"].strip("`/") == target else f"{found['text']} (`{target}`)"

    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in _FENCED.split(text))


def _fields(_: Sphinx, __: str, ___: str, ____: Any, _____: Any, lines: list[str]) -> None:
    """Each of several fields that stand together gets the explanation, as parameters do by napoleon."""
    entries: list[list[str]] = []
    for line in lines:
        if entries and line.startswith(" "):
            entries[-1].append(line)
        else:
            entries.append([line])
    lines.clear()
    for first, *others in entries:
        names, colon, said = first.removeprefix(":ivar ").partition(":")
        if first.startswith(":ivar ") and ", " in names:
            for name in names.split(", "):
                lines += [f":ivar {name}{colon}{said}", *others]
        else:
            lines += [first, *others]


def _description(_: Sphinx, __: click.Context, lines: list[str]) -> None:
    """Lines that stay as they are become code, the others paragraphs."""
    shown: list[str] = []
    for line in lines:
        kept = line.startswith("| ")
        if kept and not (shown and shown[-1].startswith("    ")):
            shown += [".. code-block:: console", ""]
        elif not kept and shown and shown[-1].startswith("    "):
            shown.append("")
        shown.append(f"    $ {line[2:]}" if kept else _escaped(line))
    lines[:] = shown


def _usage(_: Sphinx, context: click.Context, lines: list[str]) -> None:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    lines[:] = [".. code-block:: text", "", f"    {context.command_path} {pieces}", ""]


def _options(_: Sphinx, context: click.Context, lines: list[str]) -> None:
    import click

    options = (each for each in context.command.get_params(context) if isinstance(each, click.Option))
    records = (option.get_help_record(context) for option in options)
    rows = [record for record in records if record and not record[0].endswith("--help")]
    if not rows:
        lines.clear()
        return
    lines[:] = [".. list-table::", "   :widths: auto", "   :class: options", ""]
    for names, said in rows:
        lines += [f"   * - ``{names}``", f"     - {_escaped(said)}"]
    lines.append("")


def _epilog(_: Sphinx, __: click.Context, lines: list[str]) -> None:
    text = " ".join(line for line in lines if line.strip())
    what, _, command = text.partition(": ")
    if command.startswith("nuhist"):
        lines[:] = [f"{what}:", "", ".. code-block:: console", "", f"    $ {command}", ""]
    else:
        lines[:] = [_escaped(text), ""]


def _nothing(_: Sphinx, __: click.Context, lines: list[str]) -> None:
    """The usage has the arguments already."""
    lines.clear()


def _escaped(text: str) -> str:
    """Text of a help, with its options and addresses as code."""
    escaped = re.sub(r"([\\*`|_])", r"\\\1", text)
    return re.sub(r"(?<![\w-])(--[a-z][a-z0-9-]*|[a-z]+://[\w.:/-]*\w)", r"``\1``", escaped)


def summaries(api: str) -> dict[str, str]:
    """What each object that ``api.md`` names is: the first paragraph of its docstring."""
    found = {}
    for name in re.findall(r"^   (nuhist\.[\w.]+)$", api, re.MULTILINE):
        module, _, attribute = name.rpartition(".")
        text = inspect.getdoc(getattr(import_module(module), attribute)) or ""
        found[name] = re.sub(r":\w+:|`", "", " ".join(text.partition("\n\n")[0].split()))
    return found
