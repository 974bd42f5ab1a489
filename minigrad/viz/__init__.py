"""Pictures of graphs, and of what networks learn.

Pictures of what networks learn are matplotlib Figures (``pip install minigrad[plot]``): made without pyplot, and never shown
unasked. ``figure.savefig("curves.png")`` writes one, and a notebook shows it.
"""

from minigrad.viz.confusion import confusion
from minigrad.viz.curves import curves
from minigrad.viz.dream import dream
from minigrad.viz.feature_maps import feature_maps
from minigrad.viz.filters import filter_show, filters
from minigrad.viz.mistakes import mistakes
from minigrad.viz.saliency import saliency

__all__ = ["confusion", "curves", "dream", "feature_maps", "filter_show", "filters", "mistakes", "saliency"]
