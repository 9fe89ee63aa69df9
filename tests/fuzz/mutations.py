"""Mutations of valid files: of their bytes, and of what their format means.

Every function takes a source of random numbers, so that one seed gives one input.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

LARGEST = 4_000_000  # bytes of a mutated file; more would test the parsers' speed only

Mutation = Callable[[random.Random, bytes], bytes]

# By kind of file: mutations of the structure, and those of the bytes. Other modules add theirs.
MUTATIONS: dict[str, tuple[tuple[Mutation, ...], tuple[Mutation, ...]]] = {}


def mutated(source: random.Random, content: bytes, kind: str) -> bytes:
    """A file with one to five mutations.

    Parameters
    ----------
    source
        Of random numbers.
    content
        The valid file.
    kind
        Of its format: a key of :data:`MUTATIONS`.
    """
    special, general = MUTATIONS[kind]
    for number in range(source.choice((1, 1, 1, 2, 2, 3, 5))):
        # Structure first: most files whose bytes are spoiled cannot be parsed again.
        use_special = bool(special) and source.random() < (0.9 if number == 0 else 0.75)
        mutation = source.choice(special if use_special else general)
        try:
            content = mutation(source, content)
        except Exception:
            content = source.choice(BYTES)(source, content)
    return content[:LARGEST]


# --- bytes


def _place(source: random.Random, content: bytes) -> int:
    return source.randrange(len(content) + 1)


def flip_bits(source: random.Random, content: bytes) -> bytes:
    """Some bits, anywhere or close together."""
    spoiled = bytearray(content)
    centre = _place(source, content)
    near = source.random() < 0.5
    for _ in range(source.choice((1, 1, 2, 8, 32))):
        position = centre + source.randrange(16) if near else _place(source, content)
        if position < len(spoiled):
            spoiled[position] ^= 1 << source.randrange(8)
    return bytes(spoiled)


def overwrite(source: random.Random, content: bytes) -> bytes:
    """A few bytes with values that often matter."""
    value = source.choice(
        (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff" * 8, b"\x00" * 8, b"\x01")
    )
    place = _place(source, content)
    return content[:place] + value + content[place + len(value) :]


def truncate(source: random.Random, content: bytes) -> bytes:
    """Anywhere, or just before the end."""
    if source.random() < 0.3:
        return content[: max(0, len(content) - source.randrange(1, 20))]
    return content[: _place(source, content)]


def cut_out(source: random.Random, content: bytes) -> bytes:
    """A piece from the middle."""
    place = _place(source, content)
    return content[:place] + content[place + source.choice((1, 2, 10, 100, 1000)) :]


def repeat(source: random.Random, content: bytes) -> bytes:
    """A piece, once or many times."""
    place = _place(source, content)
    piece = content[place : place + source.choice((1, 5, 50, 500))]
    return content[:place] + piece * source.choice((1, 2, 100)) + content[place:]


def insert_noise(source: random.Random, content: bytes) -> bytes:
    """Random bytes, or bytes that are no UTF-8."""
    place = _place(source, content)
    noise = source.choice(
        (
            b"\x80",
            b"\xed\xa0\x80",
            b"\xef\xbb\xbf",
            b"\r\n",
            b"\x00",
            bytes(source.randrange(256) for _ in range(8)),
        )
    )
    return content[:place] + noise + content[place:]


def replace_all(source: random.Random, _content: bytes) -> bytes:
    """Nothing, or noise."""
    return source.choice(
        (
            b"",
            b"\n",
            b"\x00",
            b"{}",
            b"[]",
            b"null",
            b"\xff\xfe",
            bytes(source.randrange(256) for _ in range(64)),
        )
    )


def swap_lines(source: random.Random, content: bytes) -> bytes:
    """Lines of a text: two swapped, one gone or one twice."""
    lines = content.split(b"\n")
    one, other = source.randrange(len(lines)), source.randrange(len(lines))
    what = source.randrange(3)
    if what == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif what == 1:
        del lines[one]
    else:
        lines.insert(other, lines[one])
    return b"\n".join(lines)


BYTES: tuple[Mutation, ...] = (
    flip_bits,
    flip_bits,
    overwrite,
    truncate,
    cut_out,
    repeat,
    insert_noise,
    replace_all,
)
TEXT: tuple[Mutation, ...] = (*BYTES, swap_lines)


def insert_token(tokens: Sequence[str]) -> Mutation:
    """Pieces of a format's syntax, anywhere."""

    def mutation(source: random.Random, content: bytes) -> bytes:
        place = _place(source, content)
        token = source.choice(tokens).encode("utf-8", "surrogatepass")
        return content[:place] + token + content[place:]

    return mutation


def change_number(source: random.Random, content: bytes) -> bytes:
    """One number as it stands in a text."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", content))
    where = source.choice(found)
    new = source.choice(
        (
            "0",
            "-1",
            "nan",
            "inf",
            "-inf",
            "1e999",
            "1e400",
            "-0",
            "0.5",
            "9" * 30,
            "9" * 5000,
            "1e-400",
            "",
            "x",
            "1.2.3",
        )
    )
    return content[: where.start()] + new.encode() + content[where.end() :]


MUTATIONS["bytes"] = ((), BYTES)
