"""PyTorch's table of operators, and the function here that each stands for."""

import functools
import operator
from collections import defaultdict

from torch.testing._internal.common_methods_invocations import op_db

import minigrad as mg

# A dtype of this name, or another function, stands in the namespace: the operator is the method.
METHODS = {"bool", "byte", "char", "double", "float", "half", "int", "long", "short", "unfold", "lu"}
# PyTorch's table calls the method of this name with an underscore.
IN_PLACE = {"cauchy", "exponential", "geometric", "log_normal", "normal.in_place", "uniform"}
# PyTorch's table calls these in words of its own: with the arguments in another order, on a copy, or not as a function.
WORDED = {
    "einsum": lambda tensors, equation: mg.einsum(equation, tensors),
    "linalg.lstsq.grad_oriented": lambda a, b, driver: mg.linalg.lstsq(a, b, driver=driver)[:2],
    "linalg.pinv.singular": lambda a, b: mg.linalg.pinv(a @ b.mT),
    "nn.functional.embedding": lambda weight, x, **options: mg.nn.functional.embedding(x, weight, **options),
    "nn.functional.embedding_bag": lambda weight, x, **options: mg.nn.functional.embedding_bag(x, weight, **options),
    "normal.number_mean": lambda std, mean, *size, **options: mg.normal(mean, std, *size, **options),
    "resize_": lambda x, shape: x.clone().resize_(shape),
    "resize_as_": lambda x, other: x.clone().resize_as_(other),
    "where": lambda x, condition, other: mg.where(condition, x, other),
    "zero_": lambda x: x.clone().zero_(),
    **{name: operator.attrgetter(name) for name in ("T", "H", "mT", "mH")},
}


def counterpart(op):
    """Return our function of an operator, or None: from the same namespace, or a method of tensors."""
    if IN_PLACE & {op.name, op.full_name}:
        return getattr(mg.Tensor, f"{op.name}_")
    worded = WORDED.get(op.full_name) or WORDED.get(op.name)
    if worded:
        return worded
    if op.name.endswith("polygamma"):
        return lambda x, n: mg.polygamma(n, x)
    thing = mg
    for part in op.name.split("."):
        thing = getattr(thing, part, None)
    if op.name in METHODS or not callable(thing):
        return getattr(mg.Tensor, op.name, None)
    return thing


@functools.cache
def operators():
    """Return {name: [entries of PyTorch's table]} of the operators with a counterpart."""
    found = defaultdict(list)
    for op in op_db:
        if counterpart(op) is not None:
            found[op.name].append(op)
    return dict(found)


def absent():
    """Return the names of operators without a counterpart."""
    return {op.name for op in op_db if counterpart(op) is None}
