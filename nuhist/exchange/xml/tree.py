"""XML files as trees, without what XML can do to a reader."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element
from xml.parsers import expat

from nuhist.errors import ExchangeError
from nuhist.inputs import MEBIBYTE, read_bytes

_DEPTH = 16  # HistFactory has three levels
_LARGEST = 64 * MEBIBYTE
_MOST_ELEMENTS = 1_000_000  # each takes some 300 bytes of memory


def read_tree(path: Path, tag: str) -> Element:
    """The root element, with this tag, of an XML file.

    Nothing outside the file is read, neither entities nor the schema that it names. Entities are
    refused, since they can grow without bound or stand for other files.

    Raises
    ------
    DataError
        If the file cannot be read, or is larger than 64 MiB.
    ExchangeError
        If it is no XML, declares entities, is nested deeply, has more than a million elements and
        attributes, or its root is another element.
    """
    content = read_bytes(path, _LARGEST)
    depth = elements = 0

    def entity(name: str, *_: object) -> None:
        raise ExchangeError(f"{path}: declares the entity '{name}'; write out what it stands for")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1 + len(attributes)
        if elements > _MOST_ELEMENTS:
            raise ExchangeError(
                f"{path}: has more than {_MOST_ELEMENTS // 10**6} million elements and attributes; not read"
            )
        if depth > _DEPTH:
            raise ExchangeError(f"{path}: <{name}> is nested {depth} deep; this is no HistFactory XML")

    def end(*_: object) -> None:
        nonlocal depth
        depth -= 1

    checker = expat.ParserCreate()
    checker.EntityDeclHandler = entity
    checker.StartElementHandler = start
    checker.EndElementHandler = end
    try:
        checker.Parse(content, True)
        root = ET.fromstring(content)  # noqa: S314 - what could be harmful is refused above
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        raise ExchangeError(f"{path}: is no XML: {error}") from error
    if root.tag != tag:
        raise ExchangeError(f"{path}: begins with <{root.tag}>; expected HistFactory's <{tag}>")
    return root


def text_of(element: Element, key: str, where: str) -> str:
    """An attribute that must be there."""
    value = element.get(key, "").strip()
    if not value:
        raise ExchangeError(f"{where}: <{element.tag}> has no {key}")
    return value


def number(element: Element, key: str, where: str) -> float:
    """An attribute that must be a number."""
    text = text_of(element, key, where)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ExchangeError(f'{where}: <{element.tag}>: {key}="{text}" is no finite number')
    return value


def truth(element: Element, key: str, where: str, *, default: bool) -> bool:
    """An attribute that is True or False."""
    text = element.get(key)
    if text is None:
        return default
    if text.lower() not in ("true", "false", "1", "0"):
        raise ExchangeError(f'{where}: <{element.tag}>: {key}="{text}" is neither True nor False')
    return text.lower() in ("true", "1")
