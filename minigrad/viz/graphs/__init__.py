"""Pictures that teach: what a computation was made of, what it keeps, and how its gradient flows.

`trace -> frozen GraphIR -> views -> renderers`: the tape is read once into names and numbers (reading.py, trace.py); a view
says which boxes are open and folds what repeats (view.py, fold.py); each renderer draws views (svg.py, html.py, dot.py,
mermaid.py, as_json.py, text.py). The built-in layout is in `layout`.
"""

from minigrad.viz.graphs.picture import FORMATS, Graph, graph, module_graph

__all__ = ["FORMATS", "Graph", "graph", "module_graph"]
