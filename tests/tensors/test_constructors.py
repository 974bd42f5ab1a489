"""PyTorch's constructors: sizes or data, dtypes by name, and the names of types."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

OF_DTYPE = {
    "BoolTensor": "bool", "ByteTensor": "uint8", "CharTensor": "int8", "DoubleTensor": "float64", "FloatTensor": "float32",
    "HalfTensor": "float16", "IntTensor": "int32", "LongTensor": "int64", "ShortTensor": "int16",
}  # fmt: skip
CALLS = {  # what both libraries make, as (shape, dtype)
    "three elements": lambda lib: lib.Tensor(3),
    "sizes": lambda lib: lib.Tensor(2, 3),
    "nothing": lambda lib: lib.Tensor(),
    "the shape of a tensor": lambda lib: lib.Tensor(lib.zeros(4, 2).size()),
    "a part of a shape": lambda lib: lib.LongTensor(lib.zeros(4, 2).shape[1:] + (1,)),
    "a list of integers": lambda lib: lib.Tensor([0, 1]),
    "an array of float64": lambda lib: lib.Tensor(np.zeros((2, 2))),
    "an array of integers": lambda lib: lib.Tensor(np.arange(3)),
    "a size of NumPy": lambda lib: lib.Tensor(np.int64(3)),
    "no elements": lambda lib: lib.FloatTensor(0),
    "a list of floats as integers": lambda lib: lib.LongTensor([1.7, -1.7]),
    "new sizes": lambda lib: lib.zeros(1, dtype=lib.int64).new(2, 3),
    "new data": lambda lib: lib.zeros(1, dtype=lib.float64).new([1, 2]),
    "new of nothing": lambda lib: lib.zeros(1).new(),
    "type by constructor": lambda lib: lib.ones(2).type(lib.LongTensor),
    "type by name": lambda lib: lib.ones(2).type("torch.ByteTensor"),
    "type by dtype": lambda lib: lib.ones(2).type(lib.float64),
    "type_as": lambda lib: lib.ones(2).type_as(lib.LongTensor(1)),
    **{name: lambda lib, name=name: getattr(lib, name)(2, 1) for name in OF_DTYPE},
}
EXPECTED = {
    "three elements": ((3,), "float32"), "sizes": ((2, 3), "float32"), "nothing": ((0,), "float32"),
    "the shape of a tensor": ((4, 2), "float32"), "a part of a shape": ((2, 1), "int64"),
    "a list of integers": ((2,), "float32"), "an array of float64": ((2, 2), "float32"),
    "an array of integers": ((3,), "float32"), "a size of NumPy": ((3,), "float32"), "no elements": ((0,), "float32"),
    "a list of floats as integers": ((2,), "int64"), "new sizes": ((2, 3), "int64"), "new data": ((2,), "float64"),
    "new of nothing": ((0,), "float32"), "type by constructor": ((2,), "int64"), "type by name": ((2,), "uint8"),
    "type by dtype": ((2,), "float64"), "type_as": ((2,), "int64"),
    **{name: ((2, 1), dtype) for name, dtype in OF_DTYPE.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_constructors(name):
    made = CALLS[name](mg)
    assert (made.shape, str(made.dtype)) == EXPECTED[name]


@pytest.mark.parametrize("name", CALLS)
def test_pytorch_constructs_the_same(name):
    torch = pytest.importorskip("torch")
    made = CALLS[name](torch)
    assert (tuple(made.shape), str(made.dtype).removeprefix("torch.")) == EXPECTED[name]
    assert CALLS[name](mg).type() == made.type()


def test_the_content_of_data_stays():
    np.testing.assert_array_equal(mg.Tensor([[1, 2]]).numpy(), [[1.0, 2.0]])
    np.testing.assert_array_equal(mg.Tensor((2, 3)).numpy(), [2.0, 3.0])  # a plain tuple is data, a Size is a shape
    np.testing.assert_array_equal(mg.LongTensor([1.7, -1.7]).numpy(), [1, -1])
    mg.set_default_dtype(mg.float64)
    try:
        assert mg.Tensor(2).dtype == mg.Tensor([1]).dtype == mg.Tensor(np.zeros(1, np.float32)).dtype == mg.float64
    finally:
        mg.set_default_dtype(mg.float32)
    x = mg.Tensor([1.0], requires_grad=True, device="cpu")
    (x * 3).sum().backward()
    assert x.grad.item() == 3.0


@pytest.mark.parametrize("data", [2.5, True, np.float32(1), np.bool_(1)])
def test_a_number_is_no_data(data):
    with pytest.raises(TypeError, match=r"Tensor: takes sizes or one list, array or tensor, got .*\n  hint: use mg.tensor"):
        mg.Tensor(data)


def test_what_is_no_size_is_refused():
    with pytest.raises(TypeError, match=r"Tensor: takes sizes .* got list, <class 'numpy\.float64'>"):
        mg.Tensor([1.0], np.float64)
    with pytest.raises(TypeError, match="Tensor: takes sizes"):
        mg.Tensor(2, 3.0)
    with pytest.raises(mg.ShapeError, match=r"Tensor: a size must be at least 0, got \(2, -1\)"):
        mg.Tensor(2, -1)
    with pytest.raises(ValueError, match="cuda"):
        mg.FloatTensor(2, device="cuda")


def test_tensors_are_instances_by_dtype():
    assert isinstance(mg.zeros(1), mg.FloatTensor) and not isinstance(mg.zeros(1), mg.DoubleTensor)
    assert isinstance(nn.Linear(1, 1).weight, mg.FloatTensor) and not isinstance(np.zeros(1, np.float32), mg.FloatTensor)
    assert mg.tensor([1, 2], dtype=mg.LongTensor).dtype == mg.int64
    assert (
        mg.zeros(1, dtype=mg.float64).type() == "torch.DoubleTensor" and mg.tensor([2], dtype=np.uint16).type() == "uint16"
    )
    with pytest.raises(TypeError):
        mg.zeros(1).type("torch.cuda.FloatTensor")


def test_a_shape_is_a_size():
    shape = mg.zeros(2, 3).shape
    assert isinstance(shape, mg.Size) and shape == (2, 3) and shape.numel() == 6 and mg.Size([]).numel() == 1
    assert isinstance(shape[1:], mg.Size) and isinstance(shape + (1,), mg.Size) and shape[0] == 2
    assert mg.zeros(shape).shape == mg.zeros(2, 3).size() == mg.ones(6).view(shape).shape == shape


def test_dtypes_are_numpys():
    assert isinstance(mg.float32, mg.dtype) and isinstance(mg.zeros(1).dtype, mg.dtype) and not isinstance(3, mg.dtype)
    assert isinstance(mg.bfloat16, mg.dtype) and mg.dtype("int64") == mg.int64
    for convert in (mg.zeros(1).to, mg.zeros(1).type, lambda dtype: mg.zeros(1, dtype=dtype), nn.Linear(1, 1).to):
        with pytest.raises(TypeError, match="bfloat16: NumPy has no such dtype"):
            convert(mg.bfloat16)


def test_the_default_tensor_type():
    for name, dtype in (("torch.DoubleTensor", "float64"), (mg.HalfTensor, "float16"), (mg.FloatTensor, "float32")):
        mg.set_default_tensor_type(name)
        assert mg.zeros(1).dtype == mg.Tensor([1]).dtype == dtype
    with pytest.raises(mg.DTypeError, match="must be a float dtype, got int64"):
        mg.set_default_tensor_type(mg.LongTensor)


def test_constants_like_a_tensor_take_a_size():
    x = mg.zeros(1, dtype=mg.float64)
    for made in (x.new_zeros(2, 3), x.new_ones((2, 3)), x.new_zeros(size=(2, 3)), x.new_empty(mg.Size((2, 3)))):
        assert made.shape == (2, 3) and made.dtype == np.float64


TAKES_A_NUMBER = {  # calls that make or change a tensor of a dtype, which has the number in its element 1
    "tensor": lambda number, dtype: mg.tensor([number, number], dtype=dtype),
    "full": lambda number, dtype: mg.full((2,), number, dtype=dtype),
    "full_like": lambda number, dtype: mg.full_like(mg.zeros(2, dtype=dtype), number),
    "fill_": lambda number, dtype: mg.zeros(2, dtype=dtype).fill_(number),
    "setitem": lambda number, dtype: _with_item(mg.zeros(2, dtype=dtype), number),
    "index_fill": lambda number, dtype: mg.zeros(2, dtype=dtype).index_fill(0, mg.tensor([1]), number),
}


def _with_item(x, number):
    x[1] = number
    return x


@pytest.mark.parametrize("call", TAKES_A_NUMBER)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "uint64"])
def test_numbers_beyond_a_dtype_of_integers_are_refused_and_negative_ones_count_from_above(call, dtype):
    limits, make = np.iinfo(dtype), TAKES_A_NUMBER[call]
    unsigned = limits.min == 0
    fitting = {limits.max: limits.max, 1: 1} | ({-1: limits.max} if unsigned else {limits.min: limits.min})
    for number, found in fitting.items():
        assert make(number, dtype)[1].item() == found
    beyond = [number for number in (limits.max + 1, limits.min - 1 - limits.max * unsigned) if -(2**63) <= number < 2**64]
    for number in beyond:
        with pytest.raises(mg.DTypeError, match=f"{number} is beyond {dtype}, {limits.min} to {limits.max}"):
            make(number, dtype)


@pytest.mark.parametrize("number", [np.nan, np.inf, -1e30, 2.0**63])
def test_floats_that_are_no_integers_of_a_dtype_are_refused(number):
    for make in (lambda: mg.tensor(number, dtype=mg.int64), lambda: mg.full((2,), number, dtype=mg.int64)):
        with pytest.raises(mg.DTypeError, match="is beyond int64"):
            make()
    assert mg.tensor([-2.9, 2.9], dtype=mg.int64).tolist() == [-2, 2]
    assert mg.tensor(1e10, dtype=mg.float16).item() == np.inf and mg.tensor(300.0, dtype=mg.bool).item() is True
