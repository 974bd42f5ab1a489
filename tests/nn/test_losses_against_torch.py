"""Every loss beside PyTorch's, for each reduction and option: its value, and its gradients by every input."""

import contextlib
import inspect

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:`NLLLoss2d` has been deprecated")

RNG = np.random.default_rng(0)
N, C = 6, 4


def normal(*shape):
    return RNG.standard_normal(shape)


def share(*shape):
    return RNG.uniform(0.1, 0.9, shape)


def rows(*shape):
    return RNG.dirichlet(np.ones(shape[-1]), shape[:-1])


def signs(*shape):
    return RNG.choice([-1.0, 1.0], shape)


CLASSES = RNG.integers(0, C, N)
HOLES = np.where(np.arange(N) % 3, CLASSES, 2)
WEIGHT = share(C)
LISTED = np.array([np.append(RNG.permutation(C)[: n % C], [-1] * (C - n % C)) for n in range(N)])  # classes, then -1

# (loss, options, inputs by position); floats among the inputs are differentiated, those in TARGETS are not
LOSSES = [
    ("CrossEntropyLoss", {}, (normal(N, C), CLASSES)),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.1}, (normal(N, C), CLASSES)),
    ("CrossEntropyLoss", {"ignore_index": 2}, (normal(N, C), HOLES)),
    ("CrossEntropyLoss", {"weight": WEIGHT}, (normal(N, C), rows(N, C))),
    ("CrossEntropyLoss", {}, (normal(2, C, 3), RNG.integers(0, C, (2, 3)))),
    ("NLLLoss", {"weight": WEIGHT}, (normal(N, C), CLASSES)),
    ("NLLLoss", {"ignore_index": 2}, (normal(N, C), HOLES)),
    ("NLLLoss2d", {"weight": WEIGHT}, (normal(2, C, 3, 2), RNG.integers(0, C, (2, 3, 2)))),
    ("MSELoss", {}, (normal(N, 2), normal(N, 2))),
    ("L1Loss", {}, (normal(N, 2), normal(N, 2))),
    ("SmoothL1Loss", {"beta": 0.7}, (normal(N, 2), normal(N, 2))),
    ("SmoothL1Loss", {"beta": 0.0}, (normal(N, 2), normal(N, 2))),
    ("HuberLoss", {"delta": 0.7}, (normal(N, 2), normal(N, 2))),
    ("BCELoss", {}, (share(N), share(N))),
    ("BCELoss", {"weight": share(N)}, (share(N), share(N))),
    ("BCEWithLogitsLoss", {}, (normal(N, C), share(N, C))),
    ("BCEWithLogitsLoss", {"weight": share(N, C), "pos_weight": share(C)}, (normal(N, C), share(N, C))),
    ("KLDivLoss", {}, (np.log(rows(N, C)), rows(N, C))),
    ("KLDivLoss", {"log_target": True}, (np.log(rows(N, C)), np.log(rows(N, C)))),
    ("PoissonNLLLoss", {}, (normal(N), RNG.poisson(3, N).astype(float))),
    ("PoissonNLLLoss", {"log_input": False, "full": True}, (share(N), RNG.poisson(3, N).astype(float))),
    ("GaussianNLLLoss", {"full": True}, (normal(N, 2), normal(N, 2), share(N, 2))),
    ("GaussianNLLLoss", {}, (normal(N, 2), normal(N, 2), share(N, 1))),
    ("HingeEmbeddingLoss", {"margin": 0.8}, (normal(N), signs(N))),
    ("SoftMarginLoss", {}, (normal(N, 2), signs(N, 2))),
    ("MarginRankingLoss", {"margin": 0.3}, (normal(N), normal(N), signs(N))),
    ("CosineEmbeddingLoss", {"margin": 0.2}, (normal(N, 3), normal(N, 3), signs(N))),
    ("TripletMarginLoss", {}, (normal(N, 3), normal(N, 3), normal(N, 3))),
    ("TripletMarginLoss", {"margin": 0.5, "p": 3.0, "swap": True}, (normal(N, 3), normal(N, 3), normal(N, 3))),
    ("TripletMarginWithDistanceLoss", {}, (normal(N, 3), normal(N, 3), normal(N, 3))),
    ("TripletMarginWithDistanceLoss", {"margin": 0.5, "swap": True}, (normal(N, 3), normal(N, 3), normal(N, 3))),
    ("MultiMarginLoss", {}, (normal(N, C), CLASSES)),
    ("MultiMarginLoss", {"p": 2, "margin": 0.7, "weight": WEIGHT}, (normal(N, C), CLASSES)),
    ("MultiLabelMarginLoss", {}, (normal(N, C), LISTED)),
    ("MultiLabelSoftMarginLoss", {"weight": WEIGHT}, (normal(N, C), RNG.integers(0, 2, (N, C)).astype(float))),
]  # fmt: skip
LABELS = (
    "HingeEmbeddingLoss",
    "SoftMarginLoss",
    "MarginRankingLoss",
    "CosineEmbeddingLoss",
    "MultiLabelSoftMarginLoss",
    "PoissonNLLLoss",
    "CrossEntropyLoss",
)
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(LOSSES)]


def differentiated(name, given, inputs):
    """Those of the given tensors that require a gradient, from now on."""
    moving = [t for t, x in zip(given, inputs, strict=True) if x.dtype.kind == "f"]
    if name in LABELS and inputs[-1].dtype.kind == "f":
        moving = moving[:-1]
    for t in moving:
        t.requires_grad_()
    return moving


def run(lib, name, options, inputs, reduction):
    given = [lib.tensor(x) for x in inputs]
    moving = differentiated(name, given, inputs)
    options = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    loss = getattr(lib.nn, name)(reduction=reduction, **options)(*given)
    g = np.random.default_rng(1).standard_normal(tuple(loss.shape))
    loss.backward(lib.tensor(g))
    return [loss.detach().numpy(), *(t.grad.numpy() for t in moving)]


@pytest.mark.filterwarnings("ignore:reduction")  # PyTorch recommends "batchmean"
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name, options, inputs", LOSSES, ids=IDS)
def test_value_and_gradients(name, options, inputs, reduction):
    for a, b in zip(*(run(lib, name, options, inputs, reduction) for lib in (mg, torch)), strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


def test_batchmean():
    inputs = np.log(rows(N, C)), rows(N, C)
    for a, b in zip(*(run(lib, "KLDivLoss", {}, inputs, "batchmean") for lib in (mg, torch)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize(
    "name, options", [("CosineSimilarity", {"dim": -1}), ("PairwiseDistance", {"p": 3.0, "keepdim": True})]
)
def test_similarity_and_distance(name, options):
    found = []
    inputs = normal(N, 3), normal(N, 3)
    for lib in (mg, torch):
        given = [lib.tensor(x, requires_grad=True) for x in inputs]
        out = getattr(lib.nn, name)(**options)(*given)
        out.backward(lib.tensor(np.cos(np.arange(np.prod(tuple(out.shape)))).reshape(tuple(out.shape))))
        found.append([out.detach().numpy(), *(x.grad.numpy() for x in given)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def learned(lib, name, options, inputs):
    """Ten steps that change the inputs until the loss likes them: its values, and what they have become."""
    given = [lib.tensor(x) for x in inputs]
    moving = differentiated(name, given, inputs)
    options = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    criterion, optimizer = getattr(lib.nn, name)(**options), lib.optim.SGD(moving, lr=0.005, momentum=0.9)
    values = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = criterion(*given)
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return [np.array(values), *(t.detach().numpy() for t in moving)]


@pytest.mark.filterwarnings("ignore:reduction")  # PyTorch recommends "batchmean"
@pytest.mark.parametrize("name, options, inputs", LOSSES, ids=IDS)
def test_ten_steps(name, options, inputs):
    for a, b in zip(*(learned(lib, name, options, inputs) for lib in (mg, torch)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("options", [{"size_average": False}, {"reduce": False}, {"size_average": True}, {"reduce": True}])
@pytest.mark.parametrize("name", ["MSELoss", "CrossEntropyLoss", "PoissonNLLLoss", "TripletMarginLoss", "MultiMarginLoss"])
def test_former_options(name, options):
    inputs = next(inputs for loss, _, inputs in LOSSES if loss == name)
    found = []
    for lib in (mg, torch):
        with pytest.warns(UserWarning, match="size_average and reduce") as seen:
            layer = getattr(lib.nn, name)(**options)
        assert seen[0].filename == __file__ or lib is torch
        out = layer(*map(lib.tensor, inputs))
        found.append((layer.reduction, out.numpy()))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12)


def test_former_options_stand_where_pytorch_has_them():
    own = {**vars(mg.nn.functional), **vars(mg.nn)}
    theirs = {**vars(torch.nn.functional), **vars(torch.nn)}
    having = {}
    for name in sorted(own.keys() & theirs.keys()):
        with contextlib.suppress(TypeError, ValueError):
            wanted = list(inspect.signature(theirs[name]).parameters)
            if "size_average" in wanted:
                having[name] = wanted == list(inspect.signature(own[name]).parameters)
    assert len(having) == 34 and all(having.values()), having
    x, t = mg.zeros(2, 3), mg.tensor([0, 1])
    with pytest.warns(UserWarning, match="nll_loss: size_average .*\n  hint: use reduction='sum'"):
        mg.nn.functional.nll_loss(x, t, None, False)
    with pytest.raises(TypeError, match=r".* are booleans, got 'sum' and None\n  hint: reduction is given by name"):
        mg.nn.functional.mse_loss(x, x, "sum")


def test_weights_are_buffers_as_there():
    ours, theirs = (lib.nn.CrossEntropyLoss(lib.ones(3)) for lib in (mg, torch))
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight"] and repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["MSELoss", "CrossEntropyLoss", "KLDivLoss"])
def test_a_reduction_must_be_known(name):
    with pytest.raises(ValueError, match=f"{name}: reduction must be .*, got 'average'"):
        getattr(nn, name)(reduction="average")
