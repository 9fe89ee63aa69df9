"""Arrays of events in a pickle: what NumPy writes is taken apart here, and nothing in it is called."""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError
from nuhist.exchange.stored import brief

_MODULES = (
    "numpy",
    "numpy.core.multiarray",
    "numpy.core.numeric",
    "numpy._core.multiarray",
    "numpy._core.numeric",
)
_MOST = 10_000_000  # steps of a pickle
_REFUSED = ("PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX")
_SIMPLE = "fiub"


def read_pickle(content: bytes, where: str) -> Any:
    """Lists, mappings, texts, numbers and NumPy's arrays of numbers from a pickle.

    Raises
    ------
    ExchangeError
        If there is anything else in it: nothing else is made or called.
    """
    try:
        _check_steps(content)
        return _plain(_Unpickler(io.BytesIO(content)).load())
    except ExchangeError as error:
        raise ExchangeError(f"{where}: {error}") from error
    except Exception as error:  # pickles that are damaged raise whatever they like
        raise ExchangeError(f"{where}: is no pickle of arrays that can be read: {brief(error)}") from error


def _check_steps(content: bytes) -> None:
    """Refuse a pickle that does more than arrays need, or would fill the memory, before it is loaded."""
    for count, (code, argument, _) in enumerate(pickletools.genops(content)):
        far = "PUT" in code.name and isinstance(argument, int) and argument > _MOST
        if count > _MOST or code.name in _REFUSED or far:
            raise ExchangeError(f"has the pickle's step {code.name}, which no array of numbers needs")


class _Type:
    """What stands for a ``numpy.dtype``."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code: Any = code
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def made(self) -> np.dtype[Any]:
        code = self.code.decode() if isinstance(self.code, bytes) else self.code
        order: Any = "<"
        names: Any = None
        fields: Any = None
        size: Any = 0
        if self.state is not None:
            order, names, fields, size = self.state[1], self.state[3], self.state[4], self.state[5]
        if names is None:
            kind = np.dtype(str(code))
            if kind.kind not in _SIMPLE:
                raise ExchangeError(f"has values of the type {code}; expected numbers")
            return np.dtype(f"{'>' if order == '>' else '<'}{kind.kind}{kind.itemsize}")
        parts = [(str(name), fields[name][0].made(), int(fields[name][1])) for name in names]
        names_, formats, offsets = (list(each) for each in zip(*parts, strict=True))
        return np.dtype({"names": names_, "formats": formats, "offsets": offsets, "itemsize": int(size)})


class _Array:
    """What stands for a ``numpy.ndarray``."""

    def __init__(self, content: Any = None, kind: Any = None, shape: Any = ()) -> None:
        self.content, self.kind, self.shape = content, kind, shape

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.kind, self.fortran, self.content = state

    def made(self) -> Any:
        if not isinstance(self.content, bytes | bytearray) or not isinstance(self.kind, _Type):
            raise ExchangeError("has an array of objects; expected numbers")
        shape = tuple(int(each) for each in self.shape)
        if len(shape) > 1:
            raise ExchangeError("has an array of several dimensions; expected one entry for each event")
        kind = self.kind.made()
        if kind.itemsize * int(np.prod(shape)) != len(self.content):
            raise ExchangeError("has an array whose length does not fit its bytes")
        return np.frombuffer(bytes(self.content), dtype=kind).reshape(shape)


def _frombuffer(content: Any, kind: Any, shape: Any, *_: Any) -> _Array:
    return _Array(content, kind, shape)


def _scalar(kind: Any, content: Any = None) -> _Array:
    return _Array(content, kind)


def _encode(text: Any, *_: Any) -> bytes:
    return str(text).encode("latin-1")


def _reconstruct(*_: Any) -> _Array:
    return _Array()


_MAKERS = {
    "_reconstruct": _reconstruct,
    "ndarray": None,
    "dtype": _Type,
    "_frombuffer": _frombuffer,
    "scalar": _scalar,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if module not in _MODULES or name not in _MAKERS:
            raise ExchangeError(
                f"wants to make a {module}.{name}; a pickle of events has NumPy's arrays alone; write CSV"
            )
        return _MAKERS[name]


def _plain(content: Any, depth: int = 0) -> Any:
    if depth > 5:
        raise ExchangeError("is nested more than five levels deep")
    if isinstance(content, _Array):
        return content.made()
    if isinstance(content, list | tuple):
        return [_plain(each, depth + 1) for each in content]
    if isinstance(content, dict):
        return {str(key): _plain(each, depth + 1) for key, each in content.items()}
    if content is None or isinstance(content, str | int | float | bytes):
        return content
    raise ExchangeError(f"has a {type(content).__name__}; expected arrays of numbers")
