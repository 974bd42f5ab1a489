"""A machine that takes views, writes through them and goes backward, in any order, beside two naive models of memory.

The first is NumPy: a memory is an array of numbers, and the views of a tensor are NumPy's views of it. History is another
array, of objects: each cell holds the scalar expression that made its number, so a write to a part replaces the cells of the
part, and a gradient is found cell by cell. A detached tensor shares the numbers and has a history of its own. The second is
PyTorch, where it is installed, until it refuses a step (it refuses more than is needed).
"""

from __future__ import annotations

from contextlib import nullcontext
from itertools import count

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from numpy.lib.stride_tricks import as_strided

import minigrad as mg
from minigrad.errors import GraphError

try:
    import torch
except ImportError:
    torch = None

numbers = count()


class Cell:
    """A scalar expression: the cells it was made of, each with the derivative at that time."""

    def __init__(self, *terms):
        self.terms = [(cell, slope) for cell, slope in terms if cell is not None]
        self.number = next(numbers)


def cells(values, terms=None):
    """An array of new cells, in the memory order of the values; `terms(index)` are the terms of each."""
    out = np.empty_like(values, object)
    for index in np.ndindex(*values.shape):
        out[index] = Cell(*(terms(index) if terms else ()))
    return out


def no_cells(values):
    return np.full_like(values, None, object)


def gradients(seeds, g):
    """The gradient of every cell below the seeds, by number: newest first."""
    found, below = {}, {}
    stack = [cell for cell in seeds.flat if cell is not None]
    while stack:
        cell = stack.pop()
        if cell.number not in below:
            below[cell.number] = cell
            stack += [inner for inner, _ in cell.terms]
    for cell, slope in zip(seeds.flat, g.flat, strict=True):
        if cell is not None:
            found[cell.number] = found.get(cell.number, 0.0) + slope
    for number in sorted(below, reverse=True):
        for inner, slope in below[number].terms:
            found[inner.number] = found.get(inner.number, 0.0) + slope * found.get(number, 0.0)
    return found


class Family:
    """A base and its views: what requires a gradient does so together."""

    def __init__(self, requires=False, leaf=False):
        self.requires, self.leaf = requires, leaf


class Model:
    """What the machine knows of one tensor: a view of the numbers and of the history."""

    def __init__(self, values, history, family, untracked=False):
        self.values, self.history, self.family = values, history, family
        self.untracked = untracked  # a view taken under no_grad
        self.grad = None
        self.first = history if family.leaf else None  # a leaf accumulates the gradient of the cells it began with

    @property
    def requires(self):
        return self.family.requires and not self.untracked


VIEWS = {  # each of something with a __getitem__ and a reshape: NumPy's arrays, PyTorch's tensors and ours
    "x[0]": (lambda x: x[0], lambda a: a[0, ...]),
    "x[-1]": (lambda x: x[-1], lambda a: a[-1, ...]),
    "x[1:]": (lambda x: x[1:], lambda a: a[1:]),
    "x[..., ::2]": (lambda x: x[..., ::2], lambda a: a[..., ::2]),
    "x[None]": (lambda x: x[None], lambda a: a[None]),
    "select": (lambda x: x.select(0, 0), lambda a: a[0, ...]),
    "narrow": (lambda x: x.narrow(0, 0, 1), lambda a: a[:1]),
    "reshape": (lambda x: x.reshape(-1), lambda a: a.reshape(-1)),
    "flatten": (lambda x: x.flatten() if x.ndim != 1 else x.reshape(-1), lambda a: a.reshape(-1)),  # torch returns a vector
    "t": (lambda x: x.t(), lambda a: a.T),
    "T": (lambda x: x.permute(*range(x.ndim)[::-1]), lambda a: a.T),
    "movedim": (lambda x: x.movedim(0, -1), lambda a: np.moveaxis(a, 0, -1)),
    "transpose": (lambda x: x.transpose(0, -1), lambda a: np.swapaxes(a, 0, -1)),
    "unsqueeze": (lambda x: x.unsqueeze(-1), lambda a: a[..., None]),
    "squeeze": (lambda x: x.squeeze(), lambda a: a.squeeze()),
    "diagonal": (lambda x: x.diagonal(), lambda a: a[[slice(None)] * 2] if a.ndim < 2 else diagonal(a)),
    "chunk": (lambda x: x.chunk(2)[-1], lambda a: a[(len(a) + 1) // 2 if len(a) > 1 else 0 :]),
    "split": (lambda x: x.split(1)[0], lambda a: a[:1]),
    "unbind": (lambda x: x.unbind()[-1], lambda a: a[-1, ...]),
    "iterate": (lambda x: next(iter(x)), lambda a: a[0, ...]),
    "view_as": (lambda x: x.view_as(x), lambda a: a[...]),
    "expand": (lambda x: x.expand(2, *x.shape), lambda a: as_strided(a, (2, *a.shape), (0, *a.strides))),
}
SEVERAL = ("chunk", "split", "unbind", "iterate")  # PyTorch refuses to change these while it records


def diagonal(a):
    n = min(a.shape[:2])
    steps = a.strides[0] + a.strides[1]
    return as_strided(a, (*a.shape[2:], n), (*a.strides[2:], steps))


def repeats(a):
    return 0 in [step for step, n in zip(a.strides, a.shape, strict=True) if n > 1]


RESULTS = {  # the operation, its numbers, and the derivatives by x and y
    "scale": (lambda x, y: x * 3.0, lambda x, y: 3 * x, lambda x, y: 3.0, None),
    "tanh": (lambda x, y: x.tanh(), lambda x, y: np.tanh(x), lambda x, y: 1 - np.tanh(x) ** 2, None),
    "clone": (lambda x, y: x.clone(), lambda x, y: x.copy("K"), lambda x, y: 1.0, None),
    "product": (lambda x, y: x * y, lambda x, y: x * y, lambda x, y: y.copy(), lambda x, y: x.copy()),
}
WRITES = {  # the change, the new numbers of x and y, and the derivatives by x and y
    "fill_": (lambda x, y: x.fill_(0.5), lambda x, y: 0.5 + 0 * x, lambda x, y: 0.0, None),
    "zero_": (lambda x, y: x.zero_(), lambda x, y: 0 * x, lambda x, y: 0.0, None),
    "mul_(2)": (lambda x, y: x.mul_(2.0), lambda x, y: 2 * x, lambda x, y: 2.0, None),
    "*=": (lambda x, y: x.__imul__(-1.5), lambda x, y: -1.5 * x, lambda x, y: -1.5, None),
    "sin_": (lambda x, y: x.sin_(), lambda x, y: np.sin(x), lambda x, y: np.cos(x), None),
    "add_": (lambda x, y: x.add_(y), lambda x, y: x + y, lambda x, y: 1.0, lambda x, y: 1.0),
    "mul_": (lambda x, y: x.mul_(y), lambda x, y: x * y, lambda x, y: y, lambda x, y: x),
    "copy_": (lambda x, y: x.copy_(y), lambda x, y: y + 0 * x, lambda x, y: 0.0, lambda x, y: 1.0),
    "x[...] = y": (lambda x, y: x.__setitem__(..., y), lambda x, y: y + 0 * x, lambda x, y: 0.0, lambda x, y: 1.0),
}


class Views(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.ours: list[mg.Tensor] = []
        self.models: list[Model] = []
        self.theirs: list = []
        self.torch = torch is not None
        self.with_tanh = False  # which saves its input here, its result in PyTorch: that refuses less then
        self.exported: list = []
        self.leaf((2, 3), True)
        self.result("scale", 0, 0, True)
        self.leaf((2, 3), False)

    indices = st.integers(0, 20)
    recording = st.booleans()

    def add(self, ours, model, theirs=None):
        self.ours.append(ours)
        self.models.append(model)
        self.theirs.append(theirs)

    def pick(self, n):
        n %= len(self.models)
        return self.ours[n], self.models[n], self.theirs[n]

    def mode(self, library, recording):
        return nullcontext() if recording or library is None else library.no_grad()

    def try_theirs(self, step, recording=True):
        """Do a step in PyTorch; if it refuses, compare no longer."""
        if any(model.untracked for model in self.models):  # there a view of a view, taken under no_grad, requires a gradient
            self.torch = False
        if not self.torch:
            return None
        try:
            with self.mode(torch, recording):
                return step()
        except (RuntimeError, NotImplementedError):
            self.torch = False
            return None

    @rule(shape=st.sampled_from([(3,), (2, 3), (2, 1, 2)]), requires=st.booleans())
    def leaf(self, shape, requires):
        values = self.rng.uniform(-1, 1, shape)
        history = cells(values) if requires else no_cells(values)
        theirs = torch.tensor(values, requires_grad=requires) if self.torch else None
        self.add(mg.tensor(values, requires_grad=requires), Model(values, history, Family(requires, requires)), theirs)

    @rule(op=st.sampled_from(sorted(RESULTS)), a=indices, b=indices, recording=recording)
    def result(self, op, a, b, recording):
        """An operation that makes new numbers, and saves its inputs, its result or nothing for the gradient."""
        apply, value, by_x, by_y = RESULTS[op]
        ours, model, theirs = self.pick(a)
        other, second, their_other = self.pick(b)
        if (by_y is not None and second.values.shape != model.values.shape) or repeats(model.values):
            return  # the memory order of what is made of an expanded tensor is nobody's promise
        if np.abs(model.values).max(initial=0) > 1e3:
            return
        self.with_tanh |= op == "tanh"
        with self.mode(mg, recording):
            out = apply(ours, other)
        x, y = model.values, second.values
        values = value(x, y)
        sources = [(model, by_x(x, y))] + ([] if by_y is None else [(second, by_y(x, y))])
        sources = [(m.history, np.broadcast_to(slope, x.shape)) for m, slope in sources if m.requires and recording]
        history = cells(values, lambda i: [(h[i], slope[i]) for h, slope in sources]) if sources else no_cells(values)
        theirs = self.try_theirs(lambda: apply(theirs, their_other), recording)
        self.add(out, Model(values, history, Family(bool(sources))), theirs)

    @rule(a=indices)
    def export(self, a):
        """An array that was handed out stays what it was."""
        ours, _, _ = self.pick(a)
        array = ours.detach().numpy()
        self.exported.append((array, array.copy()))

    @rule(kind=st.sampled_from(sorted(VIEWS)), a=indices, recording=st.sampled_from([True, True, True, False]))
    def view(self, kind, a, recording):
        ours, model, theirs = self.pick(a)
        take, select = VIEWS[kind]
        if model.values.ndim == 0 or 0 in model.values.shape or model.values.ndim > 3:
            return
        if (kind == "diagonal" and model.values.ndim < 2) or (kind == "t" and model.values.ndim > 2):
            return
        with self.mode(mg, recording):
            out = take(ours)
        values, history = select(model.values), select(model.history)
        if not np.shares_memory(values, model.values) and values.size:  # a reshape that copies
            tracked = model.requires and recording
            made = cells(values, lambda i: [(history[i], 1.0)]) if tracked else no_cells(values)
            new = Model(values.copy("K"), made, Family(tracked))
        else:
            new = Model(values, history, model.family, model.untracked or (model.family.requires and not recording))
            new.first = None
        self.add(out, new, self.try_theirs(lambda: take(theirs), recording))

    @rule(a=indices, data=st.booleans(), requires=st.booleans())
    def detach(self, a, data, requires):
        ours, model, theirs = self.pick(a)
        out = ours.data if data else ours.detach()
        history = cells(model.values) if requires else no_cells(model.values)
        new = Model(model.values, history, Family(requires, requires))
        self.add(out.requires_grad_(requires), new, self.try_theirs(lambda: theirs.detach().requires_grad_(requires)))

    @rule(kind=st.sampled_from(sorted(WRITES)), a=indices, b=indices, recording=recording)
    def write(self, kind, a, b, recording):
        ours, model, theirs = self.pick(a)
        other, second, their_other = self.pick(b)
        change, value, by_x, by_y = WRITES[kind]
        tracked = recording and (model.requires or (by_y is not None and second.requires))
        if by_y is not None and (second.values.shape != model.values.shape or np.shares_memory(second.values, model.values)):
            return  # what is read while it is written is the same in PyTorch by chance only
        repeated = repeats(model.values)
        refused = (tracked and model.family.leaf) or (repeated and kind not in ("fill_", "zero_", "x[...] = y"))
        if repeated and not refused and (tracked or kind == "x[...] = y"):
            return
        with self.mode(mg, recording):
            if refused:
                with pytest.raises(GraphError):
                    change(ours, other)
                return  # nothing has changed: see the invariant
            change(ours, other)
        x, y = model.values.copy(), second.values.copy()
        if tracked:
            h, h2 = model.history.copy(), second.history.copy()
            dx = np.broadcast_to(by_x(x, y), x.shape)
            dy = None if by_y is None or not second.requires else np.broadcast_to(by_y(x, y), x.shape)
            source = model.requires

            def terms(i):
                return [(h[i] if source else None, dx[i])] + ([] if dy is None else [(h2[i], dy[i])])

            model.history[...] = cells(x, terms)
            model.family.requires, model.untracked = True, False
        model.values[...] = value(x, y)
        self.try_theirs(lambda: change(theirs, their_other) is None, recording)

    @rule(
        view=st.sampled_from(sorted(VIEWS)), write=st.sampled_from(sorted(WRITES)), a=indices, b=indices, recording=recording
    )
    def write_to_a_view(self, view, write, a, b, recording):
        """What is most likely to go wrong, in one step: a write through a new view, and backward from its base."""
        count = len(self.models)
        self.view(view, a, True)
        if len(self.models) > count:
            self.result("clone", count, 0, False)
            self.write(write, count, b if b % 3 else count + 1, recording)
            self.backward(a % count)

    @rule(a=indices)
    def retain_grad(self, a):
        ours, model, _ = self.pick(a)
        if not model.requires:
            with pytest.raises(GraphError):
                ours.retain_grad()

    @precondition(lambda self: len(self.models) > 1)
    @rule(a=indices)
    def forget(self, a):
        """Views go on when their base is gone, and a base when its views are."""
        a %= len(self.models)
        for things in (self.ours, self.models, self.theirs):
            del things[a]

    @rule(a=indices, b=indices, write=st.sampled_from(sorted(WRITES)), recording=recording)
    def write_to_what_was_saved(self, a, b, write, recording):
        """A product saved its factors: afterwards backward is right, or refuses."""
        count = len(self.models)
        self.result("product", a, b, True)
        if len(self.models) > count:
            self.write(write, a % count, b % count, recording)
            self.backward(count)

    @rule(a=indices)
    def backward(self, a):
        ours, model, theirs = self.pick(a)
        g = self.rng.uniform(-1, 1, model.values.shape)
        if not model.requires:
            with pytest.raises(GraphError):
                ours.backward(g)
            return
        try:
            refused = ours.backward(g, retain_graph=True) is not None
        except GraphError as error:
            refused = "written to afterwards" in str(error) or pytest.fail(str(error))
        if self.torch and not refused:
            self.try_theirs(lambda: theirs.backward(torch.tensor(g), retain_graph=True))
        elif self.torch and self.with_tanh:
            self.torch = False
        elif self.torch:
            with pytest.raises(RuntimeError, match=r"modified by an inplace operation|has been modified inplace"):
                theirs.backward(torch.tensor(g), retain_graph=True)
            self.torch = False
        if refused:
            return
        found = gradients(model.history, g)
        for other in self.models:
            if other.first is not None:
                grad = np.array([found.get(cell.number, 0.0) for cell in other.first.flat]).reshape(other.first.shape)
                if any(cell.number in found for cell in other.first.flat):
                    other.grad = grad if other.grad is None else other.grad + grad

    @invariant()
    def values_and_gradients_agree(self):
        for array, then in self.exported:
            assert np.array_equal(array, then)
        for ours, model, theirs in zip(self.ours, self.models, self.theirs, strict=True):
            assert np.array_equal(ours.array, model.values)
            assert ours.requires_grad == model.requires
            if model.first is not None and ours.is_leaf:
                mine = np.zeros_like(model.values) if ours.grad is None else ours.grad.numpy()
                expected = np.zeros_like(mine) if model.grad is None else model.grad
                np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-12)
            if self.torch and self.try_theirs(lambda theirs=theirs: theirs.is_leaf) is not None:
                np.testing.assert_allclose(theirs.detach().numpy(), model.values, rtol=1e-12)
                assert theirs.requires_grad == model.requires
                if theirs.is_leaf and theirs.grad is not None:
                    np.testing.assert_allclose(theirs.grad.numpy(), ours.grad.numpy(), rtol=1e-9, atol=1e-12)


TestViews = Views.TestCase
TestViews.settings = settings(max_examples=15 * settings.default.max_examples, stateful_step_count=30)
