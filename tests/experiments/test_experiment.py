"""Experiments as folders: what is bundled, what is refused and how it is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nuhist
from nuhist.errors import ConfigError, DataError, NuhistError
from nuhist.experiments.counts import background_counts, background_response
from nuhist.experiments.data import observed_counts, read_counts
from nuhist.experiments.experiment import Experiment
from nuhist.experiments.loading import bundled_experiments, load_experiment
from nuhist.experiments.spectrum import spectrum

FOLDER = Path(nuhist.__file__).parent / "experiments" / "lz_ws2022"
YAML = "experiment.yaml"


@pytest.mark.parametrize("name", bundled_experiments())
def test_bundled_experiments_load(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.name == name
    for treatment in experiment.treatments.values():
        if treatment.observed is None:
            # Planned: nothing is observed yet.
            assert name in {"darwin_like", "gemma_like", "cr51_xenon"}
        else:
            assert observed_counts(experiment, treatment).shape == (experiment.bins,)


def test_lz_by_hand() -> None:
    # arXiv:2207.03764: 60.3 live days and 5.5 t; Fig. 6 has 51 bins from 0 to 17 keVee.
    lz = load_experiment("lz_ws2022")
    assert lz.exposure == pytest.approx(60.3 * 5.5 / 365.25, rel=1e-12)
    np.testing.assert_allclose(lz.edges, np.arange(52) / 3, rtol=1e-12)
    # Table I: 215 ± 36.
    beta = lz.treatment().samples[0]
    assert (beta.name, beta.events, beta.constraint) == ("beta", 215, 36 / 215)


@pytest.mark.parametrize(
    ("name", "background", "total"),
    # arXiv:2207.03764: 335 events. Fig. 6's events per keVee as counts: three times as many.
    [("lz_ws2022", "components", 335), ("lz_ws2022", "paper", 335), ("lz_ws2022_paper", "paper", 1005)],
)
def test_observed_events(name: str, background: str, total: int) -> None:
    experiment = load_experiment(name)
    counts = observed_counts(experiment, experiment.treatment(background))
    assert counts.sum() == total
    np.testing.assert_array_equal(counts, np.round(counts))


def test_observed_spectra() -> None:
    # The released events, binned by other code; Fig. 6 over 3: 2.976, 9.023, 21.06, 39.01, 63.02.
    lz = load_experiment("lz_ws2022")
    assert observed_counts(lz, lz.treatment("components"))[3:8].tolist() == [1, 3, 8, 14, 21]
    assert observed_counts(lz, lz.treatment("paper"))[3:8].tolist() == [1, 3, 7, 13, 21]
    # Two readings of one figure: equal sums (above), but other values in 33 of the 51 bins, as
    # the experiment's assumptions say.
    differ = observed_counts(lz, lz.treatment("components")) != observed_counts(lz, lz.treatment("paper"))
    assert differ.sum() == 33


def test_defaults() -> None:
    lz = load_experiment("lz_ws2022")
    assert lz.treatment() is lz.treatment("components")
    assert load_experiment("lz_ws2022_paper").treatment().name == "paper"


def test_a_folder_works_like_a_bundled_experiment(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "my_experiment"))
    bundled, own = load_experiment("lz_ws2022"), load_experiment(copy)
    assert own.folder == copy
    for background in bundled.treatments:
        ours, theirs = bundled.treatment(background), own.treatment(background)
        np.testing.assert_array_equal(observed_counts(bundled, ours), observed_counts(own, theirs))
    for left, right in zip(bundled.treatment().samples, own.treatment().samples, strict=True):
        zero = np.zeros(bundled.bins)
        np.testing.assert_array_equal(
            background_counts(bundled, left, background_response(bundled), zero),
            background_counts(own, right, background_response(own), zero),
        )
    for name in (str(copy), copy, own):
        expected = spectrum("lz_ws2022", hypothesis="magnetic-moment", coupling=1e-11)
        found = spectrum(name, hypothesis="magnetic-moment", coupling=1e-11)
        np.testing.assert_array_equal(found.added, expected.added)
        np.testing.assert_array_equal(found.standard_model, expected.standard_model)


Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """A copy of the LZ folder with some text of one of its files replaced."""

    def edit(file: str, old: str, new: str) -> Path:
        folder = Path(shutil.copytree(FOLDER, tmp_path / "lz"))
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return edit


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("exposure:", "expsure:", "'expsure' was unexpected"),
        ("exposure: 0.9", "exposure: -0.9", "exposure: -0.9080.* is less than or equal to the minimum of 0"),
        ("exposure: 0.908008213552361", "exposure: a lot", "exposure: 'a lot' is not of type 'number'"),
        ("bins: 51}", "bins: 51, width: 1}", "binning: .*'width' was unexpected"),
        ("high: 17.0", "high: 0.0", "binning.high"),
        ("low: 0.0, high: 17.0", "low: 5, high: 3", "binning.high: 3 is not above binning.low"),
        ("bins: 51", "bins: 51.5", "binning.bins: 51.5 is not of type 'integer'"),
        ("default_background: components", "default_background: parts", "default_background: no entry"),
        ("response: none", "response: no", "backgrounds.paper.response: False is not one of"),
        (
            "constraint: 0.051",
            "constraint: 1.4",
            "constraint: 1.4 is no fraction between 0 and 1; write 0.14 for 14 %",
        ),
        ("constraint: 0.051", "error: 2.0", r"samples\[0\]: 'events' is needed beside 'error'"),
        ("error: 36", "error: 36, free: [0, 2]", r"samples\[0\]: error and free exclude each other"),
        ("events: 215, error: 36", "events: 15, error: 36", r"samples\[0\].error: 36 exceeds the 15 events"),
        ("name: xe124", "name: xe127", "components.samples: 'xe127' is there twice"),
        ("name: xe124", "name: Xe-124", r"samples\[2\].name: 'Xe-124' does not match a name: lower"),
        (
            "shape: {flat: true}",
            "shape: flat",
            "shape: 'flat' .* expected keys with values, such as 'flat: ...'",
        ),
        ("shape: {flat: true}", "shape: {}", r"samples\[0\].shape: {} should be non-empty"),
        ("sources:", "sources: [unclosed", "is no YAML"),
        ("title: LZ", "title: [LZ, *nowhere]\nx: LZ", "is no YAML"),
    ],
)
def test_wrong_yaml(edited: Edit, old: str, new: str, message: str) -> None:
    folder = edited(YAML, old, new)
    with pytest.raises(ConfigError, match=message) as raised:
        load_experiment(folder)
    assert str(folder / YAML) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_empty_yaml(tmp_path: Path) -> None:
    (tmp_path / YAML).write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"experiment\.yaml: None is not of type 'object'"):
        load_experiment(tmp_path)


def test_the_file_in_place_of_its_folder(edited: Edit) -> None:
    folder = edited(YAML, "title: ", "title: My ")
    with pytest.raises(ConfigError, match=r"experiment\.yaml: name the folder, .*lz, not the file"):
        load_experiment(folder / YAML)


@pytest.mark.parametrize(
    ("background", "file", "old", "new", "error", "message"),
    [
        ("components", YAML, "events.csv", "gone.csv", DataError, r"gone\.csv: cannot be read: No such file"),
        (
            "components",
            YAML,
            "E_rec_keVee_derived",
            "E",
            DataError,
            r"events\.csv: has no column 'E'; it has S1c",
        ),
        (
            "paper",
            YAML,
            "bins: 51",
            "bins: 50",
            ConfigError,
            r"density\.csv: has 51 rows, lz_ws2022 has 50 bins",
        ),
        (
            "paper",
            "fig6_data_density.csv",
            "2.9755671902268688",
            "nan",
            DataError,
            "row 4: nan is not a finite",
        ),
        ("paper", "fig6_data_density.csv", "2.97556", "-2.97", DataError, "row 4: -2.97.* is negative"),
        (
            "paper",
            "fig6_data_density.csv",
            "2.97556",
            "2,97556",
            DataError,
            "line 9 has 3 columns, the header 2",
        ),
        (
            "paper",
            "fig6_data_density.csv",
            "2.97556",
            "two",
            DataError,
            r"density\.csv: column '.*', row \d+: 'two\d+' is no number",
        ),
    ],
)
def test_wrong_observed_table(
    edited: Edit, background: str, file: str, old: str, new: str, error: type[NuhistError], message: str
) -> None:
    experiment = load_experiment(edited(file, old, new))
    with pytest.raises(error, match=message) as raised:
        observed_counts(experiment, experiment.treatment(background))
    assert str(experiment.folder) in str(raised.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("xe136_2nubb.csv", "0.0050,", "0.0030,", r"'E_MeV', row 4: 0.003 is not above"),
        ("xe136_2nubb.csv", "0.0050,0.5788E-20", "0.0050,", "row 4: nan is not a finite"),
        (YAML, "xe136_2nubb.csv", "none.csv", r"none\.csv: cannot be read"),
    ],
)
def test_wrong_background_table(edited: Edit, file: str, old: str, new: str, message: str) -> None:
    experiment = load_experiment(edited(file, old, new))
    (sample,) = (entry for entry in experiment.treatment().samples if entry.name == "xe136")
    with pytest.raises(DataError, match=message):
        background_counts(experiment, sample, background_response(experiment), np.zeros(experiment.bins))


def test_unknown_names_suggest_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="no experiment called 'lz_ws2022_papr'; did you mean lz_ws2022_paper"
    ):
        load_experiment("lz_ws2022_papr")
    with pytest.raises(ConfigError, match="no background of lz_ws2022 called 'papr'; did you mean paper"):
        load_experiment("lz_ws2022").treatment("papr")
    with pytest.raises(ConfigError, match=r"has no experiment\.yaml"):
        load_experiment(tmp_path)


def read(tmp_path: Path, text: str, experiment: Experiment) -> list[float]:
    file = tmp_path / "counts.csv"
    file.write_text(text, encoding="utf-8")
    counts: list[float] = read_counts(file, experiment).tolist()
    return counts


def test_own_counts(tmp_path: Path) -> None:
    lz = load_experiment("lz_ws2022")
    values = [float(number) for number in range(51)]
    assert read(tmp_path, "counts\n" + "\n".join(map(str, values)), lz) == values
    with pytest.raises(ConfigError, match=r"counts\.csv: has 50 rows, lz_ws2022 has 51 bins"):
        read(tmp_path, "counts\n" + "1\n" * 50, lz)
    with pytest.raises(ConfigError, match=r"counts\.csv: row 51: 0.5 is no whole number of events"):
        read(tmp_path, "counts\n" + "1\n" * 50 + "0.5\n", lz)
    with pytest.raises(DataError, match="row 51: -1 is negative"):
        read(tmp_path, "counts\n" + "1\n" * 50 + "-1\n", lz)
