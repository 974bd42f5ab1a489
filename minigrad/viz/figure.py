"""Figures that need no pyplot. This is the only module that imports matplotlib when it is imported."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from minigrad.viz.palette import theme_css
from minigrad.viz.png import data_uri

__all__ = ["Standalone"]


class Standalone(Figure):
    """A matplotlib Figure that pyplot does not manage, and that a notebook shows nevertheless, in the dark in dark colors.

    Photographs, images of three channels, are never shown in other colors.
    """

    photographs = False

    def __init__(self, **options: Any):
        super().__init__(**options)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()

    def _repr_html_(self) -> str:
        width = round(self.get_figwidth() * 96)
        image = f'<img class="minigrad-figure" width="{width}" alt="" src="{data_uri(self._repr_png_())}">'
        if self.photographs:
            return image.replace(' class="minigrad-figure"', "")
        themed = theme_css(".minigrad-figure", "auto") + ".minigrad-figure{filter:var(--kernel)}"
        return f"<style>{themed}</style>{image}"
