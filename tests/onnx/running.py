"""Run ONNX files in onnxruntime, beside the network that they were made from."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import pytree

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = OPTIONS.inter_op_num_threads = 1
OPTIONS.log_severity_level = 3


def floats(*shape):
    """Numbers without ties and without zeros."""
    size = int(np.prod(shape))
    rng = np.random.default_rng(size)
    return ((rng.permutation(size) - size / 2 + 0.5) / size * 4).reshape(shape).astype(np.float32)


def integers(high, *shape):
    return np.random.default_rng(0).integers(0, high, shape)


def run(file, arrays):
    """The outputs of a ModelProto."""
    session = onnxruntime.InferenceSession(file.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    return session.run(None, dict(zip(names, arrays, strict=True)))


def grown(arrays, places, extra):
    """The arrays with `extra` more items along the axes of `places`."""
    arrays = list(arrays)
    for i, axes in places.items():
        for axis in axes:
            n = arrays[i].shape[axis]
            arrays[i] = np.take(arrays[i], np.arange(n + extra) % n, axis)
    return arrays


def agrees(net, args, places, tolerance=1e-5, **options):
    """Export a network, and compare the file with it at the recorded sizes and at larger ones; return the file.

    `places` are the dynamic axes by the position of the input.
    """
    arrays = pytree.leaves(args)
    names = [f"x{i}" for i in range(len(arrays))]
    axes = {names[i]: found for i, found in places.items()}
    _, rebuild = pytree.flatten(args)
    given = tuple(rebuild(map(mg.tensor, arrays)))
    file = mg.onnx.export(net, given, input_names=names, dynamic_axes=axes, **options)
    net.eval()
    for extra in (0, 2) if places else (0,):
        inputs = grown(arrays, places, extra)
        with mg.no_grad():
            expected = [t.numpy() for t in pytree.leaves(net(*rebuild(map(mg.tensor, inputs))))]
        for ours, theirs in zip(expected, run(file, inputs), strict=True):
            assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
            np.testing.assert_allclose(theirs, ours, rtol=tolerance, atol=tolerance)
    return file
