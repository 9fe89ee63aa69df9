"""Mutations of HDF5, ROOT and tar files: written anew with a part that is wrong."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable
from typing import Any

import numpy as np

from nuhist.exchange.root.histograms import root_file, th1d
from tests.fuzz.mutations import BYTES, MUTATIONS, Mutation, mutated
from tests.fuzz.texts import STRINGS, change_tree


def spoiled_numbers(source: random.Random, values: Any) -> Any:
    """An array with other values, another length, order or type."""
    values = np.array(values, dtype=np.float64)
    what = source.randrange(9)
    if what == 0:
        values[source.randrange(values.size)] = source.choice(
            (np.nan, np.inf, -np.inf, -1.0, 1e308, 1e-320, 0.0, -0.0)
        )
    elif what == 1:
        values = values * source.choice((-1.0, 0.0, 1e300, 1e-300, np.nan))
    elif what == 2:
        values = values[: source.randrange(values.size + 1)]
    elif what == 3:
        values = np.concatenate([values, values])
    elif what == 4:
        values = values[::-1]
    elif what == 5:
        return values.astype(source.choice(("i4", "u1", "f4", "f2", "c16", "?", "S8")))
    elif what == 6:
        values = values.reshape(1, -1) if source.random() < 0.5 else values[:, None]
    elif what == 7:
        return source.choice((np.float64(1.0), np.array([]), np.zeros((2, 0)), np.array(["a"], dtype="S1")))
    else:
        values[:] = values[0]
    return values


# --- HDF5


def hdf5_tree(source: random.Random, content: bytes) -> bytes:
    """Change a dataset, a group, an attribute or a link."""
    import h5py

    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = source.choice(names)
        entry = file[name]
        what = source.randrange(12)
        if what <= 3 and isinstance(entry, h5py.Dataset) and entry.dtype.kind == "f":
            attributes = dict(entry.attrs)
            values = spoiled_numbers(source, entry[()])
            del file[name]
            file.create_dataset(name, data=values).attrs.update(attributes)
        elif what == 4:
            del file[name]
        elif what == 5:
            file.move(
                name, source.choice(("x", "templates/x_Up", "templates/a_b_Up", "bins/1", "nuhist2", "a/b/c"))
            )
        elif what == 6:
            del file[name]
            file[name] = source.choice(
                (h5py.SoftLink("/bins"), h5py.SoftLink("/nowhere"), h5py.ExternalLink("/etc/passwd", "/x"))
            )
        elif what == 7:
            group = source.choice([file, *(file[n] for n in names if isinstance(file[n], h5py.Group))])
            group[f"again{source.randrange(9)}"] = source.choice(
                (file, entry)
            )  # a circle, or one thing twice
        elif what == 8:
            _attribute(source, source.choice((file, entry)))
        elif what == 9:
            del file[name]
            _odd_dataset(source, file, name)
        elif what == 10 and "nuhist" in file:
            text = _spoiled_text(source, file["nuhist"].asstr()[()])
            del file["nuhist"]
            file["nuhist"] = text
        else:
            file.create_dataset(
                source.choice(("templates/", "bins/", "")) + source.choice(("x", "1", "ä", "data")),
                data=[1.0],
            )
        file.flush()
    return stream.getvalue()


def _attribute(source: random.Random, entry: Any) -> None:
    name = source.choice(("name", "unit", "channel", "x", "ä"))
    value = source.choice(
        (
            "keV", "", "a/b", "x" * 70_000, 1, 1.5, np.nan, np.array([1.0, 2.0]), np.array([]), b"\xff\xfe",
            np.bytes_(b"\xff"), True, ["a", "b"],
        )
    )  # fmt: skip
    entry.attrs[name] = value


def _odd_dataset(source: random.Random, file: Any, name: str) -> None:
    import h5py

    what = source.randrange(8)
    if what == 0:
        file.create_dataset(
            name, (10 ** source.choice((6, 9, 12, 18)),), "f8", chunks=(1000,)
        )  # never allocated
    elif what == 1:
        file.create_dataset(name, data=h5py.Empty("f8"))
    elif what == 2:
        file.create_dataset(name, data=np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
    elif what == 3:
        file.create_dataset(name, (2,), dtype=h5py.ref_dtype)
    elif what == 4:
        file.create_dataset(name, (2,), dtype=h5py.vlen_dtype(np.float64))
    elif what == 5:
        file.create_dataset(name, (10**6,), "f8", compression="gzip")  # a MB of zeros in a few bytes
    elif what == 6:
        file.create_dataset(
            name, data=source.choice(STRINGS[:12]).replace("\x00", "").encode("utf-8", "replace")
        )
    else:
        file.create_group(name)


def _spoiled_text(source: random.Random, text: str) -> str:
    """Of the text that nuhist puts beside templates, in HDF5 and in ROOT."""
    if source.random() < 0.8:
        return json.dumps(change_tree(source, json.loads(text)))
    return mutated(source, text.encode(), "json").decode("utf-8", "replace").replace("\x00", "?")


# --- ROOT


def root_objects(source: random.Random, content: bytes) -> bytes:
    """Change a histogram, a name, or the text; all are written anew."""
    import uproot

    with uproot.open(io.BytesIO(content)) as file:
        parts = {
            path: file[path]
            for path in file.keys(cycle=False)
            if not file.classname_of(path).startswith("TDirectory")
        }
    found: dict[str, Any] = {}
    for path, entry in parts.items():
        found[path] = (
            (entry.values(), entry.axis().edges(), entry.variances())
            if hasattr(entry, "axis")
            else str(entry)
        )
    path = source.choice(list(found))
    what = source.randrange(8)
    if isinstance(found[path], str):
        found[path] = _spoiled_text(source, found[path])
    elif what <= 2:
        counts, edges, variances = found[path]
        found[path] = _float(spoiled_numbers(source, counts)), edges, variances
    elif what == 3:
        counts, edges, variances = found[path]
        found[path] = counts, _float(spoiled_numbers(source, edges)), variances
    elif what == 4:
        counts, edges, variances = found[path]
        found[path] = counts, edges, _float(spoiled_numbers(source, counts))
    elif what == 5:
        del found[path]
    elif what == 6:
        new = path + source.choice(("_Up", "_Down", "_x_Up", "_Uncertainty", "2", "/deep", "ä"))
        found[new] = found[path]
    else:
        found[source.choice(("data", "a/b/c", "x_Up", "a/data"))] = found.pop(path)
    contents = {
        name: entry if isinstance(entry, str) else th1d(entry[0], entry[1], entry[2])
        for name, entry in found.items()
    }
    return root_file(contents)


def _float(values: Any) -> Any:
    return np.asarray(values).astype(np.complex128).real.ravel()


# --- tar


def archive_of(inner: Callable[[str], str]) -> Mutation:
    """Mutations of an archive's members; ``inner`` says a member's kind by its name."""

    def mutation(source: random.Random, content: bytes) -> bytes:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        members: list[tuple[tarfile.TarInfo, bytes]] = []
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            for entry in archive:
                stream = archive.extractfile(entry)
                members.append((entry, stream.read() if stream else b""))
        index = source.randrange(len(members))
        info, data = members[index]
        what = source.randrange(10)
        if what <= 4:
            members[index] = info, mutated(source, data, inner(info.name))
        elif what == 5:
            del members[index]
        elif what == 6:
            info.name = source.choice(
                (
                    "/tmp/escaped",
                    "../escaped",
                    "a/../../escaped",
                    "",
                    ".",
                    "..",
                    "a/b",
                    "ä",
                    "x" * 300,
                    info.name.upper(),
                )
            )
        elif what == 7:
            info.type = source.choice(
                (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, b"x")
            )
            info.linkname = source.choice(("/etc/passwd", "../x", info.name))
            data = b""
            members[index] = info, data
        elif what == 8:
            members.append(members[index])
        else:
            other = source.randrange(len(members))
            members[index] = info, members[other][1]
        return _packed(source, members)

    return mutation


def _packed(source: random.Random, members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    plain = stream.getvalue()
    if source.random() < 0.1:
        plain = source.choice(BYTES)(source, plain)
    return plain if source.random() < 0.1 else gzip.compress(plain, mtime=0)


def _kind(name: str) -> str:
    kinds = {
        ".json": "json",
        ".yaml": "yaml",
        ".csv": "csv",
        ".xml": "xml",
        ".tar": "tar",
        ".gz": "tar",
        ".root": "root",
    }
    return next((kind for end, kind in kinds.items() if name.endswith(end)), "text")


MUTATIONS["hdf5"] = ((hdf5_tree,), BYTES)
MUTATIONS["root"] = ((root_objects,), BYTES)
MUTATIONS["tar"] = ((archive_of(_kind),), BYTES)
