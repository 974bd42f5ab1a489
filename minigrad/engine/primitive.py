"""Primitives: operations on arrays with one gradient rule for each input.

A primitive works on arrays and knows neither tensors nor graphs::

    @primitive
    def scale(x, factor):
        return x * factor

    @scale.gradient("x")
    def _(g, factor): return g * factor

**A rule's parameters are what it saves.** `g` is the incoming gradient; `out` is the result; a name from the forward's
signature is that input or option; `shape` and `order` are the shape and the memory order ("C" or "F") of the input being
differentiated; `position` and `shapes`, for a variadic input, are its position and the shapes of all of them (these names
take precedence over options of the same name). The engine reads the signature once, at definition, and keeps exactly those
values alive, and only for inputs that need a gradient.

Rules are written once, in NumPy. With ``create_graph=True`` the same rule is called with tensors; NumPy dispatches their
operations back to primitives, so the rule is itself differentiable, to any order.

**The arguments decide.** A primitive called on arrays returns an array; if any argument is a tensor, the call is recorded.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, overload

import numpy as np

from minigrad.arrays import DType, Traced
from minigrad.engine.arguments import Parameters, displayed, names_for, parameters_of, renamed
from minigrad.engine.out import call_into
from minigrad.engine.promotion import Operands, alike, converted, narrowed
from minigrad.errors import DTypeError, GraphError, ShapeError, blame

if TYPE_CHECKING:
    from minigrad.arrays import SameTensor

__all__ = ["Casting", "Plan", "Primitive", "named", "primitive"]

Rule = Callable[..., Any]

MISSING = object()  # stands for an argument without a default that was not given

FACTS = ("out", "shape", "order", "position", "shapes")  # parameters of a rule beside inputs and options


class Call(NamedTuple):
    """One rule of a plan: the position of its input, and the indices of its parameters among the saved values."""

    position: int
    rule: Rule | None  # None where the plan has one rule for all
    slots: tuple[int, ...]
    kernel: Rule | None = None  # the same function, faster, on arrays alone


class Plan(NamedTuple):
    """The values that one call of a primitive saves and the rules that will run, for the arguments that need a gradient."""

    calls: tuple[Call, ...]
    saves: tuple[tuple[str, int], ...]  # ("arg" | "out" | "shape" | "order" | "position" | "shapes", position)
    holds_arrays: bool  # an input or the result is among them: freed by backward
    # One rule for all inputs: joint(node, g, wrap) returns a list, of tensors made by `wrap` if that is not None.
    joint: Callable[..., Any] | None = None
    constants: tuple[int, ...] = ()  # the positions of the arguments that need no gradient
    pick: Callable[[Sequence[Any]], Sequence[Any]] = operator.itemgetter(slice(0))  # returns these of all arguments


class Primitive:
    """An operation on arrays with a gradient rule for each input; created with `primitive`."""

    __name__: str

    def __init__(self, forward: Callable[..., Any], names: Sequence[str] | None = None, elementwise: bool = False):
        functools.update_wrapper(self, forward)
        self.forward = forward
        self.elementwise = elementwise  # gradients are summed back to the shapes of broadcast inputs
        self.is_view = False  # whether the result can be a view of the first input, in PyTorch's sense
        self.operands: Operands | None = None  # the inputs that are converted to one dtype (promotion.py)
        self.floats: tuple[int, ...] | None = None  # those that are converted on plain arrays, too: `floating`
        self.rules: dict[str, Rule | None] = {}  # None: the derivative is zero wherever it exists
        self.kernels: dict[str, Rule] = {}  # what some of the rules compute, on arrays alone
        self._plans: dict[Any, Plan] = {}
        self._has_signature = names is None  # a ufunc has only names
        parameters = Parameters(tuple(names), {}, False, False) if names is not None else parameters_of(forward)
        if parameters.only_by_name:
            raise TypeError(f"primitive {forward.__name__}: keyword-only parameters are not supported")
        self.names, defaults, self._variadic, _ = parameters
        self.arity = -1 if self._variadic else len(self.names)
        self._required = len(self.names) - len(defaults)
        self._template = tuple([defaults.get(name, MISSING) for name in self.names])
        # The defaults of the remaining arguments, by the number of arguments given.
        self.tails = {n: self._template[n:] for n in range(self._required, len(self.names) + 1)}

    @functools.cached_property
    def known(self) -> dict[str, str]:
        """The accepted names of arguments, each with the name in the signature; see `ALIASES`."""
        return names_for(self.names)

    @functools.cached_property
    def _signature(self) -> inspect.Signature | None:
        return inspect.signature(self.forward) if self._has_signature else None

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {name: self.names.index(own) for name, own in self.known.items()}

    @overload
    def __call__(self, x: SameTensor, /, *args: Any, **options: Any) -> SameTensor: ...
    @overload
    def __call__(self, *args: Any, **options: Any) -> Any: ...
    def __call__(self, *args: Any, **options: Any) -> Any:
        if options or len(args) != self.arity:
            if "out" in options:
                return call_into(self, self.__name__, args, options)
            args = self.bind(args, options)
        for arg in args:
            if isinstance(arg, Traced):
                return arg.record(self, args)
        if self.floats is not None and not alike(self.floats, args):
            return self._in_floats(args)
        try:
            return self.forward(*args)
        except (ValueError, TypeError, AttributeError) as error:
            self.explain(error, args)

    def takes(self, operands: Operands) -> None:
        """Declare the inputs that are converted to one dtype."""
        self.operands = operands
        self.floats = operands.places if operands.floating else None

    def _in_floats(self, args: tuple[Any, ...]) -> Any:
        """Call the forward on plain arrays that are not of one float dtype."""
        args, half = converted(self.__name__, self.operands, args, weak=False)  # type: ignore[arg-type]
        try:
            out = self.forward(*args)
        except (ValueError, TypeError, AttributeError) as error:
            self.explain(error, args)
        return narrowed(out) if half else out

    def __repr__(self) -> str:
        return f"<primitive {self.__name__}>"

    def __reduce__(self) -> str:
        return self.__name__  # pickled by name and copied by reference, as functions are

    @property
    def __signature__(self) -> inspect.Signature:
        """The signature that `help` shows; NumPy's own for a ufunc has out= and where=, which only ``np.f`` accepts."""
        if self._signature is not None:
            return displayed(self._signature)
        return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in self.names])

    def __get__(self, instance: Any, owner: Any = None) -> Primitive:
        return self  # a primitive stored on a class (`op = exp`) is a value, not a method

    def gradient(self, *inputs: str, kernel: Rule | None = None) -> Callable[[Rule], Rule]:
        """Declare the gradient rule of one or more inputs, by name.

        A `kernel` is the same function of the same parameters, faster, on arrays alone: it is called instead of the rule
        where the gradient is not to be differentiated. Raises GraphError for an unknown input, an unknown parameter of the
        rule, or a kernel of other parameters.
        """

        def declare(rule: Rule) -> Rule:
            for name in inputs:
                self.declare(name, named(rule, f"{self.__name__}.gradient[{name}]"), kernel)
            return rule

        return declare

    def zero_gradient(self, *inputs: str) -> Primitive:
        """Declare that the result is piecewise constant in these inputs: their gradient is zero wherever it exists."""
        for name in inputs:
            self.declare(name, None)
        return self

    def plan(self, needs: tuple[bool, ...]) -> Plan:
        """Return the plan for a call; `needs` tells which arguments need a gradient. Made once for each combination."""
        plan = self._plans.get(needs)
        if plan is None:
            plan = self._plans[needs] = self._make_plan(needs)
        return plan

    def explain(self, error: Exception, args: Sequence[Any]) -> NoReturn:
        """Raise NumPy's error for `args` again, with a clearer message if it is about broadcasting or dtypes."""
        raise blame(self._explained(error, args), operation=self.__name__, arguments=self.arguments(args)) from None

    def arguments(self, args: Sequence[Any]) -> tuple[tuple[str, Any], ...]:
        """Return the arguments of a call, each with its name."""
        return tuple([(self.input_name(i), arg) for i, arg in enumerate(args)])

    def _explained(self, error: Exception, args: Sequence[Any]) -> Exception:
        if self.elementwise and not isinstance(error, ShapeError):
            arrays = [a.array if isinstance(a, Traced) else a for a in args]
            for name, a in zip(self.names, arrays, strict=False):
                if not isinstance(error, ValueError) and np.asarray(a).dtype.kind not in "biuf":
                    what = f"dtype {a.dtype}" if isinstance(a, np.ndarray) else type(a).__name__
                    return DTypeError(f"{self.__name__}: {name} must be a number or numbers, got {what}")
            shapes = [np.shape(a) for a in arrays]
            axis = _first_bad_axis(shapes)
            if axis:
                sizes = " and ".join(str(s[axis]) for s in shapes if len(s) >= -axis and s[axis] != 1)
                listed = " and ".join(map(str, shapes))
                return ShapeError(
                    f"{self.__name__}: shapes {listed} do not broadcast: axis {axis} has sizes {sizes}\n"
                    "  rule    from the last axis backwards, sizes must be equal or 1"
                )
            if type(error) is not DTypeError and isinstance(error, TypeError) and np.result_type(*arrays).kind == "b":
                return DTypeError(
                    f"{self.__name__}: not defined for booleans\n  hint: use logical_not, ^ and their like, or x.int()"
                )
        return error

    def declare(self, name: str, rule: Rule | None, kernel: Rule | None = None) -> None:
        """Set the gradient rule of one input; None declares a zero derivative. See `gradient` and `zero_gradient`."""
        if name not in self.names:
            raise GraphError(f"{self.__name__}: there is no input {name!r}; its inputs are {', '.join(self.names)}")
        for parameter in _parameters(rule)[1:] if rule else ():
            if parameter not in self.names and parameter not in FACTS:
                raise GraphError(
                    f"{self.__name__}: the gradient rule of {name!r} has an unknown parameter {parameter!r}\n"
                    f"  rule    after g, a parameter is out, shape, order, or one of {', '.join(self.names)}"
                )
        if kernel is not None and _parameters(kernel) != _parameters(rule):
            listed = " and ".join(f"({', '.join(_parameters(f))})" for f in (rule, kernel))
            raise GraphError(f"{self.__name__}: the rule of {name!r} and its kernel must take the same, got {listed}")
        self.rules[name] = rule
        self.kernels.pop(name, None)  # it computed the former rule
        if kernel is not None:
            self.kernels[name] = kernel
        self._plans.clear()

    def input_name(self, position: int) -> str:
        """Return the name of the input at a position of a call."""
        return self.names[min(position, len(self.names) - 1)]

    def _make_plan(self, needs: tuple[bool, ...]) -> Plan:
        calls: list[Call] = []
        saves: dict[tuple[str, int], int] = {}  # each with its index
        for position, need in enumerate(needs):
            name = self.input_name(position)
            if need and name not in self.rules:
                raise GraphError(
                    f"{self.__name__}: no gradient rule for {name!r}, which requires a gradient\n"
                    f"  hint: declare one with @{self.__name__}.gradient({name!r}), or "
                    f"{self.__name__}.zero_gradient({name!r}) if the result is piecewise constant in it, "
                    f"or pass {name}.detach()"
                )
            rule = self.rules[name] if need else None
            if rule is None:
                continue
            keys = [self._key(parameter, position) for parameter in _parameters(rule)[1:]]
            slots = tuple([saves.setdefault(key, len(saves)) for key in keys])
            calls.append(Call(position, rule, slots, self.kernels.get(name)))
        holds = any(kind == "out" or (kind == "arg" and self.names[at] in self.rules) for kind, at in saves)
        constants = tuple([at for at, need in enumerate(needs) if not need])
        return Plan(tuple(calls), tuple(saves), holds, None, constants, _picker(constants))

    def _key(self, parameter: str, position: int) -> tuple[str, int]:
        """Return the entry of `Plan.saves` for a parameter of the rule for the argument at `position`."""
        first = len(self.names) - 1  # of the variadic inputs
        match parameter:
            case "out":
                return "out", 0
            case "shape" | "order":
                return parameter, position
            case "position":
                return "position", position - first
            case "shapes":
                return "shapes", first
        return "arg", self.names.index(parameter)

    def bind(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        """Return all arguments by position, with defaults filled in; names of PyTorch and NumPy are accepted.

        This takes a tenth of the time of inspect.Signature.bind, which is called only for its error messages.
        """
        count = len(args)
        if not options:
            if self._variadic:
                return args
            if count in self.tails:
                return args + self.tails[count]
        elif count <= self.arity:
            values = [*args, *self._template[count:]]
            for name, value in options.items():
                at = self._places.get(name, -1)
                if at < count or values[at] is not self._template[at]:  # unknown, or given twice
                    break
                values[at] = value
            else:
                if not any(v is MISSING for v in values[count : self._required]):
                    return tuple(values)
        if self._signature is None:  # a ufunc of fixed arity
            raise TypeError(
                f"{self.__name__}() takes {self.arity} arguments ({', '.join(self.names)}), got {count}"
                + (f" and options {', '.join(options)}" if options else "")
            )
        try:
            bound = self._signature.bind(*args, **renamed(options, self.known))
        except TypeError as error:
            raise TypeError(f"{self.__name__}(): {error}") from None
        bound.apply_defaults()
        return bound.args


def primitive(forward: Callable[..., Any]) -> Primitive:
    """Turn a function on arrays into an operation; declare its gradient rules with `.gradient(name)`.

    A rule receives the incoming gradient first. Its other parameters name what is saved for it: inputs, options, `out` (the
    result) and `shape` (of the input). `.zero_gradient(name)` declares a gradient that is zero wherever it exists.

    >>> import minigrad as mg
    >>> @mg.primitive
    ... def cube(x):
    ...     return x**3
    >>> @cube.gradient("x")
    ... def _(g, x):
    ...     return g * 3 * x**2
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    tensor(12.)
    """
    return Primitive(forward)


class Casting(Primitive):
    """A primitive with a `dtype` option that converts its first argument, as PyTorch's ``sum(x, dtype=float64)``."""

    @property
    def __signature__(self) -> inspect.Signature:
        dtype = inspect.Parameter("dtype", inspect.Parameter.KEYWORD_ONLY, default=None)
        return super().__signature__.replace(parameters=[*super().__signature__.parameters.values(), dtype])

    def __call__(self, *args: Any, dtype: DType = None, **options: Any) -> Any:
        if len(args) == self.arity + 1:  # as in softmax(x, dim, dtype)
            *args, dtype = args  # type: ignore[assignment]
        if dtype is None:
            return super().__call__(*args, **options)
        if "out" in options:
            return call_into(functools.partial(self, dtype=dtype), self.__name__, args, options)
        x, *rest = self.bind(tuple(args), options)
        x = (x if hasattr(x, "astype") else np.asarray(x)).astype(dtype)
        return super().__call__(x, *rest).astype(dtype)


def _parameters(rule: Rule | None) -> tuple[str, ...]:
    if rule is None:
        return ()
    code = rule.__code__
    return code.co_varnames[: code.co_argcount]


def named(rule: Rule, name: str) -> Rule:
    """Return a copy of the rule under a name, so that a traceback says `exp.gradient[x]`, not `<lambda>`."""
    if not isinstance(rule, FunctionType):
        raise TypeError(f"{name}: a gradient rule is a Python function, got {type(rule).__name__}")
    code = rule.__code__.replace(co_name=name)
    return FunctionType(code, rule.__globals__, name, rule.__defaults__, rule.__closure__)


def _picker(places: tuple[int, ...]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return a function that picks the arguments at some places of all."""
    if len(places) < 2:  # itemgetter of one place returns no sequence
        return operator.itemgetter(slice(places[0], places[0] + 1) if places else slice(0))
    return operator.itemgetter(*places)


def _first_bad_axis(shapes: Sequence[tuple[int, ...]]) -> int:
    """Return the last axis, as a negative number, along which shapes do not broadcast; 0 if they do."""
    for axis in range(-1, -1 - max(map(len, shapes), default=0), -1):
        if len({s[axis] for s in shapes if len(s) >= -axis} - {1}) > 1:
            return axis
    return 0
