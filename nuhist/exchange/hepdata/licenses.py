"""Under which licence a submission's numbers are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nuhist.errors import ConfigError
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace


@dataclass(frozen=True, slots=True)
class License:
    """A licence by name, with the address of its text."""

    name: str
    url: str

    def to_json(self) -> dict[str, str]:
        """As HEPData's submission.yaml has it."""
        return {"name": self.name, "url": self.url}


KNOWN = {
    "CC0-1.0": License("CC0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "CC-BY-4.0": License("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "CC-BY-SA-4.0": License("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    "MIT": License("MIT", "https://opensource.org/license/mit"),
    "Apache-2.0": License("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
}
_NAMES = {
    name.upper(): found
    for identifier, found in KNOWN.items()
    for name in (identifier, found.name, identifier.removesuffix("-1.0"))
}


def parse_license(text: str) -> License:
    """A licence by its SPDX identifier, or any other one as ``NAME=URL``.

    Raises
    ------
    ConfigError
        If the name is unknown and no address of its text is given.
    """
    name, equals, url = (part.strip() for part in text.partition("="))
    if equals:
        if not name or not url.startswith(("https://", "http://")):
            raise ConfigError(f"licence '{text}': is not NAME=URL, with the address of its text")
        return License(name, url)
    if name.upper() not in _NAMES:
        raise ConfigError(
            f"no licence called '{text}'; known: {', '.join(KNOWN)}; write another one as NAME=URL"
        )
    return _NAMES[name.upper()]


def license_of(models: Mapping[str, Workspace | SignalGrid], given: str | None) -> License:
    """The licence of all tables and files: the one that is given, or the one that all channels state.

    Whoever submits is not always the one whose counts they are. Counts of which nobody has stated a licence
    get none by themselves.

    Parameters
    ----------
    models
        By name. The sidecar may say for each channel on which terms its numbers were published.
    given
        An SPDX identifier or ``NAME=URL``; None to take what the channels state.

    Raises
    ------
    ConfigError
        If nothing is given, and a channel states no licence or another one than the rest.
    """
    if given is not None:
        return parse_license(given)
    found: dict[License, str] = {}
    for name, model in models.items():
        workspace = model.background if isinstance(model, SignalGrid) else model
        described = (workspace.sidecar or {}).get("channels", {})
        for channel in workspace.spec["channels"]:
            where = f"{name}: channel {channel['name']}"
            stated = str(described.get(channel["name"], {}).get("license", ""))
            if stated.upper() not in _NAMES:
                said = f"states '{stated.rstrip('.')}'" if stated else "states no licence"
                raise ConfigError(
                    f"{where}: {said}; give data_license=... with the one under which you may publish its"
                    " counts, such as CC0-1.0 or CC-BY-4.0"
                )
            found.setdefault(_NAMES[stated.upper()], where)
    if len(found) > 1:
        (one, first), (other, second), *_ = found.items()
        raise ConfigError(
            f"{first} states {one.name}, {second} {other.name}; give data_license=... with the one that holds"
        )
    return next(iter(found))
