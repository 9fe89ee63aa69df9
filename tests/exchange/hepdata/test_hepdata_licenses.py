"""Under which licence a submission is: the one that is given, or the one that all channels state."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from nuhist import build, describe
from nuhist.errors import ConfigError
from nuhist.exchange.hepdata.licenses import license_of, parse_license
from nuhist.exchange.hepdata.submission import build_submission
from nuhist.histfactory.workspace import Workspace
from tests.exchange.hepdata.conftest import Run
from tests.exchange.hepdata.submissions import FOREIGN

OWN = "https://example.org/terms"


def foreign(**said: Any) -> Workspace:
    """A workspace of other people, of which its sidecar says some things."""
    return describe(FOREIGN, sources=["them"], **said)


@pytest.mark.parametrize("text", ["CC0-1.0", "CC0", "cc0-1.0"])
def test_a_licence_is_known_by_its_names(text: str) -> None:
    # As HEPData itself writes it, https://www.hepdata.net/terms.
    assert parse_license(text).to_json() == {
        "name": "CC0",
        "url": "https://creativecommons.org/publicdomain/zero/1.0/",
    }


def test_another_licence_has_an_address() -> None:
    assert parse_license(f"Ours = {OWN}").to_json() == {"name": "Ours", "url": OWN}


@pytest.mark.parametrize("text", ["", "Ours", "Ours=", "=https://x", "Ours=x", "CC-BY-9"])
def test_what_is_no_licence_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="NAME=URL"):
        parse_license(text)


def test_the_licence_that_all_channels_state_is_taken() -> None:
    assert license_of({"m": foreign(license="cc-by-4.0")}, None).name == "CC BY 4.0"
    assert license_of({"m": foreign(license="cc-by-4.0")}, "MIT").name == "MIT"


def test_counts_of_which_nobody_stated_a_licence_get_none() -> None:
    with pytest.raises(ConfigError, match=r"^m: channel .+: states no licence; give data_license=\.\.\. "):
        license_of({"m": foreign()}, None)
    with pytest.raises(ConfigError, match="states 'as the paper says'; give data_license"):
        license_of({"m": foreign(license="as the paper says.")}, None)
    with pytest.raises(ConfigError, match=r"a: channel .* states MIT, b: channel .* Apache-2.0; give data_l"):
        license_of({"a": foreign(license="MIT"), "b": foreign(license="Apache-2.0")}, None)


@pytest.mark.parametrize("experiment", ["lz_ws2022", "xenonnt_sr0"])
def test_the_bundled_numbers_get_none_by_themselves(experiment: str) -> None:
    workspace = build(experiment, hypothesis="magnetic-moment")
    assert workspace.sidecar is not None
    described = workspace.sidecar["channels"][experiment]
    assert "no licence stated" in described["license"]
    assert described["url"].startswith("https://")
    with pytest.raises(ConfigError, match="give data_license"):
        license_of({"m": workspace}, None)


def test_replaced_counts_have_not_the_experiments_licence(tmp_path: Path) -> None:
    counts = tmp_path / "n.csv"
    counts.write_text("counts\n" + "3\n" * 51, encoding="utf-8")
    workspace = build("lz_ws2022", hypothesis="magnetic-moment", observed=counts)
    assert workspace.sidecar is not None
    assert "license" not in workspace.sidecar["channels"]["lz_ws2022"]


def test_all_of_a_submission_bears_it(tmp_path: Path) -> None:
    build_submission({"m": foreign()}, tmp_path / "made", data_license=f"Ours={OWN}")
    text = (tmp_path / "made" / "submission.yaml").read_text(encoding="utf-8")
    first, *tables = yaml.safe_load_all(text)
    expected = {"name": "Ours", "url": OWN}
    assert first["additional_resources"][0]["license"] == expected
    assert "data_license" not in first  # HEPData reads none there
    assert tables
    assert all(table["data_license"] == expected for table in tables)
    with tarfile.open(tmp_path / "made" / "likelihoods.tar.gz") as archive:
        readme = archive.extractfile("README.md")
        assert readme is not None
        assert f"Licence: [Ours]({OWN})." in readme.read().decode()


def test_without_the_option_nothing_is_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(json.dumps(FOREIGN), encoding="utf-8")
    result = run("hepdata", "build", tmp_path / "f.json", "-o", tmp_path / "made")
    assert result.exit_code == 1
    assert "states no licence" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["f.json"]
