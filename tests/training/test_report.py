"""The report stands by itself, says what is so, and its pictures are those of the run."""

import base64
import copy
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.inference import scores
from minigrad.training import Trainer
from minigrad.training.gallery import draw, loss_graph
from minigrad.training.report import ReportData, render_report
from minigrad.viz.charts import Chart, line_chart
from minigrad.viz.colormaps import gray, heat
from minigrad.viz.feature_maps import layer_values
from minigrad.viz.filters import kernels
from minigrad.viz.png import png
from tests.viz.graphs.browser import IN_A_BROWSER, in_browser

(X, T), (X_TEST, T_TEST) = mg.data.load_digits(flatten=False)
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "<b>seven</b>", 'eight "8"', "nine"]


@pytest.fixture(scope="module")
def story():
    mg.manual_seed(0)
    net = mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 6}, 20, weight_init_std="he")
    initial = copy.deepcopy(net)
    trainer = Trainer(
        net, X[:300], T[:300], X_TEST[:80], T_TEST[:80], epochs=3, optimizer_param={"lr": 0.01}, verbose=False, seed=0
    )
    trainer.train()
    config = {
        "command": "minigrad train --out='a & b'",
        "arguments": {"seed": 7, "batch_size": 100, "lr": 0.01},
        "data": {"name": "digits", "train": 300, "test": 80, "shape": [1, 8, 8], "classes": 10, "sha256": "ab"},
        "versions": {"numpy": "2"},
    }
    graph = loss_graph(net, initial.state_dict(), X[:20], T[:20]).render("svg").decode()
    return ReportData(
        "Net on digits", config, trainer.history, trainer.gradient_history, ["a <note>"], net, initial, X_TEST[:80],
        T_TEST[:80], NAMES, graph, "minigrad train --resume run",
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(story):
    return render_report(story)


class Reader(HTMLParser):
    VOID = {"meta", "img", "br", "line", "rect", "path"}

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets, self.sources, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.targets += [attrs["popovertarget"]] if "popovertarget" in attrs else []
        self.sources += [value for name, value in attrs.items() if name in ("src", "href", "srcset", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def pixels(uri):
    """What a PNG holds, read by hand: (H, W, channels)."""
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    at, raw = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert zlib.crc32(name + body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0]
        raw += body if name == b"IDAT" else b""
        at += 12 + length
    channels = {0: 1, 2: 3, 6: 4}[kind]
    rows = np.frombuffer(zlib.decompress(raw), np.uint8).reshape(height, 1 + width * channels)
    assert depth == 8 and not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


def test_the_page_is_well_formed_and_stands_by_itself(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == [] and len(set(reader.ids)) == len(reader.ids)
    assert reader.targets and set(reader.targets) == {name for name in reader.ids if name.startswith("c")}
    assert all(source.startswith("data:image/png;base64,") for source in reader.sources)
    without = re.sub(r'data:\S+|xmlns="[^"]+"|url\(#\w+\)', "", page)
    assert "<script" not in page and "http" not in without and "url(" not in without
    assert "prefers-color-scheme:dark" in page
    for uri in reader.sources:
        assert pixels(uri).size


def test_the_page_says_what_is_so(story, page):
    reader = Reader()
    reader.feed(page)
    text = " ".join(reader.text)
    for fact in (
        "a <note>",
        "--out='a & b'",
        "--resume run",
        "seed 7",
    ):
        assert fact in text, fact
    predicted = scores(story.network, story.x).argmax(1)
    counts = dict(re.findall(r'popovertarget="c(\d-\d)" aria-label="[^"]*: (\d+)"', page))
    naive = {}
    for true, taken in zip(story.t.tolist(), predicted.tolist(), strict=True):
        naive[f"{true}-{taken}"] = naive.get(f"{true}-{taken}", 0) + 1
    assert {key: int(n) for key, n in counts.items()} == naive
    assert "&lt;b&gt;seven&lt;/b&gt;" in page and "<b>seven</b>" not in page and "eight &quot;8&quot;" in page


def test_the_first_number_is_of_the_test_images_and_validation_is_named(story):
    """The best of the epochs on the test images is not shown."""
    accuracy = np.mean(scores(story.network, story.x).argmax(1) == story.t)
    config = {**story.config, "data": {**story.config["data"], "validation": 30}}
    for said, held_out in ((story, "test"), (story._replace(config=config), "validation")):
        page = render_report(said)
        first = re.search(r"<div class=tiles><div><b>(.*?)</b><span class=soft>(.*?)</span>", page)
        assert first.groups() == (f"{accuracy:.2%}", "test accuracy")
        assert ("best in validation" in page) == (held_out == "validation") and f">{held_out}</text>" in page


def test_the_configuration_has_no_empty_rows(story):
    config = {**story.config, "arguments": {**story.config["arguments"], "clip": None, "root": None}}
    page = render_report(story._replace(config=config))
    assert "<td></td>" not in page and "<th>clip" not in page and "<th>batch size</th><td>100</td>" in page


def test_every_layer_has_its_maps_and_its_dreams(page):
    maps, dreams = re.search(r"<h2>Feature maps(.*?)<h2>Dreams(.*?)<h2>Confusion", page, re.S).groups()
    names = [re.findall(r"<div class=\"?layer[^>]*><div>(\w+)<small>", part) for part in (maps, dreams)]
    assert names == [["input", "conv1", "relu1", "pool1", "fc1", "relu2", "fc2"], ["conv1", "fc1", "fc2"]]
    assert maps.count('class="pixels heat"') == 6 and page.count(".heat{filter:invert") == 1  # dark in dark mode


def test_each_grid_of_filters_has_its_own_scale(story, page):
    name, trained = kernels(story.network)
    initial = kernels(story.initial, name)[1]
    for title, panel in {"initial": initial, "trained": trained, "difference": trained - initial}.items():
        assert f"<figcaption>{title}, ±{np.abs(panel).max():.2g}</figcaption>" in page


@IN_A_BROWSER
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_the_screen_and_shows_values_under_the_pointer(page, width, tmp_path):
    """A window is 500 pixels wide at least; the style for phones begins at 640."""
    script = (
        f"document.documentElement.style.width = '{width}px';"
        + """
        const rows = [...document.querySelectorAll(".facts th")].map((th) => { const r = document.createRange();
            r.selectNodeContents(th); return r.getClientRects().length; });
        const svg = document.querySelector(".graph svg"), value = document.querySelector(".at .value");
        const parts = [...document.querySelectorAll("main > *, main table, main img, main .chart, main th, main button")];
        return [Math.max(...parts.map((e) => e.getBoundingClientRect().right)), Math.max(...rows),
            getComputedStyle(value).opacity, svg.getBoundingClientRect().width / svg.viewBox.baseVal.width];
    """
    )
    found = in_browser(page, script, tmp_path, f"{width},900")
    right, rows, opacity, zoom = found["answer"]
    assert right <= width and rows == 1 and opacity == "0" and zoom == pytest.approx(1, abs=1e-3) and not found["faults"]


def test_every_fragment_of_the_template_is_used():
    folder = Path(mg.training.__file__).parent
    names = re.findall(r"<!-- (\w+) -->", (folder / "report.html").read_text("utf-8"))
    code = (folder / "report.py").read_text("utf-8")
    assert len(set(names)) == len(names) > 10 and [name for name in names if f'"{name}"' not in code] == []


def test_the_maps_of_a_layer_are_those_of_the_first_image_side_by_side(story, page):
    """Fifteen maps fill a row, with a pixel between them; vectors are strips."""
    maps = re.search(r"<h2>Feature maps(.*?)<h2>Dreams", page, re.DOTALL).group(1)
    shown = re.findall(r'<div class=layer><div>(\w+).*?width="(\d+)".*?src="([^"]+)"', maps)
    pictures = {name: (int(width), pixels(uri)) for name, width, uri in shown}
    width, image = pictures["input"]
    assert width == 56 and (image[..., 3] == np.rint(255 * story.x[0, 0] / story.x[0, 0].max())).all()
    (_, _, conv), *_, (_, _, scores_of_first) = layer_values(story.network, story.x[0])[1:]
    width, image = pictures["conv1"]
    n, height, of_one = conv.shape
    assert n < 15 and width == n * 58 and image.shape[:2] == (height, n * of_one + n - 1)
    gaps = np.flatnonzero(~image[..., 3].any(0))
    assert gaps.tolist() == [of_one * k + k - 1 for k in range(1, n)]
    width, image = pictures["fc2"]
    assert width == 10 * 58 and len(scores_of_first) == 10
    assert (image == heat(scores_of_first[np.newaxis], np.abs(scores_of_first).max())).all()


def test_a_long_vector_is_a_strip_that_one_can_see(story):
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.Linear(100, 10))
    page = render_report(story._replace(network=network, initial=network, gradients=[{"1.weight": 0.5}] * 3))
    strip = pixels(re.search(r">1<small>.*?width=\"(\d+)\".*?src=\"([^\"]+)\"", page).group(2))
    assert strip.shape[:2] == (4, 100) and (strip == strip[:1]).all()


def test_images_in_color_are_shown_in_their_colors(story):
    """And kernels by the mean of their channels."""
    mg.manual_seed(0)
    x = np.random.default_rng(0).random((80, 3, 6, 6)).astype(np.float32)
    network, initial = (nn.Sequential(nn.Conv2d(3, 6, (3, 2)), nn.Flatten(), nn.Linear(120, 10)) for _ in range(2))
    page = render_report(story._replace(x=x, network=network, initial=initial, gradients=[{"0.weight": 0.5}] * 3))
    thumbnail = pixels(re.search(r'>input<small>3x6x6.*?src="([^"]+)"', page).group(1))
    assert (thumbnail == np.rint(255 * x[0].transpose(1, 2, 0))).all()
    first, last = initial[0].weight.array, network[0].weight.array
    assert "6 kernels of 3x3x2, the mean of their channels" in page
    for title, panel in {"initial": first, "trained": last, "difference": last - first}.items():
        caption = rf"<figcaption>{title}, ±{np.abs(panel.mean(1)).max():.2g}</figcaption>"
        width, uri = re.search(rf'{caption}<img [^>]*width="(\d+)"[^>]*src="([^"]+)"', page).groups()
        assert int(width) == 2 * pixels(uri).shape[1] != 2 * pixels(uri).shape[0]


def test_recall_is_the_share_of_a_class_that_is_recognized(story):
    predicted = scores(story.network, story.x).argmax(1)
    page = render_report(story._replace(classes=[*map(str, range(10)), "eleventh"]))
    recalls = re.findall(r"<tr><th>(\w+)</th>.*?<th class=end>(.*?)</th></tr>", page)
    shares = {str(i): f"{np.mean(predicted[story.t == i] == i):.1%}" for i in range(10)}
    assert dict(recalls) == {**shares, "eleventh": "none"}


def test_gradients_are_those_of_the_first_epochs_weights_on_a_logarithmic_scale(story):
    norms = [{"a.weight": 1.0, "a.bias": 7.0}, {"a.weight": 0.1, "b.weight": 1.0}, {"a.weight": 0.01}]
    page = render_report(story._replace(gradients=norms))
    chart = re.search(r"<h2>Gradients.*?(<svg.*?</svg>)", page, re.DOTALL).group(1)
    assert re.findall(r"<title>(epoch .*?)</title>", chart) == [
        f"epoch {i}: a.weight {n}" for i, n in enumerate((1, 0.1, 0.01), 1)
    ]
    heights = [float(circle.get("cy")) for circle in ElementTree.fromstring(chart).iter("circle")]
    assert np.diff(heights) == pytest.approx([heights[1] - heights[0]] * 2) and heights[1] > heights[0]


def test_of_many_gradients_six_from_the_first_to_the_last_layer_are_drawn(story):
    norms = [{f"{i}.{kind}": 1.0 for i in range(21) for kind in ("weight", "bias")}] * 3
    chart = re.search(r"<h2>Gradients.*?(<svg.*?</svg>)", render_report(story._replace(gradients=norms)), re.DOTALL).group(1)
    assert f"<title>epoch 1: {', '.join(f'{i}.weight 1' for i in (0, 4, 8, 12, 16, 20))}</title>" in chart


def test_the_configuration_tells_of_the_data_but_for_their_name(page):
    assert "<th>data train</th><td>300</td>" in page and "<th>data sha256</th>" in page and "data name" not in page


def test_the_graph_of_the_loss_shows_kernels_beside_those_before_training(story):
    """`draw` and the report show the same."""
    initial = story.initial.state_dict()
    changed = {name: value * 2 for name, value in initial.items()}
    graphs = [loss_graph(story.network, state, X[:20], T[:20]).render("svg") for state in (initial, initial, changed)]
    assert graphs[0] == graphs[1] != graphs[2]


def test_a_cell_opens_its_own_images(story, page):
    predicted = scores(story.network, story.x).argmax(1)
    cells = re.findall(r'^<div popover id="c(\d-\d)">(.*)</div></div>$', page, re.MULTILINE)
    assert len(cells) == page.count("<div popover") > 10
    for cell, body in cells:
        true, taken = map(int, cell.split("-"))
        shown = [int(k) for k in re.findall(r"test (\d+)", body)]
        assert set(shown) <= set(np.flatnonzero((story.t == true) & (predicted == taken)).tolist()) and shown
        uri = re.search(r'src="([^"]+)"', body).group(1)
        np.testing.assert_array_equal(pixels(uri)[..., 3], np.rint(255 * story.x[shown[0], 0] / story.x[shown[0], 0].max()))


def test_pictures_of_a_folder(story, tmp_path):
    names = draw(tmp_path, story.network, story.initial, story.history, story.x, story.t, [str(i) for i in range(10)])
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir()) and len(names) == 6
    assert all((tmp_path / name).read_bytes()[:4] == b"\x89PNG" for name in names)


def test_a_network_without_kernels_has_a_report_too(story, tmp_path):
    mg.manual_seed(0)
    net = mg.nn.Sequential(mg.nn.Flatten(), mg.nn.Linear(64, 10))
    page = render_report(story._replace(network=net, initial=net, gradients=[{"1.weight": 0.5}] * 3))
    assert "<h2>Filters" not in page and not re.search(r">\s*None\s*<", page) and "<h2>Confusion" in page
    assert "filters.png" not in draw(tmp_path, net, net, story.history, story.x, story.t, NAMES)


def test_colours_mean_what_they_say():
    image = heat(np.array([[-2.0, 0.0, 2.0, np.nan]]), 2.0)
    assert image.tolist() == [[[0, 90, 150, 255], [247, 247, 247, 255], [190, 80, 10, 255], [247, 247, 247, 0]]]
    assert heat(np.zeros((1, 1)), 0.0)[0, 0, 3] == 255
    assert gray(np.array([[0.0, 0.5, 1.0, np.nan]]))[..., 3].tolist() == [[0, 128, 255, 0]]
    colours = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert (pixels("data:image/png;base64," + base64.b64encode(png(colours)).decode()) == colours).all()


@pytest.mark.parametrize("n", [1, 2, 3, 13, 40, 365])
@pytest.mark.parametrize("log", [False, True])
def test_charts_are_svg_with_every_value(n, log):
    values = [10.0 ** -(i % 7) for i in range(n)]
    svg = ElementTree.fromstring(
        line_chart(Chart("", list(range(1, n + 1)), {"a<b": values, "c": [v * 2 for v in values]}, log), str)
    )
    titles = [element.text for element in svg.iter("title")]
    shown = [{e.text for e in group.iter("text")} for group in svg.iter("g")]
    assert shown == [{str(v), str(v * 2)} for v in values] and len(list(svg.iter("circle"))) == 2 * n
    assert titles == [f"epoch {i}: a<b {v}, c {v * 2}" for i, v in enumerate(values, 1)]
    lines = [element.get("d") for element in svg.iter("path")]
    points = [[tuple(map(float, p.split(","))) for p in re.split("[ML]", d)[1:]] for d in lines]
    order = np.argsort(values, kind="stable")
    heights = np.array([y for _, y in points[0]])
    assert (np.diff(heights[order]) <= 0).all() and len(points[0]) == n  # larger values are higher up
    ticks = [float(e.text) for e in svg.iter("text") if e.get("class") == "tick"]
    assert len(ticks) >= 2


def test_charts_leave_gaps_and_keep_names_apart():
    gaps = ElementTree.fromstring(line_chart(Chart("", [1, 2, 3, 4], {"a": [1.0, float("nan"), 1.0, 0.0]}, log=True), str))
    assert next(gaps.iter("path")).get("d").count("M") == 2
    crowd = ElementTree.fromstring(line_chart(Chart("", [1], {str(i): [1.0] for i in range(6)}), str))
    places = sorted(float(e.get("y")) for e in crowd.iter("text") if e.get("class").startswith("name"))
    assert min(np.diff(places)) >= 15
    assert "path" in line_chart(Chart("", [1], {"a": [float("nan")]}), str)
