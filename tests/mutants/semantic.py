"""The mistakes that people make, M1 to M47, each as a small patch.

Those of an operation are lines of `naive.py` written otherwise: the line as it is, and as the mistake has it. Those of the
engine, the optimizers and the modules replace something of the library for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("naive.py").read_text()


@dataclass(frozen=True)
class Patch:
    """A mistake in a naive operation."""

    number: str
    op: str
    what: str
    right: str
    wrong: str

    def apply(self) -> dict[str, Any]:
        """The naive operations with the mistake."""
        assert SOURCE.count(self.right) == 1, f"{self.number}: {SOURCE.count(self.right)} places for the patch"
        names: dict[str, Any] = {"__name__": f"naive with {self.number}"}
        exec(compile(SOURCE.replace(self.right, self.wrong), f"<naive with {self.number}>", "exec"), names)
        return names


UNBROADCAST = "    return g.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)"
LEADING = "    g = g.sum(tuple(range(g.ndim - len(shape))))"
COL2IM = "col2im(rows @ weight.reshape(F, -1), shape, KH, KW, stride, pad)"
INDEX = "    index = places(arg, *size, stride)\n"
PADDED = "    x = np.pad(x, [(0, 0), (0, 0), (PH, PH), (PW, PW)], constant_values=-np.inf)"
UNCOVERED = "    return dx[:, :, PH : PH + H, PW : PW + W]\n\n\n@primitive\ndef conv2d"

PATCHES = [
    Patch("M1", "add", "sums over axis 0 instead of 1 for (n, 1) + (n, n)", UNBROADCAST,
          "    return g.sum(0).reshape(shape) if g.ndim == 2 and shape == (len(g), 1) else " + UNBROADCAST.strip()[7:]),
    Patch("M2a", "add", "added leading axes are not summed", LEADING,
          "    g = g.reshape(-1, *g.shape[g.ndim - len(shape) :])[0]"),
    Patch("M2b", "add", "axes of size 1 are not summed", UNBROADCAST,
          "    return g[tuple(slice(n) for n in shape)]"),
    Patch("M3", "subtract", "db = +g", 'subtract.gradient("y")(lambda g: -g)', 'subtract.gradient("y")(lambda g: g)'),
    Patch("M4", "multiply", "dx = g * x", 'multiply.gradient("x")(lambda g, y: g * y)',
          'multiply.gradient("x")(lambda g, x: g * x)'),
    Patch("M5", "divide", "dy = -g * x / y", "-g * x / y**2", "-g * x / y"),
    Patch("M6", "power", "n * x**n", "x ** (n - 1)", "x**n"),
    Patch("M7a", "exp", "g * x", 'exp.gradient("x")(lambda g, out: g * out)', 'exp.gradient("x")(lambda g, x: g * x)'),
    Patch("M7b", "log", "g * x", "lambda g, x: g / x)", "lambda g, x: g * x)"),
    Patch("M7c", "sqrt", "g / out", "g / (2 * out)", "g / out"),
    Patch("M7d", "tanh", "1 - x**2", "lambda g, out: g * (1 - out**2)", "lambda g, x: g * (1 - x**2)"),
    Patch("M7e", "sigmoid", "s (1 + s)", "g * out * (1 - out)", "g * out * (1 + out)"),
    Patch("M8", "matmul", "dA = g @ B", "dx = g @ y.mT", "dx = g @ (y if y.shape[-1] == y.shape[-2] else y.mT)"),
    Patch("M9", "matmul", "dB = (A^T g)^T", "dy = x.mT @ g", "dy = (x.mT @ g).mT.reshape(*(x.mT @ g).shape)"),
    Patch("M10", "matmul", "broadcast leading axes are not summed", "    return unbroadcast(dy, shape)",
          "    return dy.reshape(-1, *dy.shape[-2:])[0].reshape(shape) if dy.shape != shape else dy"),
    Patch("M11", "sum_along", "g is expanded along the wrong axis",
          "lambda g, shape, axis: np.broadcast_to(np.expand_dims(g, axis), shape)",
          "lambda g, shape, axis: np.broadcast_to(np.expand_dims(g, axis if len(set(shape)) > 1 else axis - 1), shape)"),
    Patch("M12a", "mean_along", "divides by the size of x", "/ x.shape[axis])", "/ x.size)"),
    Patch("M12b", "mean_along", "does not divide", "x.shape) / x.shape[axis])", "x.shape) * 1)"),
    Patch("M13", "max_along", "a tie counts for every tie", " / ties.sum(axis, keepdims=True)", ""),
    Patch("M14", "relu", "mask x >= 0", "g * (x > 0)", "g * (x >= 0)"),
    Patch("M15", "relu", "mask (x > 0) & (g > 0): guided backpropagation", "g * (x > 0)", "g * ((x > 0) & (g > 0))"),
    Patch("M16", "cross_entropy", "no division by N", "g * dx / N", "g * dx"),
    Patch("M17", "cross_entropy", "what flows in is ignored", "g * dx / N", "dx / N"),
    Patch("M18", "cross_entropy", "one-hot at [labels, arange]", "dx[np.arange(N), labels] -= 1",
          "dx[(np.arange(N), labels) if x.shape[0] != x.shape[1] else (labels, np.arange(N))] -= 1"),
    Patch("M19a", "softmax", "no shift by the maximum", "e = np.exp(x - x.max(1, keepdims=True))", "e = np.exp(x)"),
    Patch("M19b", "log_softmax", "no shift by the maximum", "z = x - x.max(1, keepdims=True)", "z = x"),
    Patch("M20", "log_softmax", "g - softmax", "g - np.exp(out) * g.sum(1, keepdims=True)", "g - np.exp(out)"),
    Patch("M21a", "linear", "db is the mean over the batch", "lambda g: g.sum(0)", "lambda g: g.mean(0)"),
    Patch("M21b", "linear", "db is not summed", "lambda g: g.sum(0)", "lambda g: g[0]"),
    Patch("M22", "linear", "dW transposed", "lambda g, x: g.T @ x",
          "lambda g, x: x.T @ g if x.shape[1] == g.shape[1] else g.T @ x"),
    Patch("M23a", "conv2d", "dW of the last sample only", "(rows.T @ im2col(x, KH, KW, stride, pad))",
          "(rows[-len(rows) // len(x) :].T @ im2col(x[-1:], KH, KW, stride, pad))"),
    Patch("M23b", "conv2d", "dW is the mean over the batch", "(rows.T @ im2col(x, KH, KW, stride, pad))",
          "(rows.T @ im2col(x, KH, KW, stride, pad) / len(x))"),
    Patch("M24", "conv2d", "col2im assigns", "+= col[:, :, i, j]", "= col[:, :, i, j]"),
    Patch("M25", "conv2d", "unpads with [p:-p]", UNCOVERED, UNCOVERED.replace("PH : PH + H, PW : PW + W", "PH:-PH, PW:-PW")),
    Patch("M26a", "conv2d", "strides of height and width swapped", COL2IM, COL2IM.replace("stride", "stride[::-1]")),
    Patch("M26b", "conv2d", "paddings of height and width swapped", COL2IM, COL2IM.replace("pad)", "pad[::-1])")),
    Patch("M26c", "conv2d", "kernel height and width swapped", COL2IM, COL2IM.replace("KH, KW", "KW, KH")),
    Patch("M27", "conv2d", "kernel flipped in dX", COL2IM, COL2IM.replace("weight.", "weight[:, :, ::-1, ::-1].")),
    Patch("M28", "conv2d", "(N, OH, OW, F) reshaped to (N, F, OH, OW)", "out.reshape(N, OH, OW, F).transpose(0, 3, 1, 2)",
          "out.reshape(N, F, OH, OW)"),
    Patch("M29", "conv2d", "dbias summed over the wrong axes", "    return g.sum((0, 2, 3))",
          "    return g.sum((0, 1, 2)) if g.shape[1] == g.shape[3] else g.sum((0, 2, 3))"),
    Patch("M30", "conv2d", "rows that no window covers get garbage", UNCOVERED,
          "    dx[:, :, SH * (OH - 1) + KH :] = 1\n" + UNCOVERED),
    Patch("M31", "max_pool2d", "overlapping windows overwrite", f"{INDEX}    np.add.at(dx, index, g)",
          f"{INDEX}    dx[index] = g"),
    Patch("M32", "max_pool2d", "argmax unravelled with (KW, KH)", "np.unravel_index(arg, (KH, KW))",
          "np.unravel_index(arg, (KW, KH))"),
    Patch("M33", "max_pool2d", "padding is 0, not -inf", PADDED, PADDED.replace("-np.inf", "0")),
    Patch("M34", "max_pool2d", "saved indices are written to", INDEX,
          f"{INDEX}    arg += 1\n    arg %= size[0] * size[1]\n"),
    Patch("M35", "permute", "the same permutation, not its inverse", "np.argsort(axes)",
          "axes if len(set(g.shape)) == 1 else np.argsort(axes)"),
    Patch("M36", "reshape", "backward in Fortran order", "g.reshape(x.shape)", 'g.reshape(x.shape, order="F")'),
    Patch("M37a", "getitem", "dx[index] = g", "    dx = np.zeros(shape, g.dtype)\n    np.add.at(dx, index, g)",
          "    dx = np.zeros(shape, g.dtype)\n    dx[index] = g"),
    Patch("M37b", "getitem", "dx[index] += g", "    dx = np.zeros(shape, g.dtype)\n    np.add.at(dx, index, g)",
          "    dx = np.zeros(shape, g.dtype)\n    dx[index] += g"),
    Patch("M38", "concatenate", "offsets of pieces of equal size", "start = sum(shape[0] for shape in shapes[:position])",
          "start = position * shapes[position][0]"),
]  # fmt: skip
