"""What the tests of the report page share: a reader of pages, and workspaces from elsewhere."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

from nuhist import Workspace

_VOID = {"meta", "br", "link", "img", "input", "path", "circle", "rect", "use", "line"}


class Page(HTMLParser):
    """Elements, texts and data of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.text = ""
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append((tag, dict(attrs).get("type")))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open, f"</{tag}> closes nothing"
            assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tag, kind = self._open[-1] if self._open else ("", None)
        if tag == "script":
            self.scripts.append((kind, data))
        elif tag != "style":
            self.text += f" {data}"

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return " ".join(self.text.split())

    def attributes(self, name: str) -> list[str]:
        """Values of an attribute on any element."""
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]

    def files(self) -> dict[str, str]:
        """Contents of the files that the page carries."""
        found = {}
        for _, attributes in self.elements:
            if "download" in attributes:
                head, _, data = (attributes["href"] or "").partition(",")
                assert head == "data:application/json;base64"
                found[str(attributes["download"])] = base64.b64decode(data, validate=True).decode()
        return found


def counting(
    *, observed: tuple[int, ...] = (12, 7, 3), background: tuple[float, ...] = (10, 6, 4),
    signal: tuple[float, ...] = (2, 2, 1), poi: str = "mu",
    norm: str = "norm", title: str = "background", channel: str = "region",
) -> Workspace:  # fmt: skip
    """A workspace from elsewhere: no sidecar, names of one's choice."""
    modifiers = [{"name": poi, "type": "normfactor", "data": None}] if poi else []
    return Workspace(
        {
            "channels": [
                {
                    "name": channel,
                    "samples": [
                        {"name": f"{title} signal", "data": list(signal), "modifiers": modifiers},
                        {
                            "name": title,
                            "data": list(background),
                            "modifiers": [{"name": norm, "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}],
                        },
                    ],
                }
            ],
            "observations": [{"name": channel, "data": list(observed)}],
            "measurements": [{"name": "only", "config": {"poi": poi, "parameters": []}}],
            "version": "1.0.0",
        },
        origin="elsewhere.json",
    )
