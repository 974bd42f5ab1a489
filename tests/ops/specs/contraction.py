"""Specs of Einstein's summation."""

import itertools
from string import ascii_letters

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import normal, refuse

SIZES = {"i": 2, "j": 3, "k": 4, "l": 1, "A": 2, "Z": 3}
SUBSCRIPTS = [
    "", "i", "i->", "ij->ji", "ij->j", "ii", "ii->i", "iij", "ijjk->ki", "iijj->ij", "iii->i", "Zjk->jZ", "kZA",
    "i,i", "i,i->i", "i,j", "i,j->ji", "ij,jk", "ij,kj->ik", "ji,jk->ki", "ij,ij->", "ij,ij->ij", "ij,ij->i", "ijk,k",
    "ijk,ikl->ijl", "jik,kij->ikj", "ij,kl->lkji", "ii,ij->j", "iij,jk->k", "ij,k->i", ",i->i", "Zi,Aj->",
    "...", "...i->...", "...i->i...", "i...,i...->...", "...ij,...jk->...ik", "...,...", "i...->...",
    "ij,jk,kl->il", "ij,jk,kl", "i,j,k->kji", "ij,ik,il->jkl", "ij,ij,ij->i", "i,ij,j", "ij,jk,ki->", "ij,kj,kl,il->i",
]  # fmt: skip
BROADCAST = ["ij,ij->ij", "ij,jk->ik", "ij,ij->j", "ijk,ik,jk->i", "...ij,...jk->...ik", "ij,ij"]


def operand(rng, term, stretched):
    sizes = [SIZES[label] for label in term.replace("...", "")]
    if "..." in term:
        at = term.index("...")
        sizes[at:at] = [5, 3][2 - stretched :] if stretched < 3 else [5, 1]
    return normal(rng, tuple(sizes))


def by_letters(rng):
    subscripts = SUBSCRIPTS[rng.integers(len(SUBSCRIPTS))]
    terms = subscripts.split("->")[0].split(",")
    options = [{}, {"optimize": True}, {"optimize": "optimal"}, {"optimize": False}][rng.integers(4)]
    return Sample((subscripts, *[operand(rng, term, int(rng.integers(0, 4))) for term in terms]), options)


def with_broadcasting(rng):
    """Axes of size 1 against longer ones; never both of a label that is summed in one operand alone."""
    subscripts = BROADCAST[rng.integers(len(BROADCAST))]
    operands = []
    for term in subscripts.split("->")[0].split(","):
        x = operand(rng, term, 1)
        operands.append(normal(rng, tuple(1 if rng.random() < 0.4 else n for n in x.shape)))
    return Sample((subscripts, *operands))


def by_numbers(rng):
    x, y = normal(rng, (2, 3, 4)), normal(rng, (4, 2))
    lists = [
        ([7, 1, 2], [2, 7], [1]), ([0, 1, 2], [2, 30], [30, 0]), ([0, ..., 2], [2, 0], [...]), ([3, 1, 2], [2, 0]),
        ([..., 2], [2, 0], [..., 0]), ([30, 1, 2], [2, 0]),
    ][rng.integers(6)]  # fmt: skip
    return Sample((x, lists[0], y, *lists[1:]))


def one_by_one(subscripts, *operands, optimize=None):
    """Every product of elements, added up in plain loops; axes of size 1 are read again and again."""
    given, _, out = subscripts.partition("->")
    terms = given.split(",")
    extra = max(x.ndim - len(t.replace("...", "")) for x, t in zip(operands, terms, strict=True))
    spare = "WXY"[:extra] if "..." in given else ""
    terms = [t.replace("...", spare[max(extra - x.ndim + len(t) - 3, 0) :]) for x, t in zip(operands, terms, strict=True)]
    if "->" not in subscripts:
        out = spare + "".join(sorted(c for c in set("".join(terms)) - set(spare) if "".join(terms).count(c) == 1))
    out = out.replace("...", spare)
    sizes = {}
    for x, term in zip(operands, terms, strict=True):
        for label, n in zip(term, x.shape, strict=True):
            sizes[label] = max(sizes.get(label, 1), n)
    labels = sorted(sizes)
    result = np.zeros([sizes[label] for label in out])
    for place in itertools.product(*[range(sizes[label]) for label in labels]):
        at = dict(zip(labels, place, strict=True))
        product = 1.0
        for x, term in zip(operands, terms, strict=True):
            product *= x[tuple(at[label] if n > 1 else 0 for label, n in zip(term, x.shape, strict=True))]
        result[tuple(at[label] for label in out)] += product
    return result


def naive_bilinear(x, y, weight, bias):
    out = np.zeros((*x.shape[:-1], len(weight)))
    for at in np.ndindex(x.shape[:-1]):
        out[at] = [x[at] @ w @ y[at] for w in weight]
    return out + bias


def two_inputs(rng):
    lead, (O, I, J) = [(), (2,), (3, 2)][rng.integers(3)], (int(n) for n in rng.integers(1, 4, 3))
    return Sample((normal(rng, (*lead, I)), normal(rng, (*lead, J)), normal(rng, (O, I, J)), normal(rng, (O,))))


A, B = np.ones((2, 3)), np.ones((4, 5))

NO_EINSUM = (
    refuse(ShapeError, "label 'j' has size 3 in operand 0, and 4 in operand 1", "ij,jk", A, B),
    refuse(ShapeError, "label 'i' has size 2 in operand 0, and 3 in operand 0", "ii", A),
    refuse(ShapeError, "a diagonal 'i' of sizes 1 and 3 in one operand", "ii", A[:1]),
    refuse(ShapeError, "operand 0 has 2 axes, but 'ijk' in 'ijk,i' names 3", "ijk,i", A, A[:, 0]),
    refuse(ShapeError, "operand 0 has 2 axes, but 'i' in 'i' names 1", "i", A),
    refuse(ValueError, "'ij,jk' names 2 operands, got 1", "ij,jk", A),
    refuse(ValueError, "the output label 'z' of 'ij->z' is in no operand", "ij->z", A),
    refuse(ValueError, "the output label 'i' of 'ij->ii' occurs twice", "ij->ii", A),
    refuse(ValueError, r"a term has letters and at most one '...', got 'i\$'", "i$", A),
    refuse(ValueError, "a term has letters .* got '..ij'", "..ij", A),
    refuse(ValueError, "needs more than 52 labels", f"{ascii_letters}...", np.ones((1,) * 54)),
    refuse(ValueError, "at most one '...', got '...i...'", "...i...", A),
    refuse(ValueError, "axes are numbered from 0 to 51, got", A, [0, 52]),
)

SPECS = [
    OpSpec("einsum", mg.einsum, one_by_one, by_letters, linear_in=(0,), errors=NO_EINSUM),
    OpSpec("einsum that broadcasts", mg.einsum, one_by_one, with_broadcasting, covers=("einsum",), linear_in=(1,)),
    OpSpec("np.einsum by numbers", np.einsum, np.einsum, by_numbers, covers=("einsum",), linear_in=(0,)),
    OpSpec("bilinear", mg.bilinear, naive_bilinear, two_inputs, linear_in=(2, 3), errors=(
        refuse(ShapeError, r"inputs do not match the weight\n  input1  \(2, 3\)  = .*\n  input2  \(4, 5\)", A, B,
               np.ones((1, 3, 5))),
        refuse(ShapeError, r"bias    \(3,\)", A, A, np.ones((1, 3, 3)), np.ones(3)))),
]  # fmt: skip
