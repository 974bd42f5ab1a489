"""Shapes, indices and linear algebra beside PyTorch: values, gradients and second gradients, and who refuses what."""

import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:index_reduce")
TF, TL = torch.nn.functional, torch.linalg


def written(x, index, value):
    x = x.clone()
    x[index] = value
    return x


def every(x):
    return tuple(range(x.ndim))


def tupled(axes):
    return axes if isinstance(axes, tuple) else (axes,)


def listed(axes):
    return [[a] if isinstance(a, int) else a for a in axes] if isinstance(axes, tuple) else axes


def cut(src, at):
    return src[tuple(slice(n) for n in at.shape)]


def cholesky_solve(y, factor, upper):
    """torch.cholesky_solve reads one triangle, but differentiates as if both had been read."""
    return torch.cholesky_solve(y, factor.triu() if upper else factor.tril(), upper)


def cond(x, p):
    """TL.cond writes into what it saved for its gradient."""
    return TL.cond(x, p) if p in (None, 2, -2) else TL.matrix_norm(x, p) * TL.matrix_norm(TL.inv(x), p)


def half(x):
    return (x + x.mT) / 2


def outer_products(u, v):
    return torch.einsum("...ik,...jk->...kij", u, v)


def eigh(x, uplo="L"):
    w, v = TL.eigh(half(x), uplo)
    return w, outer_products(v, v)


def svd(x):
    u, s, v = TL.svd(x, full_matrices=False)
    return s, outer_products(u, v.mT), outer_products(u, u), outer_products(v.mT, v.mT)


def cdist(x, y, p=2.0):  # PyTorch's own, of two matrices, has no second derivative
    return TL.vector_norm(x[..., :, None, :] - y[..., None, :, :], p, -1)


def with_missing(function):
    return lambda x, hidden, *args, **options: function(torch.where(hidden, np.nan, x), *args, **options)


def trapezoid(function):
    return lambda y, x, dx, axis: function(y, dx=dx, dim=axis) if x is None else function(y, x, dim=axis)


# The calls of the specs in PyTorch's words.
PYTORCH = {
    "shape": {
        "swapaxes": torch.swapaxes, "moveaxis": torch.moveaxis, "ravel": torch.ravel, "unflatten": torch.unflatten,
        "np.transpose": lambda x, axes: x.permute(axes or every(x)[::-1]), "flatten": torch.flatten,
        "atleast_1d": torch.atleast_1d, "atleast_2d": torch.atleast_2d, "atleast_3d": torch.atleast_3d,
        "np.broadcast_to": torch.broadcast_to, "broadcast_tensors": torch.broadcast_tensors,
        "meshgrid": lambda *v, indexing="ij": torch.meshgrid(*v, indexing=indexing),
    },
    "joining": {
        "concatenate": torch.cat, "stack": torch.stack, "hstack": torch.hstack, "vstack": torch.vstack,
        "dstack": torch.dstack, "column_stack": torch.column_stack, "split": torch.split, "chunk": torch.chunk,
        "array_split": torch.tensor_split, "hsplit": torch.hsplit, "vsplit": torch.vsplit, "dsplit": torch.dsplit,
        "unbind": torch.unbind, "block_diag": torch.block_diag, "cartesian_prod": torch.cartesian_prod,
        "cartesian_prod of one": torch.cartesian_prod, "combinations": torch.combinations,
    },
    "rearrange": {
        "flip": lambda x, axis: torch.flip(x, every(x) if axis is None else tupled(axis)),
        "flipud": torch.flipud, "fliplr": torch.fliplr, "roll": torch.roll, "rot90": torch.rot90,
        "tile": lambda x, reps: torch.tile(x, tupled(reps)),
        "repeat": lambda x, *sizes: x.repeat(*sizes) if sizes else x.repeat(()),
        "repeat_interleave": lambda x, n, axis=None: torch.repeat_interleave(
            x, torch.tensor(n) if isinstance(n, list) else n, axis),
        "pad as PyTorch": TF.pad,
    },
    "indexing": {
        "setitem": written, "take": lambda x, at, axis=None, mode="raise": torch.take(x, torch.as_tensor(at)),
        "select": torch.select, "narrow": torch.narrow, "index_select": torch.index_select, "index_add": torch.index_add,
        "index_copy": torch.index_copy, "index_fill": torch.index_fill, "gather": torch.gather,
        "take_along_axis": torch.take_along_dim,
        "scatter": lambda x, axis, at, src: torch.scatter(x, axis, at, cut(src, at)),  # it fails to go back through a cut
        "scatter_add": lambda x, axis, at, src: torch.scatter_add(x, axis, at, cut(src, at)),
        "masked_fill": torch.masked_fill, "masked_select": torch.masked_select, "masked_scatter": torch.masked_scatter,
        "getitem": lambda x, index: x[index],
    },
    "scattering": {
        "select_scatter": torch.select_scatter, "slice_scatter": torch.slice_scatter,
        "diagonal_scatter": torch.diagonal_scatter, "index_put": torch.index_put,
        "index_put that adds": lambda *args: torch.index_put(*args, accumulate=True),
        "put": lambda x, at, source, accumulate: torch.put(x, at, source.reshape(at.shape), accumulate),
        "scatter_reduce": torch.scatter_reduce, "scatter_reduce by extrema": torch.scatter_reduce,
        "scatter_reduce by products": torch.scatter_reduce, "index_reduce": torch.index_reduce,
        "index_reduce by extrema": torch.index_reduce,
    },
    "sorting": {
        "msort": torch.msort, "bucketize": lambda x, edges, right: torch.bucketize(x, edges, right=right),
        "unique_consecutive": lambda x, axis, **options: torch.unique_consecutive(x.detach(), dim=axis, **options),
        "sort": lambda x, axis, descending=False: torch.sort(x, dim=axis, descending=descending), "topk": torch.topk,
        "argsort": lambda x, axis, down: torch.argsort(x, dim=axis, descending=down), "kthvalue": torch.kthvalue,
        "argsort of ties": lambda x, axis, down, stable: torch.argsort(x, dim=axis, descending=down, stable=True),
        "argwhere": torch.argwhere,
        "searchsorted": lambda s, v, right=False, side=None: torch.searchsorted(s, v, right=right, side=side),
        "unique": lambda x, **options: torch.unique(x.detach(), **options),
    },
    "diagonals": {
        "diagonal": torch.diagonal, "diag": torch.diag, "diagflat": torch.diagflat, "diag_embed": torch.diag_embed,
        "tril": torch.tril, "triu": torch.triu,
    },
    "contraction": {"einsum": lambda s, *x, optimize=None: torch.einsum(s, *x), "einsum that broadcasts": torch.einsum},
    "products": {
        "np.matmul": torch.matmul, "tensordot": lambda x, y, axes: torch.tensordot(x, y, listed(axes)), "inner": torch.inner,
        "vecdot": lambda x, y, axis=-1: TL.vecdot(x, y, dim=axis), "kron": torch.kron, "mm": torch.mm, "mv": torch.mv,
        "cross": lambda x, y, axis=-1: TL.cross(x, y, dim=axis), "bmm": torch.bmm, "addmm": torch.addmm,
        "addmv": torch.addmv, "baddbmm": torch.baddbmm, "multi_dot": TL.multi_dot, "addbmm": torch.addbmm,
        "addr": torch.addr,
    },
    "solving": {
        "inv": TL.inv, "det": TL.det, "slogdet": lambda x: TL.slogdet(x)[1], "logdet": lambda x: torch.logdet(x @ x.mT),
        "solve": TL.solve, "solve_triangular": TL.solve_triangular, "cholesky_solve": cholesky_solve,
        "pinv": TL.pinv, "pinv of low rank": lambda x, y: TL.pinv(x @ y, rtol=1e-4), "matrix_power": TL.matrix_power,
    },
    "exponential": {"matrix_exp": torch.matrix_exp, "matrix_exp, squared": torch.matrix_exp},
    "decomposition": {
        "cholesky": lambda x, upper: TL.cholesky(x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype), upper=upper),
        "qr": TL.qr, "eigh": eigh, "eigvalsh": lambda x: TL.eigvalsh(half(x)), "svd": svd, "svdvals": TL.svdvals,
    },
    "statistics": {"cov": lambda x, correction=1: torch.cov(x, correction=correction), "corrcoef": torch.corrcoef,
                   "cov, weighed": lambda x, correction, counts, weights: torch.cov(
                       x, correction=correction, fweights=counts, aweights=weights),
                   "quantile by fractions": torch.quantile, "mode": lambda x, at, *where: torch.mode(x[at], *where),
                   "nanmedian": with_missing(torch.nanmedian), "nanmedian of all": with_missing(torch.nanmedian),
                   "nanquantile": lambda x, hidden, q, axis, keep, method: with_missing(torch.nanquantile)(
                       x, hidden, torch.tensor(q, dtype=x.dtype), axis, keep, interpolation=method)},
    "scan": {"gradient": lambda x, spacing, dim, edge_order: torch.gradient(x, spacing=tuple(map(torch.tensor, spacing))
             if isinstance(spacing, list) and isinstance(spacing[0], np.ndarray) else spacing, dim=dim,
             edge_order=edge_order)},
    "reduction": {"trapezoid": trapezoid(torch.trapezoid),
                  "cumulative_trapezoid": trapezoid(torch.cumulative_trapezoid)},
    "predicates": {"histc": torch.histc},
    "norms": {
        "dist": torch.dist, "cdist": cdist, "renorm": torch.renorm,
        "vector_norm": TL.vector_norm, "matrix_norm": TL.matrix_norm, "norm": TL.norm, "p_norm": torch.norm,
        "cond": cond,
    },
}  # fmt: skip

CASES = [
    pytest.param(spec, PYTORCH[room][spec.name], id=spec.name)
    for room in PYTORCH
    for spec in importlib.import_module(f"tests.ops.specs.{room}").SPECS
    if spec.name in PYTORCH[room]
]


class Library:
    """One library's way to make tensors of arrays, to differentiate and to look at the outcome."""

    def __init__(self, tensor, constant, grad):
        self.tensor, self.constant, self.grad = tensor, constant, grad

    def call(self, f, args, kwargs):
        """The results of a call, and its inputs."""
        inputs = []

        def converted(arg):
            if isinstance(arg, list | tuple):
                return type(arg)(converted(a) for a in arg)
            if not isinstance(arg, np.ndarray):
                return arg
            if arg.dtype != np.float64:
                return self.constant(arg)
            inputs.append(self.tensor(arg))
            return inputs[-1]

        out = f(*converted(args), **kwargs)
        return list(out) if isinstance(out, tuple | list) else [out], inputs

    def derivatives(self, outputs, inputs):
        """First gradients, and the gradients of a sum of products of those."""
        rng = np.random.default_rng(0)

        def random(t):
            return self.constant(rng.uniform(0.5, 1.5, tuple(t.shape)) * rng.choice([-1.0, 1.0], tuple(t.shape)))

        total = sum((y * random(y)).sum() for y in outputs if y.requires_grad)
        first = self.grad(total, inputs, create_graph=True, allow_unused=True)
        first = [x * 0 if g is None else g for g, x in zip(first, inputs, strict=True)]
        total = sum((g * random(g)).sum() for g in first)
        second = self.grad(total, inputs, allow_unused=True) if total.requires_grad else [None] * len(inputs)
        return [*first, *(x * 0 if g is None else g for g, x in zip(second, inputs, strict=True))]


OURS = Library(lambda a: mg.tensor(a, requires_grad=True), mg.tensor, mg.autograd.grad)
THEIRS = Library(lambda a: torch.tensor(a, requires_grad=True), lambda a: torch.tensor(a.copy()), torch.autograd.grad)


def has_in_pytorch(spec, sample):
    """Whether PyTorch has such a call, too."""
    if spec.name == "take":
        return sample.args[2] is None and sample.args[3] == "raise"
    if spec.name == "pad as PyTorch":
        return len(sample.args[1]) == 4 or sample.kwargs["mode"] == "constant"
    if spec.name == "scatter":  # PyTorch leaves open which of several writes to one place is the last
        axis, at = sample.args[1:3]
        ordered = np.sort(at, axis)
        return np.diff(ordered, axis=axis).all()
    if spec.name == "scatter_reduce by products":  # PyTorch has no second derivative at zeros
        return bool(sample.args[0].all() and sample.args[3].all())
    if spec.name == "index_put":
        places = np.arange(20).reshape(4, 5)[tuple(sample.args[1])]
        return len(np.unique(places)) == places.size
    if spec.name == "trapezoid":  # of one point, which PyTorch makes without a gradient
        return sample.args[0].shape[sample.args[3]] > 1
    if spec.name == "combinations":  # of no elements, which PyTorch makes without a gradient
        return sample.args[1] > 0
    if spec.name not in ("getitem", "setitem"):
        return True
    index = sample.args[1] if isinstance(sample.args[1], tuple) else (sample.args[1],)
    if sum(isinstance(i, np.ndarray) for i in index) > 1 and ... in [i for i in index if not isinstance(i, np.ndarray)]:
        return False  # for PyTorch, ... of no axis does not part the arrays on its sides
    if any(i is True or (isinstance(i, slice) and (i.step or 1) < 0) for i in index):
        return False  # PyTorch takes no steps back
    places = np.arange(60).reshape(4, 5, 3)[sample.args[1]]
    return spec.name == "getitem" or len(np.unique(places)) == places.size


@pytest.mark.parametrize(("spec", "theirs"), CASES)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_and_gradients(spec, theirs, seed):
    sample = spec.sample(np.random.default_rng(seed))
    if not has_in_pytorch(spec, sample):
        return
    args, kwargs = sample.args, dict(sample.kwargs)
    our_outputs, our_inputs = OURS.call(spec.fn, args, kwargs)
    their_outputs, their_inputs = THEIRS.call(theirs, args, kwargs)
    pairs = list(zip(our_outputs, their_outputs, strict=True))
    assert all(ours.requires_grad == others.requires_grad for ours, others in pairs)
    if any(ours.requires_grad for ours in our_outputs):
        found = OURS.derivatives(our_outputs, our_inputs)
        pairs += zip(found, THEIRS.derivatives(their_outputs, their_inputs), strict=True)
    for ours, others in pairs:
        np.testing.assert_allclose(ours.detach().numpy(), others.numpy(force=True), rtol=1e-8, atol=1e-9)


OURS_ALONE = (
    "mode must be 'raise', 'wrap'",  # torch.take has no modes
    "would be truncated to int64",  # PyTorch truncates in silence
    "needs more than 52 labels",  # PyTorch has numbers for labels
)
REFUSALS = {
    f"{case.values[0].name}: {refusal.match}": (case.values[1], refusal.sample)
    for case in CASES
    for refusal in case.values[0].errors
    if not any(says in refusal.match for says in OURS_ALONE)
}


@pytest.mark.parametrize("name", REFUSALS)
def test_pytorch_refuses_what_minigrad_does(name):
    theirs, sample = REFUSALS[name]
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)):
        THEIRS.call(theirs, sample.args, dict(sample.kwargs))
