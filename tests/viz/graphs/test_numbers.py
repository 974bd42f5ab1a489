"""Every number that a picture prints is computed again, from the tape and from the parameters."""

import re
import zlib

import numpy as np
import pytest

import minigrad as mg
from minigrad.viz.graphs.gradients import root_mean_square
from minigrad.viz.graphs.numbers import byte_count, counted, number, option, seconds, sizes, summary
from minigrad.viz.graphs.thumbnails import kernel_images, levels
from minigrad.viz.palette import DIVERGING, flow
from tests.viz.graphs.samples import stacked

EVERYTHING = ("shapes", "values", "saved", "grads")


@pytest.fixture(scope="module")
def trained():
    """A convolutional network after one step, its loss, and its parameters before."""
    mg.manual_seed(0)
    net = mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 4, "filter_size": 3}, 6, 3)
    initial = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    rng = np.random.default_rng(0)
    x, t = rng.random((5, 1, 8, 8), np.float32), np.array([0, 1, 2, 1, 0])
    optimizer = mg.optim.SGD(net.parameters(), lr=0.5)
    net.loss(x, t).backward()
    optimizer.step()
    optimizer.zero_grad()
    return net, x, t, initial


def tape(output):
    found, stack = {}, [output.node]
    while stack:
        node = stack.pop()
        if node.number not in found:
            found[node.number] = node
            stack += [parent for parent in node.parents if parent is not None]
    return [found[number] for number in sorted(found)]


def owner(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def test_saved_bytes_are_the_buffers_that_the_tape_keeps(trained):
    net, x, t, _ = trained
    loss = net.loss(x, t)
    graph = mg.viz.graph(loss)
    own = {id(owner(p.array)) for p in net.parameters()}
    buffers = {}
    for node in tape(loss):
        for (kind, _), value in zip(node.plan.saves, node.saved, strict=True):
            values = value if isinstance(value, tuple) else (value,)
            if kind in ("arg", "out"):
                buffers |= {id(owner(v)): owner(v).nbytes for v in values if isinstance(v, np.ndarray)}
    expected = sum(nbytes for key, nbytes in buffers.items() if key not in own)
    assert sum(n.saved for n in graph.nodes) == expected > 0
    assert graph.title.endswith(f"{byte_count(expected)} saved for backward")
    svg = graph.render("svg").decode()
    assert f'text-anchor="end">{byte_count(expected)}</text>' in svg  # the total of the list of saved bytes


def test_the_list_of_saved_bytes_names_what_each_card_saves(trained):
    net, x, t, _ = trained
    graph = mg.viz.graph(net.loss(x, t))
    svg = graph.render("svg").decode()
    listed = re.findall(r'class="key" x="0"[^>]*>([^<]+)</text><text x="250"[^>]*>([^<]+)</text>', svg.replace("\n", ""))
    assert dict(listed)["relu1"] == byte_count(
        sum(n.saved for n in graph.nodes if n.name == "relu" and n.shape[1:] == (4, 6, 6))
    )
    total = sum(n.saved for n in graph.nodes)
    assert sum(_bytes(text) for _, text in listed) == pytest.approx(total, abs=50 * len(listed))  # kB with one decimal


def _bytes(text):
    value, unit = text.split()
    return float(value) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit]


def test_a_buffer_saved_twice_counts_once_and_a_view_as_its_whole():
    x = mg.tensor(np.ones(1000, np.float32), requires_grad=True)
    y = (x * 2).exp()  # saves its result
    z = y * y  # saves it again
    assert [n.saved for n in mg.viz.graph(z).nodes if n.kind == "op"] == [0, 4000, 0]
    big = mg.tensor(np.ones(1000, np.float32))[:10]
    w = mg.tensor(np.ones(10, np.float32), requires_grad=True)
    (op,) = [n for n in mg.viz.graph(w * big).nodes if n.name == "multiply"]
    assert op.saved == owner(big.array).nbytes


def test_gradients_are_those_of_backward(trained):
    net, x, t, _ = trained
    loss = net.loss(x, t)
    graph = mg.viz.graph(loss, show=EVERYTHING)
    retained = {}
    for node in tape(loss):
        node.hooks = {0: lambda g, number=node.number: retained.__setitem__(number, g.numpy().copy())}
    loss.backward()
    drawn = [n for n in graph.nodes if n.kind in ("op", "parameter", "input")]
    assert len(drawn) == len(retained)
    for node, (_, g) in zip(drawn, sorted(retained.items()), strict=True):
        assert node.gradient == pytest.approx(np.sqrt(np.mean(g.astype(np.float64) ** 2)), rel=1e-6)
    for name, parameter in net.named_parameters():
        (node,) = [n for n in drawn if n.name == name]
        assert node.gradient == pytest.approx(float(np.sqrt(np.mean(parameter.grad.double().numpy() ** 2))), rel=1e-6)
    net.zero_grad()
    text = str(graph)
    assert all(f"gradient {number(n.gradient)}" in text for n in drawn if n.kind == "op" and n.name == "relu")


def test_measuring_gradients_leaves_every_trace_of_itself_out(trained):
    net, x, t, _ = trained
    seen = []
    loss = net.loss(x, t)
    handle = net.fc1.weight.register_hook(lambda g: seen.append(g))
    before = [node.hooks for node in tape(loss)]
    with mg.detect_anomaly():
        mg.viz.graph(loss, show="grads")
    assert [node.hooks for node in tape(loss)] == before and len(seen) == 1  # hooks are part of what flows
    assert all(p.grad is None for p in net.parameters())
    loss.backward()
    handle.remove()
    net.zero_grad()


def test_gradients_after_backward_are_those_that_were_kept(trained):
    net, x, t, _ = trained
    loss = net.loss(x, t)
    loss.backward()
    graph = mg.viz.graph(loss, show="grads")
    known = {n.name: n.gradient for n in graph.nodes if n.gradient is not None}
    assert set(known) == {name for name, _ in net.named_parameters()} and any("freed" in note for note in graph.ir.notes)
    for name, parameter in net.named_parameters():
        assert known[name] == root_mean_square(parameter.grad.numpy())
    net.zero_grad()


def test_gradients_of_every_size_are_drawn():
    x = mg.tensor(np.array([1e-200, 1e200, 0.0]), requires_grad=True)
    assert root_mean_square(x.detach().numpy()) == pytest.approx(1e200 / np.sqrt(3))
    assert root_mean_square(np.array([np.nan, 1.0])) != root_mean_square(np.array([1.0, 1.0]))
    assert root_mean_square(np.zeros((0, 3))) == 0.0
    widths = [flow(10.0**e)[1] for e in range(-12, 5)]
    assert widths == sorted(widths) and widths[0] == widths[4] and widths[-1] == widths[-3] and widths[4] < widths[-3]
    assert flow(float("nan")) == flow(float("inf")) and flow(0.0)[1] == 1.0
    y = (mg.tensor([1.0, 0.0], requires_grad=True).sqrt() * mg.tensor([1.0, 0.0])).sum()
    svg = mg.viz.graph(y, show="grads").render("svg").decode()
    assert "NaN" in svg and "nan" not in svg


def test_values_are_those_of_the_tensors(trained):
    net, x, t, _ = trained
    loss = net.loss(x, t)
    nodes = mg.viz.graph(loss, show="values").nodes
    assert nodes[-1].value == number(loss.item())
    for name, parameter in net.named_parameters():
        (node,) = [n for n in nodes if n.name == name]
        assert node.value == summary(parameter.detach().numpy())


def test_parameters_are_counted_once():
    loss, net = stacked()
    assert f"{sum(p.numel() for p in net.parameters())} parameters" in mg.viz.graph(loss).title


def test_times_are_given_for_a_function():
    _, net = stacked()
    graph = mg.viz.graph(lambda: net(np.ones((5, 2), np.float32)), color="time")
    assert all(n.seconds > 0 for n in graph.nodes if n.kind == "op") and "µs" in str(graph) + " ms"


def decoded(png):
    """The palette indices of a PNG, by the format's own rules."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert int.from_bytes(png[at + 8 + size : at + 12 + size], "big") == zlib.crc32(name + data)
        chunks[name], at = data, at + 12 + size
    width, height = (int.from_bytes(chunks[b"IHDR"][i : i + 4], "big") for i in (0, 4))
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (rows[:, 0] == 0).all() and len(chunks[b"PLTE"]) == 3 * 256
    assert tuple(chunks[b"PLTE"][3 * 128 : 3 * 129]) == DIVERGING[127]  # zero
    return rows[:, 1:]


def test_thumbnails_show_the_kernels(trained):
    net, x, t, initial = trained
    loss = net.loss(x, t)
    graph = mg.viz.graph(loss, show="grads", initial=initial)
    loss.backward()
    (node,) = [n for n in graph.nodes if n.name == "conv1.weight"]
    now, before = net.conv1.weight.detach().numpy()[:, 0], initial["conv1.weight"][:, 0]
    g = net.conv1.weight.grad.numpy()[:, 0]
    titles = ("initial", "trained", "gradient")
    for image, title, kernels in zip(node.images, titles, (before, now, g), strict=True):
        largest = np.abs(kernels).max()  # each on its own scale: small initial weights are seen, too
        assert image.caption == f"{title} ±{largest:.2g}"
        pixels = decoded(image.png)
        assert pixels.shape == (image.height, image.width) == (3, 15)
        for i, kernel in enumerate(kernels):
            shown = pixels[:, 4 * i : 4 * i + 3].astype(float)
            np.testing.assert_allclose((shown - 128) / 127, kernel / largest, atol=0.5 / 127 + 1e-6)
        assert (pixels[:, 3::4] == 0).all()
    assert graph.render("svg").count(b"data:image/png;base64,") == 3
    net.zero_grad()


def test_thumbnails_of_odd_parameters():
    assert (
        kernel_images(np.ones((3, 3)))
        == ()
        == kernel_images(np.ones((2, 2, 1, 1)))
        == kernel_images(np.ones((2, 1, 40, 40)))
    )
    (image,) = kernel_images(np.full((40, 3, 2, 2), np.nan))
    assert (decoded(image.png) >= 0).all() and image.height == 11
    assert (levels(np.zeros((1, 2, 2)), 0.0) == 128).all()


def test_how_numbers_are_written():
    assert [number(v) for v in (1.0, 0.5, 1e-3, 1e-9, 123456.0, float("inf"), np.float32(2), 7, True)] == [
        "1", "0.5", "0.001", "1e-9", "1.235e5", "inf", "2", "7", "True",
    ]  # fmt: skip
    assert [byte_count(n) for n in (0, 999, 1000, 999_949, 999_950, 10**9, 10**13)] == [
        "0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.0 GB", "10000.0 GB",
    ]  # fmt: skip
    assert (sizes((2, 3)), sizes(()), sizes((0,)), counted(1, "op"), seconds(1.5)) == (
        "2×3",
        "scalar",
        "0",
        "1 op",
        "1500.0 ms",
    )
    assert summary(np.array([1.0, np.nan, np.inf])) == "all 1, 1 NaN, 1 inf"
    assert summary(np.array([True, False])) == "1 of 2 true" and summary(np.zeros((0,))) == "empty"
    assert (option("axis", (0, 1)), option("axis", None), option("keepdims", False)) == ("axis=(0, 1)", "", "")
    assert option("index", (slice(1, 5, 2), 3)) == "index=(1:5:2, 3)" and option("index", slice(1, 5)) == "index=1:5"
    assert option("x", object()) == ""


def test_what_is_not_finite_in_a_kernel_is_as_gray_as_zero():
    assert levels(np.array([[[np.nan, 0.0, np.inf, 2.0, -2.0]]]), 2.0).tolist() == [[128, 128, 128, 255, 1]]


def test_a_result_that_its_own_rule_saved_is_known_though_nothing_else_holds_it():
    x = mg.tensor([0.0, 1.0], requires_grad=True)
    values = {node.name: node.value for node in mg.viz.graph((x.exp() + 1).sum(), show="values").nodes}
    assert values["exp"] == "1 … 2.718" and values["add"] == ""


@pytest.mark.parametrize("show, images", [(("shapes", "saved"), 0), ("values", 1), ("grads", 2)])
def test_kernels_are_pictures_where_values_or_gradients_are_shown(show, images):
    net = mg.nn.Conv2d(1, 2, 3)
    graph = mg.viz.graph(net(mg.ones(1, 1, 3, 3)).sum(), model=net, show=show)
    assert {len(node.images) for node in graph.nodes if node.shape == (2, 1, 3, 3)} == {images}
