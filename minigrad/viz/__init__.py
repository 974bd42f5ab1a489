"""Pictures of graphs, and of what networks learn.

Pictures of what networks learn are matplotlib Figures (``pip install minigrad[plot]``): made without pyplot, and never shown
unasked. ``figure.savefig("curves.png")`` writes one, and a notebook shows it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from minigrad.viz.confusion import confusion
from minigrad.viz.curves import curves
from minigrad.viz.dream import dream
from minigrad.viz.feature_maps import feature_maps
from minigrad.viz.filters import filter_show, filters
from minigrad.viz.mistakes import mistakes
from minigrad.viz.saliency import saliency

if TYPE_CHECKING:
    from minigrad.viz.graphs import FORMATS, Graph, graph, module_graph

__all__ = [
    "FORMATS", "Graph", "confusion", "curves", "dream", "feature_maps", "filter_show", "filters", "graph", "mistakes",
    "module_graph", "saliency",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """What draws graphs is imported when it is first asked for: who only trains does not wait for it."""
    if name in __all__:
        return getattr(importlib.import_module("minigrad.viz.graphs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
