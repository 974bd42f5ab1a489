"""The page: what a reader does to it, done in headless Chromium; and what it must be without one."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import minigrad as mg
from minigrad.viz.graphs.html import page_of, placed
from minigrad.viz.palette import DARK, LIGHT
from tests.viz.graphs.browser import IN_A_BROWSER, in_browser
from tests.viz.graphs.samples import stacked, sum_of_two

POSITIONS = """
const positions = () => {
  const found = { cards: {}, boxes: {}, lines: {} };
  for (const card of document.querySelectorAll(".card")) if (card.style.display !== "none")
    found.cards[card.dataset.key] = card.getAttribute("transform").match(/[-0-9.]+/g).map(Number);
  for (const box of document.querySelectorAll("rect.box")) if (box.style.display !== "none")
    found.boxes[box.dataset.box] = ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)));
  for (const line of document.querySelectorAll("path.line")) if (line.style.display !== "none")
    found.lines[line.dataset.piece] = line.getAttribute("d").match(/[-0-9.]+/g).map(Number);
  return found;
};
const click = (element) => element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
"""


def expected(scene, shut):
    page = placed(scene, shut)
    return {
        "cards": {key: rect[:2] for key, rect in page.cards.items()},
        "boxes": {str(key): rect for key, rect in page.boxes.items()},
        "lines": {f"{box}:{i}": [line[0], line[-1]] for (box, i), line in page.lines.items()},
    }


def same(found, wanted):
    for kind in ("cards", "boxes", "lines"):
        assert found[kind].keys() == wanted[kind].keys()
    for kind in ("cards", "boxes"):
        for key, rect in wanted[kind].items():
            assert found[kind][key] == pytest.approx(rect, abs=0.2)
    for key, (first, last) in wanted["lines"].items():
        assert found["lines"][key][:2] == pytest.approx(first, abs=0.2)
        assert found["lines"][key][-2:] == pytest.approx(last, abs=0.2)


@pytest.fixture(scope="module")
def graph():
    loss, net = stacked(2)
    return mg.viz.graph(loss, model=net, show=("shapes", "saved", "grads"), fold=False, names={"loss": loss})


@IN_A_BROWSER
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_a_click_closes_a_box_and_everything_is_where_python_says(graph, direction, tmp_path):
    graph = graph.restyled(direction=direction, depth=9)
    scene, shut = page_of(graph.ir, graph.look)
    key = next(key for key, box in scene.view.boxes.items() if box.title == "blocks.0")
    script = (
        POSITIONS
        + f"""
    const steps = [positions()];
    click(document.querySelector('.box-title[data-box="{key}"]')); steps.push(positions());
    click(document.querySelector('.card[data-key="g{key}"]')); steps.push(positions());
    click(document.getElementById("close")); steps.push(positions());
    click(document.getElementById("open")); steps.push(positions());
    return steps;"""
    )
    result = in_browser(graph.render("html").decode(), script, tmp_path)
    assert result["faults"] == []
    closable = {k for k, box in scene.view.boxes.items() if box.kind != "lane"}
    for found, state in zip(result["answer"], (shut, shut | {key}, shut, closable, set()), strict=True):
        same(found, expected(scene, state))
    assert f"g{key}" in result["answer"][1]["cards"] and f"g{key}" not in result["answer"][2]["cards"]


@IN_A_BROWSER
def test_hover_search_details_and_the_steps_of_backward(graph, tmp_path):
    script = (
        POSITIONS
        + """
    const found = {};
    const keys = (selector) => [...document.querySelectorAll(selector)].map((e) => e.dataset.key);
    const panel = document.getElementById("details");
    const card = [...document.querySelectorAll(".card")].find((e) => e.textContent.includes("tanh"));
    card.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
    found.lit = keys(".card.lit"); found.dim = document.getElementById("graph").classList.contains("dim");
    document.getElementById("graph").dispatchEvent(new MouseEvent("mouseleave"));
    found.after = document.getElementById("graph").classList.contains("dim");
    click(card); found.details = panel.textContent;
    const box = document.getElementById("search");
    box.value = "head.WEIGHT"; box.dispatchEvent(new Event("input"));
    found.search = keys(".card.found");
    box.value = ""; box.dispatchEvent(new Event("input"));
    found.nothing = keys(".card.found");
    found.steps = [];
    for (let i = 0; i < 40; i++) {
      click(document.getElementById("next"));
      found.steps.push([document.getElementById("step").textContent, keys(".card.now"), panel.textContent]);
    }
    click(document.getElementById("back")); found.back = document.getElementById("step").textContent;
    click(document.getElementById("reset")); found.reset = keys(".card.now, .card.done");
    click(document.getElementById("theme")); found.theme = document.documentElement.dataset.theme;
    found.paper = getComputedStyle(document.body).backgroundColor;
    click(document.getElementById("larger")); click(document.getElementById("fit"));
    found.tab = document.activeElement.tagName;
    return found;"""
    )
    result = in_browser(graph.render("html").decode(), script, tmp_path)
    found = result["answer"]
    assert result["faults"] == [] and found["dim"] and not found["after"] and found["theme"] == "dark"
    assert found["paper"] == "rgb({}, {}, {})".format(*bytes.fromhex(DARK["paper"][1:]))
    ir = graph.ir
    (tanh,) = [i for i, n in enumerate(ir.nodes) if n.name == "tanh"]
    assert f"n{tanh}" in found["lit"] and f"n{len(ir.nodes) - 1}" in found["lit"]
    assert not any(ir.nodes[int(key[1:])].kind == "data" for key in found["lit"] if key[0] == "n")
    assert "g * sech_squared(x)" in found["details"] and "float32" in found["details"]
    assert found["search"] and found["nothing"] == [] == found["reset"]
    tape = [i for i in range(len(ir.nodes) - 1, -1, -1) if ir.nodes[i].rules]
    for i, (label, now, text) in enumerate(found["steps"]):
        at = min(i, len(tape) - 1)
        assert label == f"step {at + 1} of {len(tape)}" and len(now) == 1
        assert text.startswith(f"{ir.nodes[tape[at]].name} (n{tape[at]})")
    assert found["back"] == f"step {len(tape) - 1} of {len(tape)}"


def test_the_page_is_one_small_file():
    net = mg.models.SimpleConvNet()
    initial = {name: value.numpy() + 0.01 for name, value in net.state_dict().items()}
    x, t = np.random.default_rng(0).random((10, 1, 28, 28), np.float32), np.arange(10)
    page = mg.viz.graph(net.loss(x, t), show=("shapes", "saved", "grads", "values"), initial=initial).render("html").decode()
    assert len(page.encode()) < 200_000
    assert (
        not re.search(r'(src|href)="(?!data:)', page)
        and "url(" not in page
        and "import " not in page.partition("<script>")[2]
    )
    links = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert links <= {"http://www.w3.org/2000/svg"}


def test_folded_blocks_are_folded_on_the_page_too():
    loss, net = stacked(4)
    page = mg.viz.graph(loss, model=net, names={}).render("html").decode()
    assert "blocks.0 ×4" in page and "4 alike, the first is shown" in page


def test_the_page_inside_another_is_the_same():
    x = mg.tensor([1.0], requires_grad=True)
    graph = mg.viz.graph((x * x).sum(), title='a "quoted" <title> & more')
    seen = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            seen.append((tag, dict(attributes)))

    Reader().feed(graph.interactive(height=300)._repr_html_())
    ((tag, attributes),) = seen
    assert tag == "iframe" and attributes["srcdoc"] == graph.render("html").decode()
    assert attributes["title"] == graph.title and "height:300px" in attributes["style"]
    assert attributes["sandbox"] == "allow-scripts"  # its scripts do not reach the page around it


@IN_A_BROWSER
def test_a_frame_that_gets_its_width_late_is_fitted_again(tmp_path):
    x = mg.tensor([1.0], requires_grad=True)
    page = mg.viz.graph((x * x).sum()).render("html").decode()
    script = """
    const width = () => document.getElementById("graph").getBoundingClientRect().width;
    const fitted = width();
    document.getElementById("larger").click();
    const zoomed = width();
    dispatchEvent(new Event("resize"));  // the height alone has changed
    const kept = width();
    Object.defineProperty(window, "innerWidth", { value: innerWidth + 1 });
    dispatchEvent(new Event("resize"));
    return [zoomed > fitted, kept === zoomed, width() === fitted];
    """
    found = in_browser(page, script, tmp_path)
    assert found == {"answer": [True, True, True], "faults": []}


@IN_A_BROWSER
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_has_the_theme_that_was_chosen_until_its_button_changes_it(theme, tmp_path):
    page = mg.viz.graph(sum_of_two()[0], names={}, theme=theme).render("html").decode()
    paper = "getComputedStyle(document.body).backgroundColor"
    script = f"const before = {paper}; document.getElementById('theme').click(); return [before, {paper}];"
    expected = ["rgb({}, {}, {})".format(*bytes.fromhex(colors["paper"][1:])) for colors in (LIGHT, DARK)]
    assert in_browser(page, script, tmp_path)["answer"] == (expected if theme == "light" else expected[::-1])


def test_the_first_three_nodes_of_a_card_are_listed():
    loss, net = stacked(5)
    page = mg.viz.graph(loss, model=net, names={}, depth=2).render("html").decode()
    lists = set(re.findall(r"n\d+(?:, n\d+)*(?:, …)?", page))
    assert any(text.count(", ") == 3 and text.endswith("…") for text in lists)
    assert not any(text.count(", n") == 2 and not text.endswith("…") for text in lists)
    assert not any(re.fullmatch(r"n\d+, …", text) for text in lists)
