"""Patches and likelihood records, as ATLAS publishes them: applied as pyhf does.

The expected workspaces are those of pyhf.PatchSet.apply.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyhf
import pytest

from nuhist import Workspace, limit, load
from nuhist.errors import ConfigError, DataError, ModelError, NuhistError
from nuhist.histfactory.loading import load_background
from nuhist.histfactory.workspace import load_workspace
from nuhist.inference.validity import check_models

Spec = dict[str, Any]


def _channel(name: str, *counts: float) -> Spec:
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    return {"name": name, "samples": [{"name": "bkg", "data": list(counts), "modifiers": [norm]}]}


def background() -> Spec:
    """A background alone, with a region that patches take out."""
    return {
        "channels": [_channel("SR", 5.0, 3.0), _channel("VR", 90.0)],
        "observations": [{"name": "SR", "data": [6.0, 2.0]}, {"name": "VR", "data": [95.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu_SIG", "parameters": []}}],
        "version": "1.0.0",
    }


def _signal(*counts: float) -> Spec:
    strength = {"name": "mu_SIG", "type": "normfactor", "data": None}
    return {"name": "sig", "data": list(counts), "modifiers": [strength]}


def patchset(spec: Spec) -> Spec:
    """Points by two labels, one of texts; their patches touch all parts of a workspace."""
    block = {"name": "mu_SIG", "bounds": [[0.0, 50.0]], "inits": [1.0]}
    heavy = [
        {"op": "add", "path": "/channels/0/samples/-", "value": _signal(2.0, 1.0)},
        {"op": "add", "path": "/measurements/0/config/parameters/-", "value": block},
        {"op": "replace", "path": "/measurements/0/name", "value": "heavy"},
    ]
    light = [
        {"op": "remove", "path": "/channels/1"},
        {"op": "remove", "path": "/observations/1"},
        {"op": "add", "path": "/channels/0/samples/0", "value": _signal(1.0, 4.0)},
        {"op": "test", "path": "/version", "value": "1.0.0"},
    ]
    return {
        "metadata": {
            "references": {"hepdata": "ins1234567"},
            "description": "two points",
            "digests": {name: pyhf.utils.digest(spec, name) for name in ("sha256", "md5")},
            "labels": ["mass", "model"],
        },
        "patches": [
            {"metadata": {"name": "heavy_600", "values": [600, "simplified"]}, "patch": heavy},
            {"metadata": {"name": "light_100", "values": [100, "full"]}, "patch": light},
        ],
        "version": "1.0.0",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with BkgOnly.json, patchset.json and patch.json, the first patch alone."""
    spec = background()
    document = patchset(spec)
    for name, content in (
        ("BkgOnly", spec),
        ("patchset", document),
        ("patch", document["patches"][0]["patch"]),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def archive(path: Path, members: dict[str, bytes], mode: Any = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def record(folder: Path) -> Callable[..., Path]:
    """A record with its two files in these folders, and others."""

    def make(*places: str, mode: Any = "w:gz", name: str = "record.tar.gz") -> Path:
        members = {"README.md": b"# Likelihoods", "./code/BkgOnly.py": b"pass"}
        for place in places:
            for file in ("BkgOnly.json", "patchset.json"):
                members[f"{place}{file}"] = (folder / file).read_bytes()
        return archive(folder / name, members, mode)

    return make


def as_pyhf_has_it(name: str) -> Spec:
    spec = background()
    found: Spec = pyhf.PatchSet(patchset(spec)).apply(pyhf.Workspace(spec), name)
    return found


@pytest.mark.parametrize("name", ["heavy_600", "light_100"])
def test_patches_are_applied_as_pyhf_does(folder: Path, record: Callable[..., Path], name: str) -> None:
    right = pyhf.utils.digest(as_pyhf_has_it(name))
    packed = record("")
    beside, file = folder / "BkgOnly.json", f"{folder / 'patchset.json'}:{name}"
    for path, text in (
        (beside, name),
        (beside, file),
        (folder, name),
        (folder, f":{name}"),
        (packed, name),
        (beside, f"{packed}:{name}"),
        (packed, file),
    ):
        found = load(path, text)
        assert isinstance(found, Workspace)
        assert found.digest == right
        assert f"patch '{name}'" in found.origin
    assert load(str(folder), [name]).digest == right


def test_a_json_patch_alone(folder: Path) -> None:
    found = load(folder / "BkgOnly.json", str(folder / "patch.json"))
    assert found.digest == pyhf.utils.digest(as_pyhf_has_it("heavy_600"))
    more = [{"op": "replace", "path": "/observations/1/data", "value": [80.0]}]
    (folder / "more.json").write_text(json.dumps(more), encoding="utf-8")
    both = load(folder, ["heavy_600", str(folder / "more.json")])
    assert isinstance(both, Workspace)
    assert both.observed()["VR"] == [80.0]
    assert "mu_SIG" in json.dumps(both.spec["channels"])


def test_a_patched_workspace_has_a_limit(folder: Path) -> None:
    # The root of pyhf's CLs at 95 %, by bisection in its own hypotest.
    found = limit(load(folder, "light_100"), method="cls", confidence_level=0.95)
    model = pyhf.Workspace(as_pyhf_has_it("light_100")).model()
    data = [6.0, 2.0, *model.config.auxdata]
    assert found.upper is not None
    cls = float(pyhf.infer.hypotest(found.upper, data, model))
    assert cls == pytest.approx(0.05, abs=2e-4)  # SLSQP of pyhf stops so near


def test_records_of_several_likelihoods(record: Callable[..., Path]) -> None:
    packed = record("A/", "paper/B/")
    with pytest.raises(
        DataError, match=r"has 2 likelihoods: name one of A, paper/B, as .*record\.tar\.gz:NAME$"
    ):
        load(packed)
    right = pyhf.utils.digest(background())
    for place in ("A", "paper/B", "B"):
        assert load(f"{packed}:{place}").digest == right
        assert load(f"{packed}:{place}", "heavy_600").digest != right
        assert load(f"{packed}:A", f"{packed}:{place}:heavy_600").digest != right
    with pytest.raises(DataError, match="name one of A, paper/B"):
        load(f"{packed}:C")


@pytest.mark.parametrize(("place", "where"), [("only/", ", only"), ("", ", which is in no folder")])
def test_a_folder_that_a_record_of_one_likelihood_does_not_have(
    record: Callable[..., Path], place: str, where: str
) -> None:
    with pytest.raises(DataError, match=rf"record\.tar\.gz: has one likelihood{where}; leave out ':C'$"):
        load(f"{record(place)}:C")


def test_a_patchset_is_no_workspace(folder: Path) -> None:
    with pytest.raises(
        ModelError, match=r"patchset\.json: is a PatchSet, and no workspace; give .* patches="
    ):
        load(folder / "patchset.json")


@pytest.mark.parametrize(
    ("pack", "kind"),
    [(gzip.compress, "gzip"), (lzma.compress, "xz"), (bz2.compress, "bzip2"), (None, "ZIP")],
)
def test_other_archives(folder: Path, pack: Callable[[bytes], bytes] | None, kind: str) -> None:
    content = (folder / "BkgOnly.json").read_bytes()
    if pack is None:
        with zipfile.ZipFile(folder / "rec", "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("BkgOnly.json", content)
    else:
        (folder / "rec").write_bytes(pack(content))
    with pytest.raises(
        DataError, match=rf"rec: cannot be read: it is an? {kind} archive; unpack it, .*tar\.gz"
    ):
        load(folder / "rec")


@pytest.mark.parametrize(
    ("mode", "name"), [("w", "record.tar"), ("w:gz", "record.tgz"), ("w:gz", "R.TAR.GZ")]
)
def test_kinds_of_archives(record: Callable[..., Path], mode: str, name: str) -> None:
    assert load(record("./", mode=mode, name=name), "heavy_600").digest == pyhf.utils.digest(
        as_pyhf_has_it("heavy_600")
    )


def test_a_record_without_a_patch_is_its_background(record: Callable[..., Path]) -> None:
    packed = record("only/")
    found = load_workspace(packed)
    assert found.digest == load(packed).digest == pyhf.utils.digest(background())
    with pytest.raises(ModelError, match=r"only: BkgOnly.json: .* apply a patch, or poi=..."):
        limit(found)


def test_all_points_of_a_record_are_checked(record: Callable[..., Path], folder: Path) -> None:
    workspace, points = load_background(record(""))
    assert points is not None
    assert points.labels == ("mass", "model")
    assert points.patch("heavy_600").values == {"mass": 600, "model": "simplified"}
    assert check_models((workspace, points))
    document = json.loads((folder / "patchset.json").read_text(encoding="utf-8"))
    document["patches"][1]["patch"][2]["value"]["data"] = [1.0]
    (folder / "patchset.json").write_text(json.dumps(document), encoding="utf-8")
    workspace, points = load_background(record(""))
    assert points is not None
    with pytest.raises(ModelError, match=r"patch 'light_100': .*has 1 bins, the observed counts 2"):
        check_models((workspace, points))


@pytest.mark.parametrize("strength", ["mu_SIG", "mu"])
def test_a_folder_with_one_label_acts_as_its_archive(
    folder: Path, record: Callable[..., Path], strength: str
) -> None:
    spec = background()
    spec["measurements"][0]["config"]["poi"] = strength
    points = patchset(spec)
    points["metadata"]["labels"] = ["mass"]
    for point, mass in zip(points["patches"], (600, 100), strict=True):
        point["metadata"]["values"] = [mass]
    for name, content in (("BkgOnly", spec), ("patchset", points)):
        text = json.dumps(content).replace("mu_SIG", strength)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    found, packed = load(folder), load(record(""))
    assert isinstance(found, Workspace)
    assert isinstance(packed, Workspace)
    assert found.digest == packed.digest
    with pytest.raises(ModelError, match="its measurement has no parameter of interest; apply a patch"):
        limit(folder)
    assert limit(load(folder, "heavy_600")).parameter == strength


def test_a_folder_whose_files_do_not_belong_together(folder: Path) -> None:
    document = json.loads((folder / "patchset.json").read_text(encoding="utf-8"))
    document["metadata"]["digests"] = {"sha256": "0" * 64}
    (folder / "patchset.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelError, match="belongs to another workspace"):
        load(folder)
    assert load(folder, verify=False).digest == pyhf.utils.digest(background())


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_digests(folder: Path, algorithm: str) -> None:
    document = json.loads((folder / "patchset.json").read_text(encoding="utf-8"))
    digests = document["metadata"]["digests"]
    digests[algorithm] = "0" * len(digests[algorithm])
    (folder / "patchset.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelError, match=rf"{algorithm} digests differ; verify=False"):
        load(folder, "heavy_600")
    assert load(folder, "heavy_600", verify=False).digest == pyhf.utils.digest(as_pyhf_has_it("heavy_600"))


def test_other_spaces_are_the_same_workspace(folder: Path) -> None:
    text = json.dumps(background(), indent=3, sort_keys=True)
    (folder / "BkgOnly.json").write_text(text, encoding="utf-8")
    load(folder, "heavy_600")


def test_what_is_no_patch(folder: Path, record: Callable[..., Path]) -> None:
    beside = folder / "BkgOnly.json"
    for text, kind, message in (
        ("heavy_60", ConfigError, "no patch of .*patchset.json called 'heavy_60'; did you mean heavy_600"),
        (
            f"{folder / 'patchset.json'}",
            DataError,
            "has 2 patches: name one, as .*:NAME, of heavy_600, light_100",
        ),
        (f"{folder / 'patch.json'}:x", DataError, "is one JSON Patch, without names; leave out ':x'"),
        (f"{beside}:x", ModelError, "BkgOnly.json: "),
        (f"{folder / 'nothing.json'}:x", DataError, "there is no such file"),
        ("x" * 5000, ConfigError, "no patch of"),
    ):
        with pytest.raises(kind, match=message):
            load(beside, text)
    (folder / "bad.json").write_text('[{"op": "move", "path": "/a"}]', encoding="utf-8")
    (folder / "sub").mkdir()
    (folder / "sub" / "alone.json").write_bytes(beside.read_bytes())
    with pytest.raises(NuhistError, match=r"bad\.json"):
        load(beside, str(folder / "bad.json"))
    with pytest.raises(
        DataError,
        match=r"heavy_600: there is no such file; write patches=\['FILE'\] or patches=\['FILE:NAME'\]",
    ):
        load(folder / "sub" / "alone.json", "heavy_600")


def test_what_is_no_record(folder: Path) -> None:
    for name, content, message in (
        ("a.tar.gz", b"no archive", "is no tar.gz archive, or is cut off"),
        ("b.tar.gz", b"", "is no tar.gz archive, or is cut off"),
        ("c.tar", b"\0" * 10240, "has no BkgOnly.json; it is no record of a likelihood"),
    ):
        (folder / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}: {message}"):
            load(folder / name)
    with pytest.raises(DataError, match=r"missing\.tar\.gz: cannot be read: No such file"):
        load(folder / "missing.tar.gz")
    with pytest.raises(DataError, match=r"d\.tar\.gz: BkgOnly\.json: is no JSON"):
        load(archive(folder / "d.tar.gz", {"BkgOnly.json": b"{"}))
    whole = archive(folder / "e.tar.gz", {"BkgOnly.json": b" " * 100_000 + b"{}"}, "w:gz").read_bytes()
    (folder / "e.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"e\.tar\.gz: is no tar.gz archive, or is cut off"):
        load(folder / "e.tar.gz")
    alone = archive(folder / "f.tar.gz", {"BkgOnly.json": json.dumps(background()).encode()})
    with pytest.raises(DataError, match="heavy_600: there is no such file"):
        load(alone, "heavy_600")


def test_a_record_that_unpacks_to_too_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nuhist.histfactory import record as module

    monkeypatch.setattr(module, "_LARGEST_RECORD", 2**20)
    bomb = archive(folder / "bomb.tar.gz", {"zeros": b"\0" * 2**22, "BkgOnly.json": b"{}"})
    assert bomb.stat().st_size < 2**14
    with pytest.raises(DataError, match="unpacks to more than 1 MiB; not read"):
        load(bomb)
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(DataError, match="is larger than 0 MiB; not read"):
        load(archive(folder / "large.tar.gz", {"BkgOnly.json": b"[" * 100}))


def test_a_link_is_not_followed(folder: Path) -> None:
    path = folder / "link.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("BkgOnly.json")
        entry.type, entry.linkname = tarfile.SYMTYPE, str(folder / "BkgOnly.json")
        tar.addfile(entry)
    with pytest.raises(DataError, match=r"has no BkgOnly\.json"):
        load(path)
