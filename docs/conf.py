"""Sphinx: the pages of this folder, and the public API from its docstrings."""

import sys
from pathlib import Path

import minigrad

sys.path.insert(0, str(Path(__file__).parents[1]))  # of docs._extensions

project = "minigrad"
author = copyright = "the minigrad authors"
release = minigrad.__version__

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    *(f"docs._extensions.{name}" for name in ("calculus", "inline_pictures", "language", "reference", "references")),
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "minigrad"
pygments_dark_style = "github-dark"  # that of the theme underlines names of modules, as if they were links
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"top_of_page_buttons": []}  # they would lead to a host of the source
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
default_role = "code"  # a `name` in a docstring
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_merge_streams = True  # what one cell prints is one block
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds for one cell, on a busy machine, too
toc_object_entries_show_parents = "hide"
