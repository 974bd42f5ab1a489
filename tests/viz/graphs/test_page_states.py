"""The page in many states: boxes opened and closed, searches and steps at random, in headless Chromium.

After each of 200 actions, every number on the page is computed again from the tape and the parameters, no two boxes overlap,
and every line ends at its card.
"""

import json
import random
import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.engine.fused import unfused
from minigrad.viz.graphs.html import page_of
from minigrad.viz.graphs.numbers import byte_count, sizes
from tests.viz.graphs.browser import IN_A_BROWSER, in_browser
from tests.viz.graphs.samples import Stack
from tests.viz.graphs.test_layout import apart, inside
from tests.viz.graphs.test_numbers import owner, tape

ACTIONS = 200
BAR = 44.0  # pixels of the longest bar
ARROW = 7.0
WORDS = ["weight", "norm1", "linear", "add", "n1", "zzz", "BLOCKS", "layers.1.linear2.bias", "loss", "×", "LSTM", ""]

LOOK = """
const number = (element, ...names) => names.map((name) => Number(element.getAttribute(name)));
const numbers = (text) => (text.match(/-?[0-9.]+/g) || []).map(Number);
const visible = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.style.display !== "none");
const look = () => {
  const found = { cards: {}, boxes: {}, copies: [], lines: {}, heads: {} };
  for (const card of visible("#graph .card")) {
    const { width, height } = card.querySelector(".frame").getBBox(), bar = card.querySelector(".bar");
    found.cards[card.dataset.key] = {
      rect: [...numbers(card.getAttribute("transform")), width, height],
      texts: [...card.querySelectorAll("text")].map((e) => e.textContent),
      bar: bar && number(bar, "x", "width"),
    };
  }
  for (const box of visible("rect.box")) {
    const title = visible(`.box-title[data-box="${box.dataset.box}"]`);
    found.boxes[box.dataset.box] = {
      rect: number(box, "x", "y", "width", "height"),
      titles: title.map((e) => e.textContent),
    };
  }
  for (const rect of visible("rect.copies[data-box]")) {
    found.copies.push([rect.dataset.box, ...number(rect, "x", "y", "width", "height")]);
  }
  for (const line of visible("path.line")) found.lines[line.dataset.piece] = numbers(line.getAttribute("d"));
  for (const head of visible("path.head")) found.heads[head.dataset.piece] = numbers(head.getAttribute("d"));
  const keys = (selector) => visible(selector).map((e) => e.dataset.key);
  return {
    ...found, hits: document.getElementById("hits").textContent, step: document.getElementById("step").textContent,
    panel: document.getElementById("details").textContent, now: keys(".card.now"), done: keys(".card.done"),
    foundCards: keys(".card.found"), foundBoxes: visible("rect.box.found").map((e) => e.dataset.box),
    heading: document.querySelector("h1").textContent,
  };
};
const click = (element) => element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
const search = document.getElementById("search");
const act = {
  box: (key) => click(document.querySelector(`.box-title[data-box="${key}"]`)),
  card: (key) => click(document.querySelector(`.card[data-key="${key}"]`)),
  button: (id) => click(document.getElementById(id)),
  search: (words) => { search.value = words; search.dispatchEvent(new Event("input")); },
  enter: () => search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" })),
};
"""


class Truth:
    """The numbers of each operation, from the tape alone."""

    def __init__(self, loss, model, ir):
        self.ir, self.model = ir, model
        nodes = [node for node in tape(loss) if node.primitive is not None]
        ops = [i for i, node in enumerate(ir.nodes) if node.kind == "op" and node.rules]  # others are not on the tape
        self.node = dict(zip(ops, nodes, strict=True))
        names = {id(p.node): name for name, p in model.named_parameters()}
        sizes_of = {name: p.numel() for name, p in model.named_parameters()}
        self.sizes = sizes_of
        seen = {id(owner(p.array)) for p in model.parameters()}
        self.saved, self.parameters = {}, {}
        for i, node in self.node.items():
            self.saved[i] = 0
            for (kind, _), value in zip(node.plan.saves, node.saved, strict=True):
                values = value if isinstance(value, tuple | list) else (value,)
                for array in (v for v in values if kind in ("arg", "out") and isinstance(v, np.ndarray)):
                    if id(owner(array)) not in seen:
                        seen.add(id(owner(array)))
                        self.saved[i] += owner(array).nbytes
            self.parameters[i] = [names[id(parent)] for parent in node.parents if id(parent) in names]
        self.gradient = {}
        for i, node in self.node.items():
            node.hooks = {**(node.hooks or {}), -7: lambda g, i=i: self.gradient.__setitem__(i, g.numpy().copy())}
        loss.backward(retain_graph=True)
        for node in self.node.values():
            del node.hooks[-7]
        model.zero_grad()

    def strengths(self, i):
        g = self.gradient[i].astype(np.float64)
        return float(np.sqrt(np.mean(g * g)))


class Page:
    """What the page must show after each action."""

    def __init__(self, graph, truth):
        self.truth, self.ir = truth, graph.ir
        self.scene, self.closed = page_of(graph.ir, graph.look)
        self.boxes, self.cards = self.scene.view.boxes, self.scene.view.cards
        self.newest_first = [i for i in reversed(truth.node) if any(i in card.members for card in self.cards.values())]
        self.words, self.hits, self.hit, self.step = "", [], -1, -1

    def around(self, card):
        """The boxes around a card or a box, innermost first."""
        at = self.boxes[int(card[1:])].parent if card[0] == "g" and int(card[1:]) in self.boxes else self.cards[card].group
        while at >= 0:
            yield at
            at = self.boxes[at].parent

    def shown(self, card):
        """The card that is seen for a card."""
        return next((f"g{box}" for box in reversed(list(self.around(card))) if box in self.closed), card)

    def members(self):
        """The cards that must be seen, and the nodes each stands for."""
        found = {}
        for key, card in self.cards.items():
            found.setdefault(self.shown(key), []).extend(card.members)
        return found

    def open_boxes(self):
        return [
            key for key in self.boxes if key not in self.closed and not any(k in self.closed for k in self.around(f"g{key}"))
        ]

    def searched(self):
        every = {**self.cards, **self.scene.closed}
        found = []
        for key, card in every.items():
            ids, names = [], []
            if key[0] == "n" or int(key[1:]) not in self.boxes:
                names = [self.ir.nodes[i].name for i in card.every_parameter]
            if key[0] == "n":
                ids = [f"n{i}" for i in card.every_value]
            text = " ".join(filter(None, [card.title, card.tag, card.path, *names, *ids])).lower()
            if self.words and self.words.strip().lower() in text:
                found.append(key)
        return found

    def random_action(self, rng):
        kind = rng.choice(
            [
                "box",
                "box",
                "card",
                "card",
                "card",
                "close",
                "open",
                "search",
                "enter",
                "further",
                "former",
                "next",
                "back",
                "reset",
                "larger",
                "fit",
                "theme",
            ]
        )
        if kind == "box":
            boxes = self.open_boxes()
            return ("box", str(rng.choice(boxes))) if boxes else ("button", "open")
        if kind == "card":
            cards = [key for key in self.members() if key[0] == "g" and int(key[1:]) in self.boxes]
            return ("card", rng.choice(cards)) if cards else ("button", "close")
        if kind == "search":
            return "search", rng.choice(WORDS)
        return ("enter", "") if kind == "enter" else ("button", kind)

    def act(self, kind, what):
        if kind == "box":
            self.closed.add(int(what))
        elif kind == "card":
            self.closed.discard(int(what[1:]))
        elif kind == "search":
            self.words, self.hit = what, -1
        elif kind == "enter" or what in ("further", "former"):
            self.go(1 if kind == "enter" or what == "further" else -1)
        elif what == "close":
            self.closed = {key for key, box in self.boxes.items() if box.kind != "lane"}
        elif what == "open":
            self.closed = set()
        elif what in ("next", "back", "reset"):
            by = {"next": self.step + 1, "back": self.step - 1, "reset": -1}[what]
            self.step = max(-1, min(len(self.newest_first) - 1, by))

    def go(self, by):
        hits = self.searched()
        if hits:
            self.hit = (0 if by > 0 else len(hits) - 1) if self.hit < 0 else (self.hit + by) % len(hits)


def check_numbers(page, seen):
    """Every number on the visible cards is that of the tape; together they hold every operation once."""
    truth, members = page.truth, page.members()
    assert seen["cards"].keys() == members.keys()
    assert sorted(i for held in members.values() for i in held if i in truth.node) == sorted(truth.node)
    operations = [i for i, node in enumerate(page.ir.nodes) if node.kind == "op"]
    assert sorted(i for held in members.values() for i in held if i in operations) == operations
    total = sum(truth.saved.values())
    assert seen["heading"].endswith(f"{byte_count(total)} saved for backward")
    assert f"{sum(truth.sizes.values()):,} parameters" in seen["heading"]
    most = max(sum(truth.saved.get(i, 0) for i in held) for held in members.values())
    for key, held in members.items():
        card, ops = seen["cards"][key], [i for i in held if i in truth.node]
        text, made = "\n".join(card["texts"]), page.scene.closed.get(key) or page.cards[key]
        saved = sum(truth.saved[i] for i in ops)
        assert re.findall(r"saved (.*B)", text) == ([byte_count(saved)] if saved else [])
        if card["bar"]:  # one scale for all cards, and inside its own
            at, wide = card["bar"]
            assert wide == pytest.approx(max(1.5, BAR * saved / most), abs=0.06) and at + wide <= card["rect"][2]
        if not ops:
            continue
        assert (sizes(truth.node[made.value].shape) if made.value in truth.node else "") in text
        used = list(dict.fromkeys(name for i in ops for name in truth.parameters[i]))
        counted = re.findall(r"([\d,]+) parameters", text)
        if counted:
            assert counted == [f"{sum(truth.sizes[name] for name in used):,}"]
            assert re.findall(r"in (\d+) tensors", text) in ([], [str(len(used))])
        else:
            rows = [line.partition(" ×") for line in text.split("\n") if line.partition(" ×")[0] in truth.sizes]
            assert sum(int(times or 1) for _, _, times in rows) == (0 if page.scene.compact else len(used))
        badge = re.findall(r"^×([\d,]+)$", text, re.M)
        assert badge == ([str(made.times)] if made.times > 1 else [])
        strengths = sorted({page.truth.strengths(i) for i in made.every_value if i in truth.node})
        for low, high in re.findall(r"^gradient\n(\S+) … (\S+)$", text, re.M) or [
            (one, one) for one in re.findall(r"^(\S+)\ngradient$", text, re.M)
        ]:
            assert float(low) == pytest.approx(strengths[0], rel=2e-3, abs=1e-30)
            assert float(high) == pytest.approx(strengths[-1], rel=2e-3, abs=1e-30)


def check_geometry(page, seen):
    """Cards are apart and in their boxes alone; boxes are one in the other or apart; lines end at cards."""
    cards = {key: card["rect"] for key, card in seen["cards"].items()}
    boxes = {int(key): box["rect"] for key, box in seen["boxes"].items()}
    assert sorted(boxes) == sorted(page.open_boxes()) and all(len(box["titles"]) == 1 for box in seen["boxes"].values())
    for key, box in seen["boxes"].items():
        assert box["titles"][0].startswith(page.boxes[int(key)].title + page.boxes[int(key)].count)
    rects = [(key, *rect) for key, rect in cards.items()]
    for i, (key, *rect) in enumerate(rects):
        assert all(apart(rect, other) for _, *other in rects[i + 1 :])
        around = set(page.around(key))
        assert all(inside(rect, other) if box in around else apart(rect, other) for box, other in boxes.items())
    for key, rect in boxes.items():
        around = set(page.around(f"g{key}"))
        for box, other in boxes.items():
            if box != key:
                assert inside(rect, other) if box in around else inside(other, rect) or apart(rect, other)
    for box, x, y, *size in seen["copies"]:
        left, top, *outline = boxes[int(box)]
        assert size == outline and 4 <= round(x - left, 1) == round(y - top, 1) <= 8
    for link, way in zip(page.scene.view.links, page.scene.ways, strict=True):
        source, target = page.shown(link.source), page.shown(link.target)
        if source == target:
            continue
        lines = []
        for box, i in way:
            if box not in (-1, *boxes) or (box >= 0 and box in page.closed):
                continue
            lines.append((f"{box}:{i}", page.scene.frames[box].pieces[i].branch))
        assert lines and all(piece in seen["lines"] for piece, _ in lines)
        for (piece, branch), (former, _) in zip(lines[1:], lines, strict=False):
            if not branch:
                assert seen["lines"][piece][:2] == pytest.approx(seen["lines"][former][-2:], abs=0.3)
        first, last = lines[0], lines[-1][0]
        x, y, w, h = cards[target]
        tip = seen["heads"][last][-2:]
        assert tip[1] == pytest.approx(y, abs=0.3) and x <= tip[0] <= x + w
        assert seen["lines"][last][-1] == pytest.approx(y - ARROW, abs=0.3) or len(seen["lines"][last]) == 4
        if not first[1]:
            x, y, w, h = cards[source]
            at = seen["lines"][first[0]][:2]
            assert at[1] == pytest.approx(y + h, abs=0.3) and x <= at[0] <= x + w


def check_search_and_steps(page, seen):
    """The count of hits is right and each is marked; the card of the step is marked, with what came before."""
    hits = page.searched()
    if not page.words:
        assert seen["hits"] == "" and not seen["foundCards"]
    elif not hits:
        assert seen["hits"] == "nothing found" and not seen["foundCards"]
    else:
        assert seen["hits"] == (f"{len(hits)} found" if page.hit < 0 else f"{page.hit + 1} of {len(hits)}")
        marked = {page.shown(key) for key in hits}
        opened = {str(key) for key in page.open_boxes()}
        assert set(seen["foundBoxes"]) == {key[1:] for key in marked if key[1:] in opened and key[0] == "g"}
        assert set(seen["foundCards"]) == {key for key in marked if key in seen["cards"]}
    steps = page.newest_first
    card_of = {i: page.shown(key) for key, card in page.cards.items() for i in card.members}
    if page.step < 0:
        assert seen["step"].startswith(f"{len(steps)} steps") and not seen["now"] + seen["done"]
    else:
        now = card_of[steps[page.step]]
        assert seen["step"] == f"step {page.step + 1} of {len(steps)}" and seen["now"] == [now]
        assert set(seen["done"]) == {card_of[i] for i in steps[: page.step]} - {now}


def residual():
    mg.manual_seed(0)
    net = Stack(4)
    x = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    return (net(x) ** 2).mean(), net


def encoder():
    mg.manual_seed(0)
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 4)
    with unfused():  # for test_parts.py, what a kernel saves
        return (net(mg.randn(2, 3, 8)) ** 2).mean(), net


def recurrent():
    mg.manual_seed(0)
    net = nn.LSTM(3, 4, batch_first=True)
    with unfused():
        return (net(mg.randn(2, 6, 3))[0] ** 2).mean(), net


def descent():
    """Steps along the gradient of a network: its calls and their derivatives take turns."""
    mg.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), mg.randn(4, 2, requires_grad=True)
    for _ in range(4):
        (g,) = mg.autograd.grad(net(x).square().sum(), x, create_graph=True)
        x = x - 0.1 * g
    return (x**2).mean(), net


@IN_A_BROWSER
@pytest.mark.parametrize(
    ("made", "show"),
    [
        (residual, "saved shapes grads"),
        (encoder, "saved shapes"),
        (recurrent, "saved shapes grads"),
        (descent, "saved shapes"),
    ],
    ids=["residual", "encoder", "recurrent", "descent"],
)
def test_every_state_of_the_page_is_true(made, show, tmp_path):
    loss, net = made()
    graph = mg.viz.graph(loss, model=net, names={}, show=show.split())
    truth = Truth(loss, net, graph.ir)
    page, rng, actions, states = Page(graph, truth), random.Random(made.__name__), [], []
    for _ in range(ACTIONS):
        action = page.random_action(rng)
        actions.append(action)
        page.act(*action)
        if action[0] == "enter" or action[1] in ("further", "former"):
            order = sorted(page.searched(), key=_order(page))
            for box in page.around(order[page.hit]) if order else ():
                page.closed.discard(box)
        states.append((set(page.closed), page.words, page.hit, page.step))
    loop = "for (const [kind, what] of actions) { act[kind](what); states.push(look()); } return states;"
    script = f"{LOOK} const states = [look()], actions = {json.dumps(actions)}; {loop}"
    result = in_browser(graph.render("html").decode(), script, tmp_path)
    assert result["faults"] == []
    fresh = Page(graph, truth)
    for action, seen, state in zip(
        [None, *actions], result["answer"], [(set(fresh.closed), "", -1, -1), *states], strict=True
    ):
        page.closed, page.words, page.hit, page.step = state
        for check in (check_numbers, check_geometry, check_search_and_steps):
            try:
                check(page, seen)
            except AssertionError as error:
                error.add_note(f"after {action}")
                raise


def _order(page):
    """Hits are visited from the first operation to the last; a box comes before what is in it."""
    every = {**page.cards, **page.scene.closed}
    return lambda key: (every[key].members[0], key[0] == "n", key)
