"""The template files of XENON's ``inference_interface``: HDF5 with bins and histograms.

A file has a group ``bins`` with one dataset of edges per axis, called ``0``, ``1`` and so on, whose
attribute ``name`` names the axis; a group ``templates`` with one array per histogram, all in these
bins; and attributes of any names at its root. What an entry means, events or events per tonne and
year, is not in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError, missing_extra
from nuhist.exchange.inference_interface.storage import is_plain, refused_storage
from nuhist.exchange.stored import brief, damage
from nuhist.inputs import MEBIBYTE, read_bytes
from nuhist.tables import Array

LARGEST = 10_000_000  # entries of one template: 80 MB
LARGEST_TOGETHER = 2**25  # entries of all templates: 256 MiB
_LARGEST_FILE, _SIGNATURE = 1024 * MEBIBYTE, b"\x89HDF\r\n\x1a\n"
_LARGEST_TEXT = 64 * MEBIBYTE
MOST_AXES = 32  # NumPy's limit; XENON uses up to four
_BINS, _TEMPLATES, _NAME, _UNIT = "bins", "templates", "name", "unit"


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis of the templates: bin edges, shape (bins + 1,), its name, and a unit if the file has one."""

    edges: Array
    name: str = ""
    unit: str | None = None


@dataclass(frozen=True, eq=False)
class TemplateFile:
    """What is in a file.

    Attributes
    ----------
    axes
        In the order of the arrays' dimensions.
    templates
        Arrays of float64 by name, of the shape that the axes say.
    attributes
        Attributes of the file, as h5py gives and takes them.
    texts
        By name, beside the templates: ``inference_interface`` does not look at them.
    """

    axes: tuple[Axis, ...]
    templates: Mapping[str, Array]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    origin: str = "templates"


def template_file_bytes(file: TemplateFile) -> bytes:
    """The file as bytes; an ExchangeError if a template's name cannot stand in such a file."""
    h5py = _h5py()
    stream = BytesIO()
    try:
        with h5py.File(stream, "w") as target:
            target.attrs.update(file.attributes)
            for index, axis in enumerate(file.axes):
                edges = target.create_dataset(f"{_BINS}/{index}", data=axis.edges)
                edges.attrs[_NAME] = axis.name
                if axis.unit is not None:
                    edges.attrs[_UNIT] = axis.unit
            group = target.create_group(_TEMPLATES)
            for name, counts in file.templates.items():
                if not name or name == "." or "/" in name or "\0" in name:
                    raise ExchangeError(
                        f"{file.origin}: '{name}' cannot be the name of a template; rename the sample or the"
                        " parameter, without '/'"
                    )
                group.create_dataset(name, data=counts)
            for name, text in file.texts.items():
                target.create_dataset(name, data=text)
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        raise ExchangeError(f"{file.origin}: cannot be written as HDF5: {brief(error)}") from error
    return stream.getvalue()


def read_template_file(path: Path) -> TemplateFile:
    """Read a file that ``inference_interface`` or nuhist wrote; nothing outside it is read.

    Raises
    ------
    DataError
        If the file cannot be read, is larger than 1 GiB, or h5py is not installed.
    ExchangeError
        If it is no HDF5 file, is damaged, unpacks to more than 256 MiB, or does not have the layout.
    """
    h5py = _h5py()
    content = read_bytes(path, _LARGEST_FILE, _SIGNATURE)
    if not content.startswith(_SIGNATURE):
        raise ExchangeError(f"{path}: is no HDF5 file")
    with damage(str(path)), h5py.File(BytesIO(content), "r") as source:
        reader = _Reader(h5py, source, str(path))
        reader.check_size()
        axes = reader.axes()
        return TemplateFile(axes, reader.templates(axes), reader.attributes(), reader.texts(), str(path))


@dataclass(frozen=True, eq=False)
class _Reader:
    h5py: Any
    source: Any
    origin: str

    def check_size(self) -> None:
        """Refuse templates that are too much together, before the first is read."""
        entries = 0
        for place in (_BINS, _TEMPLATES):
            group = self._group(place)
            for name in group:  # those that are no text are refused later
                entry = group[name] if text_of(name) == name and self._is_here(group, name) else None
                if isinstance(entry, self.h5py.Dataset) and entry.shape is not None:
                    entries += min(entry.size, LARGEST + 1)  # one alone is refused with its name
        if entries > LARGEST_TOGETHER:
            raise ExchangeError(
                f"{self.origin}: unpacks to {8e-9 * entries:.3g} GB of templates; at most"
                f" {8e-9 * LARGEST_TOGETHER:.2f} GB can be read, so leave some out"
            )

    def attributes(self) -> dict[str, Any]:
        """Attributes of the file but lists of texts, where a long one may be meant again and again."""
        attributes = self.source.attrs
        known = [name for name in attributes if is_plain(attributes, name)]
        plain = [name for name in known if attributes.get_id(name).shape in ((), None)]
        return {name: attributes[name] for name in plain} | {
            name: attributes[name]
            for name in known
            if name not in plain and attributes.get_id(name).dtype.kind in "fiub"
        }

    def axes(self) -> tuple[Axis, ...]:
        group = self._group(_BINS)
        names = list(group)
        expected = [str(index) for index in range(len(names))]
        if not names or set(names) != set(expected):
            raise self._refused(_BINS, f"has {_some(names)}; expected datasets 0, 1 and so on, one per axis")
        if len(names) > MOST_AXES:
            raise self._refused(_BINS, f"has {len(names)} axes; at most {MOST_AXES} can be read")
        axes = []
        for name in expected:
            place = f"{_BINS}/{name}"
            edges, dataset = self._numbers(group, name, place)
            if edges.ndim != 1 or edges.size < 2:
                raise self._refused(place, f"has the shape {edges.shape}; expected at least two edges")
            bad = np.diff(edges, prepend=-np.inf) <= 0
            if bad.any():
                index = int(np.argmax(bad))
                raise self._refused(place, f"edge {index}: {edges[index]:g} is not above the one before it")
            title, unit = (self._attribute(dataset, key, place) for key in (_NAME, _UNIT))
            axes.append(Axis(edges, f"axis{name}" if title is None else title, unit))
        return tuple(axes)

    def templates(self, axes: tuple[Axis, ...]) -> dict[str, Array]:
        group = self._group(_TEMPLATES)
        shape = tuple(axis.edges.size - 1 for axis in axes)
        found = {}
        for name in group:
            place = f"{_TEMPLATES}/{text_of(name)}"
            if text_of(name) != name:
                raise self._refused(place, "has a name that is no UTF-8 text")
            counts, _ = self._numbers(group, name, place)
            if counts.shape != shape:
                raise self._refused(place, f"has the shape {counts.shape}; the bins say {shape}")
            found[name] = counts
        if not found:
            raise self._refused(_TEMPLATES, "is empty")
        return found

    def texts(self) -> dict[str, str]:
        found = {}
        for name in self.source:
            if name in (_BINS, _TEMPLATES) or not self._is_here(self.source, name):
                continue
            entry = self.source[name]
            plain = isinstance(entry, self.h5py.Dataset) and not (entry.is_virtual or entry.external)
            plain = plain and entry.shape == () and self.h5py.check_string_dtype(entry.dtype) is not None
            if plain and entry.dtype.itemsize <= _LARGEST_TEXT:
                found[name] = str(entry.asstr()[()])
        return found

    def _group(self, name: str) -> Any:
        if name not in self.source or not self._is_here(self.source, name):
            raise ExchangeError(
                f"{self.origin}: has no group '{name}'; expected a template file of inference_interface"
            )
        group = self.source[name]
        if not isinstance(group, self.h5py.Group):
            raise self._refused(name, "is no group")
        return group

    def _numbers(self, group: Any, name: str, place: str) -> tuple[Array, Any]:
        """A dataset's content, all finite, and the dataset."""
        if not self._is_here(group, name):
            raise self._refused(place, "is a link to somewhere else; store the numbers in the file")
        dataset = group[name]
        if not isinstance(dataset, self.h5py.Dataset):
            raise self._refused(place, "is a group; expected numbers (a name cannot have '/' in it)")
        if dataset.is_virtual or dataset.external:
            raise self._refused(place, "lies in another file; store the numbers in this one")
        if dataset.shape is None or dataset.dtype.kind not in "fiu":
            raise self._refused(place, f"holds {dataset.dtype}; expected numbers")
        if dataset.size > LARGEST:
            raise self._refused(place, f"has {dataset.size} entries; at most {LARGEST} can be read")
        if wrong := refused_storage(dataset, 8 * LARGEST):
            raise self._refused(place, wrong)
        values = np.asarray(dataset[()], dtype=np.float64)
        if not np.isfinite(values).all():
            index = np.unravel_index(int(np.argmin(np.isfinite(values))), values.shape)
            where = ", ".join(str(position) for position in index)
            raise self._refused(place, f"entry [{where}]: {values[index]:g} is no finite number")
        return values, dataset

    def _attribute(self, dataset: Any, name: str, place: str) -> str | None:
        """An attribute as text, or None."""
        if name not in dataset.attrs:
            return None
        if not is_plain(dataset.attrs, name):
            raise self._refused(place, f"has a {name} that is no text")
        return text_of(dataset.attrs[name])

    def _is_here(self, group: Any, name: str) -> bool:
        return isinstance(group.get(name, getlink=True), self.h5py.HardLink)

    def _refused(self, place: str, what: str) -> ExchangeError:
        return ExchangeError(f"{self.origin}: {place}: {what}")


def text_of(value: object) -> str:
    """A name or an attribute as text that can be written again; h5py lets pass what is no UTF-8."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text.encode(errors="replace").decode()


def _some(names: list[str]) -> str:
    return ", ".join([*names[:8], "..."] if len(names) > 8 else names) or "nothing"


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise missing_extra("template files of inference_interface", "h5py", "hdf5") from error
    return h5py
