"""DLPack: which memory is shared, and with whom. A tensor's values never change unnoticed, unless that was asked for."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.array_api as xp

VERSIONED = np.lib.NumpyVersion(np.__version__) >= "2.1.0"


def test_numpy_reads_a_tensor_in_place():
    x = mg.tensor([1.0, 2.0])
    array = np.from_dlpack(x)
    assert array.tolist() == [1.0, 2.0] and (np.shares_memory(array, x) or not VERSIONED)
    assert not array.flags.writeable
    x += 1
    x[0] = 9
    assert array.tolist() == [1.0, 2.0] and x.tolist() == [9.0, 3.0]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32", "float64"])
def test_every_dtype_there_and_back(dtype):
    for values in (np.ones((2, 3), dtype), np.ones((0, 2), dtype), np.ones((), dtype), np.ones((4, 4), dtype).T[::2]):
        back = np.from_dlpack(mg.from_dlpack(values))
        assert back.dtype == values.dtype and back.shape == values.shape and (back == values).all()


def test_tensors_share_and_arrays_are_copied():
    x, array = mg.tensor([1.0, 2.0]), np.array([1.0, 2.0])
    same, other = mg.from_dlpack(x), mg.from_dlpack(x, copy=True)
    x[0] = 5
    assert same.tolist() == [5.0, 2.0] and other.tolist() == [1.0, 2.0]
    copied, shared = mg.from_dlpack(array), mg.from_dlpack(array, copy=False, device="cpu")
    assert np.shares_memory(shared, array) and not np.shares_memory(copied, array)
    shared.add_(1)  # never into memory of others
    shared[0] = 7
    assert array.tolist() == [1.0, 2.0] and shared.tolist() == [7.0, 3.0]
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        mg.from_dlpack(array, copy=False, device="cuda")


def test_a_consumer_that_knows_no_read_only_memory():
    """It gets a copy, which it may write to; the memory itself only by `copy=False`."""

    class Old:
        def __init__(self, tensor, **options):
            self.tensor, self.options = tensor, options

        def __dlpack__(self, **_):
            return self.tensor.__dlpack__(**self.options)

        def __dlpack_device__(self):
            return self.tensor.__dlpack_device__()

    x = mg.tensor([1.0, 2.0])
    for options, shares in (({}, False), ({"max_version": (0, 8)}, False), ({"copy": False}, True), ({"copy": True}, False)):
        assert np.shares_memory(np.from_dlpack(Old(x, **options)), x) == shares, options
    if VERSIONED:
        for options, shares in (({}, True), ({"copy": True}, False), ({"copy": False, "dl_device": (1, 0)}, True)):
            assert np.shares_memory(np.from_dlpack(Old(x, max_version=(1, 0), **options)), x) == shares, options


def test_a_tensor_with_a_graph_is_not_exported():
    x = mg.ones(2, requires_grad=True)
    for tensor in (x, x * 2):
        with pytest.raises(mg.GraphError, match=r"dlpack: the tensor requires a gradient\n  hint: export t.detach()"):
            np.from_dlpack(tensor)
    assert np.from_dlpack(x.detach()).tolist() == [1.0, 1.0]


def test_devices():
    x = xp.ones(2)
    assert x.__dlpack_device__() == (1, 0) and x.to_device("cpu") is x.to_device(x.device, stream=None) is x
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        x.to_device("cuda")
    for options in ({}, {"max_version": (1, 0)}, {"copy": True}):
        with pytest.raises(BufferError, match=r"dlpack: the tensor is on the CPU, device \(1, 0\), not on \(2, 0\)"):
            x.__dlpack__(dl_device=(2, 0), **options)
        assert x.__dlpack__(dl_device=(1, 0), **options) is not None
    assert complex(xp.asarray(2.5)) == 2.5 + 0j


def test_pytorch_takes_and_gives():
    torch = pytest.importorskip("torch")
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert torch.from_dlpack(x).tolist() == x.tolist()
    assert mg.from_dlpack(torch.ones(2, dtype=torch.int32)).dtype == mg.int32
    for convert in (torch.tensor, torch.as_tensor, torch.asarray):
        assert convert(x).tolist() == x.tolist()
