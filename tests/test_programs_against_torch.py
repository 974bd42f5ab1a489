"""Random programs, run step by step by minigrad and by PyTorch: results, gradients, and what hooks saw are the same.

A program changes tensors in place, sets and removes hooks, freezes leaves and thaws them, switches recording, uses gradients
as values, and goes backward several times. It ends where PyTorch refuses (minigrad's saved values are never written to, and
it may go on). 500 programs; ``python -m tests.test_programs_against_torch 5000 7`` runs so many from a seed and tells what
disagreed.
"""

import random
import sys
import warnings
from contextlib import nullcontext

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import GraphError

torch = pytest.importorskip("torch")

SHAPES = ((2, 3), (3,), ())
UNARY = {
    "tanh": lambda m, x: m.tanh(x),
    "sin": lambda m, x: m.sin(x),
    "exp": lambda m, x: m.exp(-x * x),
    "sigmoid": lambda m, x: m.sigmoid(x),
    "relu": lambda m, x: m.relu(x),
    "abs": lambda m, x: m.abs(x),
    "square": lambda m, x: 0.3 * x**2,
    "cube": lambda m, x: 0.1 * x**3,
    "mean": lambda m, x: x - x.mean(),
    "sum": lambda m, x: x.sum() / 4,
    "linear": lambda m, x: 2 * x - 1,
    "divide": lambda m, x: 1 / (2 + x * x),
    "clone": lambda m, x: x.clone(),
    "softmax": lambda m, x: m.softmax(x.reshape(-1), 0).reshape(tuple(x.shape)),
    "cumsum": lambda m, x: 0.3 * x.reshape(-1).cumsum(0).reshape(tuple(x.shape)),
    "detach": lambda m, x: x.detach() * 1.5,
    "leaky": lambda m, x: m.nn.functional.leaky_relu(x),
    "clamp": lambda m, x: x.clamp(-0.7, 0.9),
    "flip": lambda m, x: x.reshape(-1).flip(0).reshape(tuple(x.shape)) * 1,
    "amax": lambda m, x: x + x.amax(),
    "median": lambda m, x: x - x.median(),
    "norm": lambda m, x: x / (1 + m.linalg.norm(x.reshape(-1))),
}
BINARY = {
    "add": lambda m, x, y: x + y,
    "subtract": lambda m, x, y: x - y,
    "multiply": lambda m, x, y: x * y,
    "divide": lambda m, x, y: x / (1.5 + y * y),
    "maximum": lambda m, x, y: m.maximum(x, y),
    "fmin": lambda m, x, y: m.fmin(x, y),
    "where": lambda m, x, y: m.where(x.detach() > 0, x, y),
    "hypot": lambda m, x, y: m.hypot(x, y + 3),
    "add twice": lambda m, x, y: x + y + x,
}
# Their rules may save the input or the result, as each library chose, and a gradient of a gradient flows to what was saved:
# so nobody else may hold it.
APART = {"tanh", "sin", "exp", "sigmoid", "divide", "softmax", "norm", "hypot"}
IN_PLACE = {
    "add_": lambda x, y: x.add_(y),
    "mul_": lambda x, y: x.mul_(y),
    "sub_": lambda x, y: x.sub_(y, alpha=0.5),
    "div_": lambda x, y: x.div_(2 + y * y),
    "+=": lambda x, y: x.__iadd__(y),
    "tanh_": lambda x, y: x.tanh_(),
    "neg_": lambda x, y: x.neg_(),
    "clamp_": lambda x, y: x.clamp_(-0.5, 0.8),
    "copy_": lambda x, y: x.copy_(y),
    "zero_": lambda x, y: x.zero_(),
    "fill_": lambda x, y: x.fill_(0.25),
    "x[...] =": lambda x, y: x.__setitem__(..., y),
    "x[0] =": lambda x, y: x.__setitem__(0, 0.5 * y.sum()) if x.dim() else x.mul_(0.5),
    "x[-1] += ": lambda x, y: x.__setitem__(-1, x[-1] * 1 + y.mean()) if x.dim() else x.add_(1),
}


class Program:
    """One program: pairs of tensors, (ours, PyTorch's), and the steps so far, in words."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.steps = []
        self.pairs = []
        self.hooks = []
        self.seen = {}
        self.ambiguous = False  # whether PyTorch and we may differ in what lies between some outputs and some inputs
        self.mode = True
        numbers = np.random.default_rng(seed)
        for shape in (*SHAPES, self.draw.choice(SHAPES)):
            values = numbers.uniform(-1.5, 1.5, shape)
            self.pairs.append((mg.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)))
        self.leaves = len(self.pairs)

    def run(self, length=30):
        """Whether it ran to its end; raises AssertionError where the two disagree."""
        choices = [getattr(self, name) for name in STEPS]
        for _ in range(length):
            try:
                self.draw.choices(choices, STEPS.values())[0]()
            except Refused:
                return False
            self.compare()
            if any(not (abs(t.detach()) < 1e4).all() for _, t in self.pairs):
                return False
            if any(mine.requires_grad != theirs.requires_grad for mine, theirs in self.pairs):
                return False  # a result that was overwritten entirely: ours is a constant, theirs has a gradient of zeros
        return True

    def both(self, what, call):
        """Do something in both libraries; gives both results, or ends the program where PyTorch refuses."""
        self.steps.append(what)
        found, refused = [], []
        for lib, side in ((mg, 0), (torch, 1)):
            mode = lib.no_grad() if not self.mode else nullcontext()
            try:
                with mode:
                    found.append(call(lib, side))
            except (GraphError, RuntimeError, ValueError, TypeError) as error:
                refused.append((lib.__name__, error))
        names = [name for name, _ in refused]
        if "torch" in names:
            raise Refused
        assert not names, f"{names} refused: {refused[0][1]!r}"
        return found

    def pick(self, condition=lambda t: True):
        """The place of a pair that meets a condition on both sides; None if there is none."""
        places = [i for i, pair in enumerate(self.pairs) if all(map(condition, pair))]
        return self.draw.choice(places) if places else None

    def compare(self):
        for i, (mine, theirs) in enumerate(self.pairs):
            close(f"value {i}", mine, theirs)
            if mine.is_leaf and theirs.is_leaf:
                assert mine.requires_grad == theirs.requires_grad, f"requires_grad of {i}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                close(f"gradient {i}", mine.grad, theirs.grad)
        for label, (mine, theirs) in self.seen.items():
            assert len(mine) == len(theirs), f"hook {label} saw {mine}, PyTorch's {theirs}"
            np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9, err_msg=f"hook {label}")

    # Steps

    def unary(self):
        i, name = self.pick(), self.draw.choice(list(UNARY))
        self.operation(f"{name} of {i}", UNARY[name], [i], name in APART)

    def binary(self):
        i, j, name = self.pick(), self.pick(), self.draw.choice(list(BINARY))
        self.operation(f"{name} of {i}, {j}", BINARY[name], [i, j], name in APART)

    def operation(self, what, call, places, apart):
        def result(m, side):
            operands = [self.pairs[i][side] for i in places]
            return call(m, *[x * 1 for x in operands]) * 1 if apart else call(m, *operands)

        self.pairs.append(tuple(self.both(what, result)))

    def in_place(self):
        i = self.pick(lambda t: not (t.is_leaf and t.requires_grad and self.mode))
        if i is None:
            return
        size = tuple(self.pairs[i][0].shape)
        j = self.pick(lambda t: tuple(t.shape) in (size, ()) or (len(size) == 2 and tuple(t.shape) == size[1:]))
        name = self.draw.choice(list(IN_PLACE))
        self.ambiguous |= name in ("copy_", "x[...] =")  # ours no longer depends on what was overwritten, theirs by zeros

        def change(m, side):
            x, y = self.pairs[i][side], self.pairs[j][side]
            IN_PLACE[name](x, y * 1 if i == j else y)

        self.both(f"{name} on {i} with {j}", change)

    def hook(self):
        i = self.pick(lambda t: t.requires_grad)
        if i is None:
            return
        self.ambiguous |= not self.pairs[i][1].is_leaf
        label, factor = f"{len(self.seen)} on {i}", self.draw.choice([None, 0.5, -1.0, "clamp"])
        seen = self.seen[label] = ([], [])

        def register(m, side):
            def hook(g):
                if g.detach().abs().sum() > 1e-10:  # what is zero may not come at all
                    seen[side].append(float(g.detach().sum()))
                return None if factor is None else g.clamp(-0.4, 0.6) if factor == "clamp" else g * factor

            return self.pairs[i][side].register_hook(hook)

        self.hooks.append(self.both(f"hook {label}: {factor}", register))

    def unhook(self):
        if self.hooks:
            handles = self.hooks.pop(self.draw.randrange(len(self.hooks)))
            self.both("remove a hook", lambda m, side: handles[side].remove())

    def retain(self):
        i = self.pick(lambda t: t.requires_grad)
        if i is not None:
            self.both(f"retain_grad of {i}", lambda m, side: self.pairs[i][side].retain_grad())

    def freeze(self):
        i = self.draw.randrange(self.leaves)
        leaf = self.pairs[i]
        if not all(t.is_leaf for t in leaf):
            return
        on, by_detach = self.draw.random() < 0.5, self.draw.random() < 0.3
        self.both(
            f"requires_grad_({on}) of {i}",
            lambda m, side: leaf[side].detach_() if by_detach and not on else leaf[side].requires_grad_(on),
        )

    def switch(self):
        self.mode = self.draw.random() < 0.7
        self.steps.append(f"mode {self.mode}")

    def write(self):
        """A leaf gets another value, as by an optimizer or a state dict."""
        i, way = self.draw.randrange(self.leaves), self.draw.choice(["data", "no_grad"])
        leaf = self.pairs[i]
        if not all(t.is_leaf for t in leaf):
            return

        def change(m, side):
            with m.no_grad():
                leaf[side].copy_(leaf[side] * 0.9) if way == "no_grad" else leaf[side].data.mul_(0.9)

        if way == "data":  # PyTorch goes on with a wrong gradient
            change(torch, 1)
            with torch.no_grad():
                leaf[1].add_(0)
            self.both(f"data of {i}", lambda m, side: side or change(m, side))
        else:
            self.both(f"write to {i}", change)

    def forget(self):
        i = self.draw.randrange(self.leaves)
        leaf = self.pairs[i]

        def clear(m, side):
            leaf[side].grad = None

        self.both(f"no gradient for {i}", clear)

    def gradient_as_value(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            i = self.pick(lambda t: t.grad is not None)
            if i is not None:
                self.pairs.append(tuple(self.both(f"gradient of {i}", lambda m, side: self.pairs[i][side].grad * 1)))

    def seed(self):
        """Where a backward begins: numbers made of one or two results."""
        places = [self.pick(lambda t: t.requires_grad) for _ in range(self.draw.choice([1, 1, 2]))]
        return None if None in places else places

    def backward(self):
        places = self.seed()
        if places is None:
            return
        options = {"retain_graph": self.draw.random() < 0.7, "create_graph": self.draw.random() < 0.3}
        options["retain_graph"] |= options["create_graph"]
        inputs = [self.pick(lambda t: t.requires_grad) for _ in range(self.draw.randint(1, 3))]
        chosen = self.draw.random() < 0.3 and not self.ambiguous  # see `grad`

        def walk(m, side):
            more = {"inputs": [self.pairs[i][side] for i in inputs]} if chosen else {}
            ys = [self.pairs[i][side].sum() for i in places]
            if len(ys) == 1 and not chosen:
                ys[0].backward(**options)
            else:
                m.autograd.backward(ys, **options, **more)

        with_mode, self.mode = self.mode, True
        try:
            self.both(f"backward of {places}, {options}, {inputs if chosen else 'all'}", walk)
        finally:
            self.mode = with_mode

    def grad(self):
        places = self.seed()
        inputs = [self.pick(lambda t: t.requires_grad) for _ in range(self.draw.randint(1, 3))]
        # PyTorch's grad() writes to what is retained; and of a result with a hook it gives the gradient before the hook, or
        # after it, as something else is asked for beside it or not.
        if places is None or self.ambiguous or any(t.retains_grad for _, t in self.pairs):
            return
        create = self.draw.random() < 0.5

        def walk(m, side):
            ys = [self.pairs[i][side].sum() for i in places]
            xs = [self.pairs[i][side] for i in inputs]
            return m.autograd.grad(ys, xs, retain_graph=True, create_graph=create, allow_unused=True)

        with_mode, self.mode = self.mode, True
        try:
            found = self.both(f"grad of {places} by {inputs}, create_graph={create}", walk)
        finally:
            self.mode = with_mode
        for mine, theirs in zip(*found, strict=True):
            close("grad", mine, theirs)
            if mine is not None and theirs is not None and create:
                self.pairs.append(tuple(self.both("its value", lambda m, side, pair=(mine, theirs): pair[side] * 1)))


STEPS = {
    "unary": 8, "binary": 8, "in_place": 7, "hook": 3, "unhook": 1, "retain": 2, "freeze": 3, "switch": 1, "write": 1,
    "forget": 2, "gradient_as_value": 2, "backward": 5, "grad": 2,
}  # fmt: skip


class Refused(Exception):
    """PyTorch does not run the program any further."""


def close(what, mine, theirs):
    """The same numbers; no gradient is the same as zeros: of what was overwritten, ours is a constant."""
    if mine is None and theirs is None:
        return
    a, b = (None if t is None else t.detach().numpy() for t in (mine, theirs))
    a, b = np.zeros_like(b) if a is None else a, np.zeros_like(a) if b is None else b
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9, err_msg=what)


@pytest.mark.filterwarnings("ignore:Using backward:UserWarning", "ignore:.*a separate value:UserWarning")
@pytest.mark.parametrize("first", range(0, 500, 50))
def test_random_programs(first):
    finished = 0
    for seed in range(first, first + 50):
        program = Program(seed)
        try:
            finished += program.run()
        except AssertionError as error:
            pytest.fail(f"program {seed}: {error}\n" + "\n".join(program.steps))
    assert finished >= 10


def main(count, first):
    warnings.simplefilter("ignore")
    finished = failed = steps = 0
    for seed in range(first, first + count):
        program = Program(seed)
        try:
            finished += program.run()
        except AssertionError as error:
            failed += 1
            print(f"program {seed}: {error}", *program.steps, sep="\n  ")
        steps += len(program.steps)
        sys.stdout.flush()
    print(f"{count} programs, {steps} steps: {finished} ran to their end, {failed} disagreed")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
