"""XENON's template files: written, read, and refused where they are wrong.

The files in the folder inference_interface were written by inference-interface 0.0.3 itself, with
templates er = 10 i + j and b8 = 2 + i j in the bins (i, j) of ``ces`` and ``r`` (two dimensions,
``Histdd``), and i + 0.5 (one dimension, ``Hist1d``).
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import nuhist
from nuhist.cli.main import main
from nuhist.errors import ConfigError, DataError, ExchangeError, ModelError, NuhistError, OptionError
from nuhist.exchange.inference_interface.files import (
    Axis,
    TemplateFile,
    read_template_file,
    template_file_bytes,
)
from nuhist.exchange.inference_interface.read import Source, import_templates, parse_source
from nuhist.exchange.inference_interface.write import export_templates
from nuhist.exchange.samples import split_variations
from nuhist.histfactory.workspace import Workspace
from tests.strategies import SMALL, Limits, random_workspace

h5py = pytest.importorskip("h5py")

XENON = Path(__file__).parent / "inference_interface"
EDGES = [0.0, 1.0, 2.0, 4.0, 8.0, 12.0]  # of ces; those of r are 0, 0.5, 2, 3
ROW, COLUMN = np.meshgrid(np.arange(5), np.arange(3), indexing="ij")


@pytest.fixture(scope="module")
def moment() -> Workspace:
    return nuhist.build("lz_ws2022", hypothesis="magnetic-moment")


@pytest.fixture(scope="module")
def joint() -> Workspace:
    return nuhist.build("lz_ws2022", "xenonnt_sr0", hypothesis="magnetic-moment")


@pytest.fixture
def file(moment: Workspace, tmp_path: Path) -> Path:
    path = tmp_path / "lz.h5"
    assert export_templates(moment, path) == [path]
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Templates of two bins, as another program would write them."""
    path = tmp_path / "plain.h5"
    write(path, [[0.0, 1.0, 3.0]], {"er": [10.0, 20.0], "nu": [1.0, 2.0]})
    return path


def write(path: Path, edges: list[Any], templates: dict[str, Any], names: tuple[str, ...] = ("ces",)) -> None:
    with h5py.File(path, "w") as target:
        for index, entry in enumerate(edges):
            target.create_dataset(f"bins/{index}", data=entry).attrs["name"] = names[index]
        for name, counts in templates.items():
            target.create_dataset(f"templates/{name}", data=counts)


def counts(workspace: Workspace, sample: str) -> list[float]:
    found = [s["data"] for c in workspace.spec["channels"] for s in c["samples"] if s["name"] == sample]
    (data,) = found
    return list(data)


# --- what is written


def test_layout(file: Path, moment: Workspace) -> None:
    samples = {sample["name"]: sample for sample in moment.spec["channels"][0]["samples"]}
    with h5py.File(file) as source:
        assert list(source["bins"]) == ["0"]
        # lz_ws2022: 51 bins of 1/3 keV up to 17 keV
        np.testing.assert_allclose(source["bins/0"][()], np.arange(52) / 3, rtol=0, atol=1e-14)
        assert source["bins/0"].attrs["name"] == "reconstructed_energy"
        assert source["bins/0"].attrs["unit"] == "keV"
        assert source.attrs["channel"] == "lz_ws2022"
        assert source.attrs["content"] == "events per bin"
        assert source.attrs["workspace_digest"] == moment.digest
        histosys = {
            f"{name}_{m['name']}_{side}": m["data"][key]
            for name, sample in samples.items()
            for m in sample["modifiers"]
            if m["type"] == "histosys"
            for side, key in (("Up", "hi_data"), ("Down", "lo_data"))
        }
        assert "nu_pp_atomic_response_Up" in histosys
        expected = {name: sample["data"] for name, sample in samples.items()} | histosys
        assert set(source["templates"]) == set(expected)
        for name, values in expected.items():
            assert source["templates"][name][()].tolist() == values


def test_xenons_own_reader(file: Path, moment: Workspace) -> None:
    reader = pytest.importorskip("inference_interface")  # of XENON; no dependency, run where it is there
    bins, arrays, axes, names = reader.template_to_numpy(file)
    assert (len(bins), axes) == (1, ["reconstructed_energy"])
    found = dict(zip(names, arrays, strict=True))
    assert found["nu_pp"].tolist() == counts(moment, "nu_pp")
    histograms = reader.template_to_multihist(file)
    assert histograms["nu_pp"].histogram.tolist() == counts(moment, "nu_pp")
    assert histograms["nu_pp"].bin_edges[0][-1] == 17.0


def test_same_workspace_gives_the_same_bytes(moment: Workspace, file: Path, tmp_path: Path) -> None:
    export_templates(moment, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == file.read_bytes()


def test_without_a_sidecar_the_axis_counts_bins(moment: Workspace, tmp_path: Path) -> None:
    export_templates(Workspace(moment.spec), tmp_path / "bare.h5")
    axis = read_template_file(tmp_path / "bare.h5").axes[0]
    assert (axis.name, axis.unit) == ("bin", None)
    assert axis.edges.tolist() == list(range(52))
    again = import_templates([Source(tmp_path / "bare.h5")])
    assert again.digest == moment.digest
    assert again.sidecar is None


def test_the_files_of_all_channels_give_the_workspace(joint: Workspace, tmp_path: Path) -> None:
    paths = export_templates(joint, tmp_path / "joint.h5")
    for order in (paths, paths[::-1]):
        again = import_templates(order)
        assert again.digest == joint.digest
        assert again.sidecar == joint.sidecar
    spec = json.loads(json.dumps(joint.spec))
    spec["observations"][0]["data"][0] += 1
    other = export_templates(Workspace(spec), tmp_path / "other.h5")
    with pytest.raises(ExchangeError, match=r"other_xenonnt_sr0\.h5: is no other channel of the same"):
        import_templates([paths[0], other[1]])
    with pytest.raises(OptionError, match="are the counts of one channel; import each file alone"):
        import_templates(paths, observed=tmp_path / "counts.csv")
    third = copy.deepcopy(spec["channels"][0]) | {"name": "third"}
    counts = {"name": "third", "data": spec["observations"][0]["data"]}
    more = {**spec, "channels": [*spec["channels"], third], "observations": [*spec["observations"], counts]}
    for each in third["samples"]:
        each["modifiers"] = []
    files = export_templates(Workspace(more), tmp_path / "more.h5")
    with pytest.raises(ExchangeError, match="the files of channels are missing: third; name all"):
        import_templates(files[:2])
    assert import_templates(files).digest == Workspace(more).digest


def test_a_file_per_channel(joint: Workspace, tmp_path: Path) -> None:
    paths = export_templates(joint, tmp_path / "joint.h5")
    assert [path.name for path in paths] == ["joint_lz_ws2022.h5", "joint_xenonnt_sr0.h5"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    for index, path in enumerate(paths):
        part = import_templates([Source(path)])
        assert part.spec["channels"] == [joint.spec["channels"][index]]
        assert part.spec["observations"] == [joint.spec["observations"][index]]
        assert part.sidecar is not None
        assert joint.sidecar is not None
        name = joint.spec["channels"][index]["name"]
        assert part.sidecar["channels"] == {name: joint.sidecar["channels"][name]}
    lz = import_templates([Source(paths[0])]).measurement()["config"]["parameters"]
    assert not [block for block in lz if block["name"].startswith("xenonnt")]


# --- there and back


@pytest.mark.parametrize(
    "choices",
    [
        {"hypothesis": "magnetic-moment"},
        {"hypothesis": "magnetic-moment", "constraint": "linear", "background": "paper", "ar37": "gaussian"},
        {"hypothesis": "millicharge-fea", "constraint": "linear", "background": "paper"},  # lumi
        {"hypothesis": "charge-radius", "flavor": "e"},
    ],
    ids=lambda choices: "-".join(choices.values()),
)
def test_round_trip_gives_the_same_workspace(choices: dict[str, Any], tmp_path: Path) -> None:
    before = nuhist.build("lz_ws2022", **choices)
    export_templates(before, tmp_path / "ws.h5")
    after = import_templates([Source(tmp_path / "ws.h5")])
    assert after.digest == before.digest
    assert after.sidecar == before.sidecar


@pytest.mark.parametrize("seed", range(30))
def test_round_trip_of_any_model(seed: int, tmp_path: Path) -> None:
    before = random_workspace(seed, Limits(1, SMALL.bins, SMALL.samples, SMALL.causes))
    export_templates(before, tmp_path / "ws.h5")
    assert import_templates([Source(tmp_path / "ws.h5")]).spec == before.spec


@pytest.mark.parametrize("name", ["xenon_1d.h5", "xenon_2d.h5"])
def test_what_a_file_holds_is_kept(name: str, tmp_path: Path) -> None:
    before = read_template_file(XENON / name)
    (tmp_path / name).write_bytes(template_file_bytes(before))
    after = read_template_file(tmp_path / name)
    assert [(axis.name, axis.unit, axis.edges.tolist()) for axis in after.axes] == [
        (axis.name, axis.unit, axis.edges.tolist()) for axis in before.axes
    ]
    assert {key: value.tolist() for key, value in after.templates.items()} == {
        key: value.tolist() for key, value in before.templates.items()
    }
    assert after.attributes == before.attributes
    assert before.attributes["date"] == "20240827_12:00:00"
    assert (name == "xenon_1d.h5") or before.attributes["tly"] == 1.0


def test_a_changed_template_changes_the_workspace(file: Path, moment: Workspace) -> None:
    with h5py.File(file, "r+") as target:
        target["templates/beta"][...] *= 2
    after = import_templates([Source(file)])
    assert counts(after, "beta") == [2 * count for count in counts(moment, "beta")]
    assert counts(after, "xe136") == counts(moment, "xe136")
    assert after.sidecar is not None
    assert after.sidecar["workspace_digest"] == after.digest != moment.digest


def test_other_observed_counts(file: Path, moment: Workspace, tmp_path: Path) -> None:
    (tmp_path / "seen.csv").write_text("counts\n" + "3\n" * 51)
    after = import_templates([Source(file)], observed=tmp_path / "seen.csv")
    assert after.observed() == {"lz_ws2022": [3.0] * 51}
    assert after.spec["channels"] == moment.spec["channels"]


# --- XENON's own files


def test_xenon_files_are_read() -> None:
    two = read_template_file(XENON / "xenon_2d.h5")
    assert [axis.name for axis in two.axes] == ["ces", "r"]
    assert two.axes[0].edges.tolist() == EDGES
    assert two.templates["er"].tolist() == (10.0 * ROW + COLUMN).tolist()
    assert two.templates["b8"].tolist() == (2.0 + ROW * COLUMN).tolist()
    one = read_template_file(XENON / "xenon_1d.h5")
    assert [axis.name for axis in one.axes] == ["axis0"]  # as inference_interface calls one without a name
    assert one.templates["template"].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_one_axis_is_kept_the_others_summed_over() -> None:
    source = [Source(XENON / "xenon_2d.h5")]
    along = import_templates(source, signal=["b8"], axes=["ces"], asimov=True)
    assert counts(along, "er") == [30.0 * i + 3 for i in range(5)]
    assert counts(along, "b8") == [6.0 + 3 * i for i in range(5)]
    assert along.observed() == {"xenon_2d": [30.0 * i + 3 for i in range(5)]}  # without the signal
    assert along.sidecar is not None
    assert along.sidecar["channels"]["xenon_2d"]["edges_keV"] == EDGES
    across = import_templates(source, signal=["b8"], axes=["r"], asimov=True, channel="radius")
    assert counts(across, "er") == [100.0 + 5 * j for j in range(3)]
    assert across.sidecar is not None
    assert across.sidecar["channels"] == {}  # r is no energy
    assert across.spec["channels"][0]["name"] == "radius"


def test_several_axes_are_unrolled_in_the_order_of_the_file() -> None:
    flat = import_templates([Source(XENON / "xenon_2d.h5")], signal=["b8"], axes=["r", "ces"], asimov=True)
    assert counts(flat, "er") == [10.0 * i + j for i in range(5) for j in range(3)]


def test_densities_are_multiplied_with_the_bins_volume_before_the_sum() -> None:
    found = import_templates(
        [Source(XENON / "xenon_2d.h5")], signal=["b8"], axes=["ces"], asimov=True, density=True, scale=0.5
    )
    widths = (np.diff(EDGES), np.array([0.5, 1.5, 1.0]))
    expected = [0.5 * sum((10 * i + j) * widths[0][i] * widths[1][j] for j in range(3)) for i in range(5)]
    assert counts(found, "er") == pytest.approx(expected, rel=1e-14)  # sums of three terms


def test_templates_of_several_files_get_names() -> None:
    sources = [
        parse_source(f"er={XENON / 'xenon_2d.h5'}:er"),
        parse_source(f"signal={XENON / 'xenon_2d.h5'}:b8"),
    ]
    found = import_templates(sources, signal=["signal"], axes=["ces"], asimov=True, channel="sr0")
    assert [sample["name"] for sample in found.spec["channels"][0]["samples"]] == ["er", "signal"]
    assert parse_source(f"b8={XENON / 'xenon_1d.h5'}") == Source(XENON / "xenon_1d.h5", None, "b8")


def test_variations_become_shapes_and_the_signal_gets_a_strength(tmp_path: Path) -> None:
    write(
        tmp_path / "t.h5",
        [[0.0, 1.0, 3.0]],
        {
            "er": [10.0, 20.0], "er_tly_Up": [11.0, 19.0], "er_tly_Down": [9.0, 21.0],
            "nu": [1.0, 2.0], "nu_tly_Up": [1.5, 2.0], "nu_tly_Down": [0.5, 2.0], "nu_pp": [4.0, 0.0],
        },
    )  # fmt: skip
    (tmp_path / "seen.csv").write_text("counts\n12\n25\n")
    found = import_templates(
        [Source(tmp_path / "t.h5")],
        signal=["nu", "nu_pp"],
        poi="mu_nu_squared",
        observed=tmp_path / "seen.csv",
    )
    strength = {"name": "mu_nu_squared", "type": "normfactor", "data": None}

    def tly(up: list[float], down: list[float]) -> dict[str, Any]:
        return {"name": "tly", "type": "histosys", "data": {"hi_data": up, "lo_data": down}}

    assert found.spec["channels"] == [
        {
            "name": "t",
            "samples": [
                {"name": "er", "data": [10.0, 20.0], "modifiers": [tly([11.0, 19.0], [9.0, 21.0])]},
                {"name": "nu", "data": [1.0, 2.0], "modifiers": [strength, tly([1.5, 2.0], [0.5, 2.0])]},
                {"name": "nu_pp", "data": [4.0, 0.0], "modifiers": [strength]},
            ],
        }
    ]
    assert found.observed() == {"t": [12.0, 25.0]}
    assert found.measurement()["config"]["poi"] == "mu_nu_squared"
    assert nuhist.limit(found).unit == "mu_B"  # the name says what a strength of 1 stands for


def test_without_a_signal_there_are_backgrounds_alone(plain: Path) -> None:
    found = import_templates([Source(plain)], asimov=True)
    assert found.observed() == {"plain": [11.0, 22.0]}
    assert found.measurement()["config"] == {"poi": "", "parameters": []}


def test_integers_stay_integers(moment: Workspace, tmp_path: Path) -> None:
    spec = json.loads(moment.to_json())
    spec["channels"][0]["samples"][0]["data"][3:5] = [7, 8.0]
    before = Workspace(spec)
    export_templates(before, tmp_path / "ws.h5")
    assert import_templates([Source(tmp_path / "ws.h5")]).digest == before.digest


def test_names_of_variations() -> None:
    names = ["er", "er_a", "er_a_b_Up", "er_a_b_Down", "er_c_Down", "er_c_Up"]
    assert split_variations(names, "x") == {
        "er": {"c": ("er_c_Up", "er_c_Down")},
        "er_a": {"b": ("er_a_b_Up", "er_a_b_Down")},  # the longest name that fits
    }


# --- what is refused


def _remove(name: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with h5py.File(path, "r+") as target:
            del target[name]

    return change


def _put(name: str, data: Any, **options: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with h5py.File(path, "r+") as target:
            if name in target:
                del target[name]
            target.create_dataset(name, data=data, **options)

    return change


def _link(name: str, target_name: str, *, external: bool) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with h5py.File(path.with_name("other.h5"), "w") as other:
            other["x"] = [1.0, 2.0]
        with h5py.File(path, "r+") as target:
            del target[name]
            target[name] = h5py.ExternalLink("other.h5", "x") if external else h5py.SoftLink(target_name)

    return change


def _virtual(path: Path) -> None:
    with h5py.File(path.with_name("other.h5"), "w") as other:
        other["x"] = [1.0, 2.0]
    with h5py.File(path, "r+") as target:
        del target["templates/er"]
        layout = h5py.VirtualLayout((2,), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", (2,))
        target.create_virtual_dataset("templates/er", layout)


def _outside(path: Path) -> None:
    with h5py.File(path, "r+") as target:
        del target["templates/er"]
        place = [(str(path.with_name("raw")), 0, 16)]
        target.create_dataset("templates/er", (2,), "f8", external=place)[...] = [1.0, 2.0]


def _huge(path: Path) -> None:
    with h5py.File(path, "r+") as target:
        del target["templates/er"]
        target.create_dataset("templates/er", (10**12,), "f8", chunks=(10**6,))  # never allocated


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _garbage(path: Path) -> None:
    path.write_bytes(b"root" + bytes(1000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_garbage, "is no HDF5 file"),
        (_truncate, "cannot be read, the file is damaged: "),
        (_remove("bins"), "has no group 'bins'"),
        (_remove("templates"), "has no group 'templates'"),
        (_remove("bins/0"), "bins: has nothing; expected datasets 0, 1"),
        (_put("bins/2", [0.0, 1.0]), "bins: has 0, 2; expected datasets 0, 1"),
        (_put("bins/0", [0.0, 1.0, 1.0]), "bins/0: edge 2: 1 is not above the one before it"),
        (_put("bins/0", [0.0, np.nan, 1.0]), "bins/0: entry [1]: nan is no finite number"),
        (_put("bins/0", [0.0]), "bins/0: has the shape (1,); expected at least two edges"),
        (_put("bins/0", [[0.0, 1.0]]), "bins/0: has the shape (1, 2)"),
        (_put("bins/0", [0.0, 1.0]), "templates/er: has the shape (2,); the bins say (1,)"),
        (_put("templates/er", [[1.0, 2.0]]), "templates/er: has the shape (1, 2); the bins say (2,)"),
        (_put("templates/er", [1.0, np.inf]), "templates/er: entry [1]: inf is no finite number"),
        (_put("templates/er", [1.0, -2.0]), "plain.h5: er: bin 1: -2 is negative"),
        (_put("templates/er", ["a", "b"]), "templates/er: holds object; expected numbers"),
        (_put("templates/a/b", [1.0, 2.0]), "templates/a: is a group; expected numbers (a name cannot"),
        (_put("templates/er_x_Up", [1.0, 2.0]), "er_x_Up has no er_x_Down; add it, or leave both out"),
        (_put("templates/x_Up", [1.0, 2.0]), "x_Up: no sample has a name that it begins with"),
        (_put("templates", 1.0), "templates: is no group"),
        (_link("templates/er", "/templates/nu", external=False), "templates/er: is a link to somewhere else"),
        (_link("templates/er", "x", external=True), "templates/er: is a link to somewhere else"),
        (_link("bins", "/templates", external=False), "has no group 'bins'"),
        (_virtual, "templates/er: lies in another file"),
        (_outside, "templates/er: lies in another file"),
        (_huge, "templates/er: has 1000000000000 entries; at most 10000000"),
    ],
)  # fmt: skip
def test_bad_files(plain: Path, change: Callable[[Path], None], message: str) -> None:
    change(plain)
    with pytest.raises(ExchangeError) as caught:
        import_templates([Source(plain)], signal=["nu"], asimov=True)
    assert message in str(caught.value)
    assert "plain.h5" in str(caught.value)


def test_names_that_are_no_text(plain: Path) -> None:
    with h5py.File(plain, "r+") as target:
        target.attrs["channel"] = b"sr\xff0"
    assert import_templates([Source(plain)], asimov=True).observed() == {"sr?0": [11.0, 22.0]}
    with h5py.File(plain, "r+") as target:
        target["templates"][b"nu\xff"] = [1.0, 2.0]
    with pytest.raises(ExchangeError, match=r"templates/nu.: has a name that is no UTF-8 text"):
        import_templates([Source(plain)], asimov=True)


def test_attributes_that_are_lists_of_lists_are_not_read(plain: Path) -> None:
    # Of a text, one changed byte makes one, and HDF5 2.0 crashes when it is read.
    lists = h5py.vlen_dtype(np.dtype("<i8"))
    content = np.empty((1,), dtype=object)
    content[0] = np.array([1, 2], dtype="<i8")
    with h5py.File(plain, "r+") as target:
        target.attrs.create("channel", content, dtype=lists)
    assert "channel" not in read_template_file(plain).attributes
    with h5py.File(plain, "r+") as target:
        target["bins/0"].attrs.create("name", content, dtype=lists)
    with pytest.raises(ExchangeError, match="bins/0: has a name that is no text"):
        read_template_file(plain)


def test_templates_must_be_there(plain: Path) -> None:
    with h5py.File(plain, "r+") as target:
        del target["templates/er"], target["templates/nu"]
    with pytest.raises(ExchangeError, match="templates: is empty"):
        read_template_file(plain)


def test_files_of_other_bins_are_named(plain: Path) -> None:
    other = plain.with_name("other.h5")
    write(other, [[0.0, 1.0, 2.5]], {"b8": [1.0, 1.0]})
    with pytest.raises(ExchangeError) as caught:
        import_templates([Source(plain), Source(other)], signal=["nu"], asimov=True)
    assert "other.h5 has 2 bins of 'ces' from 0 to 2.5" in str(caught.value)
    assert "plain.h5 2 bins of 'ces' from 0 to 3" in str(caught.value)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"poi": "mu", "asimov": True}, "poi='mu': scales no sample; name its samples with signal=..."),
        ({"signal": ["mu"], "asimov": True}, "no sample of .*plain.h5 called 'mu'; did you mean nu?"),
        ({"signal": ["nu"]}, "add either observed=... or asimov=True"),
        ({"signal": ["nu"], "axes": ["cs2"], "asimov": True}, "no axis in .*plain.h5 called 'cs2'"),
        ({"signal": ["nu"], "scale": 0.0, "asimov": True}, "scale 0: must be positive"),
        ({"signal": ["nu"], "scale": float("nan"), "asimov": True}, "scale nan: must be positive"),
        (
            {"signal": ["nu"], "poi": "q_nu_scaled", "asimov": True},
            "'q_nu_scaled' is a signed coupling",
        ),
    ],
)
def test_missing_and_wrong_choices(plain: Path, choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        import_templates([Source(plain)], **choices)


def test_more_wrong_choices(plain: Path, file: Path) -> None:
    two = XENON / "xenon_2d.h5"
    with pytest.raises(ConfigError, match=r"have the axes ces, r; say which to keep with axes=\['NAME'\]"):
        import_templates([Source(two)], signal=["er"], asimov=True)
    with pytest.raises(ConfigError, match=r"has 2 templates; write x=.*:TEMPLATE with one of b8, er"):
        import_templates([Source(two, None, "x")], signal=["x"], axes=["r"], asimov=True)
    with pytest.raises(ConfigError, match=r"no template in .* called 'be'"):
        import_templates([Source(two, "be", "x")], signal=["x"], axes=["r"], asimov=True)
    with pytest.raises(ConfigError, match="there is a template 'er' already; write SAMPLE=FILE"):
        import_templates([Source(plain), Source(plain)], signal=["er"], asimov=True)
    with pytest.raises(ConfigError, match="says itself what its signal and its data are"):
        import_templates([Source(file)], asimov=True)
    with pytest.raises(ConfigError, match="at least one file"):
        import_templates([])
    write(plain, [[0.0, 1.0]], {"er": [1.0], "er_tly_Up": [1.0], "er_tly_Down": [1.0]})
    with pytest.raises(ConfigError, match="'tly' is a systematic already"):
        import_templates([Source(plain)], signal=["er"], poi="tly", asimov=True)
    with pytest.raises(DataError, match="No such file"):
        import_templates([Source(plain.with_name("none.h5"))])


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("counts\n1\n", ConfigError, "has 1 rows, the templates have 2 bins"),
        ("counts\n1\n2.5\n", ConfigError, "row 2: 2.5 is no whole number of events"),
        ("counts\n1\n-2\n", DataError, "row 2: -2 is negative"),
        ("events\n1\n2\n", DataError, "has no column 'counts'"),
    ],
)
def test_bad_observed_counts(plain: Path, content: str, error: type[NuhistError], message: str) -> None:
    table = plain.with_name("seen.csv")
    table.write_text(content)
    with pytest.raises(error, match=message):
        import_templates([Source(plain)], signal=["nu"], observed=table)


def _spoil(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def spoiled(text: str) -> str:
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return spoiled


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda _text: "{", ExchangeError, "is not what nuhist wrote"),
        (lambda text: text.replace('"beta"}', '"beta", "integers": [99]}'), ExchangeError, "list index out"),
        (lambda _text: "[1]", ExchangeError, "is not what nuhist wrote"),
        (lambda _text: "[" * 100_000, ExchangeError, "is not what nuhist wrote"),
        (lambda text: text.replace('"beta"', '"gone"'), ExchangeError, "there is no template 'gone'"),
        (lambda text: text.replace('"xe136"}', '"beta"}'), ExchangeError, "'beta', or it is named twice"),
        (_spoil(lambda document: document["workspace"].pop("channels")), ModelError, "'channels' is a"),
        (_spoil(lambda document: document["sidecar"].pop("poi")), ExchangeError, "'poi' is a required"),
    ],
)  # fmt: skip
def test_a_spoiled_text_of_nuhist(
    file: Path, change: Callable[[str], str], error: type[NuhistError], message: str
) -> None:
    with h5py.File(file, "r+") as target:
        text = change(target["nuhist"].asstr()[()])
        del target["nuhist"]
        target["nuhist"] = text
    with pytest.raises(error, match=message):
        import_templates([Source(file)])
    assert import_templates([Source(file)], ignore_metadata=True, asimov=True).observed()


def test_names_that_cannot_be_written(tmp_path: Path, moment: Workspace) -> None:
    spec = json.loads(moment.to_json())
    samples = spec["channels"][0]["samples"]
    samples[0]["name"] = "a/b"
    with pytest.raises(ExchangeError, match="'a/b' cannot be the name of a template; rename the sample"):
        export_templates(Workspace(spec), tmp_path / "ws.h5")
    samples[0]["name"] = "nu_pp"
    samples[1]["name"] = "nu_pp_atomic_response_Up"
    with pytest.raises(ExchangeError, match="two templates would be called 'nu_pp_atomic_response_Up'"):
        export_templates(Workspace(spec), tmp_path / "ws.h5")
    assert list(tmp_path.iterdir()) == []
    joint = {**spec, "channels": [{**spec["channels"][0], "name": name} for name in ("../a", "b")]}
    with pytest.raises(ExchangeError, match=r"channel '../a': cannot be part of a file's name"):
        export_templates(Workspace(joint), tmp_path / "ws.h5")


def test_what_hdf5_refuses_is_said() -> None:
    file = TemplateFile((Axis(np.array([0.0, 1.0])),), {"a": np.array([1.0])}, {"note": np.zeros(10_000)})
    with pytest.raises(ExchangeError, match="cannot be written as HDF5"):
        template_file_bytes(file)


def test_without_h5py(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"need h5py; pip install 'nuhist\[hdf5\]'"):
        read_template_file(plain)


# --- the command line


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_commands(moment: Workspace, tmp_path: Path) -> None:
    moment.save(tmp_path / "lz.json")
    result = run("export", "inference-interface", tmp_path / "lz.json", "-o", tmp_path / "lz.h5")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    result = run("import", "inference-interface", tmp_path / "lz.h5", "-o", tmp_path / "back.json")
    assert result.exit_code == 0, result.output
    assert moment.digest[:12] in result.stderr
    assert (tmp_path / "back.json").read_bytes() == (tmp_path / "lz.json").read_bytes()
    assert (tmp_path / "back.meta.json").read_bytes() == (tmp_path / "lz.meta.json").read_bytes()
    result = run(
        "import", "inference-interface", f"er={XENON / 'xenon_2d.h5'}:er", f"b8={XENON / 'xenon_2d.h5'}:b8",
        "--signal", "b8", "--axis", "ces", "--scale", "2", "--asimov", "--channel", "sr0",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    spec = json.loads(result.stdout)
    assert spec["channels"][0]["samples"][1]["data"] == [12.0 + 6 * i for i in range(5)]


def test_nothing_is_written_when_a_command_fails(plain: Path, tmp_path: Path) -> None:
    _truncate(plain)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = run(
        "import", "inference-interface", plain, "--signal", "nu", "--asimov", "-o", tmp_path / "ws.json"
    )
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
