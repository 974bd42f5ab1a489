"""Operands that are no tensors: what the gradient sees is their value at the call, whatever happens to them later."""

import array
import ctypes

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DTypeError


class Subclass(np.ndarray):
    pass


class Column:
    """As pandas' Series: an array by `__array__`, that shares its memory."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)

    def __setitem__(self, place, value):
        self.values[place] = value


class Interface:
    def __init__(self, values):
        self.values = np.array(values)
        self.__array_interface__ = self.values.__array_interface__

    def __setitem__(self, place, value):
        self.values[place] = value


def memmap(values, tmp_path):
    mapped = np.memmap(tmp_path / "values", dtype="f8", mode="w+", shape=(len(values),))
    mapped[:] = values
    return mapped


KINDS = {
    "ndarray": lambda v, _: np.array(v),
    "subclass": lambda v, _: np.array(v).view(Subclass),
    "memmap": memmap,
    "array.array": lambda v, _: array.array("d", v),
    "memoryview": lambda v, _: memoryview(array.array("d", v)),
    "__array__": lambda v, _: Column(v),
    "__array_interface__": lambda v, _: Interface(v),
    "ctypes": lambda v, _: (ctypes.c_double * len(v))(*v),
    "list": lambda v, _: list(v),
    "big-endian": lambda v, _: np.array(v, ">f8"),
}
CALLS = {
    "multiply": (lambda x, c: x * c, [3, 4]),
    "reflected": (lambda x, c: mg.multiply(c, x), [3, 4]),
    "divide": (lambda x, c: x / c, [1 / 3, 1 / 4]),
    "power": (lambda x, c: x**c, [3, 32]),
    "matmul": (lambda x, c: mg.matmul(x, c), [3, 4]),
    "dot": (lambda x, c: mg.dot(c, x), [3, 4]),
    "einsum": (lambda x, c: mg.einsum("i,i->", x, c), [3, 4]),
    "where": (lambda x, c: mg.where(mg.greater(c, 3), x, 0 * x), [0, 1]),
    "maximum": (lambda x, c: mg.maximum(2.5 * x, c), [0, 2.5]),
    "concatenate": (lambda x, c: mg.concatenate([x, c]) * mg.concatenate([c, c]), [3, 4]),
    "mse_loss": (lambda x, c: mg.nn.functional.mse_loss(x, mg.tensor(c), reduction="sum"), [-4, -4]),
    "setitem": (lambda x, c: _assigned(x * 2, c) * x, [3, 4]),
    "copy_": (lambda x, c: (x * 2).copy_(c) * x, [3, 4]),
    "add_": (lambda x, c: (x * 0).add_(c) * x, [3, 4]),
}


def _assigned(y, c):
    y[:] = c
    return y


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_that_of_the_values_at_the_call(kind, name, tmp_path):
    call, expected = CALLS[name]
    x = mg.tensor(np.array([1.0, 2.0]), requires_grad=True)
    c = KINDS[kind]([3.0, 4.0], tmp_path)
    y = call(x, c)
    c[0] = c[1] = 100.0
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-6)
    assert type(x.grad.array) is np.ndarray


def test_options_are_kept_as_they_were():
    x = mg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    sizes, index = [1, -1], (np.array([0, 1]), [0, 2])
    y = mg.roll(x, sizes, [0, 1]) * np.arange(6.0).reshape(2, 3)
    z = mg.getitem(x, index) if hasattr(mg, "getitem") else mg.ops.getitem(x, index)
    sizes[:] = [0, 0]
    index[0][:] = 0
    index[1][:] = [1, 1]
    mg.autograd.backward([y.sum(), z.sum()])
    expected = np.roll(np.arange(6.0).reshape(2, 3), (-1, 1), (0, 1)) + [[1, 0, 0], [0, 0, 1]]
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_what_holds_no_numbers_is_refused():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    for bad in (Column([1j, 2]), Column(["a", "b"]), np.array([None, 1]).view(Subclass), np.ma.masked_array([1.0, 2.0])):
        with pytest.raises(DTypeError):
            x * bad


def test_a_tensor_of_another_library_is_refused_at_the_call():
    class Other(Column):
        requires_grad = False

    x = mg.tensor([1.0, 2.0], requires_grad=True)
    for call in (lambda t: x * t, lambda t: mg.add(t, x), lambda t: mg.where(t, x, x)):
        with pytest.raises(TypeError, match="another library"):
            call(Other([1.0, 2.0]))
    assert (x * 1).copy_(Other([3.0, 4.0])).tolist() == [3, 4]  # values are taken: weights come from there
    torch = pytest.importorskip("torch")
    for t in (torch.ones(2), torch.ones(2, requires_grad=True)):
        with pytest.raises(TypeError, match=r"multiply: got a torch\.Tensor, .*\n  hint: use mg\.tensor"):
            x * t


@pytest.mark.parametrize("value", [None, "34", b"3", 1j, object(), [None], ["3"]])
def test_what_is_no_number_is_not_assigned(value):
    x = mg.tensor([1.0, 2.0])
    for change in (
        lambda: x.__setitem__(0, value), lambda: x.__setitem__(..., value), lambda: x.data.__setitem__(0, value),
        lambda: x.copy_(value), lambda: x.masked_fill_(np.array([True, False]), value), lambda: mg.full_like(x, value),
        lambda: x.index_fill(0, np.array([0]), value), lambda: mg.full((2,), value),
        lambda: np.pad(x, (1, 1), constant_values=value),
    ):  # fmt: skip
        with pytest.raises((TypeError, mg.ShapeError)):
            change()
    assert x.tolist() == [1, 2]
