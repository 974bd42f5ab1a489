"""Functions that are methods under another name, index pairs of triangles, and questions about shapes and dtypes."""

import itertools

import numpy as np
import pytest

import minigrad as mg


def test_copies():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    mg.clone(x).sum().backward()
    assert x.grad.tolist() == [1, 1] and not mg.detach(x).requires_grad
    assert mg.clone(mg.tensor([True])).tolist() == [True]


def test_questions():
    x = mg.zeros(2, 3)
    assert not mg.is_complex(x) and mg.is_signed(x) and not mg.is_signed(mg.tensor([1], dtype=mg.uint8))
    assert mg.is_same_size(x, mg.ones(2, 3)) and not mg.is_same_size(x, mg.ones(3, 2))
    assert mg.is_nonzero(mg.tensor([2.0])) and not mg.is_nonzero(mg.tensor(0))
    with pytest.raises(ValueError, match="neither true nor false"):
        mg.is_nonzero(x)
    assert x.is_cpu and not (x.is_sparse or x.is_quantized or x.is_meta or x.is_mps)


def test_broadcast_shapes():
    assert mg.broadcast_shapes((2,), (3, 1), (1, 1, 1)) == (1, 3, 2) and mg.broadcast_shapes(2, (3, 1)) == (3, 2)
    assert mg.broadcast_shapes() == ()
    with pytest.raises(mg.ShapeError, match=r"broadcast_shapes: \(2,\), \(3,\) do not broadcast"):
        mg.broadcast_shapes((2,), (3,))


NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def test_dtypes_are_pytorchs():
    torch = pytest.importorskip("torch")
    for a, b in itertools.product(NAMES, NAMES):
        mine, theirs = (getattr(mg, a), getattr(mg, b)), (getattr(torch, a), getattr(torch, b))
        assert mg.can_cast(*mine) == torch.can_cast(*theirs), (a, b)
        assert f"torch.{mg.promote_types(*mine)}" == str(torch.promote_types(*theirs)), (a, b)


@pytest.mark.parametrize("name", ["tril_indices", "triu_indices"])
@pytest.mark.parametrize("arguments", [(3, 3), (3, 2, 1), (2, 4, -1), (0, 3), (4, 3, 5), (4, 3, -9)])
def test_triangles(name, arguments):
    found = getattr(mg, name)(*arguments, dtype=mg.int32)
    assert found.dtype == np.int32 and getattr(mg, name)(2, 2).dtype == np.int64
    triangle = (np.tril if name == "tril_indices" else np.triu)(np.ones(arguments[:2]), *arguments[2:])
    np.testing.assert_array_equal(found.numpy(), np.argwhere(triangle).T)


def test_randint_like():
    x = mg.zeros(500, dtype=mg.float64)
    assert set(mg.randint_like(x, 3).tolist()) == {0, 1, 2} and mg.randint_like(x, 3).dtype == np.float64
    assert set(mg.randint_like(x, -1, 1, dtype=mg.int8).tolist()) == {-1, 0}
    with pytest.raises(ValueError, match="high must be greater than low"):
        mg.randint_like(x, 3, 3)


def test_shifts():
    x = mg.tensor([1, -8])
    assert (x << 3).tolist() == [8, -64] and (x >> 1).tolist() == [0, -4]
    assert (1 << mg.tensor([1, 2])).tolist() == [2, 4] and (64 >> mg.tensor([1, 2])).tolist() == [32, 16]
    assert mg.bitwise_left_shift(x, 70).tolist() == [0, 0] and (x[:1].to(mg.uint8) << 9).tolist() == [0]
    x <<= 1
    x >>= mg.tensor([0, 2])
    assert x.tolist() == [2, -4]


def test_what_nan_and_the_order_of_writes_mean():
    nan = np.nan
    x = mg.tensor([[nan, nan], [nan, 2.0]], requires_grad=True)
    values, indices = x.nanmedian(1)
    assert np.isnan(values[0].item()) and values[1].item() == 2 and indices[1].item() == 1
    assert np.isnan(mg.nanmedian(x[0]).item()) and np.isnan(mg.nanquantile(x, 0.5, 1).tolist()[0])
    assert mg.mode(mg.tensor([3.0, nan, nan])).values.item() == 3
    most = mg.scatter_reduce(mg.zeros(2), 0, mg.tensor([0, 0]), x[:, 0], "amax")
    assert np.isnan(most.tolist()).tolist() == [True, False]
    (g,) = mg.autograd.grad(most.sum(), x)
    assert g.tolist() == [[0.5, 0], [0.5, 0]]  # every NaN is the maximum
    empty = mg.scatter_reduce(mg.ones(2), 0, mg.tensor([0, 0, 0]), mg.tensor([2.0, 3.0, 4.0]), "mean", include_self=False)
    assert empty.tolist() == [3, 1]


def test_products_at_an_index_have_all_derivatives_at_zeros():
    x, src = mg.tensor([2.0], requires_grad=True), mg.tensor([0.0, 0.0, 5.0], requires_grad=True)
    out = mg.scatter_reduce(x, 0, mg.tensor([0, 0, 0]), src, "prod")
    gx, gs = mg.autograd.grad(out.sum(), [x, src], create_graph=True)
    assert gx.tolist() == [0] and gs.tolist() == [0, 0, 0]
    (second,) = mg.autograd.grad(gs[0], src)
    assert second.tolist() == [0, 10, 0]
