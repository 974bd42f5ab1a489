"""Every picture of what networks learn: drawn twice it is the same, and the network is as it was before."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import viz

pytest.importorskip("matplotlib")

(X, T), _ = mg.data.load_digits(flatten=False)
NOTHING = dict.fromkeys(mg.training.Epoch._fields, 0.0)
EPOCHS = [mg.training.Epoch(**NOTHING | {"epoch": n, "loss": 1.0 / n, "val_loss": 1.1 / n}) for n in (1, 2, 3)]
PICTURES = {  # a call of each, on a network
    "confusion": lambda net: viz.confusion(net, X[:40], T[:40]),
    "curves": lambda net: viz.curves(EPOCHS),
    "dream": lambda net: viz.dream(net, shape=(1, 8, 8), steps=2),
    "feature_maps": lambda net: viz.feature_maps(net, X[0]),
    "filter_show": lambda net: viz.filter_show(net.conv1.weight.detach().numpy()),
    "filters": lambda net: viz.filters(net),
    "im2col": lambda net: viz.im2col((2, 1, 8, 8), 5, out_channels=4, window=(1, 2, 3)),
    "landscape": lambda net: viz.landscape(lambda p: p[0] ** 2 + p[1] ** 2, (-1, 1), (-1, 1), paths={"a": np.eye(2)}),
    "lines": lambda net: viz.lines(np.arange(3.0), {"a": net.conv1.bias[:3]}, points=(np.ones(2), np.ones(2))),
    "mistakes": lambda net: viz.mistakes(net, X[:40], T[:40], n=4),
    "saliency": lambda net: viz.saliency(net, X[0]),
}
OF_GRAPHS = {"FORMATS", "Graph", "graph", "module_graph"}  # tests/viz/graphs


def test_every_picture_is_drawn_by_a_test():
    assert set(viz.__all__) - OF_GRAPHS == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_changes_nothing_and_repeats(name):
    mg.manual_seed(0)
    net = mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 4}, 8, weight_init_std="he").train()
    net.conv1.eval()
    net.loss(X[:4], T[:4]).backward()

    def state():
        arrays = [(p.array.tobytes(), p.grad.array.tobytes()) for p in net.parameters()]
        return arrays, [m.training for m in net.modules()], mg.is_grad_enabled()

    before, drawn = state(), copy.deepcopy(mg.random.default_generator().bit_generator.state)
    first = pixels(PICTURES[name](net))
    assert state() == before
    assert mg.random.default_generator().bit_generator.state == drawn
    assert first.std() > 0 and np.array_equal(first, pixels(PICTURES[name](net)))


def pixels(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
