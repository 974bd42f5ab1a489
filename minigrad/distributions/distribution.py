"""The base class of distributions: shapes, validation, and what is derived from other methods; and batches as events."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from minigrad import ops
from minigrad.arrays import Array, Shape, array_of, shape_of
from minigrad.config import get_default_dtype
from minigrad.distributions.constraints import Constraint
from minigrad.engine.grad_mode import enable_grad, no_grad
from minigrad.errors import ShapeError
from minigrad.kernels.errstate import errstate
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["Distribution", "Independent", "broadcast_all", "derived", "sum_rightmost"]

Source = np.random.Generator | None


class derived(cached_property[Any]):
    """A parameter that is computed from another at first use, with its gradient recorded even under `no_grad`."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        with enable_grad():
            return super().__get__(instance, owner)


class Distribution:
    """Base class of distributions: `batch_shape` independent ones, whose values have `event_shape`.

    A sample of `sample_shape` has the shape sample_shape + batch_shape + event_shape. A subclass names its parameters in
    `arg_constraints`, whose attributes `expand` and the validation use, and its values in `support`. With `validate_args`
    (default: True, except under ``python -O``) parameters and values that violate their constraint raise ValueError.

    `sample` has no gradient; `rsample`, where `has_rsample` is True, has one with respect to the parameters: Kingma and
    Welling (2014). Otherwise the gradient of an expectation is estimated from `log_prob`: REINFORCE, Williams (1992).

    >>> import minigrad as mg
    >>> from minigrad.distributions import Normal
    >>> normal = Normal(mg.zeros(3), 1.0)
    >>> isinstance(normal, Distribution), normal.batch_shape, normal.sample((2,)).shape
    (True, (3,), (2, 3))
    """

    has_rsample = False
    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    _validate_args = __debug__

    def __init__(self, batch_shape: Sequence[int] = (), event_shape: Sequence[int] = (), validate_args: bool | None = None):
        self._batch_shape, self._event_shape = tuple(batch_shape), tuple(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        for name, constraint in self.arg_constraints.items() if self._validate_args else ():
            if name in vars(self):
                self._validate(name, array_of(getattr(self, name)), constraint)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set the default of `validate_args`."""
        Distribution._validate_args = bool(value)

    @property
    def batch_shape(self) -> Shape:
        """The shape of the parameters: that of the independent distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Shape:
        """The shape of one value of one distribution."""
        return self._event_shape

    support: Any = None  # the constraint of values, or None
    mean: Any = property(lambda self: self._lacks("mean"), doc="The expected value.")
    mode: Any = property(lambda self: self._lacks("mode"), doc="The most probable value.")
    variance: Any = property(lambda self: self._lacks("variance"), doc="The expected squared distance from the mean.")
    stddev: Any = property(lambda self: ops.sqrt(self.variance), doc="The root of the variance.")

    def sample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        """Draw values, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape, generator)

    def rsample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        """Draw values that are a differentiable function of the parameters."""
        return self._lacks("rsample")

    def log_prob(self, value: Any) -> Tensor:
        """Return the logarithm of the probability, or of its density, at `value`; shapes broadcast."""
        return self._lacks("log_prob")

    def cdf(self, value: Any) -> Tensor:
        """Return the probability of at most `value`."""
        return self._lacks("cdf")

    def icdf(self, value: Any) -> Tensor:
        """Return the inverse of `cdf`."""
        return self._lacks("icdf")

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        return self._lacks("entropy")

    def perplexity(self) -> Tensor:
        """Return exp(entropy)."""
        return ops.exp(self.entropy())

    def expand(self, batch_shape: Sequence[int]) -> Self:
        """Return the same distribution with its parameters expanded to `batch_shape`."""
        new = copy.copy(self)
        new._batch_shape = tuple(batch_shape)
        for name, constraint in self.arg_constraints.items():
            if name in vars(self):
                value = getattr(self, name)
                shape = (*batch_shape, *value.shape[value.ndim - constraint.event_dim :])
                vars(new)[name] = ops.broadcast_to(value, shape)
        return new

    def _lacks(self, name: str) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: has no {name}")

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Shape:
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def _checked(self, value: Any) -> Any:
        """Return a value as a tensor or number; with `validate_args`, raise for another shape or one outside the support."""
        value = value if isinstance(value, Tensor | int | float) else tensor(value)
        if self._validate_args:
            shape, expected = shape_of(value), self._extended_shape()
            pairs = list(zip(reversed(shape), reversed(expected), strict=False))
            if any(a != b and 1 not in (a, b) for a, b in pairs):
                raise ShapeError(f"{type(self).__name__}: the value has shape {shape}, which does not fit {expected}")
            if self.support is not None:
                self._validate("the value", array_of(value), self.support)
        return value

    def _validate(self, name: str, value: Array, constraint: Constraint) -> None:
        with errstate(invalid="ignore"):
            valid = np.asarray(constraint.check(value))
        if not valid.all():
            at = tuple(map(int, np.argwhere(~valid)[0]))
            found = f"{value[at]}" + (f" at {at}" if at else "")
            raise ValueError(f"{type(self).__name__}: {name} must be {constraint.rule}, got {found}")

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name in self.arg_constraints if name in vars(self)}
        shown = [f"{name}: {value.item() if value.array.size == 1 else value.shape}" for name, value in given.items()]
        return f"{type(self).__name__}({', '.join(shown)})"


class Independent(Distribution):
    """`base_distribution` with its last `reinterpreted_batch_ndims` batch axes as axes of the event.

    `log_prob` and `entropy` are sums over them. The base distribution validates the values.

    >>> import minigrad as mg
    >>> from minigrad.distributions import Normal
    >>> Independent(Normal(mg.zeros(5, 3), 1.0), 1).log_prob(mg.zeros(3)).shape
    (5,)
    """

    mean = property(lambda self: self.base_dist.mean)
    mode = property(lambda self: self.base_dist.mode)
    variance = property(lambda self: self.base_dist.variance)

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None):
        batch, count = base_distribution.batch_shape, reinterpreted_batch_ndims
        if not 0 <= count <= len(batch):
            raise ShapeError(
                f"Independent: reinterpreted_batch_ndims must be within the {len(batch)} batch axes, got {count}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        self.has_rsample = base_distribution.has_rsample
        event = batch[len(batch) - count :] + base_distribution.event_shape
        super().__init__(batch[: len(batch) - count], event, validate_args)

    def expand(self, batch_shape: Sequence[int]) -> Self:
        new = copy.copy(self)
        new._batch_shape = tuple(batch_shape)
        new.base_dist = self.base_dist.expand((*batch_shape, *self._event_shape[: self.reinterpreted_batch_ndims]))
        return new

    def sample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        return self.base_dist.sample(sample_shape, generator)

    def rsample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        return self.base_dist.rsample(sample_shape, generator)

    def log_prob(self, value: Any) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Return numbers, arrays and tensors as tensors of floats of one shape."""
    dtypes = [value.dtype for value in values if isinstance(value, Tensor | np.ndarray) and value.dtype.kind == "f"]
    dtype = dtypes[0] if dtypes else get_default_dtype()
    tensors = [v if isinstance(v, Tensor) else tensor(v, v.dtype if isinstance(v, np.ndarray) else dtype) for v in values]
    floats = [t if t.dtype.kind == "f" else ops.astype(t, dtype) for t in tensors]
    return tuple(ops.broadcast_tensors(*floats))


def sum_rightmost(x: Tensor, count: int) -> Tensor:
    """Return the sum over the last `count` axes."""
    return ops.sum(x, axis=tuple(range(x.ndim - count, x.ndim))) if count else x


HALF_LOG_TAU = math.log(2 * math.pi) / 2
