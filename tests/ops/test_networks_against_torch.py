"""What networks call beside layers, by the numbers of PyTorch: sampling, alignment, bags, attention, unpooling, matrices."""

import itertools

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape)


def compare(call, *arrays, rtol=1e-9):
    """Compare `call(lib, functional, *tensors)`, of one result or several, and its gradients by all arrays of floats."""
    found = []
    for lib, functional in ((mg, F), (torch, TF)):
        given = [lib.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        outs = call(lib, functional, *given)
        outs = [out for out in (outs if isinstance(outs, tuple) else (outs,)) if out is not None]
        rng = np.random.default_rng(1)
        sum((t * lib.tensor(rng.standard_normal(tuple(t.shape)))).sum() for t in outs if t.requires_grad).backward()
        grads = [np.zeros(t.shape) if t.grad is None else t.grad.numpy() for t in given if t.requires_grad]
        found.append([*(t.detach().numpy() for t in outs), *grads])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-12)


SAMPLINGS = [
    (n, mode, padding_mode, align_corners)
    for n, mode in [(2, "bilinear"), (2, "nearest"), (2, "bicubic"), (3, "bilinear"), (3, "nearest")]
    for padding_mode, align_corners in itertools.product(("zeros", "border", "reflection"), (True, False))
]


@pytest.mark.parametrize("n, mode, padding_mode, align_corners", SAMPLINGS)
def test_grid_sample(n, mode, padding_mode, align_corners):
    for size in [(5, 4, 3), (1, 3, 2)]:
        grid = RNG.uniform(-2.3, 2.3, (2, 3, 4, 2)[: n + 1] + (n,))
        compare(lambda _, f, x, g: f.grid_sample(x, g, mode, padding_mode, align_corners), normal(2, 3, *size[:n]), grid)


@pytest.mark.filterwarnings("ignore:Since version 1.3.0")
@pytest.mark.parametrize("size", [(2, 1, 3, 1), (2, 1, 3, 1, 5)])
@pytest.mark.parametrize("align_corners", [True, False])
def test_affine_grid(size, align_corners):
    n = len(size) - 2
    compare(lambda _, f, theta: f.affine_grid(theta, size, align_corners), normal(2, n, n + 1))


@pytest.mark.parametrize("seed", range(12))
def test_ctc_loss(seed):
    rng = np.random.default_rng(seed)
    T, N, C = (int(n) for n in rng.integers((1, 1, 2), (9, 4, 6)))
    blank, lengths, steps = int(rng.integers(C)), rng.integers(0, 5, N), rng.integers(0, T + 1, N)
    labels = rng.choice([c for c in range(C) if c != blank], (N, 5))
    labels = labels if seed % 2 else labels.ravel()[: lengths.sum()]
    reduction = ("mean", "sum", "none")[seed % 3]
    sizes = tuple(steps.tolist()), tuple(lengths.tolist())
    compare(lambda lib, f, x: f.ctc_loss(f.log_softmax(x, -1), lib.tensor(labels), *sizes, blank, reduction, True),
            rng.standard_normal((T, N, C)))  # fmt: skip


def test_an_infinite_ctc_loss():
    x = normal(3, 2, 4)
    ours, theirs = (
        f.ctc_loss(lib.tensor(x), lib.tensor(np.array([[1, 1], [2, 2]])), (2, 3), (2, 2), 0, "none")
        for lib, f in ((mg, F), (torch, TF))
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy())
    assert ours.numpy()[0] == np.inf


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_embedding_bag(mode, padding_idx):
    weight, options = normal(5, 3), {"mode": mode, "padding_idx": padding_idx}
    compare(lambda _, f, x, w: f.embedding_bag(x, w, **options), RNG.integers(0, 5, (4, 3)), weight)
    for offsets, last in [([0, 2, 2, 6], False), ([0, 2, 2, 6, 7], True)]:
        compare(lambda _, f, x, w, o, last=last: f.embedding_bag(x, w, o, include_last_offset=last, **options),
                RNG.integers(0, 5, 7), weight, np.array(offsets))  # fmt: skip
    if mode == "sum":
        compare(lambda _, f, x, w, s: f.embedding_bag(x, w, per_sample_weights=s, **options), RNG.integers(0, 5, (4, 3)),
                weight, normal(4, 3))  # fmt: skip


@pytest.mark.parametrize("case", ["joint", "separate", "zero", "static", "masked", "each", "unbatched"])
def test_multi_head_attention_forward(case):
    E = 6
    batch = () if case == "unbatched" else (2,)
    static = [normal(6, 5, 2)] * 2 if case == "static" else []

    def call(lib, f, q, k, v, w, b, bk, bv, ow, ob, qw, kw, vw, *fixed):
        options = {}
        if case == "separate":
            options = {"use_separate_proj_weight": True, "q_proj_weight": qw, "k_proj_weight": kw, "v_proj_weight": vw}
        if fixed:
            options, bk, bv = dict(zip(("static_k", "static_v"), fixed, strict=True)), None, None
        if case == "masked":
            masks = np.triu(np.ones((4, 5), bool), 1), np.eye(2, 5, 2) > 0
            options = {"attn_mask": lib.tensor(masks[0]), "key_padding_mask": lib.tensor(masks[1])}
        if case == "each":
            options = {"average_attn_weights": False}
        return f.multi_head_attention_forward(
            q, k, v, E, 3, w, b, bk, bv, case in ("zero", "static"), 0.0, ow, ob, **options
        )

    inputs = [normal(n, *batch, E) for n in (4, 5, 5)]
    compare(call, *inputs, normal(3 * E, E), normal(3 * E), normal(1, 1, E), normal(1, 1, E), normal(E, E), normal(E),
            *[normal(E, E) for _ in range(3)], *static)  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3])
def test_pooling(n):
    x = RNG.permutation(np.arange(4.0 * 5**n)).reshape(2, 2, *[5] * n)

    def there_and_back(_, f, x):
        maxima, places = getattr(f, f"max_pool{n}d")(x, 2, 2, return_indices=True)
        return getattr(f, f"max_unpool{n}d")(maxima * 2, places, 2, 2, 0, (2, 2) + (5,) * n)

    compare(there_and_back, x)
    for options in [(2, 2), (3.0, 2, 1, True), (2, 3, 2, True)]:
        compare(lambda _, f, x, options=options: getattr(f, f"lp_pool{n}d")(x, *options), RNG.uniform(0.5, 2, x.shape))


LINEAR = {
    "lu": (lambda lib, _, x: lib.linalg.lu(x)[1:], [(3, 3), (2, 4, 4), (5, 3), (2, 3, 5), (1, 1)]),
    "lu_factor": (lambda lib, _, x: lib.linalg.lu_factor(x)[0], [(3, 3), (5, 3), (2, 3, 5)]),
    "lu_unpack": (lambda lib, _, x: lib.lu_unpack(*lib.linalg.lu_factor(x))[1:], [(4, 3)]),
    "inv_ex": (lambda lib, _, x: lib.linalg.inv_ex(x)[0], [(2, 3, 3)]),
    "vander": (lambda lib, _, x: lib.linalg.vander(x, N=4), [(2, 3)]),
    "diagonal": (lambda lib, _, x: lib.linalg.diagonal(x, offset=1), [(2, 3, 4)]),
    "svd": (lambda lib, _, x: (lambda u, s, v: u @ lib.diag(s) @ v.T)(*lib.svd(x)), [(4, 3), (3, 3)]),
    "pdist": (lambda _, f, x: (f.pdist(x), f.pdist(x, 1), f.pdist(x, 3.0)), [(5, 3)]),
    "channel_shuffle": (lambda _, f, x: f.channel_shuffle(x, 3), [(2, 6, 3, 2)]),
    "rrelu": (lambda _, f, x: f.rrelu(x, 0.2, 0.4), [(3, 4)]),
    "alpha_dropout": (lambda _, f, x: f.alpha_dropout(x, 1.0, True), [(3, 4)]),
}


@pytest.mark.parametrize("name", LINEAR)
def test_functions_of_one_array(name):
    call, shapes = LINEAR[name]
    for shape in shapes:
        compare(call, normal(*shape))


@pytest.mark.parametrize("left, adjoint", [*itertools.product((True, False), repeat=2)])
def test_lu_solve(left, adjoint):
    for a, b in [((3, 3), (3, 2)), ((2, 4, 4), (2, 4, 3)), ((4, 4), (2, 4, 3)), ((2, 2, 2), (2, 2))]:
        b = b if left else (*b[:-2], b[-1], b[-2])
        compare(lambda lib, _, x, y: lib.linalg.lu_solve(*lib.linalg.lu_factor(x), y, left=left, adjoint=adjoint),
                normal(*a), normal(*b))  # fmt: skip


def test_pivots_and_failures():
    x = normal(2, 5, 3)
    for ours, theirs in zip(mg.linalg.lu_factor(mg.tensor(x)), torch.linalg.lu_factor(torch.tensor(x)), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    np.testing.assert_array_equal(mg.linalg.lu(x).P, torch.linalg.lu(torch.tensor(x))[0].numpy())
    rows = normal(3, 4, 3)
    spd = rows.mT @ rows
    spd[1, 1, 1] = -1
    flat = np.stack([np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 3.0]), np.eye(3)])
    for name, matrices in [("cholesky_ex", spd), ("inv_ex", flat)]:
        ours, theirs = (getattr(lib.linalg, name)(lib.tensor(matrices)) for lib in (mg, torch))
        assert ours.info.tolist() == theirs.info.tolist() and 0 in ours.info.tolist() and ours.info.dtype == np.int32
        good = ours.info.numpy() == 0
        np.testing.assert_allclose(ours[0].numpy()[good], theirs[0].numpy()[good], rtol=1e-12)
        assert np.isnan(ours[0].numpy()[~good]).all()
        with pytest.raises(mg.linalg.LinAlgError):
            getattr(mg.linalg, name)(matrices, check_errors=True)


TAILS = {
    "ndtri": np.r_[0, 1e-300, 1e-20, 0.3, 0.5, 0.9, 1 - 1e-15, 1, 2],
    "log_ndtr": np.r_[-1e10, -40, -2, -1, 0, 1, 8, 40, np.nan],
    "erfcx": np.r_[-30, -5, 0, 1.99, 2, 2.01, 10, 1e3, np.inf, np.nan],
}


@pytest.mark.parametrize("name", TAILS)
def test_tails(name):
    ours, theirs = getattr(mg.special, name)(TAILS[name]), getattr(torch.special, name)(torch.tensor(TAILS[name])).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=2e-15, atol=1e-300)


def test_xlog1py():
    x, y = np.array([0, 0, 0, 0, 1, 2.0, 0]), np.array([-1, -2, np.inf, np.nan, 0.5, 1e-20, 0.7])
    np.testing.assert_allclose(mg.special.xlog1py(x, y), torch.special.xlog1py(torch.tensor(x), torch.tensor(y)).numpy())
    compare(lambda lib, _, x, y: lib.special.xlog1py(x, y), x[4:], y[4:])
