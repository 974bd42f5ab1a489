"""`viz.graph` and the Graph that it gives: a snapshot of a computation that draws itself in many formats."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.engine.grad_mode import enable_grad
from minigrad.nn import Module
from minigrad.pytree import leaves
from minigrad.serialization import write_atomically
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.as_json import as_json
from minigrad.viz.graphs.dot import digraph, rendered
from minigrad.viz.graphs.from_forward import Recording, unchanged
from minigrad.viz.graphs.html import html
from minigrad.viz.graphs.ir import GraphIR
from minigrad.viz.graphs.look import Look, look
from minigrad.viz.graphs.mermaid import mermaid
from minigrad.viz.graphs.scene import scene, view_of
from minigrad.viz.graphs.svg import svg
from minigrad.viz.graphs.text import text
from minigrad.viz.graphs.trace import trace

__all__ = ["FORMATS", "Graph", "graph", "module_graph"]

FORMATS = ("svg", "png", "pdf", "dot", "html", "mmd", "json", "txt")


class Graph:
    """A snapshot of a computation: it holds names and numbers, no array, and so outlives the tape.

    Show it in a notebook, print it, or save it; `nodes`, `edges` and `groups` are there to be counted.

    >>> import minigrad as mg
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> print(mg.viz.graph(x * x + x, names={"x": x}))
    graph: 2 ops
    n0 = input x  scalar float32
    n1 = multiply(n0, n0)  scalar float32
    n2 = add(n1, n0)  scalar float32
    output = n2  scalar float32
    """

    def __init__(self, ir: GraphIR, look: Look):
        self.ir, self.look = ir, look

    @property
    def nodes(self) -> tuple[Any, ...]:
        """Inputs, parameters, operations and outputs, in creation order: node i is drawn as n<i>."""
        return self.ir.nodes

    @property
    def edges(self) -> tuple[Any, ...]:
        """One for each argument that is a tensor or an array."""
        return self.ir.edges

    @property
    def groups(self) -> tuple[Any, ...]:
        """Calls of modules and of composite functions, and lanes of derivatives; parents first."""
        return self.ir.groups

    @property
    def title(self) -> str:
        return self.ir.title

    def restyled(self, **options: Any) -> Graph:
        """The same snapshot with other options of `viz.graph`: depth, fold, show, color, direction, theme, engine.

        What was not measured when the snapshot was made, gradients or values, cannot be shown later.
        """
        now = {name: getattr(self.look, name) for name in Look.__slots__}
        unknown = [name for name in options if name not in now]
        if unknown:
            raise TypeError(f"restyled: no option {unknown[0]!r}; there are {', '.join(now)}")
        return Graph(self.ir, look(**now | options))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the format of the suffix: .svg .png .pdf .dot .html .mmd .json .txt; atomically.

        .png and .pdf need Graphviz's program `dot`, and raise FileNotFoundError without it. Raises ValueError for any other
        suffix. Gives the path.
        """
        path = Path(path)
        content = self.render(path.suffix.removeprefix(".").lower())
        write_atomically(path, lambda file: file.write(content))
        return path

    def render(self, format: str) -> bytes:
        """The content of a file of that format."""
        if format not in FORMATS:
            raise ValueError(f"graph: no format {format!r}; there are {', '.join(FORMATS)}")
        if format in ("png", "pdf"):
            if self.look.engine == "builtin":
                raise ValueError(f'graph: .{format} is drawn by dot; use engine="auto", or save .svg or .html')
            return rendered(self.to_graphviz(), format)
        if format == "svg":
            return (
                rendered(self.to_graphviz(), "svg") if self.look.engine == "dot" else svg(scene(self.ir, self.look)).encode()
            )
        if format == "html":
            return html(self.ir, self.look).encode()
        if format == "json":
            return as_json(self.ir).encode()
        if format == "dot":
            return str(self.to_graphviz().source).encode()
        view = view_of(self.ir, self.look)
        return (mermaid(view, self.look) if format == "mmd" else text(view, self.look.show) + "\n").encode()

    def to_graphviz(self) -> Any:
        """The `graphviz.Digraph`, to restyle with the library that people know."""
        return digraph(view_of(self.ir, self.look), self.look)

    def __str__(self) -> str:
        return text(view_of(self.ir, self.look), self.look.show)

    def __repr__(self) -> str:
        return f"<Graph {self.ir.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """For notebooks: the picture, and the text beside it. A repr never raises."""
        bundle = {"text/plain": repr(self)}
        try:
            bundle["text/plain"] = str(self)
            bundle["image/svg+xml"] = self.render("svg").decode()
            bundle["text/html"] = f'<div style="overflow:auto">{bundle["image/svg+xml"]}</div>'
        except Exception as error:
            bundle["text/plain"] += f"\n({type(error).__name__} while drawing: {error})"
        return bundle


def graph(
    outputs: Tensor | Sequence[Tensor] | Callable[[], Any],
    *,
    model: Module | None = None,
    depth: int | None = None,
    fold: bool = True,
    show: Iterable[str] = ("shapes", "saved"),
    color: str = "kind",
    direction: str = "TB",
    theme: str = "auto",
    engine: str = "auto",
    title: str = "",
    names: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of a tensor, or of several: everything it was computed from, as a snapshot that draws itself.

    `outputs` may also be a function of no arguments, such as ``lambda: net.loss(x, t)``: it is run once, and the picture
    then also shows what the tape does not record, because no gradient flows there, and how long each operation takes.

    model      names parameters and buffers; found by itself where the graph was made in a module
    depth      close the modules this many levels below the outermost; by default no more than a reader can take in
    fold       draw rows of equal blocks once, as xN
    show       of "shapes", "values", "saved" (bytes kept for backward), "grads" (the root mean square of each gradient, by
               one more walk; needs a scalar) and "primitives" (what composite functions are made of); with "values" or
               "grads", kernels as small pictures
    color      operations by "kind", or shaded by "grad", "bytes", or "time" (of a function)
    direction  "TB" or "LR"
    theme      "auto" follows the screen; "light", "dark"
    engine     "auto": the built-in layout for .svg and .html, which looks the same everywhere, and `dot` where it is needed;
               "dot" also for .svg; "builtin" never
    title      instead of the name of the model and the output
    names      tensors by name; by default the caller's variables
    initial    parameters before training, as an earlier `state_dict()`: kernels are then shown beside what they were

    Raises TypeError for what is not a tensor, ValueError for an unknown option, GraphError for gradients of an output of
    more than one element.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x.exp() * 2
    >>> mg.viz.graph(y, names={"y": y})
    <Graph y: 2 ops, 8 B saved for backward>
    """
    options = look(depth, fold, show, color, direction, theme, engine)
    if names is None:
        names = _variables()
    recording, made = None, outputs
    if callable(outputs) and not isinstance(outputs, Tensor):
        recording, made = Recording.of(outputs, timed=color == "time")
    elif color == "time":
        raise ValueError(
            'graph: color="time" needs a function to time\n  hint: pass lambda: net.loss(x, t) instead of the loss'
        )
    ir = trace(
        _tensors(made), model=model, recording=recording, names=names, initial=initial, show=options.show, title=title
    )
    return Graph(ir, options)


def module_graph(model: Module, inputs: Sequence[Any], **options: Any) -> Graph:
    """The graph of one call of a module, whose buffers and random numbers stay as they were; see `Module.graph`.

    >>> import minigrad as mg
    >>> print(mg.nn.Linear(2, 3).graph(mg.zeros(1, 2), names={}))
    Linear output: 1 op, 9 parameters, 8 B saved for backward
    n2 = data x  1×2 float32
    n3 = linear(n2)  Linear  1×3 float32  weight 3×2  bias 3  saved 8 B
    output = n3  1×3 float32
    """
    if not inputs:
        raise TypeError(f"graph: {type(model).__name__} needs its inputs: model.graph(x)")
    given = [Tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]  # so that operations on them are seen
    with unchanged(model), enable_grad():
        return graph(lambda: model(*given), model=model, **options)


def _tensors(outputs: Any) -> list[Tensor]:
    """Return the tensors in nested containers; raise TypeError for other leaves, and if there is no tensor."""
    found = leaves(outputs)
    for leaf in found:
        if not isinstance(leaf, Tensor):
            raise TypeError(f"graph: needs a tensor, several, or a function that gives them, got {type(leaf).__name__}")
    if not found:
        raise TypeError("graph: needs at least one tensor, got none")
    return found


def _variables() -> dict[str, Any]:
    """The tensors among the variables of the code that asked for the picture: the first frame outside this package."""
    package = __name__.partition(".")[0]
    frame = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return {}
    values = frame.f_locals
    found = {name: value for name, value in values.items() if isinstance(value, Tensor)}
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(values) is dict:
        values.clear()  # of a function, before Python 3.13, a copy: the frame would keep it, and all that was in it
    return found
