"""Figures that need no pyplot. This is the only module that imports matplotlib when it is imported."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["Standalone"]


class Standalone(Figure):
    """A matplotlib Figure that pyplot does not manage, and that a notebook shows nevertheless."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
