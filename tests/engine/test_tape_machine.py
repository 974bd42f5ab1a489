"""A machine that does to the tape whatever a user may do, in any order, beside a naive engine that keeps no tape.

The naive engine remembers for each value what it was made of, and differentiates forward, along every element of what is
asked for, from the beginning each time: no order of visits, no buffers, nothing freed. It keeps books only on what must be
refused: which values were walked and freed, and which were written to after they were saved. The second opinion is
PyTorch's, where it is installed, until it refuses a step (it refuses more than is needed).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import minigrad as mg
from minigrad.errors import GraphError

try:
    import torch
except ImportError:
    torch = None

SIZE = 3
numbers = count()
FORWARD = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "sin": np.sin,
    "square": np.square,
    "exp": lambda a: np.exp(-np.square(a)),
    "read": lambda a: a[[0, 0, 2]],
    "write": lambda a, b: np.array([b[0], a[1], b[2]]),
}
SLOPE = {  # the derivative, of the operands and their derivatives
    "add": lambda a, b, da, db: da + db,
    "subtract": lambda a, b, da, db: da - db,
    "multiply": lambda a, b, da, db: da * b + a * db,
    "sin": lambda a, da: np.cos(a) * da,
    "square": lambda a, da: 2 * a * da,
    "exp": lambda a, da: np.exp(-np.square(a)) * -2 * a * da,
    "read": lambda a, da: da[[0, 0, 2]],
    "write": lambda a, b, da, db: np.array([db[0], da[1], db[2]]),
}
ENGINE = {
    "exp": lambda a: mg.exp(-mg.square(a)),
    "read": lambda a: a[[0, 0, 2]],
    "write": lambda a, b: mg.setitem(a, [0, 2], b[[0, 2]]),
}
PYTORCH = {
    "exp": lambda a: torch.exp(-torch.square(a)),
    "read": lambda a: a[[0, 0, 2]],
    "write": lambda a, b: a.index_put((torch.tensor([0, 2]),), b[[0, 2]]),
}
HOLD_ARRAYS = {"multiply", "sin", "square", "exp"}  # what a backward frees


def agree(found, wanted):
    """Whether two arrays agree to nine digits: np.testing takes ten times as long, most of the time of a run."""
    return found.shape == wanted.shape and bool((np.abs(found - wanted) <= 1e-9 * np.abs(wanted) + 1e-12).all())


@dataclass(eq=False)
class Value:
    """What the naive engine knows of a value that requires a gradient, or of a constant."""

    array: np.ndarray
    op: str | None = None
    operands: tuple[Value, ...] = ()
    requires: bool = False
    number: int = field(default_factory=lambda: next(numbers))
    written: int = -1
    freed: bool = False
    restored: bool = False  # a checkpoint whose function has run again: from then on it holds its own arrays
    factor: float = 1.0  # of its hooks
    retains: bool = False
    grad: np.ndarray | None = None

    def __post_init__(self):
        self.arrays = [v.array for v in self.operands]  # as they were

    def below(self):
        """This value and all that it depends on and that require a gradient."""
        found, stack = {self}, [self]
        while stack:
            new = {v for v in stack.pop().operands if v.requires} - found
            found |= new
            stack += new
        return found

    def slope(self, target, direction, known):
        """The derivative of this value as `target` moves along `direction`, hooks applied on the way."""
        if self not in known:
            d = np.zeros(SIZE)
            if self.op and self.requires:
                moved = [v.slope(target, direction, known) if v.requires else np.zeros(SIZE) for v in self.operands]
                d = SLOPE[self.op](*self.arrays, *moved)
            known[self] = self.factor * (d + direction if self is target else d)
        return known[self]

    def gradient(self, target, g):
        return np.array([g @ self.slope(target, unit, {}) for unit in np.eye(SIZE)])

    @property
    def saved(self):
        """The operands whose values are kept for the gradient."""
        if self.op == "multiply":
            return [a for a, other in zip(self.operands, self.operands[::-1], strict=True) if other.requires]
        return self.operands if self.op in HOLD_ARRAYS and not self.restored else ()

    @property
    def refuses(self):
        return self.freed or any(v.requires and v.written > self.number for v in self.saved)


class Tape(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.pairs: list[tuple[mg.Tensor, Value]] = []
        self.theirs = {}  # PyTorch's tensors, by value
        self.compared = torch is not None
        self.leaf(True)

    def pick(self, n):
        return self.pairs[n % len(self.pairs)]

    def add(self, tensor, value):
        self.pairs.append((tensor, value))

    def ask(self, step):
        """Do the same in PyTorch; if it refuses, compare no longer."""
        if self.compared:
            try:
                step(self.theirs)
            except RuntimeError:
                self.compared = False

    indices = st.integers(0, 20)

    @rule(requires=st.booleans())
    def leaf(self, requires):
        array = self.rng.uniform(-1, 1, SIZE)
        value = Value(array, requires=requires)
        self.add(mg.tensor(array, requires_grad=requires), value)
        self.ask(lambda theirs: theirs.update({value: torch.tensor(array, requires_grad=requires)}))

    def apply(self, op, *chosen, recording=True):
        tensors, values = zip(*chosen, strict=True)
        requires = recording and any(v.requires for v in values)
        tensor = ENGINE.get(op, getattr(mg, op, None))(*tensors)
        value = Value(FORWARD[op](*(v.array for v in values)), op, values, requires)

        def apply_theirs(theirs):
            with torch.set_grad_enabled(recording):
                theirs[value] = (PYTORCH.get(op) or getattr(torch, op))(*[theirs[v] for v in values])

        self.ask(apply_theirs)
        return tensor, value

    @rule(op=st.sampled_from(["add", "subtract", "multiply", "write"]), a=indices, b=indices)
    def binary(self, op, a, b):
        self.add(*self.apply(op, self.pick(a), self.pick(b)))

    @rule(op=st.sampled_from(["sin", "square", "exp", "read"]), a=indices)
    def unary(self, op, a):
        self.add(*self.apply(op, self.pick(a)))

    @rule(op=st.sampled_from(["add", "multiply"]), a=indices, b=indices, fail=st.booleans())
    def under_no_grad(self, op, a, b, fail):
        try:
            with mg.no_grad():
                self.add(*self.apply(op, self.pick(a), self.pick(b), recording=False))
                if fail:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert mg.is_grad_enabled()

    @rule(a=indices)
    def detach(self, a):
        tensor, value = self.pick(a)
        new = Value(value.array)
        self.add(tensor.detach().clone(), new)  # test_views_machine.py has those that share their value
        self.ask(lambda theirs: theirs.update({new: theirs[value].detach().clone()}))

    @rule(a=indices)
    def clear(self, a):
        tensor, value = self.pick(a)
        tensor.grad = value.grad = None
        self.ask(lambda theirs: setattr(theirs[value], "grad", None))

    @rule(a=indices, factor=st.sampled_from([2.0, -0.5]), remove=st.booleans())
    def hook(self, a, factor, remove):
        tensor, value = self.pick(a)
        if not value.requires:
            with pytest.raises(GraphError, match="requires no gradient"):
                tensor.register_hook(lambda g: g)
            return
        handle = tensor.register_hook(lambda g: g * factor)
        if remove:
            handle.remove()
        else:
            value.factor *= factor
            self.ask(lambda theirs: theirs[value].register_hook(lambda g: g * factor))

    @rule(a=indices)
    def retain_grad(self, a):
        tensor, value = self.pick(a)
        if value.requires:
            tensor.retain_grad()
            value.retains = True
            self.ask(lambda theirs: theirs[value].retain_grad())

    @rule(a=indices, b=indices)
    def rebind(self, a, b):
        """``x += y``: whoever uses the old x goes on using it."""
        n = a % len(self.pairs)
        tensor, value = self.pairs[n]
        if value.requires and value.op is None:
            with pytest.raises(GraphError, match="leaf"):
                tensor[0] = 1.0
        self.pairs[n] = self.apply("add", (tensor, value), self.pick(b))

    @rule(a=indices, b=indices)
    def write_by_index(self, a, b):
        """``x[i] = y``: the same tensor is another value from now on, also for what retained its gradient."""
        n = a % len(self.pairs)
        tensor, value = self.pairs[n]
        if value.requires and value.op is None:
            return
        other_tensor, other = self.pick(b)
        tensor[[0, 2]] = other_tensor[[0, 2]]
        new = Value(FORWARD["write"](value.array, other.array), "write", (value, other), value.requires or other.requires)
        self.succeed(n, new)

        def write_theirs(theirs):
            theirs[new] = theirs[value]
            theirs[new][[0, 2]] = theirs[other][[0, 2]]

        self.ask(write_theirs)

    def succeed(self, n, new):
        """The same tensor is another value from now on; it goes on retaining its gradient."""
        tensor, value = self.pairs[n]
        new.retains, new.grad = value.retains and new.requires, value.grad
        value.retains = False
        self.pairs[n] = (tensor, new)

    @rule(a=indices)
    def write_unrecorded(self, a):
        """What saved the old value refuses to go backward; what did not does not care."""
        tensor, value = self.pick(a)
        array = self.rng.uniform(-1, 1, SIZE)
        with mg.no_grad():
            tensor.copy_(array)
        value.array = array
        value.written = next(numbers)

        def write_theirs(theirs):
            with torch.no_grad():
                theirs[value].copy_(torch.tensor(array))

        self.ask(write_theirs)

    @rule(a=indices, retain=st.booleans(), as_tensor=st.booleans())
    def backward(self, a, retain, as_tensor):
        tensor, value = self.pick(a)
        g = self.rng.uniform(-1, 1, SIZE)
        given = mg.tensor(g) if as_tensor else g
        if self.refuses(value):
            with pytest.raises(GraphError):
                tensor.backward(given, retain_graph=retain)
            if self.compared and value.requires:
                with pytest.raises(RuntimeError):
                    self.theirs[value].backward(torch.tensor(g))
                self.compared = False  # some of its gradients have arrived
            return  # and every gradient is what it was: see the invariant
        tensor.backward(given, retain_graph=retain)
        self.receive(value, g, retain)
        assert np.array_equal(mg.tensor(given).numpy(), g)

    def refuses(self, value):
        return not value.requires or any(v.refuses for v in value.below())

    def receive(self, value, g, retain):
        """What a backward changes."""
        for v in value.below():
            if v.op is None or v.retains:
                gradient = value.gradient(v, g)
                v.grad = gradient if v.grad is None else v.grad + gradient
            v.freed |= not retain and v.op in HOLD_ARRAYS
        self.ask(lambda theirs: theirs[value].backward(torch.tensor(g), retain_graph=retain))

    @rule(op=st.sampled_from(["sin", "square", "read"]), a=indices)
    def write_to_what_was_just_used(self, op, a):
        at = a % len(self.pairs)
        self.unary(op, at)
        self.write_unrecorded(at)
        self.backward(len(self.pairs) - 1, False, False)

    @rule(a=indices, b=indices, create_graph=st.booleans())
    def grad(self, a, b, create_graph):
        """Gradients on demand: also of values in between, nothing else is walked, and no ``.grad`` changes."""
        (tensor, value), (to, target) = self.pick(a), self.pick(b)
        g = self.rng.uniform(-1, 1, SIZE)
        if not (value.requires and target.requires):
            return
        between = [v for v in value.below() if target in v.below() and v is not target]
        if any(v.refuses for v in between):
            with pytest.raises(GraphError):
                mg.autograd.grad(tensor, to, g, retain_graph=True)
            return
        found = mg.autograd.grad(tensor, to, g, retain_graph=True, create_graph=create_graph, allow_unused=True)[0]
        if target not in value.below():
            assert found is None
        else:
            np.testing.assert_allclose(found.detach().numpy(), value.gradient(target, g), rtol=1e-9, atol=1e-12)

    @invariant()
    def values_and_gradients_agree(self):
        for tensor, value in self.pairs:
            assert np.array_equal(tensor.detach().numpy(), value.array)
            assert tensor.requires_grad == value.requires
            if value.op is None or value.retains:
                assert (tensor.grad is None) == (value.grad is None)
            if value.grad is not None and (value.op is None or value.retains):
                assert agree(tensor.grad.numpy(), value.grad), (tensor.grad, value.grad)
            if self.compared:
                theirs = self.theirs[value]
                assert theirs.requires_grad == value.requires
                assert agree(theirs.detach().numpy(), value.array)
                if theirs.is_leaf or value.retains:
                    assert (theirs.grad is None) == (value.grad is None)
                    if value.grad is not None:
                        assert agree(theirs.grad.numpy(), value.grad), (theirs.grad, value.grad)
        assert mg.is_grad_enabled()


TestTape = Tape.TestCase
TestTape.settings = settings(max_examples=2 * settings.default.max_examples, stateful_step_count=25)
