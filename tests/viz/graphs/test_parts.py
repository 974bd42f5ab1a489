"""Pictures of calls that a kernel computed: the parts are those of the definition, and saved is what the kernel saved."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.engine.fused import Fused, unfused
from minigrad.viz.graphs.parts import below, opened


class Last(nn.Module):
    """The outputs of a recurrent network and its last states in one."""

    def __init__(self, net):
        super().__init__()
        self.net, self.norm = net, nn.LayerNorm(8)  # a kernel's call on one of the outputs of another

    def forward(self, x):
        out, (h, c) = self.net(x)
        return mg.concatenate([self.norm(out), h * c])


class Attention(nn.Module):
    """Attention under a mask, then causal attention."""

    def __init__(self):
        super().__init__()
        self.qkv, self.seen = nn.Linear(32, 96), mg.tensor(np.array([[True], [False], [True], [True]]))

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        out = nn.functional.scaled_dot_product_attention(q, k, v, self.seen)
        return nn.functional.scaled_dot_product_attention(out, k, v, is_causal=True)


NETS = {
    "attention": Attention,
    "norm": lambda: nn.Sequential(nn.Linear(32, 32), nn.LayerNorm(32), nn.GELU()),
    "gates": lambda: nn.Sequential(nn.SiLU(), nn.Linear(32, 32), nn.Mish(), nn.LogSigmoid()),
    "recurrent": lambda: Last(nn.LSTM(32, 8, num_layers=2)),
    "encoder": lambda: nn.TransformerEncoderLayer(32, 2, 16, batch_first=True, activation="gelu"),
}


@pytest.fixture(params=NETS)
def net(request):
    mg.manual_seed(0)
    return NETS[request.param]()


def drawn(graph):
    """What a picture shows, but for what was saved."""
    nodes = [(n.kind, n.name, n.operands, n.options, n.shape, n.dtype, n.group) for n in graph.ir.nodes]
    groups = [(g.kind, g.name, g.path, [nodes[i] for i in g.operands], g.options) for g in graph.ir.groups]
    edges = [(graph.ir.nodes[e.source].name, graph.ir.nodes[e.target].name) for e in graph.ir.edges]
    return sorted(map(repr, nodes)), sorted(map(repr, groups)), sorted(edges)


def computed(net, wanted=True):
    loss = (net(mg.ones(20, 4, 32)) ** 2).mean()
    assert any(isinstance(node.primitive, Fused) for node in below([loss.node])) is wanted
    return loss


def test_the_picture_is_that_of_the_definition(net):
    fused = computed(net)
    with unfused():
        composed = computed(net, False)
    for freed in (False, True):
        if freed:
            fused.backward()
            composed.backward()
        names = {"loss": fused}, {"loss": composed}
        pictures = [
            mg.viz.graph(loss, model=net, names=n, show=["shapes", "primitives"])
            for loss, n in zip((fused, composed), names, strict=True)
        ]
        assert drawn(pictures[0]) == drawn(pictures[1])


def test_a_mask_that_is_a_view_is_drawn_with_its_tensor():
    base, q = mg.tensor(np.array([[True, False, True, True]])), mg.ones(20, 4, 32, requires_grad=True)
    mask = base.T

    def picture(freed):
        loss = nn.functional.scaled_dot_product_attention(q, q, q, mask).sum()
        if freed:
            loss.backward()
        return drawn(mg.viz.graph(loss, names={"loss": loss, "q": q, "base": base}, show=["shapes", "primitives"]))

    for freed in (False, True):
        with unfused():
            expected = picture(freed)
        assert picture(freed) == expected


def test_what_is_saved_is_what_the_kernels_saved(net):
    loss = computed(net)
    owned = {id(p.array) for p in net.parameters()}
    buffers = {}
    for node in below([loss.node]):
        for (kind, _), value in zip(node.plan.saves, node.saved, strict=True):
            if kind in ("arg", "out", "kept") and isinstance(value, np.ndarray):
                while value.base is not None:
                    value = value.base
                buffers[id(value)] = value.nbytes
    wanted = sum(size for key, size in buffers.items() if key not in owned)
    assert sum(n.saved for n in mg.viz.graph(loss, model=net).ir.nodes) == wanted
    loss.backward()
    assert sum(n.saved for n in mg.viz.graph(loss, model=net).ir.nodes) == wanted


def test_values_and_gradients_of_the_parts_are_those_of_the_definition():
    mg.manual_seed(0)
    net = NETS["norm"]()
    fused = computed(net)
    with unfused():
        composed = computed(net, False)
    shown = [mg.viz.graph(loss, names={}, show=["values", "grads", "primitives"]).ir.nodes for loss in (fused, composed)]
    for found, wanted in zip(*shown, strict=True):
        assert found.name == wanted.name
        assert found.value or not wanted.value  # the kernel saved x, which the definition did not
        assert found.gradient == (wanted.gradient and pytest.approx(wanted.gradient, rel=1e-4))


def test_the_tape_is_as_it_was(net):
    loss = computed(net)
    before = [(n, n.primitive, tuple(n.parents), n.number) for n in below([loss.node])]
    mg.viz.graph(loss, model=net, show=["grads", "values"])
    assert [(n, n.primitive, tuple(n.parents), n.number) for n in below([loss.node])] == before
    loss.backward()


def test_a_tape_without_kernels_is_drawn_as_it_is():
    x = mg.ones(3, requires_grad=True)
    outputs = [(x * 2).sum()]
    assert opened(outputs, {})[0] is outputs
