"""The machine of test_tape_machine.py, and whatever may happen in the middle of a backward.

Hooks of tensors and modules raise, an interrupt comes at any call, a hook goes backward itself, two threads walk graphs that
share leaves and nodes, checkpoints run their functions again, and values that share a memory are changed through each other.

After an error or an interrupt:

* it arrives unchanged, and no `.grad` has changed (PyTorch's leaves that were reached before it have theirs);
* what was walked before it, from the newest node down, is freed, as in PyTorch, unless the graph is retained;
* so another backward gives the right gradient, or refuses a graph that was freed;
* modes, watchers, locks, generators and NumPy's settings are what they were.
"""

from __future__ import annotations

import sys
import threading
import warnings
import weakref
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

import minigrad as mg
from minigrad.autograd.checkpoint import _Recomputed
from minigrad.errors import GraphError
from tests.engine.test_interrupts import SETTINGS, assert_put_back, put_everything_back
from tests.engine.test_tape_machine import ENGINE, FORWARD, HOLD_ARRAYS, PYTORCH, SIZE, SLOPE, Tape, Value, torch

HOLD_ARRAYS.add("region")  # the function of a checkpoint
FORWARD |= {
    "region": lambda a, b: np.sin(a + b) ** 2,
    "same": lambda a: a,
    "gated": lambda a, other: a,  # an output of a module with backward hooks: it waits for the other
}
SLOPE |= {
    "region": lambda a, b, da, db: 2 * np.sin(a + b) * np.cos(a + b) * (da + db),
    "same": lambda a, da: da,
    "gated": lambda a, other, da, d_other: da,
}
ENGINE["same"] = PYTORCH["same"] = lambda a: a[:]


class Stop(Exception):
    """Raised by a hook."""


def scaled(lib):
    class Scaled(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = lib.nn.Parameter(lib.ones(SIZE))

        def forward(self, x, fail=False):
            out = x.sin() * self.weight
            if fail:
                raise Stop
            return out

    return Scaled()


def both(lib):
    class Both(lib.nn.Module):
        def forward(self, x):
            return lib.square(x), lib.sin(x)

    return Both()


def newest(operation, node):
    """The newest node of an operation that a node depends on."""
    found, stack = {node}, [node]
    while stack:
        new = {parent for parent in stack.pop().parents if parent is not None} - found
        found |= new
        stack += new
    return max([node for node in found if node.operation == operation], key=lambda node: node.number)


def struck(run, at):
    """Call a function, raise KeyboardInterrupt after `at` calls inside it; return whether it arrived, and their number."""
    passed = 0

    def strike(frame, event, arg):
        nonlocal passed
        if event in ("call", "c_return"):
            passed += 1
            if passed > at:
                sys.setprofile(None)
                raise KeyboardInterrupt

    try:
        sys.setprofile(strike)
        run()
    except KeyboardInterrupt:
        return True, passed
    finally:
        sys.setprofile(None)
    return False, passed


def holds_its_arrays(node):
    """Whether the saved values are there, not to be recomputed, also by the second run of an outer checkpoint."""
    saved = node.saved
    while isinstance(saved, _Recomputed):
        saved = saved.values
    return saved is not None


class AttackedTape(Tape):
    def __init__(self):
        self.nodes = {}  # by value
        self.memories = []  # each with the tensors that share it
        self.rerun: set[Value] = set()  # what the functions of checkpoints use
        self.module, self.their_module = scaled(mg), scaled(torch) if torch else None
        super().__init__()
        self.leaf(True)
        self.binary("multiply", 0, 1)

    def add(self, tensor, value):
        super().add(tensor, value)
        self.nodes[value] = tensor.node

    def teardown(self):
        put_everything_back()

    def walkable(self, a):
        """The place of a value that can go backward, one of those with the longest histories; None if there is none."""
        if a % 2:
            self.binary("multiply", 0, 1)
            self.unary("sin", len(self.pairs) - 1)
        values = [value for _, value in self.pairs]
        found = [n for n, value in enumerate(values) if not self.refuses(value)]
        found.sort(key=lambda n: len(values[n].below()), reverse=True)
        return found[:3][a % len(found[:3])] if found else None

    indices = Tape.indices

    # Values that share a memory

    @rule(a=indices, then_write=st.booleans())
    def view(self, a, then_write):
        a %= len(self.pairs)
        tensor, value = self.pick(a)
        out = self.apply("same", (tensor, value))
        memory = self.memory(tensor)
        if memory is None:
            memory = SimpleNamespace(tensors=[tensor], of_a_leaf=value.op is None and value.requires)
            self.memories.append(memory)
        memory.tensors.append(out[0])
        self.add(*out)
        if then_write:  # to the base of what was saved
            n = len(self.pairs)
            self.unary("sin", n - 1)
            self.write_unrecorded(a)
            self.backward(n, False, False)

    def memory(self, tensor):
        return next((memory for memory in self.memories if any(t is tensor for t in memory.tensors)), None)

    def others(self, n):
        """The places of the tensors that share a memory with the nth."""
        memory = self.memory(self.pairs[n][0])
        shown = memory.tensors if memory else []
        return [m for m, (tensor, _) in enumerate(self.pairs) if m != n and any(tensor is t for t in shown)]

    def is_of_a_leaf(self, n):
        tensor, value = self.pairs[n]
        memory = self.memory(tensor)
        return memory.of_a_leaf if memory else value.op is None and value.requires

    @rule(op=st.sampled_from(["add", "multiply", "sin"]), a=indices, b=indices)
    def change(self, op, a, b):
        n = a % len(self.pairs)
        (tensor, value), (other_tensor, other) = self.pairs[n], self.pick(b)
        unary, name = op == "sin", {"add": "add_", "multiply": "mul_", "sin": "sin_"}[op]
        requires = value.requires or (other.requires and not unary)

        def run(x, y):
            getattr(x, name)(*() if unary else (y,))

        if requires and self.is_of_a_leaf(n):
            with pytest.raises(GraphError, match="a leaf that requires a gradient"):
                run(tensor, other_tensor)
            return
        run(tensor, other_tensor)
        operands = (value,) if unary else (value, other)
        new = Value(FORWARD[op](*[v.array for v in operands]), op, operands, requires)

        def run_theirs(theirs):
            theirs[new] = theirs[value]
            run(theirs[new], theirs[other])

        self.ask(run_theirs)
        self.succeed(n, new)

    def succeed(self, n, new):
        """The nth tensor's base is another value from now on, and all of its views are views of that."""
        tensor, _ = self.pairs[n]
        memory = self.memory(tensor)
        base, others = (memory.tensors[0], self.others(n)) if memory else (tensor, [])
        whole = new if tensor is base else Value(new.array, "same", (new,), new.requires)
        for m in (n, *others):
            shown, former = self.pairs[m]
            self.compare_no_recomputed(former)
            now = whole if shown is base else Value(new.array, "same", (whole,), new.requires)
            super().succeed(m, now)
            self.ask(lambda theirs, now=now, former=former: theirs.update({now: theirs[former]}))
        if new.op in HOLD_ARRAYS and new.requires:
            self.nodes[new] = newest(new.op, tensor.node)

    def compare_no_recomputed(self, value):
        """PyTorch's checkpoints do not see that what they use was changed."""
        self.compared &= value not in self.rerun

    @rule(a=indices, b=indices)
    def rebind(self, a, b):
        if self.memory(self.pick(a)[0]) is None:  # else a tensor would go out of sight whose memory is written to
            super().rebind(a, b)

    @rule(a=indices, b=indices)
    def write_by_index(self, a, b):
        if not self.is_of_a_leaf(a % len(self.pairs)):
            super().write_by_index(a, b)

    @rule(a=indices)
    def write_unrecorded(self, a):
        n = a % len(self.pairs)
        for _, value in self.pairs:
            if value.op == "region" and value.requires:
                node = self.nodes[value]
                value.restored = all(map(holds_its_arrays, (node, node.parents[0])))
        super().write_unrecorded(a)
        source = self.pairs[n][1]
        for value in [source, *[self.pairs[m][1] for m in self.others(n)]]:
            self.compare_no_recomputed(value)
            value.array, value.written = source.array, source.written

    # Calls that do not end, or end twice

    @contextmanager
    def failing(self, value, error, retain, reached, theirs):
        """Expect an error during a backward, after the values newer than the node `reached` were walked."""
        with pytest.raises(type(error)) as caught:
            yield
        assert caught.value is error
        if retain:
            self.ask(lambda _: self.expect_theirs(theirs, type(error)))
        else:
            self.compared = False  # PyTorch visits leaves earlier
            for v in value.below():
                v.freed |= v.op in HOLD_ARRAYS and self.nodes[v].number > reached.number

    def expect_theirs(self, run, error):
        """Expect the same error of PyTorch, and put back the gradients that have arrived."""
        leaves = [t for t in self.theirs.values() if t.is_leaf or t.retains_grad]
        before = [(t, None if t.grad is None else t.grad.clone()) for t in leaves]
        with pytest.raises(error):
            run()
        for t, grad in before:
            t.grad = grad

    errors = st.sampled_from([Stop, KeyboardInterrupt, GraphError])

    @rule(a=indices, b=indices, kind=errors, retain=st.booleans(), create=st.booleans(), retain_then=st.booleans())
    def hook_raises(self, a, b, kind, retain, create, retain_then):
        if (n := self.walkable(a)) is None:
            return
        tensor, value = self.pairs[n]
        known = [pair for pair in self.pairs if pair[1] in value.below()]
        at, target = known[b % len(known)]
        g, error = self.rng.uniform(-1, 1, SIZE), kind("from a hook")

        def hook(g):
            raise error

        def run_theirs():
            handle = self.theirs[target].register_hook(hook)
            try:
                self.theirs[value].backward(torch.tensor(g), retain_graph=True)
            finally:
                handle.remove()

        handle = at.register_hook(hook)
        with self.failing(value, error, retain, self.nodes[target], run_theirs):
            tensor.backward(g, retain_graph=retain, create_graph=create)
        handle.remove()
        self.backward(n, retain_then, False)

    @rule(a=indices, before=st.booleans(), kind=errors, retain=st.booleans(), out=st.integers(0, 1))
    def module_hook_raises(self, a, before, kind, retain, out):
        """One output's gradient has come to the gate, and the other's never does."""
        tensor, value = self.pick(a)
        if not value.requires:
            return
        armed, error = [], kind("from a module's hook")

        def hook(module, *gradients):
            if armed:
                raise error

        def register(module):
            (module.register_full_backward_pre_hook if before else module.register_full_backward_hook)(hook)
            return module

        outs = register(both(mg))(tensor)
        inner = Value(value.array, "same", (value,), True)
        parts = [Value(FORWARD[op](value.array), op, (inner,), True) for op in ("square", "sin")]
        values = [Value(x.array, "gated", (x, y), True) for x, y in (parts, parts[::-1])]
        gate = outs[0].node.parents[0]
        self.nodes |= dict(zip(parts, gate.parents, strict=True))
        self.nodes[inner] = gate.parents[0].parents[0]

        def call_theirs(theirs):  # clones, because its gates make views that cannot be written to
            theirs.update(zip(values, [t.clone() for t in register(both(torch))(theirs[value].clone())], strict=True))

        self.ask(call_theirs)
        for pair in zip(outs, values, strict=True):
            self.add(*pair)
        self.add(*self.apply("multiply", *zip(outs, values, strict=True)))
        tensor, product = self.pairs[-1]
        if not self.refuses(product):
            g = self.rng.uniform(-1, 1, SIZE)
            armed.append(True)
            reached = gate if before else self.nodes[inner].parents[0]

            def walk_theirs():
                self.theirs[product].backward(torch.tensor(g), retain_graph=True)

            with self.failing(product, error, retain, reached, walk_theirs):
                tensor.backward(g, retain_graph=retain)
            armed.clear()
        self.backward(len(self.pairs) - 1 - out, True, False)

    @rule(
        a=indices,
        at=st.integers(0, 120) | st.integers(-10, -1),
        retain=st.booleans(),
        create=st.booleans(),
        retain_then=st.booleans(),
    )
    def interrupt(self, a, at, retain, create, retain_then):
        if (n := self.walkable(a)) is None or sys.getprofile() is not None:
            return
        self.interrupt_often(n, at, retain, create)
        self.backward(n, retain_then, False)

    def interrupt_often(self, n, at, retain, create):
        """Interrupt at eight moments in a row, somewhere in the walk."""
        pair = self.pairs[n]
        calls = self.interrupt_once(*pair, 10_000, True, create)
        first = at % max(calls - 8, 1)
        for moment in range(first, first + 8):
            self.interrupt_once(*pair, moment, retain or moment < first + 7, create)

    def interrupt_once(self, tensor, value, at, retain, create):
        """Interrupt a backward after some calls; return how many there were."""
        g = self.rng.uniform(-1, 1, SIZE)
        former = [t.stored_grad for t, _ in self.pairs]
        arrived, calls = struck(lambda: tensor.backward(g, retain_graph=retain, create_graph=create), at)
        changed = [t for (t, _), grad in zip(self.pairs, former, strict=True) if t.stored_grad is not grad]
        for t in changed:
            t.grad = t.grad.detach()
        if changed or not arrived:
            self.receive(value, g, retain)  # all of them have changed: see the invariant
        else:
            saving = [v for v in self.visited(value) if v.op in HOLD_ARRAYS]
            saving.sort(key=lambda v: self.nodes[v].number, reverse=True)
            freed = [self.nodes[v].saved is None for v in saving]
            assert freed == sorted(freed, reverse=True)  # from the newest one down
            assert not (retain and any(freed))
            self.compared &= not any(freed)
            for v, is_freed in zip(saving, freed, strict=True):
                v.freed = is_freed
        return calls

    def visited(self, value):
        """What gradients reach: of a module with backward hooks, only the outputs that the value depends on."""
        found, stack = {value}, [value]
        while stack:
            v = stack.pop()
            new = {v for v in (v.operands[:1] if v.op == "gated" else v.operands) if v.requires} - found
            found |= new
            stack += new
        return found

    @rule(a=indices, b=indices, c=indices)
    def hook_goes_backward(self, a, b, c):
        if self.walkable(a) is None:
            return
        (tensor, value), (inner_tensor, inner) = self.pairs[self.walkable(a)], self.pairs[self.walkable(c)]
        known = [pair for pair in self.pairs if pair[1] in value.below()]
        at, target = known[b % len(known)]
        g, g_inner = self.rng.uniform(-1, 1, (2, SIZE))
        calls = []

        def hook(_):
            calls.append(0)
            if len(calls) == 1:  # the inner backward may come here, too
                inner_tensor.backward(g_inner, retain_graph=True)
            assert not mg.is_grad_enabled()

        handle = at.register_hook(hook)
        tensor.backward(g, retain_graph=True)
        handle.remove()
        assert len(calls) == 1 + (target in inner.below())
        self.receive(value, g, True)
        self.receive(inner, g_inner, True)

    # Functions that run again, with other parameters, or beside each other

    then = st.sampled_from(["go on", "write", "change", "interrupt"])

    @rule(a=indices, b=indices, reentrant=st.booleans(), nested=st.booleans(), then=then, at=st.integers(0, 120))
    def checkpoint(self, a, b, reentrant, nested, then, at):
        a, b = a % len(self.pairs), b % len(self.pairs)
        if then == "change":  # of no leaf, which would be refused
            self.unary("read", a)
            a = len(self.pairs) - 1
        chosen = self.pick(a), self.pick(b)
        values = [value for _, value in chosen]

        def call(lib, checkpoint):
            def part(x, y):
                return (x + y).sin()  # which saves neither

            def function(x, y):
                return (checkpoint(part, x, y, use_reentrant=reentrant) if nested else part(x, y)).square()

            return lambda *tensors: checkpoint(function, *tensors, use_reentrant=reentrant)

        ENGINE["region"] = call(mg, mg.autograd.checkpoint)
        if torch:
            PYTORCH["region"] = call(torch, torch.utils.checkpoint.checkpoint)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "None of the inputs")
            self.add(*self.apply("region", *chosen))
        self.rerun |= {value for value in values if value.requires}
        self.rerun |= set(values) if self.pairs[-1][1].requires else set()
        n = len(self.pairs)
        self.unary("sin", n - 1)
        if then == "write":
            self.write_unrecorded(b)
            self.backward(n, False, False)
            self.grad(n, n - 1, False)  # refused or not: nothing of what is newer was freed in vain
        elif then == "change":
            self.change("sin", a, b)
            self.backward(n, False, False)
        elif then == "interrupt" and sys.getprofile() is None and not self.refuses(self.pairs[n][1]):
            for moment in range(at, at + 8):  # of the second run
                self.interrupt_once(*self.pairs[n], moment, True, False)
            self.backward(n, False, False)

    @rule(a=indices, b=indices, fail=st.booleans(), interrupted=st.booleans())
    def functional_call(self, a, b, fail, interrupted):
        (tensor, value), (weight_tensor, weight) = self.pick(a), self.pick(b)
        own, given = self.module.weight, {"weight": weight_tensor}
        if fail:
            with pytest.raises(Stop):
                mg.func.functional_call(self.module, given, (tensor, True))
        if interrupted and sys.getprofile() is None:
            _, calls = struck(lambda: mg.func.functional_call(self.module, given, (tensor,)), 10_000)
            for moment in range(calls - 15, calls):
                struck(lambda: mg.func.functional_call(self.module, given, (tensor,)), moment)
                assert self.module.weight is own
        assert self.module.weight is own
        out = mg.func.functional_call(self.module, given, (tensor,))
        assert self.module.weight is own and own.grad is None
        inner = Value(np.sin(value.array), "sin", (value,), value.requires)
        new = Value(inner.array * weight.array, "multiply", (inner, weight), value.requires or weight.requires)
        self.nodes[inner] = out.node and out.node.parents[0]
        self.add(out, new)

        def call_theirs(theirs):
            theirs[new] = torch.func.functional_call(self.their_module, {"weight": theirs[weight]}, (theirs[value],))

        self.ask(call_theirs)

    @rule(chosen=st.tuples(indices, indices, indices), unrecorded=st.booleans())
    def threads(self, chosen, unrecorded):
        """Two threads record, each with a mode of its own, and walk what they share."""
        if self.walkable(0) is None:
            return
        pairs = [self.pairs[self.walkable(a)] for a in chosen]
        shared, gs = pairs[1], self.rng.uniform(-1, 1, (2, SIZE))
        barrier = threading.Barrier(2, timeout=10)
        jobs = [SimpleNamespace(pair=pairs[0], error=None), SimpleNamespace(pair=pairs[2], error=None)]

        def work(n, job):
            try:
                with mg.set_grad_enabled(not (unrecorded and n)):
                    barrier.wait()
                    assert (job.pair[0] * 2).requires_grad == (not (unrecorded and n))
                    barrier.wait()
                job.out = job.pair[0] * shared[0]
                barrier.wait()
                job.out.backward(gs[n], retain_graph=True)
            except BaseException as error:
                job.error = error
                barrier.abort()

        workers = [threading.Thread(target=work, args=job) for job in enumerate(jobs)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-4)  # every turn may wait for other programs
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        finally:
            sys.setswitchinterval(interval)
        for job in jobs:
            if job.error is not None:
                raise job.error
        for job, g in zip(jobs, gs, strict=True):
            value = Value(job.pair[1].array * shared[1].array, "multiply", (job.pair[1], shared[1]), True)
            self.add(job.out, value)
            self.ask(lambda theirs, v=value: theirs.update({v: theirs[v.operands[0]] * theirs[v.operands[1]]}))
            self.receive(value, g, True)

    @invariant()
    def everything_is_put_back(self):
        assert_put_back()
        assert np.geterr() == SETTINGS
        for tensor, value in self.pairs:
            self.nodes.setdefault(value, tensor.node)


TestAttackedTape = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")(AttackedTape.TestCase)
TestAttackedTape.settings = settings(max_examples=5 * settings.default.max_examples, stateful_step_count=20)


def raises(x):
    raise Stop


@pytest.mark.parametrize("lib", [mg] if torch is None else [mg, torch], ids=lambda lib: lib.__name__)
def test_what_has_arrived_when_a_hook_raises(lib):
    x, y = (lib.tensor([value], requires_grad=True) for value in (1.0, 2.0))
    product = x * x
    product.register_hook(raises)
    with pytest.raises(Stop):
        (product * y).backward()
    assert x.grad is None and (y.grad is None) == (lib is mg)  # PyTorch has delivered what it reached before


@pytest.mark.parametrize("lib", [mg] if torch is None else [mg, torch], ids=lambda lib: lib.__name__)
def test_a_hook_that_frees_the_graph_which_is_walked(lib):
    x = lib.tensor([1.0], requires_grad=True)
    inner = x.sin()
    outer = inner.exp()
    outer.register_hook(lambda g: (inner_twice.backward(), None)[1])
    inner_twice = inner * 2
    with pytest.raises((GraphError, RuntimeError), match="freed"):
        outer.backward()
    assert x.grad.tolist() == pytest.approx([2 * np.cos(1.0)])  # of the hook's backward alone


def test_hooks_after_accumulation_find_all_gradients_and_may_raise():
    x, y = (mg.tensor([value], requires_grad=True) for value in (1.0, 2.0))
    x.register_post_accumulate_grad_hook(raises)
    with pytest.raises(Stop):
        (x * y).backward()
    assert x.grad.tolist() == [2.0] and y.grad.tolist() == [1.0]
    assert_put_back()


def test_a_checkpoint_lets_go_of_its_arguments():
    """Once its nodes have their values again, a graph that is retained keeps no argument that no rule needs."""
    x = mg.tensor([0.5, 1.0], requires_grad=True)
    argument = x * 2
    array = weakref.ref(argument.array)
    out = mg.autograd.checkpoint(lambda h: (h + 1).square(), argument)
    del argument
    assert array() is not None  # the second run needs it
    out.backward(mg.ones(2), retain_graph=True)
    assert array() is None
    assert x.grad.tolist() == [8, 12]


def test_an_interrupted_checkpoint_can_be_run_again():
    x, runs = mg.tensor([0.5], requires_grad=True), []

    def function(h):
        out = h.sin()
        runs.append(out)
        if len(runs) == 2:  # the first of backward, halfway
            raise KeyboardInterrupt
        return out * out

    out = mg.autograd.checkpoint(function, x)
    with pytest.raises(KeyboardInterrupt):
        out.backward()
    assert x.grad is None
    out.backward()
    assert len(runs) == 3 and x.grad.tolist() == pytest.approx([np.sin(1.0)])
    assert_put_back()


def test_one_thread_at_a_time_delivers(monkeypatch):
    """Two sums into one `.grad` at the same time would lose one of them."""
    x, receive = mg.tensor([1.0], requires_grad=True), mg.Tensor.accumulate_grad
    outs, delivering, most = [x * 2, x * 3], [], []

    def slowly(self, g, fresh):
        delivering.append(g)
        most.append(len(delivering))
        if len(most) == 1:  # give the other time to come
            other.start()
            other.join(0.2)
        receive(self, g, fresh)
        delivering.pop()

    monkeypatch.setattr(mg.Tensor, "accumulate_grad", slowly)
    other = threading.Thread(target=outs[1].backward)
    outs[0].backward()
    other.join(10)
    assert most == [1, 1] and x.grad.tolist() == [5]


@pytest.mark.parametrize("through", ["the base", "a view", "another view"])
def test_a_write_is_known_to_all_that_share_a_memory(through):
    base = mg.tensor([1.0, 2.0, 3.0], requires_grad=True).clone()
    view, other = base[1:], base[:2]
    outs = [t.sin() for t in (base, view, other)]
    with mg.no_grad():
        {"the base": base, "a view": view, "another view": other}[through].mul_(2)
    for out in outs:
        with pytest.raises(GraphError, match="written to"):
            out.backward(mg.ones(len(out)))


def test_a_recorded_change_is_known_to_a_leaf_that_shares_the_memory():
    base = mg.tensor([1.0, 2.0], requires_grad=True).clone()
    leaf = base.detach().requires_grad_()
    out = leaf.sin()
    base.mul_(2)
    assert leaf.tolist() == [2, 4]
    with pytest.raises(GraphError, match="written to"):
        out.backward(mg.ones(2))


def test_interrupts_of_a_walk_from_one_output_of_a_gate():
    """The other output's part is not visited, and so not freed, although it is newer."""
    freed = set()
    for at in range(0, 200, 20):
        tape = AttackedTape()
        tape.module_hook_raises(2, False, Stop, True, 0)
        tensor, value = next(pair for pair in tape.pairs if pair[1].op == "gated")
        tape.interrupt_once(tensor, value, at, False, False)
        freed.add(tuple(v.freed for v in value.operands))
    assert (True, False) in freed
