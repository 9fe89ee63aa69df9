"""Characters that a terminal, a browser or a spreadsheet obeys instead of showing them."""

from __future__ import annotations

import shlex
import unicodedata

_BYTES = range(0xDC80, 0xDD00)  # how Python keeps the bytes of a file name that is no UTF-8


def printable(text: str) -> str:
    r"""A text as one line that shows what is in it.

    Control characters (line breaks too), marks of writing direction and others that nobody sees are
    written as escapes, and so are bytes of a file name that are no UTF-8. Letters and spaces of all
    languages stay.

    Examples
    --------
    >>> print(printable("a\x1b[2J\u202eb\n"), printable("³⁷Ar, ν_e"), printable("lz\udcff.json"))
    a\x1b[2J\u202eb\n ³⁷Ar, ν_e lz\xff.json
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def shell_word(text: str) -> str:
    r"""A text as one word for a shell, in characters that one sees.

    Examples
    --------
    >>> print(shell_word("a b.json"), shell_word("lz\udcff.json"))
    'a b.json' $'lz\xff.json'
    """
    if printable(text) == text:
        return shlex.quote(text)
    plain = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(plain)}'"  # the form in which bash and others read escapes


def _shown(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    if code in _BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0x80 <= code < 0x100 else character.encode("unicode_escape").decode()
