"""Settings of the documentation: ``sphinx-build -W docs build/docs``."""

from __future__ import annotations

import inspect
import os
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import nuhist

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from nuhist_docs import summaries  # noqa: E402 - from _ext

project = "nuhist"
author = "nuhist developers"
copyright = "nuhist developers; Apache-2.0"
version = release = nuhist.__version__
html_title = f"nuhist {version}"

# The address of the repository, which scripts/release_urls.py writes where the site is published.
_METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
nuhist_repository: str | None = _METADATA.get("urls", {}).get("Source")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.linkcode" if nuhist_repository else "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxext.opengraph",
    "nuhist_docs",
]
exclude_patterns = ["_ext", "_templates"]
templates_path = ["_templates"]

# Names of other projects become links only with NUHIST_INTERSPHINX=1: their inventories need the network.
if os.environ.get("NUHIST_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "pyhf": ("https://pyhf.readthedocs.io/en/stable", None),
        "iminuit": ("https://scikit-hep.org/iminuit", None),
    }

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 4  # the anchors that forges make, so that links hold in both places

nb_execution_mode = "force"  # each time a page is read; a cell that fails is an error
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

napoleon_google_docstring = False
napoleon_use_ivar = True  # fields of a class stand once
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autosummary_generate = True
autosummary_context = {
    "summaries": summaries((ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8"))
}
# Files of a class and of the function of the same word differ, also where capitals do not count.
autosummary_filename_map = {
    f"nuhist.{name}": f"nuhist.{name}-class"
    for name in nuhist.__all__
    if name != name.lower() and name.lower() in nuhist.__all__
}
add_module_names = False

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

ogp_site_name = "nuhist"
ogp_social_cards = {"enable": False}
if nuhist_repository:
    _owner, _name = nuhist_repository.rsplit("/", 2)[1:]
    ogp_site_url = html_baseurl = f"https://{_owner}.github.io/{_name}/"
else:
    ogp_site_url = ""

html_theme = "furo"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
if nuhist_repository:
    html_theme_options = {
        "footer_icons": [{"name": "Repository", "url": nuhist_repository, "html": "Repository", "class": ""}],
    }


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """The address of the lines that define a Python object."""
    if domain != "py" or not info["module"]:
        return None
    found = import_module(info["module"])
    try:
        for part in info["fullname"].split("."):
            found = getattr(found, part)
        found = inspect.unwrap(found)
        path = Path(inspect.getsourcefile(found) or "").resolve().relative_to(ROOT)
        lines, first = inspect.getsourcelines(found)
    except (AttributeError, OSError, TypeError, ValueError):  # a field, or an object of another package
        return None
    return f"{nuhist_repository}/blob/main/{path.as_posix()}#L{first}-L{first + len(lines) - 1}"
