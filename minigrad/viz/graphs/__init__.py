"""Pictures of computation graphs: operations, saved memory, and the flow of the gradient.

`trace -> frozen GraphIR -> views -> renderers`: the tape is read once into names and numbers (from_tape.py, trace.py); a
view decides which boxes are open, and folds repeated blocks (view.py, fold.py); each renderer draws views (svg.py, html.py,
dot.py, mermaid.py, as_json.py, text.py). The built-in layout is in `layout`.
"""

from minigrad.viz.graphs.picture import FORMATS, Graph, graph, module_graph

__all__ = ["FORMATS", "Graph", "graph", "module_graph"]
