"""One sample in both libraries: results, dtypes, gradients of first and second order, and what must be refused."""

import warnings

import numpy as np
import torch

import minigrad as mg
from tests.operators.counterparts import counterpart
from tests.operators.samples import leaves, ours, outside, theirs

CLOSE = {"float64": (1e-9, 1e-9), "float32": (1e-5, 5e-5), "float16": (1e-3, 1e-5)}  # relative, absolute
WIDER = {"float32": torch.float64, "float16": torch.float32}
DRAWN = {
    "bernoulli",
    "cauchy",
    "empty",
    "empty_like",
    "exponential",
    "geometric",
    "log_normal",
    "multinomial",
    "new_empty",
    "nn.functional.alpha_dropout",
    "nn.functional.dropout",
    "nn.functional.dropout2d",
    "nn.functional.dropout3d",
    "nn.functional.feature_alpha_dropout",
    "nn.functional.rrelu",
    "normal",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "uniform",
}
# The indices of equal elements may come in any order: what they select is compared. The place of `dim` among the arguments.
SELECTING = {"argsort": 1, "kthvalue": 2, "mode": 1, "sort": 1, "topk": 2}


class Disagreement(Exception):
    """A check that failed, and how."""

    def __init__(self, check, text):
        super().__init__(f"{check}: {text}")
        self.check = check


def compare(op, sample):
    """Run a sample in both libraries. Return whether PyTorch has a result; raise Disagreement."""
    there, here = theirs((sample.arguments, sample.options)), ours((sample.arguments, sample.options))
    try:
        expected = op(*there[0], **there[1])
    except Exception:
        return False
    if outside(expected):
        return False
    try:
        got = counterpart(op)(*here[0], **here[1])
    except Exception as error:
        raise Disagreement("refused", f"{type(error).__name__}: {error}") from error
    same(got, expected, check=None)
    if drawn(sample):
        return True
    got, expected = settle(sample, got, here[0]), settle(sample, expected, there[0])
    try:
        same(got, expected)
    except Disagreement:
        if sample.dtype not in WIDER or not _agrees_wider(op, sample, got):
            raise
    if sample.dtype == "float64" and op.supports_autograd:
        derivatives(op, (got, here), (expected, there))
    return True


def _agrees_wider(op, sample, got):
    """Whether a result of few digits is that of PyTorch in a wider dtype, which rounds less on the way."""
    arguments, options = theirs((sample.arguments, sample.options), WIDER[sample.dtype])
    try:
        same(got, narrowed(settle(sample, op(*arguments, **options), arguments), sample.dtype))
    except (Disagreement, RuntimeError):
        return False
    return True


def narrowed(value, dtype):
    """Return results of a wider dtype in the narrower one."""
    if isinstance(value, (list, tuple)):
        return [narrowed(part, dtype) for part in value]
    return value.to(getattr(torch, dtype)) if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def drawn(sample):
    """Whether only the shape and the dtype of a result are PyTorch's: it is random, or memory that nobody wrote to."""
    dropout = sample.options.get("dropout_p", sample.options.get("dropout_prob", 0))
    if sample.name.endswith("multi_head_attention_forward"):
        dropout = sample.arguments[10]
    return sample.name in DRAWN or dropout > 0


def settle(sample, result, arguments):
    """Return what a result determines: without the order of ties, the signs of vectors."""
    if sample.name in SELECTING and not sample.options.get("stable"):
        place = SELECTING[sample.name]
        dim = sample.options.get("dim", arguments[place] if len(arguments) > place else -1)
        *values, indices = (result,) if sample.name == "argsort" else result
        if indices.ndim < arguments[0].ndim:
            indices = indices.unsqueeze(dim)
        return *values, arguments[0].gather(dim, indices)
    return sample.settle(result)


def refuse(op, sample):
    """Raise Disagreement if PyTorch refuses a sample and we do not. Return whether PyTorch does."""
    here = ours((sample.arguments, sample.options))
    try:
        op(*theirs(sample.arguments), **theirs(sample.options))
        return False
    except Exception:
        pass
    try:
        got = counterpart(op)(*here[0], **here[1])
    except Exception:
        return True
    raise Disagreement("accepted", f"{got}, where PyTorch says {sample.error}")


def same(got, expected, check="values"):
    """Raise Disagreement unless results are the same: structure, dtypes and shapes, and unless check is None the values."""
    if isinstance(expected, torch.Tensor):
        _same_tensor(got, expected, check)
    elif isinstance(expected, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(expected):
            raise Disagreement("kind", f"{type(got).__name__} instead of {type(expected).__name__} of {len(expected)}")
        for mine, wanted in zip(got, expected, strict=True):
            same(mine, wanted, check)
    elif isinstance(expected, torch.dtype):
        if f"torch.{np.dtype(got).name}" != str(expected):
            raise Disagreement("kind", f"{got} instead of {expected}")
    elif type(got) is not type(expected):
        raise Disagreement("kind", f"{type(got).__name__} instead of {type(expected).__name__}")
    elif check and not np.isclose(got, expected, *CLOSE["float64"], equal_nan=True):
        raise Disagreement(check, f"{got} instead of {expected}")


def _same_tensor(got, expected, check):
    if not isinstance(got, mg.Tensor):
        raise Disagreement("kind", f"{type(got).__name__} instead of a tensor")
    if tuple(got.shape) != tuple(expected.shape):
        raise Disagreement("shape", f"{tuple(got.shape)} instead of {tuple(expected.shape)}")
    dtype = str(expected.dtype).removeprefix("torch.")
    if got.dtype.name != dtype:
        raise Disagreement("dtype", f"{got.dtype} instead of {dtype}")
    if not check:
        return
    a, b = got.detach().numpy(), expected.numpy(force=True)
    relative, absolute = CLOSE.get(dtype, (0, 0))
    with np.errstate(all="ignore"):
        equal = np.isclose(a.astype("f8"), b.astype("f8"), relative, absolute, equal_nan=True) if relative else a == b
    if not equal.all():
        first = tuple(map(int, np.argwhere(~equal)[0]))
        raise Disagreement(check, f"{a[first]} instead of {b[first]} at {first}, one of {(~equal).sum()} of {equal.size}")


def derivatives(op, here, there):
    """Compare the gradients of results for signed random incoming ones, and the gradients of those."""
    inputs = [[t for t in leaves(a, kind) if t.requires_grad] for (_, a), kind in ((here, mg.Tensor), (there, torch.Tensor))]
    outputs = [list(leaves(out, kind)) for (out, _), kind in ((here, mg.Tensor), (there, torch.Tensor))]
    for check in ("gradient", "gradient2")[: 1 + op.supports_gradgrad]:
        kept = [i for i, t in enumerate(outputs[1]) if t.requires_grad]
        if not kept or not inputs[1]:
            return
        draw = np.random.default_rng(0)
        incoming = [draw.standard_normal(tuple(outputs[1][i].shape)).astype(outputs[0][i].dtype) for i in kept]
        try:
            wanted = gradients(torch, [outputs[1][i] for i in kept], inputs[1], incoming)
        except RuntimeError:  # PyTorch has no derivative
            return
        try:
            got = gradients(mg, [outputs[0][i] for i in kept], inputs[0], incoming)
        except Exception as error:
            raise Disagreement(check, f"{type(error).__name__}: {error}") from error
        same(got, wanted, check)
        outputs = [got, wanted]


def gradients(library, outputs, inputs, incoming):
    """Return the gradients of the outputs that have a graph, zeros for inputs that have no part."""
    pairs = [(out, library.tensor(v)) for out, v in zip(outputs, incoming, strict=True) if out.requires_grad]
    if not pairs:
        return [library.zeros_like(t) for t in inputs]
    outs, vs = zip(*pairs, strict=True)
    with warnings.catch_warnings(action="ignore"):
        found = library.autograd.grad(outs, inputs, vs, create_graph=True, allow_unused=True)
    return [library.zeros_like(t) if g is None else g for g, t in zip(found, inputs, strict=True)]
