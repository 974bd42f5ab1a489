"""Layers for sequences beside PyTorch's: cells, recurrent networks, attention and transformers."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop, nn
from tests.nn.test_layers_against_torch import both, close, pair

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # PyTorch speaks of its own speed

# (layer, arguments, shapes of the tensors it is called with); options by name in a dict at the end of the arguments
SEQUENCES = [
    ("LSTMCell", (4, 3), [(2, 4)]),
    ("LSTMCell", (4, 3, {"bias": False}), [(4,)]),
    ("RNN", (4, 3), [(5, 2, 4)]),
    ("RNN", (4, 3, 2, "relu", {"bidirectional": True}), [(5, 2, 4), (4, 2, 3)]),
    ("RNN", (4, 3, {"bias": False, "batch_first": True}), [(2, 5, 4)]),
    ("RNN", (4, 3, {"nonlinearity": "relu"}), [(5, 4), (1, 3)]),
    ("GRU", (4, 3), [(1, 2, 4)]),
    ("GRU", (4, 3, 3, False, True, 0.0, True), [(2, 5, 4), (6, 2, 3)]),
    ("GRU", (4, 1, {"num_layers": 2}), [(5, 4)]),
    ("LSTM", (4, 3), [(5, 2, 4)]),
    ("LSTM", (4, 3, {"num_layers": 2, "bidirectional": True, "batch_first": True}), [(2, 5, 4)]),
    ("LSTM", (4, 3, {"num_layers": 3, "bias": False}), [(5, 4)]),
    ("LSTM", (4, 3, {"num_layers": 2, "bidirectional": True, "proj_size": 2}), [(5, 2, 4)]),
    ("MultiheadAttention", (6, 3), [(4, 2, 6), (5, 2, 6), (5, 2, 6)]),
    ("MultiheadAttention", (6, 2, 0.0, False, True, True, 5, 3, True), [(2, 4, 6), (2, 5, 5), (2, 5, 3)]),
    ("MultiheadAttention", (6, 2, {"vdim": 3}), [(4, 6), (5, 6), (5, 3)]),
    ("MultiheadAttention", (6, 2, {"add_bias_kv": True}), [(4, 1, 6), (5, 1, 6), (5, 1, 6)]),
    ("TransformerEncoderLayer", (6, 2, 8, 0.0), [(5, 2, 6)]),
    ("TransformerEncoderLayer", (6, 3, 8, 0.0, "gelu", 1e-3, True, True, False), [(2, 5, 6)]),
    ("TransformerDecoderLayer", (6, 2, 8, 0.0), [(5, 2, 6), (4, 2, 6)]),
    ("TransformerDecoderLayer", (6, 2, 8, 0.0, {"norm_first": True, "batch_first": True}), [(2, 5, 6), (2, 4, 6)]),
    ("Transformer", (6, 2, 2, 1, 8, 0.0), [(4, 2, 6), (5, 2, 6)]),
    ("Transformer", (6, 3, 1, 2, 8, 0.0, "gelu", {"norm_first": True, "batch_first": True}), [(2, 4, 6), (2, 5, 6)]),
]  # fmt: skip
every_sequence = pytest.mark.parametrize(
    "name, arguments, shapes", SEQUENCES, ids=[f"{s[0]}-{i}" for i, s in enumerate(SEQUENCES)]
)


def parts(out):
    """The tensors of a result, however they are put together."""
    if isinstance(out, tuple):
        return [t for part in out for t in parts(part)]
    return [out]


def near(ours, theirs):
    """Within 1e-10 of the largest element: small ones are what large ones leave over."""
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert a.shape == b.shape and np.abs(a - b).max() <= 1e-10 * np.abs(b).max()


@every_sequence
def test_it_trains_ten_steps_alike(name, arguments, shapes):
    ours, theirs = pair(name, arguments)
    assert repr(ours) == repr(theirs).replace("NonDynamicallyQuantizableLinear", "Linear")
    assert [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()] == [
        (k, v.shape) for k, v in ours.state_dict().items()
    ]
    optimizers = [lib.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9) for lib, net in ((mg, ours), (torch, theirs))]
    rng = np.random.default_rng(2)
    for _ in range(10):
        given = [both(rng.standard_normal(shape)) for shape in shapes]
        results = [parts(net(*tensors)) for net, tensors in zip((ours, theirs), zip(*given, strict=True), strict=True)]
        seeds = [rng.standard_normal(t.shape) for t in results[0]]
        for lib, out, optimizer in zip((mg, torch), results, optimizers, strict=True):
            optimizer.zero_grad()
            sum((t * lib.tensor(g)).sum() for t, g in zip(out, seeds, strict=True)).backward()
        for a, b in zip(*results, strict=True):
            close(a, b)
        for x, y in given + list(zip(ours.parameters(), theirs.parameters(), strict=True)):
            near(x.grad, y.grad)
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        near(p, q)
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))
    for a, b in zip(parts(ours.eval()(*[x for x, _ in given])), parts(theirs.eval()(*[y for _, y in given])), strict=True):
        close(a, b)


def test_a_state_goes_on_where_it_stopped():
    for name in ("RNN", "GRU", "LSTM"):
        ours, _ = pair(name, (3, 4, 2))
        x = mg.tensor(np.random.default_rng(0).standard_normal((5, 2, 3)))
        whole, end = ours(x)
        first, state = ours(x[:2])
        second, last = ours(x[2:], state)
        close(mg.cat([first, second]), whole)
        for a, b in zip(parts(last), parts(end), strict=True):
            close(a, b)


def test_dropout_acts_between_layers_in_training_only():
    mg.manual_seed(0)
    net, x = nn.LSTM(3, 4, num_layers=2, dropout=1.0), mg.ones(5, 2, 3)
    deaf = net(x)[0]
    net.weight_ih_l1.replace_array(net.weight_ih_l1.detach().numpy() * 3)
    assert (net(x)[0] == deaf).all()  # the upper layer hears nothing of the lower one
    assert not (net.eval()(x)[0] == deaf).all() and (net(x)[0] == net(x)[0]).all()
    one = nn.GRU(3, 4, dropout=0.9)
    assert (one(x)[0] == one(x)[0]).all()  # there is nothing between


@pytest.mark.parametrize(
    "call, error, says",
    [
        (
            lambda: nn.LSTM(3, 4)(mg.ones(5, 2, 4)),
            mg.ShapeError,
            r"needs \(L, N, 3\) or \(L, 3\), not empty, got \(5, 2, 4\)",
        ),
        (lambda: nn.GRU(3, 4, batch_first=True)(mg.ones(2, 0, 3)), mg.ShapeError, r"GRU: needs \(N, L, 3\)"),
        (lambda: nn.RNN(3, 4)(mg.ones(5, 2, 3), mg.ones(2, 4)), mg.ShapeError, r"of shape \(1, 2, 4\), got \(2, 4\)"),
        (lambda: nn.LSTM(3, 4)(mg.ones(5, 3), (mg.ones(1, 4),)), mg.ShapeError, r"of shape \(1, 4\)"),
        (lambda: nn.LSTM(3, 4, 0), mg.ShapeError, "num_layers must be at least 1"),
        (lambda: nn.GRU(3, 4, dropout=2), ValueError, r"dropout must be within \[0, 1\]"),
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), ValueError, 'must be "tanh" or "relu"'),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="sin"), ValueError, '"relu", "gelu" or a function'),
        (lambda: nn.Transformer(4, 2, 1, 1, 8)(mg.ones(2, 1, 4), mg.ones(2, 1, 3)), mg.ShapeError, "must have 4 features"),
    ],
)
def test_what_does_not_fit(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("batch_first", [False, True])
def test_masks_of_a_transformer(batch_first):
    ours, theirs = pair("Transformer", (6, 2, 1, 1, 8, 0.0, {"batch_first": batch_first}))
    rng, N, S, T = np.random.default_rng(0), 2, 4, 5
    (src, ysrc), (tgt, ytgt) = (both(rng.standard_normal((N, L, 6) if batch_first else (L, N, 6))) for L in (S, T))
    causal = np.triu(np.ones((T, T), bool), 1)
    padding = np.arange(S) >= np.array([[4], [2]])
    masks = {"tgt_mask": causal, "src_key_padding_mask": padding, "memory_key_padding_mask": padding}
    outs = [
        net(x, y, **{k: lib.tensor(m) for k, m in masks.items()})
        for lib, net, x, y in ((mg, ours, src, tgt), (torch, theirs, ysrc, ytgt))
    ]
    close(*outs)
    for out in outs:
        out.square().sum().backward()
    close(src.grad, ysrc.grad)
    del masks["tgt_mask"]
    close(ours(src, tgt, tgt_is_causal=True, **masks), outs[0])  # and without a mask it is made
    a, b = (lib.nn.Transformer.generate_square_subsequent_mask(3) for lib in (mg, torch))
    assert a.tolist() == b.tolist() and a.dtype == np.float32


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    stack = nn.TransformerEncoder(encoder_layer=layer, num_layers=2, norm=nn.LayerNorm(4), enable_nested_tensor=False)
    assert len({id(p) for p in stack.parameters()}) == 2 * 12 + 2 and "2 x TransformerEncoderLayer" in repr(stack)
    assert (copy.deepcopy(stack.eval())(mg.ones(3, 1, 4)) == stack(mg.ones(3, 1, 4))).all()


@pytest.mark.parametrize(
    "masks", [{}, {"causal": True}, {"padding": True}, {"float": True, "padding": True}, {"each": True}]
)
@pytest.mark.parametrize("appended", [(), ("add_bias_kv",), ("add_zero_attn",), ("add_bias_kv", "add_zero_attn")])
@pytest.mark.parametrize("batch_first", [False, True])
def test_attention(masks, appended, batch_first):
    E, heads, N, L, S = 6, 3, 2, 4, 5
    ours, theirs = pair("MultiheadAttention", (E, heads, {"batch_first": batch_first, **dict.fromkeys(appended, True)}))
    rng = np.random.default_rng(0)
    shapes = [(N, L, E), (N, S, E), (N, S, E)] if batch_first else [(L, N, E), (S, N, E), (S, N, E)]
    given = [both(rng.standard_normal(shape)) for shape in shapes]
    options = {}
    if "causal" in masks:
        options["attn_mask"] = np.triu(np.ones((L, S), bool), 1)
    if "float" in masks:
        options["attn_mask"] = rng.standard_normal((L, S))
    if "each" in masks:
        options["attn_mask"] = rng.standard_normal((N * heads, L, S)) > 0.8
    if "padding" in masks:
        padding = np.arange(S) >= np.array([[4], [2]])
        options["key_padding_mask"] = np.where(padding, -np.inf, 0.0) if "float" in masks else padding
    results = [
        layer(*tensors, average_attn_weights="each" not in masks, **{k: lib.tensor(v) for k, v in options.items()})
        for lib, layer, tensors in zip((mg, torch), (ours, theirs), zip(*given, strict=True), strict=True)
    ]
    for a, b in zip(*results, strict=True):
        close(a, b)
    g = rng.standard_normal(results[0][0].shape)
    results[0][0].backward(mg.tensor(g))
    results[1][0].backward(torch.tensor(g))
    for a, b in [*given, *((p, q) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True))]:
        close(a.grad, b.grad)


def test_attention_without_a_batch_or_weights():
    ours, theirs = pair("MultiheadAttention", (6, 2, {"bias": False}))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    (x, y) = both(np.random.default_rng(0).standard_normal((4, 6)))
    for a, b in zip(ours(x, x, x), theirs(y, y, y), strict=True):
        close(a, b)
    out, weights = ours(x, x, x, need_weights=False, is_causal=True)
    mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    close(out, theirs(y, y, y, attn_mask=mask, is_causal=True, need_weights=False)[0])
    assert weights is None
    dropping = nn.MultiheadAttention(6, 2, dropout=0.5)
    assert (dropping(x.float(), x.float(), x.float())[1] == 0).any()
    with pytest.raises(mg.ShapeError, match="embed_dim=6 does not divide into num_heads=4"):
        nn.MultiheadAttention(6, 4)


def test_a_cell_carries_its_state_through_a_sequence():
    for name in ("RNNCell", "GRUCell", "LSTMCell"):
        ours, theirs = pair(name, (3, 4))
        assert repr(ours) == repr(theirs)
        x, y = both(np.random.default_rng(0).standard_normal((5, 2, 3)))
        a, b = None, None
        for t in range(5):
            a, b = ours(x[t], a), theirs(y[t], b)
        first = (a[0], b[0]) if name == "LSTMCell" else (a, b)
        close(*first)
        for out in first:
            out.square().sum().backward()
        close(x.grad, y.grad)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(p.grad, q.grad)
