"""Every method of the table that PyTorch has, too: the same values and the same gradients from the same calls."""

import inspect

import numpy as np
import pytest

import minigrad as mg
from minigrad.tensors.methods import Methods

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
X = RNG.uniform(0.2, 0.9, (3, 3))
Y = RNG.uniform(0.2, 0.9, (3, 3))
MASK = Y > 0.5
INDEX = np.array([[0, 2, 1], [2, 1, 1], [1, 0, 0]])
G = RNG.standard_normal(100)

# What beside the tensor itself; methods that are not named here take nothing.
BINARY = """add sub mul div pow atan2 arctan2 remainder fmod maximum minimum fmax fmin hypot copysign xlogy logaddexp
    logaddexp2 eq ne lt le gt ge less less_equal not_equal greater greater_equal multiply divide true_divide subtract
    matmul mm inner kron view_as reshape_as expand_as"""
WHOLE = "gcd lcm bitwise_left_shift bitwise_right_shift"
LOGICAL = "logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor"
ALONG = "cumsum cumprod softmax log_softmax logsumexp logcumsumexp cummax cummin unsqueeze"
ARGUMENTS = {
    **dict.fromkeys(BINARY.split(), (Y,)), **dict.fromkeys(LOGICAL.split(), (MASK,)), **dict.fromkeys(ALONG.split(), (1,)),
    "ldexp": (INDEX,), "lerp": (Y, 0.3), "addcmul": (Y, Y), "addcdiv": (Y, Y), "clamp": (0.4, 0.6), "clip": (0.4, 0.6),
    "clamp_min": (0.5,), "clamp_max": (0.5,), "where": (MASK, Y), "prelu": (np.array([0.25]),), "quantile": (0.3,),
    "reshape": (9,), "view": (1, 9), "permute": (1, 0), "expand": (2, 3, 3), "sum_to_size": (1, 3),
    "broadcast_to": ((2, 3, 3),),
    "unflatten": (0, (3, 1)), "transpose": (0, 1), "swapaxes": (0, 1), "swapdims": (0, 1), "moveaxis": (0, 1),
    "movedim": (0, 1), "flip": (0,), "tile": (2, 1), "repeat": (1, 2), "roll": (1, 0), "repeat_interleave": (2, 1),
    "split": (2,), "chunk": (2,), "tensor_split": (2,), "hsplit": ([1],), "vsplit": ([1],), "take": (INDEX,),
    "take_along_dim": (INDEX, 1), "gather": (1, INDEX), "scatter": (1, INDEX[:, :1], Y[:, :1]), "scatter_add": (1, INDEX, Y),
    "select": (0, 1), "narrow": (0, 1, 2), "index_select": (0, INDEX[0]), "index_add": (0, INDEX[0], Y),
    "index_copy": (0, INDEX[0], Y), "index_fill": (0, INDEX[0], 5.0), "masked_fill": (MASK, 2.0), "masked_select": (MASK,),
    "masked_scatter": (MASK, Y), "topk": (2,), "kthvalue": (2,), "mv": (Y[0],), "addmm": (Y, Y), "matrix_power": (2,),
    "norm": (2,), "cross": (Y, 1), "polygamma": (1,), "dist": (Y,), "renorm": (2, 0, 0.5), "nanquantile": (0.3,),
    "float_power": (Y,), "unfold": (1, 2, 1), "select_scatter": (Y[0], 0, 1), "slice_scatter": (Y[:2], 0, 1),
    "diagonal_scatter": (Y[0],), "index_put": ((INDEX[0], INDEX[1]), Y[0]), "put": (INDEX[0] * 3, Y[0]),
    "split_with_sizes": ([1, 2],), "scatter_reduce": (0, INDEX, Y, "amax"), "index_reduce": (0, INDEX[0], Y, "mean"),
    "histogram": (4,), "histc": (4,), "gcd": (INDEX,), "lcm": (INDEX,), "bitwise_left_shift": (INDEX,),
    "bitwise_right_shift": (INDEX,), "addbmm": (Y[None], Y[None]), "addr": (Y[0], Y[0]),
}  # fmt: skip
VECTORS = {"dot": (Y[0],), "vdot": (Y[0],), "outer": (Y[0],), "ger": (Y[0],), "diagflat": (), "addmv": (Y, Y[0])}
STACKS = {"bmm": (Y[None],), "baddbmm": (Y[None], Y[None]), "dsplit": ([1],)}
OTHERWISE = {  # NumPy's meaning, a warning, no gradient in PyTorch, or one outside of the triangle
    "acosh_", "aminmax", "arccosh_", "arcsinh_", "arctanh_", "asinh_", "atanh_", "bincount", "cholesky",
    "cholesky_inverse", "cholesky_solve", "conj", "floor_divide", "floor_divide_", "heaviside", "heaviside_",
    "histogram", "index_reduce", "index_reduce_", "logical_not_", "lu", "lu_solve", "nextafter", "nextafter_",
    "nonzero", "positive", "qr", "searchsorted", "sgn", "sgn_", "unique", "unique_consecutive",
}  # fmt: skip
NAMES = sorted(
    name
    for name, method in vars(Methods).items()
    if not name.startswith("_") and inspect.isfunction(method) and hasattr(torch.Tensor, name) and name not in OTHERWISE
)


def parts(result):
    return [p for part in result for p in parts(part)] if isinstance(result, tuple | list) else [result]


def run(lib, name, x, arguments):
    array = x
    tensor = (lambda a: lib.tensor(a)) if lib is torch else mg.tensor

    def given(a):
        return tensor(a) if isinstance(a, np.ndarray) else tuple(map(given, a)) if isinstance(a, tuple) else a

    t = tensor(array)
    if t.is_floating_point():
        t.requires_grad_()
    start = t * 1 if t.is_floating_point() else t.clone()
    out = getattr(start, name)(*[given(a) for a in arguments])
    found = parts(out)
    total = None
    for k, part in enumerate(found):
        if isinstance(part, (mg.Tensor, torch.Tensor)) and part.requires_grad:
            weights = tensor(G[k : k + part.numel()].reshape(tuple(part.shape)))
            total = (part * weights).sum() + (0 if total is None else total)
    if total is not None:
        total.backward()
    values = [p.detach().numpy() if isinstance(p, (mg.Tensor, torch.Tensor)) else np.asarray(p) for p in found]
    return values, None if t.grad is None else t.grad.numpy(), out is start


@pytest.mark.parametrize("name", NAMES)
def test_method(name):
    plain = name.rstrip("_") if name.endswith("_") else name
    if plain in VECTORS:
        x, arguments = X[0], VECTORS[plain]
    elif plain in STACKS:
        x, arguments = X[None], STACKS[plain]
    else:
        x, arguments = X, ARGUMENTS.get(plain, ())
    if plain in LOGICAL.split() or plain == "bitwise_not":
        x = X > 0.5
    elif plain in {"acosh", "arccosh"}:
        x = X + 1
    elif plain in WHOLE.split():
        x = INDEX * 3
    mine, my_gradient, changed = run(mg, name, x, arguments)
    theirs, their_gradient, _ = run(torch, name, x, arguments)
    assert len(mine) == len(theirs) and changed == (name.endswith("_") or name == "double")  # of float64: the tensor itself
    for a, b in zip(mine, theirs, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(
            a, b, rtol={"half": 1e-6, "float": 1e-6, "polygamma": 1e-8, "polygamma_": 1e-8}.get(name, 1e-11), atol=1e-13
        )
    if their_gradient is not None:
        np.testing.assert_allclose(
            np.zeros_like(x) if my_gradient is None else my_gradient, their_gradient, rtol=1e-9, atol=1e-12
        )


def test_most_of_the_table_was_compared():
    assert len(NAMES) > 200
