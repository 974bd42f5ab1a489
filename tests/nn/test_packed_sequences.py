"""Packed sequences: what they hold, and RNNs over them beside PyTorch's and beside one sequence at a time."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop, nn
from minigrad.nn.utils import rnn

LENGTHS = [(4, 2, 2, 1), (2, 5, 1, 3), (3, 3), (1,), (1, 4)]
NETS = [
    ("RNN", {"nonlinearity": "relu", "num_layers": 2}),
    ("GRU", {"bidirectional": True}),
    ("GRU", {"num_layers": 2, "bidirectional": True, "bias": False}),
    ("LSTM", {}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "proj_size": 2}),
]
nets = pytest.mark.parametrize("kind, options", NETS, ids=[f"{kind}-{i}" for i, (kind, _) in enumerate(NETS)])


def parts(state):
    return list(state) if isinstance(state, tuple) else [state]


def sequences(lengths, features=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, features)) for n in lengths]


@pytest.mark.parametrize("lengths", LENGTHS)
@nets
def test_each_sequence_as_if_it_were_alone(kind, options, lengths):
    mg.manual_seed(0)
    net = getattr(nn, kind)(3, 4, **{**options, "batch_first": False}).double()
    given = [mg.tensor(x) for x in sequences(lengths)]
    out, state = net(rnn.pack_sequence(given, enforce_sorted=False))
    for i, (x, y) in enumerate(zip(given, rnn.unpack_sequence(out), strict=True)):
        alone, end = net(x)
        assert np.allclose(y.detach(), alone.detach(), rtol=0, atol=1e-14)
        for a, b in zip(parts(state), parts(end), strict=True):
            assert np.allclose(a[:, i].detach(), b.detach(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("with_state", [False, True])
@nets
def test_results_and_gradients_are_pytorchs(kind, options, lengths, with_state):
    torch = pytest.importorskip("torch")
    mg.manual_seed(0)
    ours, theirs = getattr(nn, kind)(3, 4, **options).double(), getattr(torch.nn, kind)(3, 4, **options).double()
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))
    rng = np.random.default_rng(1)
    padded = rng.standard_normal((max(lengths), len(lengths), 3))
    passes = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    widths = [options.get("proj_size", 4), 4][: 2 if kind == "LSTM" else 1]
    start = [rng.standard_normal((passes, len(lengths), width)) for width in widths]
    found = []
    for lib, net in ((mg, ours), (torch, theirs)):
        pack, unpack = lib.nn.utils.rnn.pack_padded_sequence, lib.nn.utils.rnn.pad_packed_sequence
        x = lib.tensor(padded, requires_grad=True)
        states = [lib.tensor(s, requires_grad=True) for s in start]
        packed = pack(x, lib.tensor(list(lengths)), enforce_sorted=False)
        state = tuple(states) if len(states) > 1 else states[0]
        out, end = net(packed, state) if with_state else net(packed)
        result, sizes = unpack(out, padding_value=-2.0, total_length=6)
        loss = (result**2).sum() + sum((part**3).sum() for part in parts(end))
        loss.backward()
        gradients = [x.grad, *(p.grad for p in net.parameters()), *(s.grad for s in states if with_state)]
        found.append([result, sizes, out.batch_sizes, out.unsorted_indices, *parts(end), *gradients])
    for a, b in zip(*found, strict=True):
        assert a.shape == tuple(b.shape)
        assert np.allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_and_padding_are_inverse(batch_first):
    x = mg.tensor(np.arange(24.0).reshape(4, 3, 2), requires_grad=True)
    lengths = mg.tensor([2, 4, 1]) if not batch_first else mg.tensor([3, 1, 2, 1])
    packed = rnn.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
    padded, found = rnn.pad_packed_sequence(packed, batch_first)
    mask = np.arange(x.shape[int(batch_first)])[:, None] < lengths.numpy()
    mask = (mask.T if batch_first else mask)[..., None]
    assert np.array_equal(padded.detach(), np.where(mask, x.detach(), 0)) and found.tolist() == lengths.tolist()
    padded.sum().backward()
    assert np.array_equal(x.grad, np.broadcast_to(mask, x.shape))
    alone = rnn.unpad_sequence(padded, found, batch_first)
    again = rnn.pad_sequence(alone, batch_first)
    assert np.array_equal(again.detach(), padded.detach())


def test_sorted_sequences_have_no_indices():
    packed = rnn.pack_sequence([mg.ones(3), mg.zeros(3), mg.ones(1)])
    assert packed.sorted_indices is None and packed.unsorted_indices is None
    assert packed.data.tolist() == [1, 0, 1, 1, 0, 1, 0] and packed.batch_sizes.tolist() == [3, 2, 2]
    assert packed.double().data.dtype == mg.float64 and packed.double().float().to(mg.float16).data.dtype == mg.float16
    made = rnn.PackedSequence(packed.data, packed.batch_sizes, mg.tensor([2, 0, 1]))
    assert made.unsorted_indices.tolist() == [1, 2, 0] and made.cpu() is made


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda x: rnn.pack_padded_sequence(x, [1, 2]), ValueError, r"must decrease, got \[1, 2\]\n  hint: enforce_sorted"),
        (lambda x: rnn.pack_padded_sequence(x, [2, 0]), ValueError, r"within 1 and 3, got \[2, 0\]"),
        (lambda x: rnn.pack_padded_sequence(x, [4, 1]), ValueError, r"within 1 and 3, got \[4, 1\]"),
        (lambda x: rnn.pack_padded_sequence(x, [2, 1, 1]), mg.ShapeError, r"got shape \(3,\)"),
        (lambda x: rnn.pack_padded_sequence(x[0, 0], [2]), mg.ShapeError, "a length for each sequence"),
        (
            lambda x: rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [3, 1]), total_length=2),
            ValueError,
            "at least 3, got 2",
        ),
        (lambda x: nn.GRU(5, 2)(rnn.pack_padded_sequence(x, [3, 1])), mg.ShapeError, r"got \(4, 4\) packed"),
        (lambda x: nn.GRU(4, 2)(rnn.pack_padded_sequence(x, [3, 1]), mg.ones(1, 3, 2)), mg.ShapeError, r"\(1, 2, 2\)"),
        (lambda x: nn.GRU(4, 2, proj_size=1), ValueError, "only LSTM has a proj_size"),
        (lambda x: nn.LSTM(4, 2, proj_size=2), ValueError, "within 0 and 1, got 2"),
    ],
)
def test_refusals(call, error, says):
    with pytest.raises(error, match=says):
        call(mg.ones(3, 2, 4))
