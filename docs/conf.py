"""Settings of the documentation: ``sphinx-build -W docs build/docs``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "nuhist"
author = "nuhist developers"
copyright = "nuhist developers; Apache-2.0"
html_title = "nuhist"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "nuhist_docs",
]
exclude_patterns = ["_ext", "tutorials/notebooks"]

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 4  # the anchors that forges make, so that links hold in both places

napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autosummary_generate = False
add_module_names = False

html_theme = "furo"
html_static_path: list[str] = []
