"""Sphinx: the pages of this folder, and the public API from its docstrings."""

import re
import sys
from pathlib import Path

import minigrad

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "minigrad"
author = copyright = "the minigrad authors"
release = minigrad.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton", "calculus", "references"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "minigrad"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_merge_streams = True  # what one cell prints is one block
nb_execution_raise_on_error = True
nb_execution_timeout = 60  # seconds for one cell
nb_merge_streams = True  # what a cell prints is one box, however often it was flushed
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # an operation accepts arrays and tensors alike, which signatures spell as Any


def _as_written(app, what, name, obj, options, lines):
    """Escape `*S` and |x| in docstrings, which are not meant as emphasis and substitution."""
    for i, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        bullet = re.match(r"\s*\* |", line)[0]
        parts = line.removeprefix(bullet).split("``")  # every second part is literal
        parts[::2] = [re.sub(r"(?<!\*)\*(?!\*)|\|", r"\\\g<0>", part) for part in parts[::2]]
        lines[i] = bullet + "``".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", _as_written)
