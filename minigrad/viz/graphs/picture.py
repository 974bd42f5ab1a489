"""`viz.graph` and Graph: a snapshot of a computation that draws itself in many formats."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.engine.grad_mode import enable_grad
from minigrad.nn import Module
from minigrad.pytree import leaves
from minigrad.serialization import write_atomically
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.viz.graphs.as_json import as_json
from minigrad.viz.graphs.dot import digraph, rendered
from minigrad.viz.graphs.from_forward import Recording, unchanged
from minigrad.viz.graphs.html import html
from minigrad.viz.graphs.ir import GraphIR
from minigrad.viz.graphs.look import DEFAULT, Look, look
from minigrad.viz.graphs.mermaid import mermaid
from minigrad.viz.graphs.scene import scene, view_of
from minigrad.viz.graphs.svg import svg
from minigrad.viz.graphs.text import text
from minigrad.viz.graphs.trace import trace

__all__ = ["FORMATS", "Graph", "graph", "module_graph"]


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
        """One edge for each argument that is a tensor or an array."""
        return self.ir.edges

    @property
    def groups(self) -> tuple[Any, ...]:
        """Calls of modules and of composite functions, and lanes of derivatives; parents first."""
        return self.ir.groups

    @property
    def title(self) -> str:
        """The line above the picture."""
        return self.ir.title

    def restyled(self, **options: Any) -> Graph:
        """Return the same snapshot with other options of `viz.graph`: depth, fold, show, color, direction, theme, engine.

        Gradients and values that were not measured when the snapshot was made cannot be shown later.
        """
        now = {name: getattr(self.look, name) for name in Look.__slots__}
        unknown = [name for name in options if name not in now]
        if unknown:
            raise TypeError(f"restyled: no option {unknown[0]!r}; there are {', '.join(now)}")
        return Graph(self.ir, look(**now | options))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture atomically, in the format of the suffix: .svg .png .pdf .dot .html .mmd .json .txt.

        .png and .pdf need Graphviz's program `dot`, and raise FileNotFoundError without it. Raises ValueError for any other
        suffix. Returns the path.
        """
        path = Path(path)
        content = self.render(path.suffix.removeprefix(".").lower())
        write_atomically(path, lambda file: file.write(content))
        return path

    def render(self, format: str) -> bytes:
        """Return the content of a file of that format, a name in `FORMATS`."""
        if format not in FORMATS:
            raise ValueError(f"graph: no format {format!r}; there are {', '.join(FORMATS)}")
        content = FORMATS[format](self)
        return content if isinstance(content, bytes) else content.encode(errors="backslashreplace")  # of lone surrogates

    def interactive(self, height: int = 560) -> EmbeddedPage:
        """Return the page of `.html` for the output of a notebook's cell, `height` pixels high; no file is written.

        >>> import minigrad as mg
        >>> mg.viz.graph(mg.ones(2, requires_grad=True).sum()).interactive()
        <EmbeddedPage graph: 1 op>
        """
        return EmbeddedPage(self.ir.title, self.render("html").decode(), height)

    def to_graphviz(self) -> Any:
        """Return the `graphviz.Digraph`, to restyle with that library."""
        return digraph(view_of(self.ir, self.look), self.look)

    def __str__(self) -> str:
        return text(view_of(self.ir, self.look), self.look.show)

    def __repr__(self) -> str:
        return f"<Graph {self.ir.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return the picture and its text for notebooks. A repr never raises."""
        bundle = {"text/plain": repr(self)}
        try:
            bundle["text/plain"] = str(self)
            bundle["image/svg+xml"] = self.render("svg").decode()
            bundle["text/html"] = f'<div style="overflow:auto">{bundle["image/svg+xml"]}</div>'
        except Exception as error:
            bundle["text/plain"] += f"\n({type(error).__name__} while drawing: {error})"
        return bundle


class EmbeddedPage:
    """The interactive page of a graph inside another page, which its scripts and styles do not reach."""

    def __init__(self, title: str, page: str, height: int):
        self.title, self.page, self.height = title, page, height

    def __repr__(self) -> str:
        return f"<EmbeddedPage {self.title}>"

    def _repr_html_(self) -> str:
        look = f"width:100%;height:{self.height}px;border:1px solid #8885;border-radius:8px;box-sizing:border-box"
        page = escape(self.page)
        return f'<iframe sandbox="allow-scripts" title="{escape(self.title)}" style="{look}" srcdoc="{page}"></iframe>'


def _by_dot(format: str) -> Callable[[Graph], bytes]:
    """Return the renderer of a format that only Graphviz's program dot draws."""

    def render(graph: Graph) -> bytes:
        if graph.look.engine == "builtin":
            raise ValueError(f'graph: .{format} is drawn by dot; use engine="auto", or save .svg or .html')
        return rendered(graph.to_graphviz(), format)

    return render


def _svg(graph: Graph) -> str | bytes:
    return rendered(graph.to_graphviz(), "svg") if graph.look.engine == "dot" else svg(scene(graph.ir, graph.look))


# The suffix of a file, and the function that renders its content.
FORMATS: dict[str, Callable[[Graph], str | bytes]] = {
    "svg": _svg,
    "png": _by_dot("png"),
    "pdf": _by_dot("pdf"),
    "dot": lambda graph: str(graph.to_graphviz().source),
    "html": lambda graph: html(graph.ir, graph.look),
    "mmd": lambda graph: mermaid(view_of(graph.ir, graph.look), graph.look),
    "json": lambda graph: as_json(graph.ir),
    "txt": lambda graph: f"{graph}\n",
}


def graph(
    outputs: Tensor | Sequence[Tensor] | Callable[[], Any],
    *,
    model: Module | None = None,
    depth: int | None = None,
    fold: bool = True,
    show: Iterable[str] | None = None,
    color: str = "kind",
    direction: str = "TB",
    theme: str = "auto",
    engine: str = "auto",
    title: str = "",
    names: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
) -> Graph:
    """Return the graph of a tensor, or of several: everything it was computed from, as a snapshot that draws itself.

    `outputs` may also be a function without arguments, such as ``lambda: net.loss(x, t)``: it is run once, and the picture
    also shows the operations that the tape leaves out, because no gradient flows there, and how long each operation takes.

    model      the module whose parameters and buffers are named; by default the outermost that the graph was made in
    depth      how many levels of modules below the outermost are open; by default as many as fit a screen of 1,440 x 900
    fold       whether rows of equal blocks are drawn once, as xN: layers, iterations, steps of a recurrence; their numbers
               are sums over all, and gradients a range
    show       of "shapes", "values" (of what a variable holds or a rule has saved), "saved" (bytes kept for backward, also
               after it), "grads" (the root mean square of each gradient, of a single number with its sign, by one more walk;
               needs a scalar; after backward, those in `.grad`) and "primitives" (the steps of composite functions);
               with "values" or "grads", kernels as small images; by default shapes and saved, and grads after backward
    color      shading of operations: "kind", "grad", "bytes", or "time" (of a function)
    direction  "TB" (from top to bottom) or "LR" (from left to right)
    theme      "light", "dark", or "auto", which follows the screen
    engine     "auto": the built-in layout for .svg and .html, which looks the same everywhere, and `dot` where it is needed;
               "dot": `dot` also for .svg; "builtin": never `dot`
    title      replaces the names of model and output
    names      a dict of tensors by name; by default the caller's variables
    initial    parameters before training, a copy of an earlier `state_dict()`: kernels are shown beside their former values

    Raises TypeError for an output that is no tensor, ValueError for an unknown option, GraphError for gradients of an output
    of more than one element.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x.exp() * 2
    >>> mg.viz.graph(y, names={"y": y})
    <Graph y: 2 ops, 8 B saved for backward>
    """
    options = look(
        depth, fold, DEFAULT if show is None else show, color=color, direction=direction, theme=theme, engine=engine
    )
    if names is None:
        names = _variables()
    recording, made = None, outputs
    if callable(outputs) and not isinstance(outputs, Tensor):
        recording, made = Recording.run(outputs, timed=color == "time")
    elif color == "time":
        raise ValueError(
            'graph: color="time" needs a function to time\n  hint: pass lambda: net.loss(x, t) instead of the loss'
        )
    wanted = None if show is None else options.show
    ir = trace(_tensors(made), model=model, recording=recording, names=names, initial=initial, show=wanted, title=title)
    if show is None and any(node.gradient is not None for node in ir.nodes):
        options = replace(options, show=options.show | {"grads"})
    return Graph(ir, options)


def module_graph(model: Module, inputs: Sequence[Any], **options: Any) -> Graph:
    """Return the graph of one call of a module, whose buffers and random numbers stay as they were; see `Module.graph`.

    `inputs` are its arguments, or the only one. `options` are those of `graph`.

    >>> import minigrad as mg
    >>> print(mg.nn.Linear(2, 3).graph(mg.zeros(1, 2), names={}))
    Linear output: 1 op, 9 parameters, 8 B saved for backward
    n2 = data x  1×2 float32
    n3 = linear(n2)  Linear  1×3 float32  weight 3×2  bias 3  saved 8 B
    output = n3  1×3 float32
    """
    if isinstance(inputs, Tensor | np.ndarray):
        inputs = [inputs]
    if not inputs:
        raise TypeError(f"graph: {type(model).__name__} needs its inputs: model.graph(x)")
    given = [tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]  # so that operations on them are seen
    with unchanged(model), enable_grad():
        return graph(lambda: model(*given), model=model, **options)


def _tensors(outputs: Any) -> list[Tensor]:
    """Return the tensors in nested containers; raise TypeError for other leaves, and if there is no tensor."""
    found = leaves(outputs)
    for leaf in found:
        if not isinstance(leaf, Tensor):
            raise TypeError(f"graph: needs a tensor, several, or a function that returns them, got {type(leaf).__name__}")
    if not found:
        raise TypeError("graph: needs at least one tensor, got none")
    return found


def _variables() -> dict[str, Any]:
    """Return the variables of the code that draws: the first frame outside this package."""
    package = __name__.partition(".")[0]
    frame = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return {}
    values = frame.f_locals
    found = dict(values)
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(values) is dict:
        values.clear()  # of a function, before Python 3.13, a copy: the frame would keep it, and all that was in it
    return found
