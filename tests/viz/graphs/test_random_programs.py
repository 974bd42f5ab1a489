"""Random programs: every edge, operand and number of a picture is what an independent recorder saw.

The recorder wraps every call of a primitive from outside, and keeps all arguments and results; it reads nothing that the
tape remembers. What it saw is compared with what each text format says, parsed back.
"""

import itertools
import json
import re
from collections import Counter
from contextlib import contextmanager

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.tensors import tensor as tensors
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.numbers import scalar, sizes, summary

SHOW = ("shapes", "values", "primitives")


class Recorder:
    """Everything that primitives were called with, and what they returned."""

    def __init__(self):
        self.events = []  # (operation, arguments, result, their arrays then)
        self.passed = []  # arguments of modules

    @contextmanager
    def watching(self):
        record, call = Tensor.record, nn.Module.__call__

        def recorded(op, args):
            before = [arg.array if isinstance(arg, Tensor) else arg for arg in args]
            origins = [self.key(arg) for arg in args]
            result = record(op, args)
            self.events.append((op, args, origins, before, result, self.key(result)))
            return result

        def called(module, *args):
            self.passed += [arg.array for arg in args]
            return call(module, *args)

        try:
            Tensor.record, nn.Module.__call__ = staticmethod(recorded), called
            tensors._apply = recorded
            yield self
        finally:
            Tensor.record, nn.Module.__call__ = staticmethod(record), call
            tensors._apply = record

    def key(self, value):
        """The identity of a value: its place on the tape if it needs a gradient, else its array; both are kept alive."""
        if isinstance(value, Tensor) and value.requires_grad:
            return "tracked", id(value.node)
        array = value.array if isinstance(value, Tensor) else value
        return ("data", id(array)) if isinstance(array, np.ndarray) else ("other", repr(value))

    def expected(self, outputs, names, rows):
        """A digest of each value that the outputs were made of, and of the outputs themselves, in their order.

        With `rows` the tensors in `names`, of a model, are no operands, but rows of the operations that use them.
        """
        made = {}
        for op, args, origins, before, result, key in self.events:
            if key[0] == "tracked":
                made[key] = (op, args, origins, before, result)
            if op.is_view and isinstance(args[0], Tensor) and np.shares_memory(result.array, before[0]):
                view = "data", id(result.array)  # of what has no node: the result itself, or what is detached from it
                made[view] = (op, args, [("data", id(before[0])), *origins[1:]], before, result)
        arrays = {("data", id(a)): a for _, _, _, before, _, _ in self.events for a in before if isinstance(a, np.ndarray)}
        tensors = [x for _, args, *_ in self.events for x in args if isinstance(x, Tensor)] + [*outputs]
        leaves = {self.key(x): x.array for x in tensors}
        found = {}

        def digest(key, array=None):
            stack = [key]
            while stack:
                last = stack[-1]
                if last in found:
                    stack.pop()
                    continue
                if last not in made:
                    value = leaves[last] if last[0] == "tracked" else arrays.get(last, array)
                    found[last] = ("source", sizes(value.shape), summary(value))
                    continue
                op, args, origins, before, result = made[last]
                operands = []
                for i, (arg, origin) in enumerate(zip(args, origins, strict=True)):
                    if origin[0] == "tracked" or (origin[0] == "data" and before[i].ndim):
                        operands.append(origin)
                    elif isinstance(arg, tuple):
                        operands += [("data", id(part)) for part in arg if isinstance(part, np.ndarray)]
                        arrays.update({("data", id(part)): part for part in arg if isinstance(part, np.ndarray)})
                    elif op.input_name(i) in op.rules and isinstance(before[i], int | float | np.generic | np.ndarray):
                        operands.append(scalar(before[i]))
                missing = [part for part in operands if isinstance(part, tuple) and part not in found]
                if missing:
                    stack += missing
                    continue
                kept = [part for part in operands if not (rows and part in names)]
                parts = tuple(part if isinstance(part, str) else hash(found[part]) for part in kept)
                given = tuple(sorted({names[part] for part in operands if rows and part in names}))
                found[last] = (NAMES.get(op.__name__, op.__name__), sizes(result.shape), parts, given)
            return found[key]

        ends = [digest(self.key(output), output.array) for output in outputs]
        used = {origin for made_of in made.values() for origin in made_of[2]}
        shown = [found[key] for key in found if not (rows and key in names and key in used)]
        return Counter(shown), ends


NAMES = {"multiply_matrices": "matmul"}


def digests(nodes, ends):
    """The same digests of nodes that were parsed: (kind, name, shape, operands, value), an operand an id or a text."""
    found = {}
    for key in sorted(nodes, key=lambda key: int(key[1:])):  # sources come first
        kind, name, shape, operands, value = nodes[key]
        if kind == "op":
            parts = tuple(hash(found[part]) if what == "id" else part for what, part in operands if what != "row")
            rows = tuple(sorted({part for what, part in operands if what == "row"}))
            found[key] = (name, shape, parts, rows)
        elif kind != "unknown":
            found[key] = ("source", shape, value)
    return Counter(found.values()), [found[end] for end in ends]


def of_json(data):
    into = {}
    for edge in data["edges"]:
        into.setdefault(edge["target"], []).append(edge["source"])
    nodes, ends = {}, []
    for node in data["nodes"]:
        sources = iter(into.get(node["id"], []))
        if node["kind"] == "output":
            ends.append(next(sources))
            continue
        operands = [("text", part) if part else ("id", next(sources)) for part in node.get("operands", ())]
        assert node["kind"] != "op" or not list(sources)
        nodes[node["id"]] = (node["kind"], node.get("name", ""), sizes(node["shape"]), operands, node.get("value", ""))
    return nodes, ends


def of_text(text):
    nodes, ends = {}, []
    for line in text.split("\n"):
        line = line.strip(" │├└─")
        if match := re.match(r"output(?: \d+)? = (\w+)", line):
            ends.append(match[1])
        elif match := re.match(r"(n\d+) = ([\w ]+?)\((.*?)\)  ", f"{line}  "):
            shape = re.search(r"\)  (?:\S+  )?(\S+) float", line)
            parts = [part for part in match[3].split(", ") if re.fullmatch(r"n\d+|≈?-?[\d.e-]+", part)]
            operands = [("id" if part[0] == "n" else "text", part) for part in parts]
            operands += [("row", name) for name in OWNED if f"  {name} " in line]
            kind = "unknown" if match[2] == "not recorded" else "op"
            nodes[match[1]] = (kind, match[2], shape[1] if shape else "", operands, "")
        elif match := re.match(
            r"(n\d+) = (?:input|data|parameter|buffer)\b.*?  (\S+) (?:float|int|bool)\w*(?:  value (.*))?$", line
        ):
            nodes[match[1]] = ("source", "", match[2], [], match[3] or "")
    return nodes, ends


def of_labels(cards, links):
    """Nodes of a format of labels: rows of text by id, and links; inputs of a card are in the order of its links."""
    into = {}
    for source, target in links:
        into.setdefault(target, []).append(source)
    nodes, ends = {}, []
    for key, (kind, rows) in cards.items():
        sources = iter(into.get(key, ()))
        shape = next((row.partition(" · ")[0] for row in rows if re.search(r" · (float|int|bool)", row)), "")
        value = next((row.removeprefix("= ") for row in rows if row.startswith("= ")), "")
        if kind == "output":
            ends.append(next(sources))
        elif kind == "op":
            given = next((row for row in rows[1:] if "·" in row and row.partition(" · ")[0] != shape), "")
            parts = re.split(r", | [-+×/] | \*\* | // ", given.strip("()")) if given else []
            operands = [("id", next(sources)) if part == "·" else ("text", part) for part in parts if part not in OWNED]
            operands += [("id", source) for source in sources]
            operands += [("row", name) for name in OWNED if any(row.startswith(f"{name}  ") for row in rows)]
            nodes[key] = (kind, re.split("  ", rows[0])[0], shape, operands, value)
        else:
            nodes[key] = (kind, "", shape, [], value)
    return nodes, ends


def of_dot(text):
    kinds = {"octagon": "source", "box3d": "module"}
    cards = {}
    for key, label, rest in re.findall(r'^\s*(n\d+) \[label="(.*?)" (.*)\]$', text, re.M):
        shape = re.search(r"shape=(\w+)", rest)[1]
        style = re.search(r"style=\"?([\w,]+)", rest)[1]
        kind = "output" if "peripheries" in rest else "source" if "rounded" in style else "op"
        cards[key] = (kinds.get(shape, "unknown" if style == "filled,dashed" and kind == "op" else kind), label.split(r"\n"))
    return of_labels(cards, re.findall(r"^\t(n\d+) -> (n\d+)", text, re.M))


def of_mermaid(text):
    text = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text)
    cards = {key: (kind, label.split("<br/>")) for key, label, kind in re.findall(r'(n\d+)\W+"(.*?)"\W+:::(\w+)', text)}
    return of_labels(cards, re.findall(r"(n\d+) (?:-->|-\.->)(?:\|\d+\|)? (n\d+)", text))


class Net(nn.Module):
    """Reuses its layers, has a frozen parameter and a buffer, and returns its input."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2, dtype=np.float64)
        self.register_buffer("shift", mg.tensor([[11.0, 12.0]], dtype=np.float64))

    def forward(self, x):
        return self.fc(self.fc(x) * 3 - self.shift), x


OWNED = ("fc.weight", "fc.bias", "shift")


def fresh(count):
    return np.array([[1.0, 2.0], [3.0, 4.5]]) + 10 * next(count)


STEPS = 19
program_steps = st.lists(
    st.tuples(st.integers(0, STEPS - 1), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=14
)


def run(steps, kept, seen):
    """Run a random program; return its outputs. `kept` keeps all values alive, so that ids are identities."""
    count = itertools.count(1)
    net = Net()
    pool = [
        mg.tensor(fresh(count), requires_grad=True),
        mg.tensor(fresh(count)),
        mg.tensor(fresh(count), requires_grad=True),
    ]
    leaf = pool[0]
    kept += [net, pool]
    for which, i, j in steps:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        number = (i + 2) / 4
        if which < 6:
            made = [a + b, a * b, a - b, number - a, a / (number + 1), a.sin()][which]
        elif which == 6:
            made = a * mg.tensor(number)
        elif which == 7:
            made = a + fresh(count)  # a plain array
        elif which == 8:
            made = mg.tensor(fresh(count)) * a
        elif which == 9:
            made = a.T
        elif which == 10:
            made = a.reshape(4)[:2] + b
        elif which == 11:
            made = a[[1, 0]]
        elif which == 12:
            with mg.no_grad():
                made = a * b + number
        elif which == 13:
            made = a.detach()
        elif which == 14:
            made, _ = net(a)
        elif which == 15:
            _, made = net(a)
        elif which == 16:
            first, second = a.split(1)
            made = first - second
        elif which == 17:
            made = mg.where(np.array([[True, False], [False, True]]), a, number)
        else:
            total = (a * leaf).sum()
            (made,) = mg.autograd.grad(total, leaf, create_graph=True)
        made = mg.broadcast_to(made, (2, 2)) if made.shape != (2, 2) else made
        pool.append(made)
    return [pool[-1], pool[steps[0][1] % len(pool)]]


@settings(max_examples=150)
@given(program_steps)
def test_pictures_show_what_was_recorded(steps):
    kept = []
    recorder = Recorder()
    with recorder.watching():
        outputs = run(steps, kept, recorder)
    graph = mg.viz.graph(outputs, names={}, show=SHOW, fold=False, depth=99)
    net = kept[0]
    owned = [*net.named_parameters(), *net.named_buffers()]
    names = {recorder.key(tensor): name for name, tensor in owned}
    data = json.loads(graph.render("json"))
    compare(*of_json(data), *recorder.expected(outputs, names, rows=False), "json")
    rows = recorder.expected(outputs, names, rows=True)
    compare(*of_text(graph.render("txt").decode()), *rows, "txt")
    compare(*of_dot(graph.render("dot").decode()), *rows, "dot")
    compare(*of_mermaid(graph.render("mmd").decode()), *rows, "mmd")
    known = {summary(result.array) for *_, result, _ in recorder.events}
    assert {node.value for node in graph.nodes if node.kind == "op"} <= known | {""}
    passed = {summary(array) for array in recorder.passed}
    for edge in graph.edges:  # an argument of a call, whose use was not recorded
        if graph.nodes[edge.target].kind == "unknown":
            assert graph.nodes[edge.source].value in passed | known


def compare(nodes, drawn_ends, expected, ends, format):
    found, drawn = digests(nodes, drawn_ends)
    assert found == expected, (format, found - expected, expected - found)
    assert drawn == ends, format
