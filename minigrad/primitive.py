"""What an operation is: a forward on arrays, and one gradient rule per input.

A primitive is plain mathematics. It knows arrays, not tensors or graphs::

    @primitive
    def scale(x, factor):
        return x * factor

    @scale.gradient("x")
    def _(g, factor): return g * factor

**A rule's parameters are what it saves.** `g` is the incoming gradient; `out` is the result; a name from the forward's
signature is that input or option; `shape` and `order` are the shape and the memory order ("C" or "F") of the input being
differentiated; `position` and `shapes`, for a variadic input, are its place and the shapes of all (these names win over
options of the same name). The engine reads the signature once, at definition, and keeps exactly those alive, and only for
the inputs that need a gradient.

Rules are written once, in NumPy. With ``create_graph=True`` the same rule is handed tensors, which come back through
NumPy's own dispatch, and so is differentiable itself, to any order.

**The argument decides.** A primitive called on arrays returns an array; if any argument is a tensor, the tensor records.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NamedTuple, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.promotion import WIDE, Operands, alike, computing_dtype, converted, narrowed
from minigrad.registry import UFUNCS
from minigrad.scope import here, untracked

__all__ = [
    "Array", "Casting", "Composite", "DType", "Plan", "Primitive", "Traced", "aliased", "array_of", "binary", "composite",
    "floating", "primitive", "promoting", "register_ufunc", "shape_of", "unary",
]  # fmt: skip

Array = npt.NDArray[Any]
DType = npt.DTypeLike | None
Rule = Callable[..., Any]
Operation = TypeVar("Operation", bound="Primitive | Composite")
Function = TypeVar("Function", bound=Callable[..., Any])

ALIASES = {  # what PyTorch or NumPy calls an argument, and what an operation may call it: the first that it has
    # the operands
    "input": ("x", "start", "y", "values"), "A": ("x", "a"), "a": ("x",), "tensors": ("arrays",), "tensor": ("y", "x"),
    "other": ("y",), "B": ("y", "b"), "b": ("y",), "exponent": ("y",), "values": ("y",), "mat2": ("y",), "vec": ("y",),
    "vec2": ("y",), "input2": ("triangle",), "elements": ("element",), "test_element": ("test_elements",),
    # their axes and sizes
    "dim": ("axis",), "dims": ("axis", "axes", "reps"), "axis": ("dim", "dims"), "axes": ("dims",),
    "dim0": ("axis0",), "dim1": ("axis1",), "dim2": ("axis2",), "keepdim": ("keepdims",), "keepdims": ("keepdim",),
    "size": ("shape",), "split_size": ("split_size_or_sections",), "sections": ("indices_or_sections",),
    "indices": ("indices_or_sections", "x"), "tensor_indices_or_sections": ("indices_or_sections",),
    # options
    "shifts": ("shift",), "diagonal": ("k",), "offset": ("k",), "rcond": ("rtol",),
}  # fmt: skip

MISSING = object()  # where an argument without a default was not given

FACTS = ("out", "shape", "order", "position", "shapes")  # what a rule may ask for beside inputs and options


class Traced:
    """What a primitive knows of a tensor: its array, that it records the calls it takes part in, and can become a result."""

    __slots__ = ("_array", "_frozen", "_node")
    _array: Array
    _frozen: Any  # set where a leaf asks for no gradient any more: its node, for when it does again
    _node: Any

    @staticmethod
    def _record(op: Primitive, args: tuple[Any, ...]) -> Any:
        raise NotImplementedError

    def _slope(self, other: Traced) -> Array:
        raise NotImplementedError

    def _refuse_change(self, name: str) -> None:
        raise NotImplementedError

    def _become(self, result: Any, name: str, reshapes: bool = False) -> Any:
        raise NotImplementedError


class Call(NamedTuple):
    """One rule of a plan: whose gradient it gives, and where its parameters stand among the values saved."""

    position: int
    rule: Rule | None  # None where the plan has one rule for all
    slots: tuple[int, ...]


class Plan(NamedTuple):
    """What one call of a primitive saves and which rules will run, given which of its arguments need a gradient."""

    calls: tuple[Call, ...]
    saves: tuple[tuple[str, int], ...]  # ("arg" | "out" | "shape" | "order" | "position" | "shapes", position)
    holds_arrays: bool  # an input or the result is among them: freed by backward
    joint: Callable[..., Any] | None = None  # one rule for all inputs: joint(node, g, create_graph) gives a list


class Primitive:
    """An operation on arrays with a gradient rule for each of its inputs; make one with `primitive`."""

    __name__: str

    def __init__(self, forward: Callable[..., Any], names: Sequence[str] | None = None, elementwise: bool = False):
        functools.update_wrapper(self, forward)
        self.forward = forward
        self.elementwise = elementwise  # its gradients are summed back to the shapes of broadcast inputs
        self.operands: Operands | None = None  # which inputs are brought to one dtype, if any are (promotion.py)
        self.floats: tuple[int, ...] | None = None  # which of them are so on plain arrays, too: those of `floating`
        self.rules: dict[str, Rule | None] = {}  # None: the derivative is zero wherever it exists
        self._plans: dict[Any, Plan] = {}
        self._signature: inspect.Signature | None = None
        self._variadic = False
        defaults = {}
        if names is None:
            self._signature = inspect.signature(forward)
            parameters = self._signature.parameters
            names = list(parameters)
            kinds = [parameter.kind for parameter in parameters.values()]
            if inspect.Parameter.KEYWORD_ONLY in kinds or inspect.Parameter.VAR_KEYWORD in kinds:
                raise TypeError(f"primitive {forward.__name__}: keyword-only parameters are not supported")
            self._variadic = inspect.Parameter.VAR_POSITIONAL in kinds
            defaults = {n: p.default for n, p in parameters.items() if p.default is not inspect.Parameter.empty}
        self.names = tuple(names)
        self.arity = -1 if self._variadic else len(self.names)
        self._required = len(self.names) - len(defaults)
        self._template = tuple([defaults.get(name, MISSING) for name in self.names])
        self.tails = {
            n: self._template[n:] for n in range(self._required, len(self.names) + 1)
        }  # defaults by missing number

    @functools.cached_property
    def known(self) -> dict[str, str]:
        """The names by which the arguments can be given, with the operation's own for each; see `ALIASES`."""
        return _known(self.names)

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {name: self.names.index(own) for name, own in self.known.items()}

    def __call__(self, *args: Any, **options: Any) -> Any:
        if options or len(args) != self.arity:
            args = self.bind(args, options)
        for arg in args:
            if isinstance(arg, Traced):
                return arg._record(self, args)
        if self.floats is not None and not alike(self.floats, args):
            return self._in_floats(args)
        try:
            return self.forward(*args)
        except (ValueError, TypeError, AttributeError) as error:
            self.explain(error, args)

    def takes(self, operands: Operands) -> None:
        """Say which inputs are brought to one dtype."""
        self.operands = operands
        self.floats = operands.places if operands.floating else None

    def _in_floats(self, args: tuple[Any, ...]) -> Any:
        """The call on plain arrays that are not of one float dtype."""
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
        """What `help` shows; for a ufunc NumPy's own has out= and where=, which only ``np.f`` takes."""
        only = inspect.Parameter.POSITIONAL_ONLY
        return self._signature or inspect.Signature([inspect.Parameter(name, only) for name in self.names])

    def __get__(self, instance: Any, owner: Any = None) -> Primitive:
        return self  # a primitive stored on a class (`op = exp`) is a value, not a method

    def gradient(self, *inputs: str) -> Callable[[Rule], Rule]:
        """Declare the gradient rule of one or more inputs, by name.

        Raises GraphError if an input, or a parameter of the rule, is unknown.
        """

        def declare(rule: Rule) -> Rule:
            for name in inputs:
                self._declare(name, _named(rule, f"{self.__name__}.gradient[{name}]"))
            return rule

        return declare

    def zero_gradient(self, *inputs: str) -> Primitive:
        """Declare that the result is piecewise constant in these inputs: their gradient is zero wherever it exists."""
        for name in inputs:
            self._declare(name, None)
        return self

    def plan(self, needs: tuple[bool, ...]) -> Plan:
        """The plan for a call whose arguments need gradients as told by `needs`; made once for each combination."""
        plan = self._plans.get(needs)
        if plan is None:
            plan = self._plans[needs] = self._make_plan(needs)
        return plan

    def explain(self, error: Exception, args: Sequence[Any]) -> NoReturn:
        """Raise NumPy's refusal of `args` again, in other words if it was about broadcasting, or about no number."""
        if self.elementwise and not isinstance(error, ShapeError):
            arrays = [a._array if isinstance(a, Traced) else a for a in args]
            for name, a in zip(self.names, arrays, strict=False):
                if not isinstance(error, ValueError) and np.asarray(a).dtype.kind not in "biuf":
                    what = f"dtype {a.dtype}" if isinstance(a, np.ndarray) else type(a).__name__
                    raise DTypeError(f"{self.__name__}: {name} must be a number or numbers, got {what}") from None
            shapes = [np.shape(a) for a in arrays]
            axis = _first_bad_axis(shapes)
            if axis:
                sizes = " and ".join(str(s[axis]) for s in shapes if len(s) >= -axis and s[axis] != 1)
                listed = " and ".join(map(str, shapes))
                raise ShapeError(
                    f"{self.__name__}: shapes {listed} do not broadcast: axis {axis} has sizes {sizes}\n"
                    "  rule    from the last axis backwards, sizes must be equal or 1"
                ) from None
            if type(error) is not DTypeError and isinstance(error, TypeError) and np.result_type(*arrays).kind == "b":
                raise DTypeError(
                    f"{self.__name__}: not defined for booleans\n  hint: use logical_not, ^ and their like, or x.int()"
                ) from None
        raise error

    def _declare(self, name: str, rule: Rule | None) -> None:
        if name not in self.names:
            raise GraphError(f"{self.__name__}: there is no input {name!r}; its inputs are {', '.join(self.names)}")
        for parameter in _parameters(rule)[1:] if rule else ():
            if parameter not in self.names and parameter not in FACTS:
                raise GraphError(
                    f"{self.__name__}: the gradient rule of {name!r} asks for {parameter!r}\n"
                    f"  rule    after g, a parameter is out, shape, order, or one of {', '.join(self.names)}"
                )
        self.rules[name] = rule
        self._plans.clear()

    def _name(self, position: int) -> str:
        return self.names[min(position, len(self.names) - 1)]

    def _make_plan(self, needs: tuple[bool, ...]) -> Plan:
        calls: list[Call] = []
        saves: list[tuple[str, int]] = []
        for position, need in enumerate(needs):
            name = self._name(position)
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
            saves += [key for key in dict.fromkeys(keys) if key not in saves]
            calls.append(Call(position, rule, tuple(saves.index(key) for key in keys)))
        holds = any(kind == "out" or (kind == "arg" and self.names[at] in self.rules) for kind, at in saves)
        return Plan(tuple(calls), tuple(saves), holds)

    def _key(self, parameter: str, position: int) -> tuple[str, int]:
        """What a parameter of the rule for the argument at `position` stands for, as an entry of `Plan.saves`."""
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
        """All arguments by position, defaults filled in; PyTorch's names for options are accepted beside NumPy's.

        What inspect.Signature.bind does, at a tenth of the time; it is asked only to say what is wrong.
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


class Composite:
    """A function of operations that is one operation to its reader; make one with `composite`."""

    __name__: str
    __wrapped__: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]):
        functools.update_wrapper(self, function)
        self.names = tuple(inspect.signature(function).parameters)
        self.operands: Operands | None = None  # which inputs are brought to floats, if any are (promotion.py)

    def takes(self, operands: Operands) -> None:
        """Say which inputs are brought to floats."""
        self.operands = operands

    @functools.cached_property
    def known(self) -> dict[str, str]:
        """The names by which the arguments can be given, with the operation's own for each; see `ALIASES`."""
        return _known(self.names)

    def __call__(self, *args: Any, **options: Any) -> Any:
        if options:
            options = renamed(options, self.known)
        outer = here.scope
        here.scope = outer, self.__wrapped__, untracked((*args, *options.values()) if options else args)
        try:
            if self.operands is None or self._are_floats(self.operands, args, options):
                return self.__wrapped__(*args, **options)
            args, options, half = self._in_floats(self.operands, args, options)
            out = self.__wrapped__(*args, **options)
            return narrowed(out) if half else out
        except Exception as error:
            if not str(error).startswith(self.__name__):
                error.add_note(f"in {self.__name__}")
            raise
        finally:
            here.scope = outer

    def _are_floats(self, operands: Operands, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
        """Whether all operands can be computed as they are; so they can with `dtype=`, to which the input is converted."""
        for at in operands.places:
            x = self._given(at, args, options)
            array = x._array if isinstance(x, Traced) else x
            if isinstance(array, np.ndarray | np.generic) and array.dtype.char not in WIDE:
                return "dtype" in self.names and self._given(self.names.index("dtype"), args, options) is not None
        return True

    def _given(self, at: int, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The argument at a place, by position or by name; None where it was left out."""
        return args[at] if at < len(args) else options.get(self.names[at]) if options else None

    def _in_floats(
        self, operands: Operands, args: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], bool]:
        """The arguments with integers and halves in the dtype in which this is computed; whether to round to float16."""
        given: dict[Any, Any] = {at: args[at] for at in operands.places if at < len(args)}
        given |= {n: options[n] for at in operands.places if (n := self.names[at]) in options}
        arrays = {key: x._array if isinstance(x, Traced) else x for key, x in given.items()}
        arrays = {key: x for key, x in arrays.items() if isinstance(x, np.ndarray | np.generic)}
        dtype, half = computing_dtype(operands, arrays.values(), weak=False)
        kinds = "e?bBhHiIlLqQ" if operands.floating else "e"
        changed = {key: given[key].astype(dtype) for key, x in arrays.items() if x.dtype.char in kinds}
        options = options | {key: x for key, x in changed.items() if isinstance(key, str)}
        return tuple([changed.get(at, x) for at, x in enumerate(args)]), options, half

    def __repr__(self) -> str:
        return f"<operation {self.__name__}>"

    def __reduce__(self) -> str:
        return self.__name__


def primitive(forward: Callable[..., Any]) -> Primitive:
    """Make an operation of a function on arrays; declare its rules with `.gradient(name)`.

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


def composite(function: Callable[..., Any]) -> Composite:
    """Make an operation of a function that is composed of others, and has no rules of its own.

    Pictures draw it as one box, and its arguments have PyTorch's names and NumPy's beside their own: `axis` is accepted as
    `dim`, `x` as `input`; see `ALIASES`.

    >>> import numpy as np
    >>> @composite
    ... def spread(x, axis=None):
    ...     return np.max(x, axis) - np.min(x, axis)
    >>> spread(np.array([[1, 2], [3, 7]]), dim=1)
    array([1, 4])
    """
    return Composite(function)


class Casting(Primitive):
    """An operation that converts its first argument before, if told to, as PyTorch's ``sum(x, dtype=float64)``."""

    @property
    def __signature__(self) -> inspect.Signature:
        dtype = inspect.Parameter("dtype", inspect.Parameter.KEYWORD_ONLY, default=None)
        return super().__signature__.replace(parameters=[*super().__signature__.parameters.values(), dtype])

    def __call__(self, *args: Any, dtype: DType = None, **options: Any) -> Any:
        if dtype is None:
            return super().__call__(*args, **options)
        x, *rest = self.bind(args, options)
        x = (x if hasattr(x, "astype") else np.asarray(x)).astype(dtype)
        return super().__call__(x, *rest).astype(dtype)


def floating(*names: str) -> Callable[[Operation], Operation]:
    """Declare, above `primitive` or `composite`, that the result is made of floats, for integers and booleans as well.

    These inputs are then brought to one float dtype, and float16 is computed in float32 (promotion.py).

    >>> import numpy as np
    >>> @floating("x")
    ... @primitive
    ... def half_of(x):
    ...     return x * 0.5
    >>> half_of(np.array([1, 2], np.uint8))
    array([0.5, 1. ], dtype=float32)
    """
    return lambda op: _declared(op, names, True)


def promoting(*names: str) -> Callable[[Operation], Operation]:
    """Declare, above `primitive`, that these inputs are computed in their common dtype, and float16 in float32."""
    return lambda op: _declared(op, names, False)


def aliased(function: Function) -> Function:
    """A function that is no operation of its own, and takes PyTorch's names and NumPy's all the same; see `ALIASES`."""
    known = _known(tuple(inspect.signature(function).parameters))

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        return function(*args, **renamed(options, known))

    call.known = known  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def renamed(options: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    """Options under the names that a function has for them, given PyTorch's names or NumPy's; `known` are all these."""
    out = {}
    for key, value in options.items():
        name = known.get(key, key)
        if name in out:
            twins = " and ".join(k for k in options if known.get(k, k) == name)
            raise TypeError(f"{twins} name the same option: give one of them")
        out[name] = value
    return out


def unary(ufunc: np.ufunc, rule: Rule | None) -> Primitive:
    """An elementwise primitive of one input `x`, registered for its ufunc; a rule of None says: zero derivative."""
    return _elementwise(Primitive, ufunc, x=rule)


def binary(ufunc: np.ufunc, rule_x: Rule | None, rule_y: Rule | None, kind: type[Primitive] = Primitive) -> Primitive:
    """An elementwise primitive of two inputs `x` and `y` that broadcast, registered for its ufunc."""
    return _elementwise(kind, ufunc, x=rule_x, y=rule_y)


def register_ufunc(ufunc: np.ufunc, *rules: Rule | None) -> Primitive:
    """Give a ufunc, NumPy's or anybody's, a gradient rule for each input, x, y, z (None: zero); gives the operation.

    Raises GraphError for a wrong number of rules, or for a rule that asks for what there is not.

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
        op._declare(name, _named(rule, f"{ufunc.__name__}.gradient[{name}]") if rule else None)
    UFUNCS[ufunc] = op
    return op


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a tensor, an array or a number; np.shape would go through NumPy's dispatch first."""
    try:
        return x.shape
    except AttributeError:
        return np.shape(x)


def array_of(x: Any) -> Array:
    """The array in a tensor, or an array or number as an array: for what depends on values and has no gradient."""
    return np.asarray(x._array if isinstance(x, Traced) else x)


def _elementwise(kind: type[Primitive], ufunc: np.ufunc, **rules: Rule | None) -> Primitive:
    op = kind(ufunc, names=tuple(rules), elementwise=True)
    op.takes(_operands(ufunc))
    op.__module__ = "minigrad.ops"
    for name, rule in rules.items():
        op.rules[name] = _named(rule, f"{ufunc.__name__}.gradient[{name}]") if rule else None
    UFUNCS[ufunc] = op
    return op


def _operands(ufunc: np.ufunc) -> Operands:
    """How a ufunc takes its operands; it is one of floats if it has no loop for integers."""
    ints = "l" * ufunc.nin
    floats = not {f"{ints}->l", f"{ints}->?"} & set(ufunc.types)
    return Operands(tuple(range(ufunc.nin)), floats, "wrap")


def _declared(op: Operation, names: tuple[str, ...], floats: bool) -> Operation:
    op.takes(Operands(tuple([op.names.index(name) for name in names]), floats))
    return op


def _known(names: tuple[str, ...]) -> dict[str, str]:
    """Every name by which arguments can be given, with the function's own for each."""
    others = {name: next((own for own in owns if own in names), None) for name, owns in ALIASES.items()}
    return {name: own for name, own in others.items() if own} | {name: name for name in names}


def _parameters(rule: Rule | None) -> tuple[str, ...]:
    if rule is None:
        return ()
    code = rule.__code__
    return code.co_varnames[: code.co_argcount]


def _named(rule: Rule, name: str) -> Rule:
    """A copy of the rule under its own name, so that a traceback says `exp.gradient[x]`, not `<lambda>`."""
    if not isinstance(rule, FunctionType):
        raise TypeError(f"{name}: a gradient rule is a Python function, got {type(rule).__name__}")
    code = rule.__code__.replace(co_name=name)
    return FunctionType(code, rule.__globals__, name, rule.__defaults__, rule.__closure__)


def _first_bad_axis(shapes: Sequence[tuple[int, ...]]) -> int:
    """The first axis from the right, as a negative number, on which shapes do not broadcast; 0 if they do."""
    for axis in range(-1, -1 - max(map(len, shapes), default=0), -1):
        if len({s[axis] for s in shapes if len(s) >= -axis} - {1}) > 1:
            return axis
    return 0
