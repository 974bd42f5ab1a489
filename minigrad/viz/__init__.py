"""Pictures of computation graphs, and of what networks learn.

Pictures of what networks learn are matplotlib Figures (``pip install matplotlib``), made without pyplot and never shown
automatically: ``figure.savefig("curves.png")`` writes one, and a notebook shows it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minigrad.viz.confusion import confusion
from minigrad.viz.curves import curves
from minigrad.viz.dream import dream
from minigrad.viz.feature_maps import feature_maps
from minigrad.viz.filters import filter_show, filters
from minigrad.viz.im2col import im2col
from minigrad.viz.mistakes import mistakes
from minigrad.viz.plots import landscape, lines
from minigrad.viz.saliency import saliency

__all__ = [
    "FORMATS", "Graph", "confusion", "curves", "dream", "feature_maps", "filter_show", "filters", "graph", "im2col",
    "landscape", "lines", "mistakes", "module_graph", "saliency",
]  # fmt: skip

if TYPE_CHECKING:
    from minigrad.viz.graphs import FORMATS, Graph, graph, module_graph
else:  # checkers of types report unknown names

    def __getattr__(name: str) -> Any:
        """Import the drawing of graphs at its first use: training alone does not wait for it."""
        if name in __all__:
            return getattr(import_module("minigrad.viz.graphs"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
