"""Random programs: every edge, operand and number of a picture is what an independent recorder saw.

The recorder wraps every call of a primitive from outside, and keeps all arguments and results; it reads nothing that the
tape remembers. What it saw is compared with what each format says, parsed back: in the SVG and on the page, lines are
followed from the head of an arrow to the card where they begin, as a reader does.
"""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from contextlib import contextmanager

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.tensors import tensor as tensors
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.ir import ancestors
from minigrad.viz.graphs.numbers import scalar, sizes, summary
from minigrad.viz.graphs.scene import view_of
from tests.viz.graphs.test_numbers import owner, tape

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

    def expected(self, outputs, names, rows, drawn=False):
        """A digest of each value that the outputs were made of, and of the outputs themselves, in their order.

        With `rows` the tensors in `names`, of a model, are no operands, but rows of the operations that use them. Of a
        `drawn` operation the order of operands is known only where it matters.
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
                    found[last] = ("source", typed(value), summary(value))
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
                name = NAMES.get(op.__name__, op.__name__)
                parts = ordered(name, [part if isinstance(part, str) else found[part] for part in kept], drawn)
                given = tuple(sorted({names[part] for part in operands if rows and part in names}))
                found[last] = (name, typed(result), parts, given)
            return found[key]

        ends = [digest(self.key(output), output.array) for output in outputs]
        used = {origin for made_of in made.values() for origin in made_of[2]}
        shown = [found[key] for key in found if not (rows and key in names and key in used)]
        return Counter(shown), ends


NAMES = {"multiply_matrices": "matmul"}


def typed(value):
    return f"{sizes(value.shape)} {value.dtype}"


def ordered(name, operands, drawn):
    """Texts, and hashes of digests; what is drawn says nothing about their order where it cannot matter."""
    made = [part for part in operands if not isinstance(part, str)]
    kinds = [part[1].split()[-1][0] for part in made]
    hashes = [hash(part) for part in made]
    if drawn and name in ("add", "multiply"):
        hashes.sort()
    elif drawn and len(set(kinds)) == len(kinds):
        hashes = [found for _, found in sorted(zip(kinds, hashes, strict=True))]
    taken = iter(hashes)
    return tuple(part if isinstance(part, str) else next(taken) for part in operands)


def digests(nodes, ends, drawn=False):
    """The same digests of nodes that were parsed: (kind, name, shape, operands, value), an operand an id or a text."""
    found = {}
    for key in sorted(nodes, key=lambda key: int(key[1:])):  # sources come first
        kind, name, shape, operands, value = nodes[key]
        if kind == "op":
            parts = ordered(name, [found[part] if what == "id" else part for what, part in operands if what != "row"], drawn)
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
        kept = f"{sizes(node['shape'])} {node.get('dtype', '')}"
        nodes[node["id"]] = (node["kind"], node.get("name", ""), kept, operands, node.get("value", ""))
    return nodes, ends


def of_text(text):
    nodes, ends = {}, []
    for line in text.split("\n"):
        line = line.strip(" │├└─")
        if match := re.match(r"output(?: \d+)? = (\w+)", line):
            ends.append(match[1])
        elif match := re.match(r"(n\d+) = ([\w ]+?)\((.*?)\)  ", f"{line}  "):
            shape = re.search(r"\)  (?:\S+  )?(\S+ (?:float|int|bool)\w*)", line)
            parts = [part for part in match[3].split(", ") if re.fullmatch(r"n\d+|≈?-?[\d.e-]+", part)]
            operands = [("id" if part[0] == "n" else "text", part) for part in parts]
            operands += [("row", name) for name in OWNED if f"  {name} " in line]
            kind = "unknown" if match[2] == "not recorded" else "op"
            nodes[match[1]] = (kind, match[2], shape[1] if shape else "", operands, "")
        elif match := re.match(
            r"(n\d+) = (?:input|data|parameter|buffer)\b.*?  (\S+ (?:float|int|bool)\w*)(?:  value (.*))?$", line
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
        shape = next((row.replace(" · ", " ") for row in rows if re.search(r" · (float|int|bool)", row)), "")
        value = next((row.removeprefix("= ") for row in rows if row.startswith("= ")), "")
        if kind == "output":
            ends.append(next(sources))
        elif kind == "op":
            given = next((row for row in rows[1:] if "·" in row and row.replace(" · ", " ") != shape), "")
            parts = re.split(r", | [-+×/@] | \*\* | // ", given.strip("()")) if given else []
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


def of_drawing(svg):
    """Nodes of an SVG: the texts on its cards, and the lines from arrow to card, in the order that the arrows say."""
    elements = [element for element in svg.iter() if "display:none" not in element.get("style", "")]
    cards, rects = {}, {}
    for group in (e for e in elements if e.get("data-key")):
        texts = {}
        for text in sorted(group.iter("text"), key=lambda text: float(text.get("x"))):
            if text.get("class") != "badge-text":
                texts.setdefault(float(text.get("y")), []).append(text.text)
        kind = group.get("class").split()[1]
        kind = kind if kind in ("op", "output", "unknown", "module") else "source"
        cards[group.get("data-key")] = kind, ["  ".join(texts[y]) for y in sorted(texts)]
        x, y = map(float, re.findall(r"[\d.-]+", group.get("transform")))
        frame = group.find("*[@class='frame']")
        outline = [list(map(float, pair.split(","))) for pair in re.findall(r"[\d.]+,[\d.]+", frame.get("d") or "")]
        wide, tall = map(max, zip(*outline, strict=True)) if outline else (float(frame.get(k)) for k in ("width", "height"))
        rects[group.get("data-key")] = x, y, wide, tall
    lines, heads, places = {}, {}, {}
    for element in (e for e in elements if e.get("data-piece")):
        where, kind = element.get("data-piece"), element.get("class").split()[0]
        if kind == "place":
            places[where] = element.text
        elif element.get("d"):
            ends = [part.split()[-1] for part in re.findall(r"[MLC]([^MLCZ]+)", element.get("d"))]
            points = [tuple(map(float, end.split(","))) for end in ends]
            {"line": lines, "head": heads}[kind][where] = points
    assert all(ys == sorted(ys) for ys in ([y for _, y in line] for line in lines.values())), "a line runs upward"

    def source(where):
        """Follow a line back to the card that it comes from: out of a card, of the border of a box, or of another line."""
        x, y = lines[where][0]
        for key, (left, top, wide, tall) in rects.items():
            if left <= x <= left + wide and abs(y - top - tall) < 0.2:
                return key
        found = set()
        for other, line in lines.items():
            if other != where and any(abs(x - u) + abs(y - v) < 0.25 for u, v in line[1:]):
                found.add(source(other))
        assert len(found) == 1, "a line comes from one card"
        return found.pop()

    def target(where):
        x, y = heads[where][-1]
        (key,) = [k for k, (u, v, wide, _) in rects.items() if u <= x <= u + wide and abs(y - v) < 0.2]
        return key

    links = [
        (places.get(where, ""), source(where), target(where)) for where in reversed(heads)
    ]  # without a place: any order
    return cards, [link[1:] for link in sorted(links, key=lambda link: (len(link[0]), link[0]))]


def of_svg(text):
    return ET.fromstring(re.sub(r' xmlns="[^"]+"', "", text, count=1))


def of_html(text):
    """The drawing in a page, and its data."""
    (svg,) = re.findall(r'<svg id="graph".*?</svg>', text, re.S)
    return of_svg(svg), json.loads(re.findall(r'<script[^>]* id="data"[^>]*>(.*?)</script>', text, re.S)[0])


def of_data(data):
    """Nodes of the data of a page: its links, and the facts in the panel of each card."""
    cards = {}
    for key, about in data["details"].items():
        if key[0] == "n":
            facts = dict(about["facts"])
            kind = {"operation": "op", "unknown": "unknown", "output": "output"}.get(
                about["kind"].partition(" · ")[0], "source"
            )
            rows = [facts.get("operands", ""), f"{facts['shape']} · {facts['dtype']}"]
            rows += [f"= {facts['values']}"] if "values" in facts else []
            rows += [f"{name}  {facts[name]}" for name in OWNED if name in facts]
            cards[key] = kind, [about["title"].partition(" ")[0] if kind == "op" else about["title"], *filter(None, rows)]
    return cards, [link[:2] for link in data["links"]]


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
    text = {format: graph.render(format).decode() for format in ("json", "txt", "dot", "mmd", "svg", "html")}
    data = json.loads(text["json"])
    compare(*of_json(data), *recorder.expected(outputs, names, rows=False), "json")
    rows = recorder.expected(outputs, names, rows=True)
    compare(*of_text(text["txt"]), *rows, "txt")
    compare(*of_dot(text["dot"]), *rows, "dot")
    compare(*of_mermaid(text["mmd"]), *rows, "mmd")
    page, embedded = of_html(text["html"])
    compare(*of_labels(*of_data(embedded)), *rows, "data of the page")
    rows = recorder.expected(outputs, names, rows=True, drawn=True)
    compare(*of_labels(*of_drawing(of_svg(text["svg"]))), *rows, "svg", drawn=True)
    compare(*of_labels(*of_drawing(page)), *rows, "page", drawn=True)
    check_steps(embedded["tape"], data)
    known = {summary(result.array) for *_, result, _ in recorder.events}
    assert {node.value for node in graph.nodes if node.kind == "op"} <= known | {""}
    passed = {summary(array) for array in recorder.passed}
    for edge in graph.edges:  # an argument of a call, whose use was not recorded
        if graph.nodes[edge.target].kind == "unknown":
            assert graph.nodes[edge.source].value in passed | known


LOOPS = 11


def repeat(kind, count, x, other, net, numbers):
    """A part of a program that repeats: steps of a recurrence, equal modules, Newton steps, with all that may be in one."""
    collected, state, former = [], x, x
    for step in range(count):
        if kind == 0:
            state = (state * 2 + other).sin()
        elif kind == 1:
            state = 1 - net(state)[0]
        elif kind == 2:
            (slope,) = mg.autograd.grad((state**3).sum(), state, create_graph=True)
            state = state - slope / (other + 3)
        elif kind == 3:
            (slope,) = mg.autograd.grad(state.sin().sum(), state, create_graph=True)
            (curvature,) = mg.autograd.grad(slope.sum(), state, create_graph=True)
            state = state - slope / (curvature - 2)
        elif kind == 4:
            state = (other @ state - state).tanh()
            collected.append(state)
        elif kind == 5:
            with mg.no_grad():
                shift = other * 2
            state = (state + shift).sin()
        elif kind == 6:
            state = (state + fresh(numbers)) / 2  # data of its own in each step
        elif kind == 7:
            former, state = state, (state + former * 2).sin()
        elif kind == 8:
            state = ([x, *collected][(step * step + count) % (len(collected) + 1)] * 2).sin()
            collected.append(state)
        elif kind == 9:
            state = (state - other if step % 2 else other - state).sin()
        else:
            former = state
            state = (state * other).sin() + former.detach() * 0.5
            collected.append(state.tanh())
    return mg.stack(collected).sum(0) if collected else state


@settings(max_examples=60)
@given(program_steps, st.integers(0, LOOPS - 1), st.integers(2, 6), program_steps)
def test_folded_pictures_stand_for_what_was_recorded(before, kind, count, after):
    """Each card of a folded picture stands for as many operations as it says, with all their bytes; no edge is invented."""
    kept, recorder = [], Recorder()
    with recorder.watching(), np.errstate(all="ignore"):
        first = run(before, kept, recorder)[0]
        x = first if first.requires_grad else first * mg.tensor(fresh(itertools.count(50)), requires_grad=True)
        numbers = itertools.count(60)
        state = repeat(kind, count, x, mg.tensor(fresh(numbers), requires_grad=True), kept[0], numbers)
        output = state * run(after, kept, recorder)[0]
    unfolded = mg.viz.graph(output, names={}, show=("shapes", "saved", "primitives"), fold=False, depth=99)
    folded = unfolded.restyled(fold=True)
    whole, parts = lines_of(unfolded), lines_of(folded)
    for of in ("times", "saved"):
        assert totals(parts, of) == totals(whole, of)
    known = {(whole[source]["what"], line["what"]) for line in whole.values() for source in line["sources"]}
    assert {(parts[source]["what"], line["what"]) for line in parts.values() for source in line["sources"]} <= known
    check_folded_drawing(of_svg(folded.render("svg").decode()), parts)
    check_folded_drawing(of_html(folded.render("html").decode())[0], parts)
    check_blocks(folded)
    total = brute_force_saved(output)
    assert sum(node.saved for node in unfolded.nodes) == total
    default = mg.viz.graph(output, names={})
    _, data = of_html(default.render("html").decode())
    assert sum(saved for key, saved in data["saved"].items() if key in unopened(data)) == total
    texts = re.findall(r"  saved ([\d.]+) (k?)B", str(default))
    assert abs(sum(float(text) * (1000 if kilo else 1) for text, kilo in texts) - total) <= 51 * len(texts)


def check_blocks(graph):
    """Every block of a row takes its operands from the same places as the one before: in it, in the former, or outside."""
    view, into, place = view_of(graph.ir, graph.look), {}, {}
    for edge in graph.edges:
        into.setdefault(edge.target, []).append(edge.source)
    rows = {}
    for card in view.cards.values():
        folds = [view.boxes[box].times for box in ancestors(view.boxes, card.group) if view.boxes[box].times > 1]
        if card.copies > 1 and [*folds, *([card.times] if card.times > 1 else [])] == [card.copies] == [len(card.members)]:
            rows[card.key] = card
            place.update({member: (card.key, block) for block, member in enumerate(card.members)})
    for card in rows.values():

        def taken(block, card=card):
            for source in into.get(card.members[block], ()):
                key, of = place.get(source, (source, None))
                alike = of is not None and rows[key].copies == card.copies
                yield (key, of - block) if alike else (source, None)

        first, *others = (list(taken(block)) for block in range(card.copies))
        assert all(other == others[0] for other in others[1:])
        assert all(offset in (0, -1, None) for _, offset in others[0])
        assert [part for part in first if part[1] == 0] == [part for part in others[0] if part[1] == 0]
        assert len(first) == len(others[0])


def unopened(data):
    """The cards of a page that stand for no open box."""
    return {key for key in data["boxOf"] if key[1:] not in data["parents"] or key[0] == "n"}


def lines_of(graph):
    """What the text format says of each value: its operation, how many it stands for, its bytes, and where it is from."""
    found = {}
    for line in str(graph).split("\n"):
        line = line.strip(" │├└─")
        if match := re.match(r"(n\d+) = ([\w ]+?)\((.*?)\)(?=  )(.*)", line):
            key, name, given, rest = match.groups()
            parts = re.split(r", (?![^()]*\))", given) if given else []
            sources = [part.split(" ×") for part in parts if re.fullmatch(r"n\d+( ×\d+)?", part)]
            other = tuple(part for part in parts if not re.fullmatch(r"n\d+( ×\d+)?", part))
            shape = re.search(r"  (\S+ (?:float|int|bool)\w*)", rest)
            arity = sum(int(times[0]) if times else 1 for _, *times in sources)
            what = name, shape[1] if shape else "", other, arity
            sources = [source for source, *_ in sources]
        elif match := re.match(r"(n\d+) = (?:input|data|parameter|buffer)\b.*?(  .*)", line):
            key, rest = match.groups()
            what, sources = ("source", re.search(r"  (\S+ (?:float|int|bool)\w*)", rest)[1]), []
        else:
            continue
        times, saved = re.search(r"  ×(\d+)", rest), re.search(r"saved (\d+) B", rest)
        assert "kB" not in rest
        found[key] = {
            "what": what, "times": int(times[1]) if times else 1, "saved": int(saved[1]) if saved else 0, "sources": sources
        }  # fmt: skip
    return found


def totals(lines, of):
    found = Counter()
    for line in lines.values():
        found[line["what"]] += line[of]
    return found


def check_folded_drawing(svg, lines):
    """The links are those of the text; a badge, times the numbers on the boxes around it, is how many a card stands for.

    On a page the functions of several results are closed, and less may be folded: then there is nothing to compare.
    """
    cards, links = of_drawing(svg)
    if not {key for key, (kind, _) in cards.items() if key[0] == "n" and kind != "output"} <= lines.keys():
        return
    wanted = Counter((source, key) for key, line in lines.items() for source in line["sources"])
    both = cards.keys() & lines.keys()
    assert Counter(link for link in links if both.issuperset(link)) == Counter(
        {link: times for link, times in wanted.items() if both.issuperset(link)}
    )
    boxes = {}
    for rect in svg.iter("rect"):
        if rect.get("data-box") and "copies" not in rect.get("class"):
            boxes[rect.get("data-box")] = [float(rect.get(name)) for name in ("x", "y", "width", "height")]
    repeated = {
        text.get("data-box"): int(times[1])
        for text in svg.iter("text")
        if text.get("data-box") and (times := re.search(r"×(\d+)$", text.text))
    }
    for group in svg.iter("g"):
        if group.get("data-key") in lines and group.get("data-key") in cards:
            x, y = map(float, re.findall(r"[\d.-]+", group.get("transform")))
            badges = [int(text.text[1:]) for text in group.iter("text") if text.get("class") == "badge-text"]
            for box, times in repeated.items():
                left, top, wide, tall = boxes[box]
                badges += [times] if left <= x <= left + wide and top <= y <= top + tall else []
            assert np.prod(badges, dtype=int) == lines[group.get("data-key")]["times"]


def brute_force_saved(output):
    """The bytes of all buffers that the rules on the tape keep, but those of leaves."""
    nodes = tape(output)
    leaves = {id(owner(node.receiver().array)) for node in nodes if node.primitive is None}
    kept = {}
    for node in nodes:
        for (kind, _), value in zip(node.plan.saves, node.saved, strict=True) if node.primitive else ():
            for array in value if isinstance(value, tuple) else (value,):
                if kind in ("arg", "out") and isinstance(array, np.ndarray):
                    kept[id(owner(array))] = owner(array).nbytes
    return sum(size for key, size in kept.items() if key not in leaves)


def check_steps(steps, data):
    """Backward, step by step, goes from each recorded operation along each tracked edge, newest first."""
    into = {}
    for edge in data["edges"]:
        if edge["tracked"]:
            into.setdefault(edge["target"], set()).add(edge["source"])
    recorded = [node["id"] for node in data["nodes"] if node["kind"] == "op" and node["id"] in into]
    assert [step["id"] for step in steps] == recorded[::-1]
    for step in steps:
        assert {into_.partition(" ")[0] for _, _, into_, _ in step["rules"]} <= into[step["id"]]


def compare(nodes, drawn_ends, expected, ends, format, drawn=False):
    found, shown = digests(nodes, drawn_ends, drawn)
    assert found == expected, (format, found - expected, expected - found)
    assert shown == ends, format
