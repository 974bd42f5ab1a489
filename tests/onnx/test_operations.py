"""Operations that networks call beside layers, as ONNX nodes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from tests.onnx.running import agrees, floats  # noqa: E402


def filled(x):
    y = x * 1
    y[:, 1] = 7.0
    y[:, :, 2:] = x[:, :, :2] * 2
    return y


def shifted(x):
    y = x + 1
    y += x
    y.mul_(3)
    return y


UNARY = ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sigmoid", "relu", "erf", "absolute", "fabs", "negative",
         "sign", "floor", "ceil", "reciprocal", "square", "exp2", "expm1", "trunc", "erfc", "arctan", "arcsinh",
         "positive", "rint")  # fmt: skip
POSITIVE = ("log", "log1p", "log2", "log10", "arccosh", "sqrt", "rsqrt")
WITHIN = ("arcsin", "arccos", "arctanh")
OPERATIONS = {
    **{name: lambda x, name=name: getattr(mg, name)(x) for name in UNARY},
    **{name: lambda x, name=name: getattr(mg, name)(x * x + 1.5) for name in POSITIVE},
    **{name: lambda x, name=name: getattr(mg, name)(x / 3) for name in WITHIN},
    "a number": lambda x: 2 - 3 / (x * x + 1) + x**3 + 1.5**x,
    "powers": lambda x: x**2 + (x * x) ** 0.5 + mg.pow(x * x, x),
    "floor division": lambda x: x // 0.7 + x % 0.7,
    "logaddexp": lambda x: mg.logaddexp(x, x * 2),
    "comparisons": lambda x: (x > 0) & (x <= 1) | (x == x.max()) | ~(x != x) ^ (x >= 0.5),
    "logic": lambda x: mg.logical_not(mg.logical_and(x, x > 1)) | mg.logical_xor(x, x > 0) & mg.logical_or(x > 1, x < 0),
    "where": lambda x: mg.where(x > 0, x, -1.0) + mg.where(x < 0, 1.0, x * 2),
    "where of booleans": lambda x: mg.where(x > 1, x > 0, x < -1),
    "isfinite": lambda x: mg.isfinite(1 / x) | mg.isnan(x) | mg.isinf(x),
    "integers": lambda x: (x > 0).int() * 3 + x.argmax(2, keepdim=True) - x.argmin(-1)[..., None],
    "mixed types": lambda x: x * (x > 0) + x.long() + x.double(),
    "clamp": lambda x: x.clamp(-1, 1) + x.clamp(min=0.5) + x.clamp(max=x.abs()),
    "maximum": lambda x: mg.minimum(x, mg.tensor(0.3)) * mg.maximum(x, x * 2),
    "masked_fill": lambda x: x.masked_fill(x < 0, -5),
    "sums": lambda x: x.sum() + x.sum(1, keepdim=True) + x.mean((1, 2))[:, None, None] + x.sum(),
    "extremes": lambda x: x.max() - x.amin((1, 2), keepdim=True) + x.max(2)[0][..., None] + x.max(2).indices[..., None],
    "variance": lambda x: x.var(1) + x.std(1, unbiased=False) + x.std(),
    "products": lambda x: x.prod(2) + x.cumsum(1)[:, :, 0] + mg.logsumexp(x, 2),
    "any and all": lambda x: (x > 0).any(2) | (x > -3).all(2),
    "norms": lambda x: F.normalize(x, dim=-1) + x.norm() + mg.linalg.vector_norm(x, 3, -1, keepdim=True),
    "topk": lambda x: x.topk(2, -1)[0] + x.topk(2, -1, largest=False)[1],
    "slices": lambda x: x[:, 1:, ::2] + x[:, :-1, 1::2] + x[:, :2, -1:] + x[:, -1, 2:][:, None],
    "ints and None": lambda x: x[:, None, 1, :, None] * x[:, 0, 0].reshape(-1, 1, 1, 1),
    "rows": lambda x: x[:, [0, 2, 2]] + x[..., mg.tensor([3, 1, 0])[:1]],
    "masks": lambda x: x[:, :, np.array([True, False, False, True])],
    "two indices": lambda x: x[:, [0, 2], [1, 3]],
    "two indices beside slices": lambda x: x[:1, [0, 2], [1, 3]] + x.reshape(-1, 3, 2, 2)[:, [0, 2], [1, 0], 1:],
    "last of the batch": lambda x: x[x.shape[0] - 1] + x[-1] + x[: x.shape[0]],
    "writing": filled,
    "in place": shifted,
    "flip and roll": lambda x: x.flip(1, 2) + mg.flip(x, (2,)),
    "joining": lambda x: mg.cat([x, x[:, :1], mg.ones(x.shape[0], 1, 4)], 1) + mg.stack([x[:, 0], x[:, 1]], 1).sum(),
    "batches joined": lambda x: mg.cat([x, x[:1]], 0),
    "splitting": lambda x: mg.cat([a * 2 for a in x.chunk(2, -1)], -1) + x.split(3, 1)[0] + x.unbind(1)[2][:, None],
    "views": lambda x: x.view(x.size(0), -1).unsqueeze(1).transpose(1, 2).squeeze(-1),
    "batch times rows": lambda x: x.reshape(-1, x.shape[-1]) @ mg.ones(4, 2),
    "from batch times rows": lambda x: (x.reshape(-1, 4) * 2).reshape(x.shape[0], 3, 4),
    "expanding": lambda x: x[:, :1].expand(-1, 3, -1) + mg.zeros(x.shape[0], 1, 4) + mg.ones_like(x) + x.new_full((1,), 2.0),
    "tiling": lambda x: x.repeat(1, 2, 1) + mg.tile(x[:, :1], (1, 6, 1)),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "triangles": lambda x: x.triu(1) + x.tril(),
    "matmul": lambda x: x @ x.mT + (x @ mg.ones(4))[..., None] + mg.einsum("bij,bkj->bik", x, x),
    "arange": lambda x: x.sum((1, 2)) * mg.arange(x.shape[0]) + mg.arange(3, 3 + 2 * x.shape[0], 2),
    "one_hot": lambda x: F.one_hot(x.argmax(-1), 4) * x,
    "gather": lambda x: x.gather(2, x.argmax(2, True)) + mg.take_along_axis(x, x.argmin(2, True), 2),
    "take_along_dim": lambda x: mg.take_along_dim(x, x.argmin(2, True), 2),
    "index_select": lambda x: x.index_select(1, mg.tensor([2, 0])),
    "softmax": lambda x: x.softmax(-1) + F.log_softmax(x, 1) + F.softmax(x, 2),
    "interpolate": lambda x: F.interpolate(x[:, None], size=(6, 7), mode="bilinear", antialias=True),
    "dropout": lambda x: F.dropout(x, 0.5, training=False),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x) + F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "a tuple": lambda x: (x + 1, {"b": x.sum((1, 2)), "a": [x.mean()]}),
    "its input": lambda x: (x, x.contiguous(), x + 0),
    "a constant": lambda x: (x, mg.ones(3)),
}  # fmt: skip


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("name", OPERATIONS)
def test_onnxruntime_agrees(name):
    agrees(Function(OPERATIONS[name]), [floats(2, 3, 4)], {0: {0: "batch"}}, tolerance=3e-5 if name == "a number" else 1e-5)
