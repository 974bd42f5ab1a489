"""Wrong engines, optimizers and modules: M39 to M47, each something of the library replaced for a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.engine import grad_mode, tape, walk
from minigrad.testing import mutants

MUTANTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {}


def mutant(name):
    def add(make):
        MUTANTS[name] = make
        return make

    return add


def replace(target, name, value):
    return mock.patch.object(target, name, value)


@mutant("M39: the order of visits is that of discovery, not topological")
def _():
    def breadth_first(seeds, targets):
        queue = [node for node, _ in seeds]
        for node in queue:
            queue += [parent for parent in node.parents if parent is not None and parent not in queue]
        return queue

    return replace(walk, "_reachable", breadth_first)


@mutant("M40: gradients are added in place into buffers that others share")
def _():
    def add(self, node, g):
        if node not in self.table:
            self.table[node] = g
        elif isinstance(g, np.ndarray):
            self.table[node] += g
        else:
            self.table[node] = self.table[node] + g

    return replace(walk.Walk, "add", add)


@mutant("M41a: .grad is overwritten")
def _():
    receive = mg.Tensor.accumulate_grad

    def overwrite(self, g, fresh):
        self.stored_grad = None
        receive(self, g, fresh)

    return replace(mg.Tensor, "accumulate_grad", overwrite)


@mutant("M41b: gradients of results are kept between backwards")
def _():
    visit, kept = walk.Walk.visit, {}

    def remember(self, node, g):
        kept[node] = g = g + kept[node] if node in kept else g
        return visit(self, node, g)

    return replace(walk.Walk, "visit", remember)


@mutant("M42: a float32 leaf gets a float64 gradient")
def _():
    return replace(walk, "_cast", lambda node, position, g, dtype: g)


@mutant("M43: what flows in is written to")
def _():
    def rule(g, out):
        g *= out
        return g

    return mutants.replaced(mg.exp, {"x": rule})


@mutant("M44a: the mode is not restored after an exception")
def _():
    def leave(self, kind, *rest):
        outer = self._outer.pop()
        if kind is None:
            grad_mode.mode.enabled = outer

    return replace(grad_mode._Switch, "__exit__", leave)


@mutant("M44b: the mode is not of a thread but of the process")
def _():
    stack = ExitStack()
    shared = SimpleNamespace(enabled=True)
    for module in (tape, walk, grad_mode):
        stack.enter_context(replace(module, "mode", shared))
    return stack


@mutant("M45a: the momentum buffer is the gradient's own array")
def _():
    def alias(self, p, group):
        state = self.state.setdefault(p, {})
        if "momentum_buffer" in state:
            p.grad.array[...] += group["momentum"] * state["momentum_buffer"]
        state["momentum_buffer"] = p.grad.array
        p.replace_array(p.array - group["lr"] * p.grad.array)

    return replace(optim.SGD, "_step", alias)


@mutant("M45b: Adam without the correction of its start")
def _():
    def start(self, group, state):
        state["step"] = state.get("step", 0) + 1
        return {"rate": group["lr"], "root": 1.0}

    return replace(optim.Adam, "start", start)


@mutant("M45c: weight decay of the wrong sign")
def _():
    step = optim.SGD._step
    return replace(
        optim.SGD, "_step", lambda self, p, group: step(self, p, {**group, "weight_decay": -group["weight_decay"]})
    )


@mutant("M46: a saved input that was written to goes unnoticed")
def _():
    return replace(walk, "_saves", lambda node, parent: False)


@mutant("M47a: zero_grad forgets a parameter that is there twice")
def _():
    def zero_grad(self, set_to_none=True):
        seen = [id(p) for module in self.modules() for p in module._parameters.values()]
        for p in self.parameters():
            if seen.count(id(p)) == 1:
                p.grad = None

    return replace(nn.Module, "zero_grad", zero_grad)


@mutant("M47b: a parameter that is there twice is updated twice")
def _():
    step = optim.Optimizer.step

    def twice(self, closure=None):
        step(self, closure)
        self._step(self.param_groups[0]["params"][0], self.param_groups[0])

    return replace(optim.Optimizer, "step", twice)
