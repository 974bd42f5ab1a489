"""Write a network as an ONNX file."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad import __version__, pytree
from minigrad.arrays import Array, Traced
from minigrad.engine.composite import Composite
from minigrad.errors import did_you_mean, warn
from minigrad.nn import Module, RNNBase
from minigrad.nn.modes import evaluating
from minigrad.onnx.conversions import CONVERSIONS
from minigrad.onnx.errors import Inexpressible, OnnxExporterError
from minigrad.onnx.graph import Graph
from minigrad.onnx.recording import Size, Step, merged, recorded, same_random_state
from minigrad.serialization.atomic import write_atomically
from minigrad.tensors.tensor import Tensor

__all__ = ["export"]

OPSETS = range(18, 24)
DEFAULT = 20
LARGEST = 2**31 - 2**20  # bytes: a protobuf message holds less than 2 GiB


def export(
    model: Module,
    args: Any = (),
    f: str | os.PathLike[str] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset_version: int | None = None,
    dynamic_axes: Mapping[str, Any] | None = None,
) -> Any:
    """Write the call ``model(*args, **kwargs)``, in evaluation mode, as the ONNX file `f`; return the onnx.ModelProto.

    * `args`: the arguments, a tuple, or a single one; tensors and arrays are the inputs of the file, the rest is fixed
    * `f`: the path of the file; None: write none
    * `input_names`, `output_names`: their names; by default those of the parameters of `forward`, and "output"
    * `opset_version`: the version of ONNX's operators, 18 to 23, by default 20
    * `dynamic_axes`: the axes of inputs whose sizes may change, as ``{"x": {0: "batch"}}``; axes of one name have one size.
      Outputs may be named, too; which of their axes change follows from the inputs

    The model is called two times or more, with other sizes of the dynamic axes, the values in another order and floats a
    little smaller, to find what depends on them: so `args` should be typical values, not zeros. An input that the file does
    not use is warned of. Nothing of the model changes. Parameters have the names of the state dict, and nodes begin with the
    path of their module. The file is checked by onnx, and replaces another one only when it is complete.

    Raises ImportError without onnx; OnnxExporterError, naming operations and modules, for a call that cannot be written, and
    for a file of 2 GiB or more; ValueError for names and axes that do not fit.

    >>> import minigrad as mg
    >>> file = mg.onnx.export(mg.nn.Linear(3, 2), mg.ones(1, 3), dynamic_axes={"x": {0: "batch"}})  # doctest: +SKIP
    >>> [node.op_type for node in file.graph.node]  # doctest: +SKIP
    ['Gemm']
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "onnx.export needs onnx\n  hint: pip install onnx (the extra named onnx)", name=error.name
        ) from None

    opset = DEFAULT if opset_version is None else opset_version
    if opset not in OPSETS or opset > onnx.defs.onnx_opset_version():
        last = min(OPSETS[-1], onnx.defs.onnx_opset_version())
        raise ValueError(f"export: opset_version must be within {OPSETS[0]}..{last}, got {opset_version!r}")
    if not isinstance(model, Module):
        raise TypeError(f"export: model must be a Module, got {type(model).__name__}")
    if any(getattr(module, "has_uninitialized_params", bool)() for module in model.modules()):
        raise OnnxExporterError("export: the model has lazy layers without parameters\n  hint: call it once before")
    call = _Call(model, args if isinstance(args, tuple) else (args,), dict(kwargs or {}), input_names)
    symbols, axes = _symbols(call, dynamic_axes or {}, output_names)
    held = dict([*model.named_buffers(), *model.named_parameters()])
    owners = {id(tensor.array): name for name, tensor in held.items()}
    if taken := sorted(held.keys() & {*call.names}):
        raise ValueError(f"export: {taken[0]} is the name of an input and of a parameter\n  hint: pass other input_names")
    if (size := sum(tensor.nbytes for tensor in held.values())) > LARGEST:
        raise OnnxExporterError(f"export: the parameters take {size:,} bytes; a file holds less than 2 GiB")
    composites = {op for op in CONVERSIONS if isinstance(op, Composite)}
    with same_random_state(), evaluating(model):
        inputs = [call.inputs(run, symbols, axes) for run in range(len(symbols) + 2)]
        runs = [recorded(model, call.bound(inputs[0]), composites)]
        for run, arrays in enumerate(inputs[1:], 1):
            try:
                runs.append(recorded(model, call.bound(arrays), composites))
            except Exception as error:
                sizes = "".join(f", {name} = {values[run]}" for name, values in symbols.items())
                raise OnnxExporterError(
                    f"export: the call fails with its values in another order{sizes}: {error}\n"
                    "  hint: what depends on the inputs is found by such calls"
                ) from error
        steps, given, results = merged(runs, inputs, model)
    graph = Graph(onnx.helper, opset, owners, symbols)
    for name, value in zip(call.names, given, strict=True):
        graph.names[value.number] = graph.unique(name)
    for symbol, places in axes.items():
        graph.axes[symbol] = places[0]
    writer = _Writer(graph)
    writer.write(steps)
    outputs = writer.outputs(results, _output_names(output_names, len(results), {*call.names, *held}))
    used = {name for node in graph.nodes for name in node.input}
    for name in call.names:
        if name not in used:
            warn(
                f"export: no operation of the file takes the input {name}\n"
                "  hint: if the model uses it, call export with values that are not all the same"
            )
    file = _model(onnx, graph, list(zip(call.names, given, strict=True)), outputs, axes, type(model).__name__)
    if file.ByteSize() > LARGEST:
        raise OnnxExporterError(f"export: the file would have {file.ByteSize():,} bytes; it can hold less than 2 GiB")
    try:
        onnx.checker.check_model(file, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise OnnxExporterError(
            f"export: the graph does not pass onnx's check, which is a fault of a conversion: {error}"
        ) from error
    if f is not None:
        write_atomically(f, lambda stream: stream.write(file.SerializeToString()))
    return file


class _Call:
    """A call whose tensors and arrays are replaced by others."""

    def __init__(self, model: Module, args: tuple[Any, ...], kwargs: dict[str, Any], names: Sequence[str] | None):
        self.model = model
        tree = (args, kwargs)
        found, self.rebuild = pytree.flatten(tree)
        self.leaves = list(found.values())
        self.at = [i for i, leaf in enumerate(self.leaves) if isinstance(leaf, Traced | np.ndarray)]
        self.arrays = [
            np.asarray(leaf.array if isinstance(leaf, Traced) else leaf) for leaf in map(self.leaves.__getitem__, self.at)
        ]
        if not self.at:
            raise ValueError("export: args holds no tensor, so the file would have no input")
        paths = list(found)
        self.names = list(names) if names is not None else _names(model, [paths[i] for i in self.at])
        if len(self.names) != len(self.at) or len(set(self.names)) != len(self.names):
            raise ValueError(f"export: input_names must be {len(self.at)} different names, got {self.names}")

    def inputs(
        self, run: int, symbols: Mapping[str, tuple[int, ...]], axes: Mapping[str, list[tuple[str, int]]]
    ) -> list[Array]:
        """Return the arrays of one run, in its sizes.

        From the second run on, the values stand in another order, and floats are a little smaller, so that sums and extremes
        that the call takes by other means than operations differ, too.
        """
        arrays = [a.copy() for a in self.arrays]
        for symbol, places in axes.items():
            for name, axis in places:
                i = self.names.index(name)
                n = arrays[i].shape[axis]
                arrays[i] = np.take(arrays[i], np.arange(symbols[symbol][run]) % n, axis)
        return [_moved(a, run) for a in arrays] if run else arrays

    def bound(self, arrays: Sequence[Array]) -> Any:
        leaves = list(self.leaves)
        for i, array in zip(self.at, arrays, strict=True):
            leaves[i] = Tensor.from_array(array)
        args, kwargs = self.rebuild(leaves)
        return lambda: self.model(*args, **kwargs)


def _moved(array: Array, times: int) -> Array:
    """Return the values in another order along each axis, so that rows keep their sums; floats 16 to 32 ulps smaller."""
    moved = np.roll(array, (times,) * array.ndim, tuple(range(array.ndim)))
    if array.dtype.kind == "f":
        less = np.linspace(16, 32, array.size).reshape(array.shape) * np.finfo(array.dtype).eps
        moved = (moved * (1 - times * less)).astype(array.dtype)
    return moved


class _Writer:
    """Write steps as nodes, and collect what cannot be written."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.problems: dict[str, None] = {}

    def write(self, steps: Sequence[Step]) -> None:
        """Add the nodes of all steps. Raises OnnxExporterError with every step that has none."""
        self._write(steps)
        if self.problems:
            count = len(self.problems)
            listed = "".join(f"\n  {problem}" for problem in self.problems)
            raise OnnxExporterError(f"export: {count} operation{'s' * (count > 1)} cannot be written as ONNX:{listed}")

    def _write(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.graph.path, reason, made = step.path.replace(".", "/"), "", None
            try:
                made = self._convert(step)
                if made is None and step.parts:
                    self._write(step.parts)
                    continue
                if made is None and step.parts is None:
                    reason = ": it runs other operations for other sizes or values of the inputs"
            except (Inexpressible, TypeError, ValueError, IndexError, AttributeError) as error:
                reason = f": {error}"  # also of a call whose arguments a conversion does not expect
            if made is None:
                self.problems[f"{step.place}{reason}"] = None
                made = ("?",) * len(step.outs)
            for value, name in zip(step.outs, made if isinstance(made, tuple) else (made,), strict=True):
                self.graph.names[value.number] = name

    def _convert(self, step: Step) -> Any:
        """Add the nodes of one step; return their outputs, or None if it has none of its own."""
        self.graph.dtype = step.outs[0].dtype
        conversion = CONVERSIONS.get(type(step.op) if isinstance(step.op, RNNBase) else step.op)
        if conversion is None:
            return None
        facts = {"out": step.outs[0], "parts": step.parts, "op": step.op, "arguments": step.arguments}
        available = facts | step.arguments
        code = conversion.__code__
        names = code.co_varnames[1 : code.co_argcount]
        if "parts" in names and step.parts is None:
            return None
        return conversion(self.graph, **{name: available[name] for name in names if name in available})

    def outputs(self, results: Sequence[Any], names: Sequence[str]) -> list[tuple[str, Any]]:
        """Give the results their names, and drop nodes and initializers that they do not need."""
        g, found = self.graph, []
        g.path = ""
        renamed: dict[str, str] = {}
        produced = {name for node in g.nodes for name in node.output}
        for result, name in zip(results, names, strict=True):
            try:
                source = g.input(result)
            except Inexpressible as reason:
                raise OnnxExporterError(f"export: the output {name}: {reason}") from None
            produced |= {output for node in g.nodes for output in node.output}
            if source not in produced or source in renamed:
                source = g.Identity(source)
            renamed[source] = name
            found.append((name, result))
        for node in g.nodes:
            for side in (node.input, node.output):
                for i, name in enumerate(side):
                    side[i] = renamed.get(name, name)
        needed, kept = set(names), []
        for node in reversed(g.nodes):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.append(node)
        g.nodes = kept[::-1]
        g.initializers = {name: array for name, array in g.initializers.items() if name in needed}
        return found


def _model(onnx: Any, graph: Graph, inputs: Any, outputs: Any, axes: Mapping[str, list[tuple[str, int]]], title: str) -> Any:
    """Return the ModelProto."""
    helper = onnx.helper
    places = {place: symbol for symbol, found in axes.items() for place in found}

    def info(name: str, value: Any, shape: Sequence[Any]) -> Any:
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), shape)

    given = [info(n, v, [places.get((n, i), size) for i, size in enumerate(v.shape)]) for n, v in inputs]
    returned = [info(n, v, [_dimension(graph, n, i, size) for i, size in enumerate(v.shape)]) for n, v in outputs]
    weights = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(a).reshape(a.shape), n) for n, a in graph.initializers.items()
    ]
    opsets = [helper.make_opsetid("", graph.opset)]
    return helper.make_model(
        helper.make_graph(graph.nodes, title, given, returned, weights),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="minigrad",
        producer_version=__version__,
    )


def _dimension(graph: Graph, name: str, axis: int, size: Any) -> int | str:
    """Return the size of an axis of an output: an int, a symbol, or a name of its own."""
    if not isinstance(size, Size):
        return int(size)
    try:
        terms, offset = graph.expression(size)
    except Inexpressible:
        return f"{name}_axis_{axis}"
    products = ["*".join([*([str(k)] if k != 1 else []), *names]) for names, k in terms.items()]
    return " + ".join([*products, *([str(offset)] if offset else [])])


def _names(model: Module, paths: Sequence[str]) -> list[str]:
    """Return names for the inputs: the parameters of `forward`, and a number for each tensor of a container."""
    parameters = list(inspect.signature(model.forward).parameters.values())
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    found = []
    for path in paths:
        steps = re.findall(r"\[('?)(.*?)\1\]", path)
        (_, side), (_, key), *rest = steps
        name = key if side == "1" else positional[int(key)] if int(key) < len(positional) else f"input_{key}"
        found.append("_".join([name, *(step for _, step in rest)]))
    return found


def _symbols(
    call: _Call, dynamic_axes: Mapping[str, Any], output_names: Sequence[str] | None
) -> tuple[dict[str, tuple[int, ...]], dict[str, list[tuple[str, int]]]]:
    """Return, for each dynamic size, its value in every run, and the inputs and axes that have it."""
    outputs = list(output_names or ("output",))
    axes: dict[str, list[tuple[str, int]]] = {}
    if not isinstance(dynamic_axes, Mapping):
        raise TypeError(f"export: dynamic_axes must be a dict, as {{'x': {{0: 'batch'}}}}, got {dynamic_axes!r}")
    for name, given in dynamic_axes.items():
        if name in outputs or (output_names is None and re.fullmatch(r"output_\d+", name)):
            continue
        if name not in call.names:
            raise ValueError(
                f"export: dynamic_axes: there is no input {name!r}; the inputs are {', '.join(call.names)}"
                f"{did_you_mean(name, call.names)}"
            )
        array = call.arrays[call.names.index(name)]
        named = {axis: f"{name}_axis_{axis}" for axis in given} if isinstance(given, list | tuple) else given
        if not isinstance(named, Mapping) or {*map(type, named)} - {int} or {*map(type, named.values())} - {str}:
            raise TypeError(
                f"export: dynamic_axes: {name} must have a dict of axes and their names, as {{0: 'batch'}}, or a list of "
                f"axes, got {given!r}"
            )
        for axis, symbol in named.items():
            if not -array.ndim <= axis < array.ndim:
                raise ValueError(f"export: dynamic_axes: {name} of shape {array.shape} has no axis {axis}")
            axes.setdefault(symbol, []).append((name, axis % array.ndim))
    sizes = {}
    for symbol, places in axes.items():
        found = {call.arrays[call.names.index(name)].shape[axis] for name, axis in places}
        if len(found) > 1 or 0 in found:
            raise ValueError(
                f"export: dynamic_axes: the axes named {symbol!r} must have one size of at least 1, got {sorted(found)}"
            )
        sizes[symbol] = max(found.pop(), 2)  # of size 1, arrays lie in memory in both orders, and fewer are copied
    count = len(sizes)
    every = {}
    for i, (symbol, n) in enumerate(sizes.items(), 1):
        every[symbol] = tuple(n + (1 if run == i else 3 if run == count + 1 else 0) for run in range(count + 2))
    return every, axes


def _output_names(given: Sequence[str] | None, count: int, inputs: Collection[str]) -> list[str]:
    names = list(given) if given is not None else ["output"] if count == 1 else [f"output_{i}" for i in range(count)]
    if len(names) != count or len({*names, *inputs}) != count + len(inputs):
        raise ValueError(f"export: output_names must be {count} names that no input and no parameter has, got {names}")
    return names
