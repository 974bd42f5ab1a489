"""Primitives made of ufuncs: NumPy calls them for its ufunc on tensors."""

from __future__ import annotations

import numpy as np

from minigrad.engine.primitive import Primitive, Rule, named
from minigrad.engine.promotion import Operands
from minigrad.engine.registry import UFUNCS
from minigrad.errors import GraphError

__all__ = ["binary", "register_ufunc", "unary"]


def unary(ufunc: np.ufunc, rule: Rule | None, kernel: Rule | None = None) -> Primitive:
    """An elementwise primitive of one input `x`, registered for its ufunc; the rule None declares a zero derivative.

    A `kernel` computes the rule on arrays: see `Primitive.gradient`.
    """
    op = _elementwise(Primitive, ufunc, x=rule)
    if kernel is not None:
        op.declare("x", op.rules["x"], kernel)
    return op


def binary(ufunc: np.ufunc, rule_x: Rule | None, rule_y: Rule | None, kind: type[Primitive] = Primitive) -> Primitive:
    """An elementwise primitive of two inputs `x` and `y` that broadcast, registered for its ufunc."""
    return _elementwise(kind, ufunc, x=rule_x, y=rule_y)


def register_ufunc(ufunc: np.ufunc, *rules: Rule | None) -> Primitive:
    """Register a ufunc, NumPy's or another library's, with one gradient rule for each input; return the operation.

    The inputs are named x, y, z; a rule's parameters after g name what it needs (see `primitive`), and None declares a zero
    derivative. Raises GraphError for a wrong number of rules, or for a rule with an unknown parameter.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> conjugate = mg.register_ufunc(np.conjugate, lambda g: g)
    >>> mg.grad(np.conjugate)(0.5)
    tensor(1.)
    """
    if not isinstance(ufunc, np.ufunc) or ufunc.nout != 1:
        raise TypeError(f"register_ufunc: needs a ufunc of one result, got {ufunc!r}")
    names = "xyzuvw"[: ufunc.nin]
    if len(rules) != ufunc.nin:
        raise GraphError(f"register_ufunc: {ufunc.__name__} has {ufunc.nin} inputs, got {len(rules)} rules")
    op = Primitive(ufunc, names, elementwise=ufunc.signature is None)
    op.takes(_operands(ufunc))
    for name, rule in zip(names, rules, strict=True):
        op.declare(name, named(rule, f"{ufunc.__name__}.gradient[{name}]") if rule else None)
    UFUNCS[ufunc] = op
    return op


def _elementwise(kind: type[Primitive], ufunc: np.ufunc, **rules: Rule | None) -> Primitive:
    op = kind(ufunc, names=tuple(rules), elementwise=True)
    op.takes(_operands(ufunc))
    op.__module__ = "minigrad.ops"
    for name, rule in rules.items():
        op.rules[name] = named(rule, f"{ufunc.__name__}.gradient[{name}]") if rule else None
    UFUNCS[ufunc] = op
    return op


def _operands(ufunc: np.ufunc) -> Operands:
    """Return how a ufunc converts its operands: to floats if it has no loop for integers."""
    ints = "l" * ufunc.nin
    floats = not {f"{ints}->l", f"{ints}->?"} & set(ufunc.types)
    return Operands(tuple(range(ufunc.nin)), floats, "wrap")
