"""Wrong calls, beside right ones: what PyTorch refuses is refused here, and nothing else, but for the differences listed.

Each operation has a right call, which both must take, and wrong calls by kind. A difference that is listed and is none any
more fails, too.
"""

import re
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import GraphError

torch = pytest.importorskip("torch")


class Call(NamedTuple):
    args: tuple[Any, ...]
    options: dict[str, Any]


def C(*args, **options):
    return Call(args, options)


RNG = np.random.default_rng(0)


def f(*shape):
    return RNG.uniform(0.1, 0.9, shape)


def i(*shape, n=3):
    return RNG.integers(0, n, shape)


X, V, N, I = f(2, 3), f(3), np.array(0.5), i(2, 3)
MASK, S, Q = X > 0.5, f(3, 3) + 3 * np.eye(3), f(2, 4, 8)
P = S @ S.T
CASES: dict[str, tuple[Call, dict[str, Call]]] = {}


def family(names, right, *tables, **wrong):
    for table in tables:
        wrong = wrong | table
    for name in names.split():
        CASES[name] = (right, CASES[name][1] | wrong if name in CASES else wrong)


def axes(x, *before):
    return {f"axis {a!r}": C(x, *before, a) for a in (x.ndim, -x.ndim - 1, 1.5, "a")}


def broadcasting(*shapes):
    return {f"shapes {a} {b}": C(f(*a), f(*b)) for a, b in shapes}


ANY = {"nothing": C(), "too many": C(*[X] * 6), "unknown option": C(X, nonsense=1), "a string": C("a"), "None": C(None)}
MISFITS = broadcasting(((2, 3), (2,)), ((2, 3), (4,)), ((2, 1, 3), (3, 4)), ((0,), (2,)))

# fmt: off
# Elementwise
family("abs exp log sin sqrt tanh sigmoid relu floor sign erf erfc reciprocal square rsqrt isnan logit frac trunc round "
       "sinc exp2 neg log1p atan lgamma digamma erfinv", C(X), ANY)
family("polygamma", C(1, X), negative=C(-1, X), fraction=C(1.5, X), one=C(X))
family("clamp_min clamp_max", C(X, 0.5), none=C(X), misfit=C(X, f(4)))
family("add sub", C(X, V), weight=C(X, V, alpha="a"), third=C(X, V, 2, 3))
family("add sub mul div pow maximum minimum fmax fmin atan2 remainder fmod hypot copysign logaddexp eq lt logical_and "
       "floor_divide xlogy heaviside true_divide", C(X, V), MISFITS, one=C(X), four=C(X, X, X, X), none=C(X, None),
       string=C(X, "a"))
family("bitwise_and bitwise_or bitwise_xor", C(I, i(3)), floats=C(X, X), misfit=C(I, i(2)))
family("bitwise_not", C(I), floats=C(X))
family("where", C(MASK, X, V), misfit=C(MASK, X, f(2)), floats=C(X, X, X), two=C(MASK, X))
family("lerp", C(X, X, 0.5), misfit=C(X, f(4), 0.5), two=C(X, X), weights=C(X, X, f(4)))
family("addcmul addcdiv", C(X, X, V), misfit=C(X, f(4), X), two=C(X, X))
family("clamp", C(X, 0.2, 0.5), nothing=C(X), misfit=C(X, f(4)), string=C(X, "a"))
family("div", C(X, X), mode=C(X, X, rounding_mode="x"))
family("nan_to_num", C(X), string=C(X, "a"))
family("round", C(X), decimals=C(X, decimals=1.5))
family("ldexp", C(V, i(3)), misfit=C(V, i(4)))

# Activations
family("F.relu F.leaky_relu F.elu F.selu F.celu F.gelu F.softplus F.hardtanh F.relu6 F.hardsigmoid F.hardswish F.silu "
       "F.mish F.logsigmoid F.softsign F.tanhshrink F.softshrink F.hardshrink", C(X), ANY, integers=C(I))
family("F.hardtanh", C(X), crossed=C(X, 1.0, -1.0), empty=C(X, 1.0, 1.0))
family("F.softshrink F.hardshrink", C(X), negative=C(X, -1.0))
family("F.gelu", C(X), approximation=C(X, approximate="x"))
family("F.elu F.celu", C(X), zero=C(X, 0.0), negative=C(X, -1.0))
family("F.softplus", C(X), zero=C(X, 0.0))
family("F.glu", C(f(2, 4)), odd=C(X), axis=C(f(2, 4), 2), number=C(N))
family("F.threshold", C(X, 0.5, 1.0), one=C(X), two=C(X, 0.5))
family("F.prelu", C(X, V), misfit=C(X, f(2)), matrix=C(X, f(1, 3)), vectors=C(V, V))
family("F.softmin", C(X, 1), axes(X), two=C(X, (0, 1)))
for name, x in (("dropout", X), ("dropout1d", Q), ("dropout2d", f(2, 3, 4, 5)), ("dropout3d", f(2, 3, 4, 5, 6))):
    family(f"F.{name}", C(x, 0.5), negative=C(x, -0.1), above=C(x, 1.1), string=C(x, "a"), nan=C(x, float("nan")),
           one=C(x, 1.0), in_eval=C(x, 1.1, False))

# Reductions, statistics, scans
EMPTY = {"empty": C(f(0)), "empty axis": C(f(2, 0), 1), "other axis empty": C(f(2, 0), 0), "first empty": C(f(0, 2), 1)}
KINDS = {"integers": C(I, 1), "bools": C(MASK, 1)}
family("sum mean prod amax amin std var logsumexp any all count_nonzero nansum nanmean", C(X, 1), axes(X), EMPTY, KINDS,
       twice=C(X, (0, 0)), twice_counted=C(X, [0, -2]), one_of_two=C(X, (0, 2)), unknown=C(X, 0, nonsense=True))
family("argmax argmin max min median cummax cummin softmax log_softmax sort argsort", C(X, 1), axes(X), EMPTY, KINDS,
       two_axes=C(X, (0, 1)))
family("logcumsumexp", C(X, 1), axes(X), two_axes=C(X, (0, 1)), no_axis=C(X))
family("cumsum cumprod", C(X, 1), axes(X), KINDS, two_axes=C(X, (0, 1)), no_axis=C(X), empty=C(f(0), 0))
family("aminmax", C(X), empty=C(f(0)), axis=C(X, dim=2))
family("quantile", C(X, 0.5), above=C(X, 1.5), below=C(X, -0.1), axis=C(X, 0.5, 2), matrix=C(X, f(2, 2)), empty=C(f(0), 0.5),
       interpolation=C(X, 0.5, interpolation="up"), integers=C(I, 0.5))
family("kthvalue", C(X, 1), zero=C(X, 0), above=C(X, 4), axis=C(X, 1, 2), fraction=C(X, 1.5), negative=C(X, -1))
family("topk", C(X, 2), above=C(X, 4), negative=C(X, -1), axis=C(X, 1, 2), fraction=C(X, 1.5))
family("norm", C(X), kind=C(X, "x"), axis=C(X, 2, 2), twice=C(X, 2, (0, 0)), integers=C(I), empty=C(f(0)))
family("std var", C(X, 1), correction=C(X, correction="a"))
family("std_mean var_mean count_nonzero", C(X), axis=C(X, 2))
family("diff", C(V), axis=C(V, 1, 1), negative=C(V, -1), number=C(N))
family("trapezoid", C(V), misfit=C(V, f(4)), axis=C(V, dim=1))

# Losses
L, Z = np.array([0, 2, 1, 2]), f(4, 3)
SAME = {
    "misfit (3, 2)": C(X, f(3, 2)), "misfit (2, 4)": C(X, f(2, 4)), "one": C(X), "None": C(X, None),
    "unknown reduction": C(X, X, reduction="avg"), "no reduction": C(X, X, reduction=None), "unknown option": C(X, X, no=1),
    "broadcast (3,)": C(X, V), "broadcast (2, 1)": C(X, f(2, 1)), "mean of nothing": C(X[:0], X[:0]),
    "sum of nothing": C(X[:0], X[:0], reduction="sum"), "integers": C(I, X), "integer target": C(X, MASK * 1),
    "bool target": C(X, MASK),
}
family("F.mse_loss F.l1_loss F.smooth_l1_loss F.huber_loss F.binary_cross_entropy F.binary_cross_entropy_with_logits "
       "F.kl_div F.poisson_nll_loss F.soft_margin_loss F.hinge_embedding_loss", C(X, X), SAME)
family("F.huber_loss", C(X, X), zero=C(X, X, delta=0.0), negative=C(X, X, delta=-1.0))
family("F.smooth_l1_loss", C(X, X), negative=C(X, X, beta=-1.0), zero=C(X, X, beta=0.0))
family("F.binary_cross_entropy", C(X, X), above=C(X + 1, X), below=C(X - 1, X), target=C(X, X + 1))
family("F.binary_cross_entropy F.binary_cross_entropy_with_logits", C(X, X), weight=C(X, X, weight=f(4)))
family("F.binary_cross_entropy_with_logits", C(X, X), pos_weight=C(X, X, pos_weight=f(4)))
family("F.gaussian_nll_loss", C(X, X, X), negative=C(X, X, -X), number=C(X, X, -1.0), misfit=C(X, X, f(4)),
       last_axis=C(X, X, f(2)), last_axis_one=C(X, X, f(2, 1)), first_axis=C(X, X, V), target=C(X, V, X),
       reduction=C(X, X, X, reduction="avg"), eps=C(X, X, X, eps=-1.0), zero_eps=C(X, X, X, eps=0.0))
family("F.margin_ranking_loss", C(V, V, V), misfit=C(V, f(4), V), target=C(V, V, f(4)), axes=C(X, V, V),
       reduction=C(V, V, V, reduction="avg"))
family("F.cosine_embedding_loss", C(X, X, f(2)), target=C(X, X, V), misfit=C(X, f(2, 4), f(2)), axes=C(Q, Q, f(2)),
       matrix=C(X, X, X), reduction=C(X, X, f(2), reduction="avg"))
family("F.triplet_margin_loss", C(X, X, X), negative=C(X, X, f(4)), positive=C(X, f(4), X),
       zero_margin=C(X, X, X, margin=0.0), negative_margin=C(X, X, X, margin=-1.0), axes=C(X, X, V),
       broadcast=C(X, X, f(2, 1)), reduction=C(X, X, X, reduction="avg"))
family("F.cosine_similarity F.pairwise_distance", C(X, X), broadcast=C(X, V), misfit=C(X, f(2, 4)))
family("F.cosine_similarity", C(X, X), axis=C(X, X, 2))
LABELS = {
    "above": C(Z, L + 1), "below": C(Z, L - 1), "too few": C(Z, L[:3]), "column": C(Z, L[:, None]), "floats": C(Z, L + 0.0),
    "bools": C(Z, L > 1), "unknown reduction": C(Z, L, reduction="avg"), "class weights": C(Z, L, weight=f(4)),
    "int32": C(Z, L.astype(np.int32)), "int16": C(Z, L.astype(np.int16)), "uint8": C(Z, L.astype(np.uint8)),
    "number": C(N, L[:1]), "no rows": C(f(4, 3, 2), L), "integers": C(i(4, 3), L),
    "sum of nothing": C(Z[:0], L[:0], reduction="sum"),
    "mean of nothing": C(Z[:0], L[:0]), "all ignored": C(Z, L * 0 - 100), "weight matrix": C(Z, L, weight=f(3, 1)),
}
family("F.cross_entropy F.nll_loss", C(Z, L), LABELS)
family("F.cross_entropy", C(Z, L), one_hot=C(Z, np.eye(3, dtype=int)[L]), probabilities=C(Z, f(4, 2)),
       ignored_probabilities=C(Z, Z, ignore_index=1), smoothing_above=C(Z, L, label_smoothing=1.1),
       smoothing_below=C(Z, L, label_smoothing=-0.1), smoothing=C(Z, L, label_smoothing="a"))
family("F.multi_margin_loss", C(Z, L), above=C(Z, L + 1), below=C(Z, L - 1), too_few=C(Z, L[:3]), floats=C(Z, L + 0.0),
       p=C(Z, L, p=3), weight=C(Z, L, weight=f(4)), axes=C(Q, L[:2]), reduction=C(Z, L, reduction="avg"))
LISTED = np.array([[0, 2, -1], [1, -1, 0], [-1, 0, 0], [2, 1, 0]])
family("F.multilabel_margin_loss", C(Z, LISTED), above=C(Z, LISTED + 1), too_few=C(Z, LISTED[:3]), floats=C(Z, LISTED + 0.0),
       axes=C(Q, i(2, 4, 8)), reduction=C(Z, LISTED, reduction="avg"), below=C(Z, LISTED * 0 - 2))
family("F.multilabel_soft_margin_loss", C(X, X), misfit=C(X, f(2, 4)), weight=C(X, X, weight=f(4)),
       reduction=C(X, X, reduction="avg"))

# Joining, shapes, indexing
JOIN = {"nothing": C([]), "misfit": C([X, f(2, 4)]), "None": C([X, None])}
family("cat stack", C([X, X]), JOIN, axis=C([X, X], 3), axis_from_the_end=C([X, X], -4))
family("cat", C([X, X]), axes=C([X, V]), tensor=C(X))
family("hstack vstack dstack column_stack", C([X, X]), nothing=C([]))
family("hstack column_stack", C([X, X]), axes=C([X, V]))
family("vstack dstack", C([X, X]), misfit=C([X, f(4)]))
family("split", C(X, 2), zero=C(X, 0), negative=C(X, -1), sizes=C(X, [1, 3]), too_few=C(X, [1]), negative_size=C(X, [3, -1]),
       axis=C(X, 1, 2), fraction=C(X, 1.5))
family("chunk tensor_split", C(X, 2), zero=C(X, 0), negative=C(X, -1), axis=C(X, 2, 2))
family("unbind", C(X), axis=C(X, 2), number=C(N))
family("hsplit", C(X, 3), uneven=C(X, 2), number=C(N, 1))
family("vsplit", C(X, 2), uneven=C(X, 3), vector=C(V, 1))
family("dsplit", C(f(1, 2, 4), 2), matrix=C(X, 1), uneven=C(f(1, 2, 4), 3))
family("reshape", C(X, (3, 2)), size=C(X, (4, 2)), two_open=C(X, (-1, -1)), open=C(X, (-1, 4)), negative=C(X, (-2, 3)),
       fraction=C(X, (1.5, 4)), open_beside_nothing=C(f(0, 2), (-1, 0)))
family("permute", C(X, (1, 0)), twice=C(X, (0, 0)), too_few=C(X, (0,)), axis=C(X, (0, 2)), too_many=C(X, (0, 1, 2)))
family("transpose", C(X, 0, 1), axis=C(X, 0, 2), one=C(X, 0), fraction=C(X, 0.0, 1))
family("swapaxes", C(X, 0, 1), axis=C(X, 0, 2))
family("movedim", C(X, 0, 1), axis=C(X, 0, 2), numbers=C(X, (0, 1), (0,)), twice=C(X, (0, 0), (0, 1)),
       to=C(X, (0, 1), (1, 1)))
family("squeeze", C(X[None], 0), axes(X), twice=C(X, (0, 0)))
family("unsqueeze", C(X, 0), axis=C(X, 3), from_the_end=C(X, -4), fraction=C(X, 0.5), two=C(X, (0, 1)))
family("broadcast_to", C(V, (2, 3)), fewer=C(X, (3,)), misfit=C(V, (2, 4)), other=C(X, (3, 3)), open=C(X, (-1, 3)))
family("flatten", C(X), order=C(X, 1, 0), axis=C(X, 0, 2), from_the_end=C(X, -3))
family("unflatten", C(X, 1, (3, 1)), size=C(X, 1, (2, 2)), axis=C(X, 2, (3, 1)), two_open=C(X, 1, (-1, -1)))
family("flip", C(X, (0,)), axis=C(X, (2,)), twice=C(X, (0, -2)))
family("roll", C(X, 1, 0), axis=C(X, 1, 2), shifts=C(X, (1, 2), 0), fraction=C(X, 1.5, 0))
family("rot90", C(X), twice=C(X, 1, (0, 0)), axis=C(X, 1, (0, 2)), vector=C(V), one=C(X, 1, (0,)))
family("tile", C(X, (2,)), negative=C(X, (-1,)), fraction=C(X, (1.5,)))
family("repeat_interleave", C(X, 2), negative=C(X, -1), counts=C(X, i(2), 1), axis=C(X, 2, 2), fraction=C(X, 1.5))
family("meshgrid", C(V, V), matrices=C(X, X), indexing=C(V, V, indexing="yx"))
family("broadcast_tensors", C(X, V), misfit=C(X, f(2)))
AT = i(2, 2)
family("gather", C(X, 1, AT), axes=C(X, 1, i(2)), above=C(X, 1, AT * 0 + 3), below=C(X, 1, AT * 0 - 1), axis=C(X, 2, AT),
       floats=C(X, 1, AT + 0.0), reach=C(X, 1, i(3, 2)), bools=C(X, 1, AT > 1))
family("scatter scatter_add", C(X, 1, AT, X), source=C(X, 1, AT, f(1, 1)), above=C(X, 1, AT * 0 + 3, X),
       below=C(X, 1, AT * 0 - 1, X), axis=C(X, 2, AT, X), floats=C(X, 1, AT + 0.0, X), axes=C(X, 1, i(2), X),
       reach=C(X, 1, i(3, 2), f(3, 2)))
family("take", C(X, AT), above=C(X, AT * 0 + 6), below=C(X, AT * 0 - 7), floats=C(X, AT + 0.0))
family("take_along_dim", C(X, AT, 1), axes=C(X, i(2), 1), floats=C(X, AT + 0.0, 1), axis=C(X, AT, 2),
       above=C(X, AT * 0 + 3, 1))
family("index_select", C(X, 0, i(2, n=2)), above=C(X, 0, i(1) * 0 + 2), below=C(X, 0, i(1) * 0 - 1), matrix=C(X, 0, AT),
       axis=C(X, 2, i(2)), floats=C(X, 0, f(2)))
PLACES = np.array([0, 1])
for name, value, misfit in (("index_add", X, f(2, 2)), ("index_copy", X, f(2, 2)), ("index_fill", 1.0, V)):
    family(name, C(X, 0, PLACES, value), above=C(X, 0, PLACES + 1, value), below=C(X, 0, PLACES * 0 - 3, value),
           floats=C(X, 0, f(2), value), misfit=C(X, 0, PLACES, misfit), axis=C(X, 2, PLACES, value))
family("select", C(X, 0, 1), above=C(X, 0, 2), below=C(X, 0, -3), axis=C(X, 2, 0), fraction=C(X, 0, 0.5))
family("narrow", C(X, 1, 0, 2), reach=C(X, 1, 2, 2), negative=C(X, 1, 0, -1), axis=C(X, 2, 0, 1), below=C(X, 1, -4, 1))
family("masked_select", C(X, MASK), floats=C(X, X), integers=C(X, I), misfit=C(X, f(2) > 1))
family("masked_fill", C(X, MASK, 1.0), floats=C(X, X, 1.0), misfit=C(X, f(2) > 1, 1.0), values=C(X, MASK, V))
family("masked_scatter", C(X, MASK, X), floats=C(X, X, X), too_few=C(X, X > 0, V))
family("tril triu", C(X), vector=C(V), fraction=C(X, 0.5))
family("diag", C(V), number=C(N), stack=C(Q))
family("diagonal", C(X), vector=C(V), twice=C(X, 0, 0, 0), axis=C(X, 0, 0, 2))
family("trace", C(X), vector=C(V), stack=C(Q))
family("searchsorted", C(V, V), leading=C(X, f(3, 1)), side=C(V, V, side="x"))
family("F.one_hot", C(L, 3), above=C(L, 2), below=C(L - 1, 3), floats=C(L + 0.0, 3), classes=C(L, -2))
family("F.embedding", C(L, f(3, 2)), above=C(L + 1, f(3, 2)), below=C(L - 1, f(3, 2)), floats=C(L + 0.0, f(3, 2)),
       padding=C(L, f(3, 2), 3))
family("F.pad", C(X, (1, 1)), odd=C(X, (1,)), too_many=C(X, (1,) * 6), cut=C(X, (-2, -2)), mode=C(X, (1, 1), "x"),
       reflect=C(X, (3, 0), "reflect"), fraction=C(X, (1.5, 1)))

# Products, matrices, windows, normalisation
family("matmul", C(X, V), inner=C(X, X), number=C(X, N), batch=C(f(2, 2, 3), f(3, 3, 2)), dtypes=C(X, i(3, 2)))
family("mm", C(X, X.T), inner=C(X, X), vector=C(X, V))
family("bmm", C(X[None], X.T[None]), matrices=C(X, X.T), batch=C(X[None], f(2, 3, 2)), inner=C(X[None], X[None]))
family("mv", C(X, V), inner=C(X, f(2)), matrix=C(X, X), vectors=C(V, V))
family("dot vdot", C(V, V), matrix=C(V[None], V), misfit=C(V, f(4)))
family("outer", C(V, V), matrix=C(X, V))
family("cross", C(X, X), misfit=C(X, f(4, 3)), two=C(f(2, 2), f(2, 2)))
family("tensordot", C(X, X.T, 1), inner=C(X, X, 1), too_many=C(X, X, 3), twice=C(X, X, ([0, 0], [0, 0])))
family("einsum", C("ij,j->i", X, V), inner=C("ij,j->i", X, f(2)), unknown=C("ij,j->k", X, V), axes=C("ij", V),
       operands=C("ij,j->i", X), symbols=C("i>j", V), output=C("ij->ii", X))
family("addmm", C(f(2, 2), X, X.T), misfit=C(S, X, X.T), inner=C(X, X, X))
family("addmv", C(f(2), X, V), misfit=C(f(4), X, V), inner=C(f(2), X, f(2)))
family("baddbmm", C(f(1, 2, 2), X[None], X.T[None]), misfit=C(S[None], X[None], X.T[None]), matrices=C(f(2, 2), X, X.T))
family("linalg.det linalg.slogdet linalg.inv linalg.cholesky linalg.eigh linalg.eigvalsh", C(P), oblong=C(X), vector=C(V),
       integers=C(i(3, 3) + 9 * np.eye(3, dtype=int)))
family("linalg.matrix_exp", C(P), oblong=C(X), vector=C(V), integers=C(i(3, 3)))
family("linalg.qr linalg.svd linalg.svdvals linalg.pinv linalg.matrix_rank", C(X), vector=C(V), integers=C(I))
family("linalg.inv", C(S), singular=C(np.ones((3, 3))))
family("linalg.cholesky", C(P), negative=C(-P))
family("linalg.solve", C(S, V), equations=C(S, f(2)), oblong=C(X, V), singular=C(np.ones((3, 3)), V))
family("linalg.matrix_power", C(S, 2), oblong=C(X, 2), fraction=C(S, 1.5))
family("linalg.norm", C(X), kind=C(X, "x"), vector=C(V, "fro"), twice=C(X, 2, (0, 0)), axis=C(X, 2, 3))
family("F.linear", C(X, f(4, 3)), features=C(X, f(3, 4)), bias=C(X, f(4, 3), V), number=C(N, f(4, 3)), dtypes=C(I, f(4, 3)),
       vector=C(X, V))
IMAGES, K = f(2, 3, 6, 6), f(4, 3, 3, 3)
family("F.conv2d", C(IMAGES, K), axes=C(X, K), weight=C(IMAGES, X), channels=C(IMAGES, f(4, 2, 3, 3)), bias=C(IMAGES, K, V),
       stride=C(IMAGES, K, None, 0), padding=C(IMAGES, K, None, 1, -1), dilation=C(IMAGES, K, None, 1, 0, 0),
       groups=C(IMAGES, K, None, 1, 0, 1, 2), no_groups=C(IMAGES, K, groups=0), window=C(IMAGES, f(4, 3, 7, 7)),
       fraction=C(IMAGES, K, None, 1.5), strides=C(IMAGES, K, None, (1, 1, 1)), name=C(IMAGES, K, None, 1, "x"),
       same=C(IMAGES, K, padding="same", stride=2), nothing=C(IMAGES[:, :, :0], K), no_images=C(IMAGES[:0], K),
       no_channels=C(IMAGES[:, :0], K[:, :0]), no_window=C(IMAGES, K[:, :, :0]), image=C(IMAGES[0, 0], K))
family("F.conv_transpose2d", C(IMAGES, f(3, 2, 3, 3)), channels=C(IMAGES, f(4, 2, 3, 3)), bias=C(IMAGES, f(3, 2, 3, 3), V),
       output_padding=C(IMAGES, f(3, 2, 3, 3), None, 2, 0, 2), stride=C(IMAGES, f(3, 2, 3, 3), None, 0),
       nothing=C(IMAGES, f(3, 2, 3, 3), None, 1, 4))
family("F.max_pool2d F.avg_pool2d", C(IMAGES, 2), window=C(IMAGES, 7), zero=C(IMAGES, 0), stride=C(IMAGES, 2, 0),
       padding=C(IMAGES, 2, 2, 2), negative=C(IMAGES, 2, 2, -1), axes=C(X, 2), sizes=C(IMAGES, (2, 2, 2)),
       fraction=C(IMAGES, 1.5), nothing=C(IMAGES[:, :, :0], 2), no_images=C(IMAGES[:0], 2), no_channels=C(IMAGES[:, :0], 2),
       image=C(IMAGES[0, 0], 2))
family("F.adaptive_avg_pool2d F.adaptive_max_pool2d", C(IMAGES, 2), negative=C(IMAGES, -1), axes=C(X, 2), zero=C(IMAGES, 0))
family("F.unfold", C(IMAGES, 2), window=C(IMAGES, 7), axes=C(X, 2), stride=C(IMAGES, 2, stride=0))
family("F.fold", C(f(2, 12, 4), (3, 3), 2), windows=C(f(2, 12, 4), (4, 4), 2), channels=C(f(2, 11, 4), (3, 3), 2))
family("F.pixel_shuffle", C(f(1, 4, 2, 2), 2), channels=C(f(1, 3, 2, 2), 2), axes=C(X, 2), zero=C(f(1, 4, 2, 2), 0))
family("F.interpolate", C(IMAGES, 2), neither=C(IMAGES), both=C(IMAGES, 2, 2.0), zero=C(IMAGES, 0),
       mode=C(IMAGES, 2, mode="x"), axes=C(X, 2), negative=C(IMAGES, scale_factor=-1.0), sizes=C(IMAGES, (2, 2, 2)),
       corners=C(IMAGES, 2, align_corners=True))
family("F.layer_norm F.rms_norm", C(X, (3,)), shape=C(X, (2,)), weight=C(X, (3,), f(2)))
family("F.layer_norm", C(X, (3,)), bias=C(X, (3,), V, f(2)), number=C(X, 3))
family("F.batch_norm", C(X, None, None, training=True), running=C(X, f(2), V), missing=C(X, None, None),
       weight=C(X, V, V, f(2)), single=C(X[:1], V, V, training=True), vector=C(V, V, V))
family("F.group_norm", C(f(2, 4, 3), 2), uneven=C(f(2, 4, 3), 3), weight=C(X, 3, f(2)), zero=C(f(2, 4, 3), 0))
family("F.instance_norm", C(f(2, 3, 4)), axes=C(X), single=C(f(2, 3, 1)), weight=C(f(2, 3, 4), weight=f(2)))
family("F.local_response_norm", C(IMAGES, 2), zero=C(IMAGES, 0), vector=C(V, 2))
family("F.scaled_dot_product_attention", C(Q, Q, Q), features=C(Q, f(2, 4, 6), Q), keys=C(Q, Q, f(2, 3, 8)),
       mask=C(Q, Q, Q, S), integers=C(Q, Q, Q, i(4, 4)), both=C(Q, Q, Q, f(4, 4) > 0.5, 0.0, True), vectors=C(V, V, V),
       p=C(Q, Q, Q, dropout_p=1.5), negative_p=C(Q, Q, Q, dropout_p=-0.5))

# What is accepted here and refused there, or the other way round: kind: operations, under the reason.
ELEMENT_BY_ELEMENT = """F.mse_loss F.l1_loss F.smooth_l1_loss F.huber_loss F.kl_div F.poisson_nll_loss F.soft_margin_loss
    F.hinge_embedding_loss"""
DELIBERATE = {
    "NumPy compares with anything": {"none": "eq", "string": "logical_and"},
    "NumPy's truth of numbers": {"floats": "where"},
    "integers and booleans become the default float dtype, or 0 and 1, as in NumPy": {
        "integers": "mean nanmean std var F.nll_loss F.cross_entropy softmax log_softmax quantile norm linalg.det "
        "linalg.slogdet linalg.inv linalg.cholesky linalg.eigh linalg.eigvalsh linalg.qr linalg.svd "
        "linalg.svdvals linalg.pinv linalg.matrix_rank linalg.matrix_exp F.leaky_relu F.elu F.selu F.celu F.gelu F.softplus "
        "F.hardsigmoid F.hardswish F.silu F.mish F.logsigmoid F.softshrink F.hardshrink F.huber_loss "
        "F.binary_cross_entropy_with_logits F.kl_div F.soft_margin_loss F.hinge_embedding_loss",
        "integer target": "F.binary_cross_entropy F.binary_cross_entropy_with_logits F.kl_div",
        "bool target": "F.l1_loss F.binary_cross_entropy F.binary_cross_entropy_with_logits F.kl_div",
        "bools": "mean nanmean std var argmax argmin median softmax log_softmax",
    },
    "labels may be of any integer dtype": {"int32": "F.cross_entropy F.nll_loss", "int16": "F.cross_entropy F.nll_loss"},
    "NumPy promotes mixed dtypes": {"dtypes": "matmul F.linear"},
    "the mean of nothing, NaN in PyTorch, is a mistake": {
        "empty": "mean std var median", "empty axis": "mean std var",
        "mean of nothing": "F.mse_loss F.l1_loss F.smooth_l1_loss F.huber_loss F.binary_cross_entropy F.kl_div F.nll_loss "
        "F.binary_cross_entropy_with_logits F.poisson_nll_loss F.soft_margin_loss F.hinge_embedding_loss F.cross_entropy",
        "all ignored": "F.cross_entropy F.nll_loss",
    },
    "a target that is broadcast is nearly always a mistake": {
        "broadcast (3,)": ELEMENT_BY_ELEMENT, "broadcast (2, 1)": ELEMENT_BY_ELEMENT,
        "target": "F.gaussian_nll_loss", "broadcast": "F.triplet_margin_loss",
    },
    "NumPy's default axis: all of them, or the last": {
        "no_axis": "cumsum cumprod", "empty": "logsumexp softmax log_softmax",
    },
    "several axes at once": {"two_axes": "softmax log_softmax", "two": "F.softmin unsqueeze"},
    "NumPy joins the rows of an array": {"tensor": "cat"},
    "NumPy's broadcast_to knows no -1; expand does": {"open": "broadcast_to"},
    "NumPy broadcasts shifts and axes": {"shifts": "roll"},
    "PyTorch takes the index modulo the size": {"above": "take_along_dim"},
    "NumPy's meaning for more axes": {"matrix": "dot vdot outer", "stack": "trace", "vector": "linalg.matrix_rank"},
    "as the layer takes it": {"number": "F.layer_norm"},
    "one shape for every layer: (N, C, H, W), weights (out, in); the error says x[None]": {
        "vector": "F.linear", "no_channels": "F.conv2d",
    },
    "nothing to pool gives nothing": {"no_channels": "F.max_pool2d F.avg_pool2d"},
    "a result of no size is a mistake": {"zero": "F.adaptive_avg_pool2d F.adaptive_max_pool2d"},
    "PyTorch checks it on one side only": {
        "smoothing_below": "F.cross_entropy", "negative_p": "F.scaled_dot_product_attention",
    },
}
DIFFERENT = {(op, kind) for table in DELIBERATE.values() for kind, ops in table.items() for op in ops.split()}
# fmt: on
ERRORS = (ValueError, TypeError, IndexError, GraphError)


def refusal(lib, name, call):
    def convert(part):
        if isinstance(part, np.ndarray):
            return lib.tensor(part)
        return type(part)(map(convert, part)) if isinstance(part, list | tuple) else part

    function = lib
    for part in re.sub("^F\\.", "nn.functional.", name).split("."):
        function = getattr(function, part)
    args, options = convert(call.args), {key: convert(value) for key, value in call.options.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*args, **options)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("name", CASES)
def test_refuses_what_pytorch_refuses(name):
    right, wrong = CASES[name]
    assert refusal(torch, name, right) is None and refusal(mg, name, right) is None
    surprises = []
    for kind, call in wrong.items():
        ours, theirs = refusal(mg, name, call), refusal(torch, name, call)
        differs = (ours is None) != (theirs is None)
        if differs != ((name, kind) in DIFFERENT) or not (ours is None or (isinstance(ours, ERRORS) and str(ours))):
            surprises.append(f"{kind}: ours {ours!r}, PyTorch's {theirs!r}")
    assert not surprises


def test_every_difference_is_of_a_call():
    assert {(name, kind) for name, (_, wrong) in CASES.items() for kind in wrong} >= DIFFERENT


# The tape: what is called with a library and a leaf of shape (2, 3).
TAPE = {
    "not a single element": lambda lib, x: (x * 2).backward(),
    "a gradient of another shape": lambda lib, x: (x * 2).backward(lib.tensor(V)),
    "no graph": lambda lib, x: x.detach().sum().backward(),
    "twice": lambda lib, x: [y.backward() for y in [x.square().sum()] * 2],
    "twice, kept": lambda lib, x: [y.backward(retain_graph=True) for y in [x.square().sum()] * 2],
    "grad of what was not used": lambda lib, x: lib.autograd.grad(x.sum(), lib.tensor(V, requires_grad=True)),
    "grad of what was not used, allowed": lambda lib, x: lib.autograd.grad(
        x.sum(), lib.tensor(V, requires_grad=True), allow_unused=True
    ),
    "grad of a constant": lambda lib, x: lib.autograd.grad(x.sum(), lib.tensor(V)),
    "integers that require a gradient": lambda lib, x: lib.tensor(I, requires_grad=True),
    "a leaf changed": lambda lib, x: x.add_(1),
    "a part of a leaf changed": lambda lib, x: x.__setitem__(0, 1.0),
    "a result changed": lambda lib, x: (x * 1).add_(1),
    "a result that was saved changed": lambda lib, x: changed_after(x * 1),
    "in place to another shape": lambda lib, x: lib.tensor(V).add_(x),
    "in place to another dtype": lambda lib, x: lib.tensor(I).add_(0.5),
    "numpy() of what requires a gradient": lambda lib, x: x.numpy(),
    "item() of many": lambda lib, x: x.item(),
    "truth of many": lambda lib, x: bool(x),
    "number of many": lambda lib, x: float(x),
    "len() of a number": lambda lib, x: len(x.sum()),
    "iteration over a number": lambda lib, x: list(x.sum()),
    "grad of another shape assigned": lambda lib, x: setattr(x, "grad", lib.tensor(V)),
    "grad of another dtype assigned": lambda lib, x: setattr(x, "grad", lib.tensor(I)),
    "requires_grad of a result turned off": lambda lib, x: (x * 1).requires_grad_(False),
    "retain_grad of a constant": lambda lib, x: lib.tensor(V).retain_grad(),
    "a hook on a constant": lambda lib, x: lib.tensor(V).register_hook(print),
    "an index out of bounds": lambda lib, x: x[2],
    "too many indices": lambda lib, x: x[0, 0, 0],
    "an index of floats": lambda lib, x: x[1.0],
    "a mask of another shape": lambda lib, x: x[lib.tensor(np.array([True, False, True]))],
    "a value of another shape": lambda lib, x: x.detach().clone().__setitem__(0, lib.tensor(X)),
    "t() of three axes": lambda lib, x: x[None].t(),
    "view of another size": lambda lib, x: x.view(4, 2),
    "expand of another size": lambda lib, x: x.expand(2, 4),
    "add with an unknown option": lambda lib, x: x.add(x, beta=2),
}
ALSO_TAKEN = {"a result that was saved changed": "tensors are values: what was saved is not what was changed"}


def changed_after(y):
    out = y.square()
    y.add_(1)
    out.sum().backward()


@pytest.mark.parametrize("call", TAPE)
def test_the_tape_refuses_what_pytorchs_refuses(call):
    refused = []
    for lib in (mg, torch):
        x = lib.tensor(X, requires_grad=True)
        try:
            TAPE[call](lib, x)
        except (*ERRORS, RuntimeError):
            refused.append(lib)
            assert x.tolist() == X.tolist() and (call == "twice" or x.grad is None)
    assert refused == ([torch] if call in ALSO_TAKEN else [mg, torch] if torch in refused else [])
