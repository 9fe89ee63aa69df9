"""Write the repository's address into metadata, README and CITATION.cff, before a release is built.

    python scripts/release_urls.py https://github.com/OWNER/NAME

The files name no address by themselves: the workflow of a release knows the one that it runs at.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"Source": "", "Issues": "/issues", "Changelog": "/blob/main/CHANGELOG.md"}


def with_urls(project: str, address: str) -> str:
    """The text of pyproject.toml with ``[project.urls]``."""
    lines = "".join(f'{name} = "{address}{path}"\n' for name, path in PAGES.items())
    return project.replace("[project.scripts]", f"[project.urls]\n{lines}\n[project.scripts]", 1)


def with_links(readme: str, address: str) -> str:
    """The text of README.md with links and pictures that work on PyPI, too."""
    pictures = re.sub(r"(!\[[^\]]*\]\()(?!https?:)", rf"\1{address}/raw/main/", readme)
    return re.sub(r"((?<!!)\[[^\]]*\]\()(?!https?:|#)", rf"\1{address}/blob/main/", pictures)


def with_repository(citation: str, address: str) -> str:
    """The text of CITATION.cff with ``repository-code``."""
    return citation.replace("license: ", f'repository-code: "{address}"\nlicense: ', 1)


def main(address: str) -> None:
    """Change the files."""
    if not address.startswith("https://") or address.count("/") != 4:
        sys.exit(f"{address}: is no address such as https://github.com/OWNER/NAME")
    changes = {"pyproject.toml": with_urls, "CITATION.cff": with_repository, "README.md": with_links}
    for name, change in changes.items():
        path = ROOT / name
        path.write_text(change(path.read_text(encoding="utf-8"), address), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
