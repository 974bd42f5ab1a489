"""Pictures in SVG files become part of the page.

A picture of a graph knows the theme's switch by its selectors (`[data-theme="dark"]`), which reach it only in the page's own
document: inside an `<img>` it would follow the system alone.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class Inline(SphinxPostTransform):
    default_priority = 5  # before images are collected
    formats = ("html",)

    def run(self) -> None:
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.app.srcdir, image["uri"])
            if path.suffix == ".svg" and path.exists():
                picture = inline(path.read_text(encoding="utf-8"), image.get("alt", ""))
                image.replace_self(nodes.raw("", picture, format="html"))


def inline(svg: str, alt: str) -> str:
    """Return a picture as an element of a page; `alt` is what a screen reader says."""
    svg = re.sub(r"^\s*<\?xml.*?\?>\s*", "", svg)
    return f'<div class="picture">{svg.replace("<svg ", f"""<svg aria-label="{html.escape(alt)}" """, 1)}</div>'


def setup(app):
    app.add_post_transform(Inline)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
