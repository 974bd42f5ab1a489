"""The built-in layout: nothing overlaps, lines end where they should, the main path is straight, and time is linear."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.viz.graphs.html import page_of, placed
from minigrad.viz.graphs.layout.coordinates import coordinates
from minigrad.viz.graphs.layout.ordering import order
from minigrad.viz.graphs.layout.placing import ARROW, place
from minigrad.viz.graphs.layout.ranks import rank
from minigrad.viz.graphs.scene import scene
from tests.viz.graphs.samples import chain, derivative, stacked, sum_of_two


def laid_out(graph):
    made = scene(graph.ir, graph.look)
    return made, place(made.frames, made.sizes, made.spacing, made.sideways)


def apart(a, b):
    return a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]


def inside(a, b):
    return b[0] <= a[0] and b[1] <= a[1] and a[0] + a[2] <= b[0] + b[2] + 0.01 and a[1] + a[3] <= b[1] + b[3] + 0.01


def check(view, page, ways, frames, sideways=False):
    """Cards are apart, inside their boxes and outside all others; each link runs unbroken from its source to its target."""
    cards = list(page.cards.items())
    for i, (key, rect) in enumerate(cards):
        assert all(apart(rect, other) for _, other in cards[i + 1 :])
        around, at = set(), view.cards[key].group if key in view.cards else view.boxes[int(key[1:])].parent
        while at >= 0:
            around.add(at)
            at = view.boxes[at].parent
        for box, other in page.boxes.items():
            assert inside(rect, other) if box in around else apart(rect, other)
    for link, way in zip(view.links, ways, strict=True):
        lines = [page.lines[piece] for piece in way if piece in page.lines]
        for former, latter, (box, i) in zip(lines, lines[1:], way[1:], strict=False):
            assert former[-1] == pytest.approx(latter[0]) or frames[box].pieces[i].branch
        if not lines or link.target not in page.cards:
            continue
        x, y, w, h = page.cards[link.target]
        end_x, end_y = lines[-1][-1]
        if sideways:
            assert end_x == pytest.approx(x - ARROW) and y <= end_y <= y + h
        else:
            assert end_y == pytest.approx(y - ARROW) and x <= end_x <= x + w
        first = frames[way[0][0]].pieces[way[0][1]]
        if not first.branch and link.source in page.cards:
            x, y, w, h = page.cards[link.source]
            start_x, start_y = lines[0][0]
            assert (start_x == pytest.approx(x + w)) if sideways else (start_y == pytest.approx(y + h))


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize(
    "output", [lambda: sum_of_two()[0], lambda: stacked()[0], lambda: derivative(4), lambda: chain(40)],
    ids=["sum of two", "residual", "fourth derivative", "chain"],
)  # fmt: skip
def test_cards_boxes_and_lines_are_where_they_should(output, direction):
    graph = mg.viz.graph(output(), direction=direction, fold=False, names={})
    made, page = laid_out(graph)
    check(made.view, page, made.ways, made.frames, direction == "LR")


@given(st.integers(0, 2**32 - 1), st.integers(3, 40))
def test_random_graphs_are_laid_out_without_overlaps(seed, size):
    rng = random.Random(seed)
    values = [mg.tensor(np.ones(2), requires_grad=True) for _ in range(2)]
    for _ in range(size):
        values.append(rng.choice(values[-5:]) * rng.choice(values))
    made, page = laid_out(mg.viz.graph(sum(values[-3:], values[-1]), fold=False, names={}))
    check(made.view, page, made.ways, made.frames)


@given(st.sets(st.integers(0, 30), max_size=12))
def test_boxes_may_be_closed_in_any_combination(chosen):
    made, _ = page_of(mg.viz.graph(stacked(2)[0], fold=False, names={}).ir, mg.viz.graph(mg.ones(1)).look)
    shut = {key for i, key in enumerate(made.view.boxes) if i in chosen}
    check(made.view, placed(made, shut), made.ways, made.frames)


def test_the_main_path_is_straight_and_what_skips_goes_around_it():
    loss, net = stacked(2)
    made, page = laid_out(mg.viz.graph(loss, model=net, fold=False, names={}))
    centres = {round(x + w / 2, 3) for x, _, w, _ in page.cards.values()}
    middles = [round(x + w / 2, 3) for key, (x, _, w, _) in page.cards.items() if made.view.cards[key].title == "linear"]
    assert len(set(middles)) == 1 and len(centres) <= 2


def test_a_diamond_is_symmetric():
    x = mg.tensor(1.0, requires_grad=True)
    _, page = laid_out(mg.viz.graph(x.sin() + x.cos(), names={}))
    x0, left, right, total, _ = (rect[0] + rect[2] / 2 for rect in page.cards.values())
    assert x0 == pytest.approx((left + right) / 2) == pytest.approx(total)


def test_ranks_put_everything_below_its_sources_and_inputs_near_their_users():
    ranked = rank(4, [(0, 1, 0), (1, 2, 1), (3, 2, 3), (0, 2, 0)], (), ())
    assert ranked.ranks[:4] == [0, 1, 2, 1]
    assert ranked.paths == [[0, 1], [1, 2], [3, 2], [0, 4, 2]]


def test_a_value_used_often_is_one_trunk():
    count = 2000
    ranked = rank(count + 1, [(i, i + 1, i) for i in range(count)] + [(0, i, 0) for i in range(2, count)], (), ())
    assert len(ranked.ranks) - count - 1 <= count and sum(map(len, ranked.paths)) < 8 * count


def test_more_long_links_than_can_be_laid_out_go_straight_across():
    count = 800
    links = [(i, i + 1, i) for i in range(count)] + [(i, count, i) for i in range(count)]
    ranked = rank(count + 1, links, (), ())
    assert len(ranked.ranks) <= count + 1 + 50_000 + 20 * (count + 1)
    assert all(len(path) >= 2 and path[-1] == target for path, (_, target, _) in zip(ranked.paths, links, strict=True))


def test_a_cycle_is_laid_out_too():
    ranked = rank(3, [(0, 1, 0), (1, 2, 1), (2, 0, 2)], (), ())
    assert sorted(item for layer in ranked.layers for item in layer if item < 3) == [0, 1, 2]


def test_sweeps_untangle_what_can_be_untangled():
    above, below = [[], [], [1], [0]], [[3], [2], [], []]
    assert order([[0, 1], [2, 3]], above, below, lambda u, v: 0.0) == [[0, 1], [3, 2]]


def test_blocks_keep_their_distance():
    layers, above, below = [[0, 1, 2], [3]], [[], [], [], [0, 1, 2]], [[3], [3], [3], []]
    x = coordinates(layers, above, below, 4, set(), lambda u, v: 10.0, lambda v, u: 0.0)
    assert x == [0.0, 10.0, 20.0, 10.0]


def test_a_chain_of_5_000_and_a_diamond_of_60_take_linear_time():
    drawn = {}
    for length in (500, 5_000):
        graph = mg.viz.graph(chain(length), fold=False, names={})
        drawn[length] = [len(graph.render(format)) for format in ("svg", "dot", "mmd")]
    assert all(large < 11 * small for small, large in zip(*drawn.values(), strict=True))  # bytes, not seconds
    y = mg.tensor(1.0, requires_grad=True)
    for _ in range(60):
        y = y + y
    graph = mg.viz.graph(y, fold=False, names={})
    assert (len(graph.nodes), len(graph.edges)) == (62, 121) and len(graph.render("svg")) < 60_000


def test_nothing_recurses():
    y = mg.tensor(1.0, requires_grad=True)
    for _ in range(10_000):
        y = y.sin()
    graph = mg.viz.graph(y, names={})
    assert len(graph.nodes) == 10_002 and "×10,000" in graph.render("svg").decode() and "×10000" in str(graph)
    assert len(str(graph.restyled(fold=False)).splitlines()) == 10_003
