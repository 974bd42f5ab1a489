"""Module: parameters, buffers and other modules under names, in the order in which they were assigned."""

from __future__ import annotations

import functools
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from operator import setitem
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, cast

import numpy as np

from minigrad.arrays import DType
from minigrad.engine.handles import RemovableHandle
from minigrad.engine.interrupts import at_once
from minigrad.engine.scope import here, untracked
from minigrad.errors import DTypeError, MinigradError, blame
from minigrad.nn.arguments import refuse_data
from minigrad.nn.hooks import Hooks
from minigrad.nn.parameter import Parameter
from minigrad.nn.state import IncompatibleKeys, fitted
from minigrad.pictures import draw
from minigrad.tensors import devices
from minigrad.tensors.in_place import write_all
from minigrad.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minigrad.nn.summary import Summary

__all__ = ["Module", "ParameterIterator", "modes", "unregistered"]

STATE = ("training", "_parameters", "_buffers", "_modules", "_unsaved", "_hooks")  # what a module itself keeps
Method = TypeVar("Method", bound=Callable[..., Any])
Output = TypeVar("Output", covariant=True)


class Forward(Protocol[Output]):
    """A module whose `forward` returns an Output: so does a call of it."""

    @property
    def forward(self) -> Callable[..., Output]: ...


class _Modes(threading.local):
    here: dict[int, bool] = {}  # modes by id; `evaluating` replaces the dict


modes = _Modes()  # what `evaluating` says about modules in its thread; all other threads see their attribute


class _Yielding:
    """A method that gives way to a module, parameter or buffer registered under its name.

    For the methods that PyTorch's Module does not have: a program written for it may use their names.
    """

    def __init__(self, function: Callable[..., Any]):
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self.function, self.name = function, function.__name__

    def __get__(self, module: Module | None, owner: type) -> Any:
        if module is None:
            return self.function
        for registry in (module._parameters, module._modules, module._buffers):
            if self.name in registry:
                return registry[self.name]
        return types.MethodType(self.function, module)


def _yielding(method: Method) -> Method:
    return cast(Method, _Yielding(method))


class Module:
    """A part of a network: assign Parameters and Modules as attributes and define `forward`.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Linear(2, 2)
    ...     def forward(self, x):
    ...         return self.fc(self.fc(x))
    >>> net = Twice()
    >>> net
    Twice(
      (fc): Linear(in_features=2, out_features=2, bias=True)
    )
    >>> [name for name, _ in net.named_parameters()]
    ['fc.weight', 'fc.bias']
    """

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _unsaved: set[str]  # names of the buffers that are not part of the state
    _hooks: Hooks | None = None
    _later: ClassVar[tuple[str, ...]] = ()  # names of buffers that older state dicts lack, and that then stay as they are

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if args and cls.__module__.startswith("minigrad.nn.") and any(isinstance(arg, Tensor | np.ndarray) for arg in args):
            refuse_data(cls, args)
        return super().__new__(cls)

    def __init__(self) -> None:
        for registry in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, registry, {})
        object.__setattr__(self, "_unsaved", set())
        object.__setattr__(self, "training", True)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith("minigrad.") and not cls.__name__.startswith("_"):
            _rename_methods(cls)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; define it in a subclass."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self: Forward[Output], *args: Any, **kwargs: Any) -> Output:
        """Run `forward` with its hooks.

        A plain ndarray of floats among the arguments, or in a tuple or list there, is converted to the dtype of the module's
        first floating parameter: data from outside take the dtype of the model. Tensors, integers and booleans stay.
        """
        for arg in (*args, *kwargs.values()) if kwargs else args:
            if type(arg) in ARRAYS:
                args, kwargs = _converted(self, args, kwargs)  # type: ignore[arg-type]  # self is a Module
                break
        outer = here.scope
        here.scope = outer, weakref.ref(self), untracked(args)
        try:
            hooks: Any = self._hooks  # type: ignore[attr-defined]
            return self.forward(*args, **kwargs) if hooks is None else hooks.call(self, args, kwargs)
        except MinigradError as error:
            self._locate(error)  # type: ignore[attr-defined]
            blame(error, module=self)
            raise
        finally:
            here.scope = outer

    @property
    def training(self) -> bool:
        """Whether layers such as Dropout behave as in training; inside `evaluating`, in its thread, they do not."""
        home, key = _mode_of(self)
        try:
            return home[key]
        except KeyError:
            raise AttributeError(name="training") from None  # __getattr__ says why

    @training.setter
    def training(self, mode: bool) -> None:
        home, key = _mode_of(self)
        home[key] = mode

    # Registration

    def __setattr__(self, name: str, value: Any) -> None:
        registries = self.__dict__
        if "_parameters" not in registries:
            if isinstance(value, Parameter | Module):
                raise AttributeError(f"{type(self).__name__}.{name} is assigned before super().__init__() was called")
            object.__setattr__(self, name, value)
            return
        if isinstance(value, Parameter):
            home: dict[str, Any] | None = registries["_parameters"]
            self._check_reachable(name)
        elif isinstance(value, Module):
            self._check_reachable(name)
            self._check_contains(name, value)
            home = registries["_modules"]
        else:
            home = next((registries[r] for r in ("_parameters", "_modules", "_buffers") if name in registries[r]), None)
            if home is not None and value is not None and not (home is self._buffers and isinstance(value, Tensor)):
                kind = "buffer" if home is self._buffers else "parameter" if home is self._parameters else "module"
                raise TypeError(f"{type(self).__name__}.{name} is a {kind}; it cannot become a {type(value).__name__}")
        if home is None:
            object.__setattr__(self, name, value)
            return
        for registry in ("_parameters", "_modules", "_buffers"):
            if registries[registry] is not home:
                registries[registry].pop(name, None)
        registries.pop(name, None)
        home[name] = value

    def __getattr__(self, name: str) -> Any:
        for registry in ("_parameters", "_modules", "_buffers"):
            if name in self.__dict__.get(registry, ()):
                return self.__dict__[registry][name]
        if name in STATE:
            raise AttributeError(f"{type(self).__name__}: super().__init__() was not called", name=name, obj=None)
        import difflib  # for a mistake alone

        known = [key for key in dir(self) if not key.startswith("_")]
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        # With a name and no object Python does not add a suggestion of its own.
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}{hint}", name=name, obj=None)

    def __delattr__(self, name: str) -> None:
        for registry in ("_parameters", "_modules", "_buffers"):
            if name in self.__dict__.get(registry, ()):
                del self.__dict__[registry][name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        held = [self.__dict__.get(registry, ()) for registry in ("_parameters", "_buffers", "_modules")]  # none while copied
        return [*super().__dir__(), *(name for names in held for name in names)]

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Own a parameter under a name; None reserves the name."""
        self._check_name(name)
        if parameter is not None and not isinstance(parameter, Parameter):
            raise TypeError(f"register_parameter: {name!r} must be a Parameter or None, got {type(parameter).__name__}")
        self._parameters[name] = parameter

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Own a tensor that is converted and, if `persistent`, saved with the parameters, but not optimized."""
        self._check_name(name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a Tensor or None, got {type(tensor).__name__}")
        self._buffers[name] = tensor
        self._unsaved.discard(name) if persistent else self._unsaved.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Own a module under a name that need not be an identifier, such as "0"."""
        self._check_name(name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name!r} must be a Module or None, got {_what_instead(module)}")
        self._check_contains(name, module)
        self._modules[name] = module

    register_module = add_module

    # Hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it gives, if anything, takes the place of the arguments.

        With `with_kwargs` it is ``hook(module, args, kwargs)`` and gives both.
        """
        return RemovableHandle(self._hooked().before, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; what it gives, if anything, takes the output's place.

        With `with_kwargs` it is ``hook(module, args, kwargs, output)``.

        >>> import minigrad as mg
        >>> from minigrad import nn
        >>> layer = nn.ReLU()
        >>> with layer.register_forward_hook(lambda module, args, output: output * 10):
        ...     layer(mg.tensor([-1.0, 2.0]))
        tensor([ 0., 20.])
        """
        return RemovableHandle(self._hooked().after, (hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of all outputs are complete; it may give others."""
        return RemovableHandle(self._hooked().gradient_before, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of all inputs are complete.

        Both are tuples, with None where there is no gradient; what it gives, if anything, takes grad_input's place.
        """
        return RemovableHandle(self._hooked().gradient, hook, prepend)

    def _hooked(self) -> Hooks:
        if self._hooks is None:
            object.__setattr__(self, "_hooks", Hooks())
        return self._hooks  # type: ignore[return-value]

    # Walks: parents before children, in the order of registration, each object once unless told otherwise

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module under the name `prefix`, and all those inside it under dotted names."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            inner = [(f"{name}.{n}" if name else n, m) for n, m in module._modules.items() if m is not None]
            stack.extend(reversed(inner))

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((name, module) for name, module in self._modules.items() if module is not None)

    def children(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter under its dotted name after `prefix`; a shared one once, under its first name."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return ParameterIterator(self, (parameter for _, parameter in self.named_parameters(recurse=recurse)))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module under a dotted name; raises AttributeError naming the part that is not there."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"{target!r}: {name!r} is a {type(module).__name__}, not a module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter under a dotted name; raises AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        parameter = getattr(self.get_submodule(path), name)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"{target!r} is a {type(parameter).__name__}, not a parameter")
        return parameter

    def get_buffer(self, target: str) -> Tensor:
        """The buffer under a dotted name; raises AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if module._buffers.get(name) is None:
            raise AttributeError(f"{target!r} is not a buffer")
        return module._buffers[name]  # type: ignore[return-value]

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        walk = self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in walk:
            for name, tensor in getattr(module, registry).items():
                if tensor is None or (remove_duplicate and id(tensor) in seen):
                    continue
                seen.add(id(tensor))
                yield f"{path}.{name}" if path else name, tensor

    # Everything at once

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call `function` on every module inside, then on this one."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode, for layers such as Dropout that behave differently in evaluation: in all threads, or in none.

        Only inside `evaluating` it is this thread's mode alone that changes, until the end of the block.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False, got {mode!r}")
        homes, keys = zip(*[_mode_of(module) for module in self.modules()], strict=True)
        at_once(setitem, homes, keys, repeat(mode))
        return self

    def eval(self) -> Self:
        """Evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; or, with ``set_to_none=False``, make them zero."""
        parameters = list(self.parameters())
        zeros = [None if set_to_none or p.stored_grad is None else p.stored_grad.new_zeros(p.shape) for p in parameters]
        at_once(setattr, parameters, repeat("stored_grad"), zeros)

    def to(self, *args: Any, dtype: DType = None, device: Any = None, non_blocking: bool = False) -> Self:
        """Convert parameters and floating-point buffers, in place, to a float dtype; and their gradients.

        A device may be named as in PyTorch, if it is the CPU.
        """
        wanted = devices.requested(args, dtype, device)
        if wanted is None:
            return self
        if wanted.kind != "f":
            raise DTypeError(f"to: a module's dtype must be a float, got {wanted}")
        for tensor in [*self.parameters(), *self.buffers()]:
            if tensor.dtype.kind == "f" and tensor.dtype != wanted:
                tensor.astype_(wanted)
        return self

    def cpu(self) -> Self:
        """The module itself: it is on the CPU."""
        return self

    type = to

    def half(self) -> Self:
        return self.to(np.float16)

    def float(self) -> Self:
        return self.to(np.float32)

    def double(self) -> Self:
        return self.to(np.float64)

    # State

    def state_dict(self) -> dict[str, Tensor]:
        """The values of all parameters and buffers under their dotted names: PyTorch's names and layouts."""
        return {key: tensor.detach() for key, tensor in self._state_tensors().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Replace parameters and buffers by the tensors or arrays of `state_dict`: all of them, or none.

        Raises ValueError listing every missing, unexpected and mis-shaped key, and every parameter that holds NaN, at once
        (with strict=False only the last two), and TypeError for what is not a mapping of names to numbers; nothing has
        changed then.
        """
        own = self._state_tensors()
        later = {
            f"{prefix}.{name}" if prefix else name
            for prefix, module in self.named_modules(remove_duplicate=False)
            for name in module._later
        }
        new, keys = fitted(type(self).__name__, own, state_dict, strict, later)
        write_all([own[key] for key in new], list(new.values()))
        return keys

    def _state_tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers, module by module; a shared one under each of its names."""
        state = {}
        for prefix, module in self.named_modules(remove_duplicate=False):
            for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
                if tensor is not None and name not in module._unsaved:
                    state[f"{prefix}.{name}" if prefix else name] = tensor
        return state

    # Appearance

    @_yielding
    def summary(self, *inputs: Any) -> Summary:
        """Shapes, parameters (shared ones once), multiply-accumulates and bytes, module by module; printed, a table.

        `inputs` are what `forward` takes, or shapes of it; the module runs once on them, in evaluation mode.

        >>> from minigrad import nn
        >>> nn.Sequential(nn.Linear(3, 2), nn.ReLU()).summary((4, 3))
                         output  parameters  MACs  bytes
        net  Sequential  (4, 2)                       32
        0    Linear      (4, 2)           8    24     32
        1    ReLU        (4, 2)                       32
        Sequential: 8 parameters, 32 bytes; 24 MACs, 80 bytes saved for backward
        """
        from minigrad.nn.summary import summarize  # it is made of modules and hooks itself

        return summarize(self, *inputs)

    def extra_repr(self) -> str:
        """What stands between the parentheses of a layer's repr."""
        return ""

    def __repr__(self) -> str:
        head, extra = type(self).__name__, self.extra_repr()
        children = [f"({name}): {shown}".replace("\n", "\n  ") for name, shown in self._shown()]
        if not children and "\n" not in extra:
            return f"{head}({extra})"
        lines = [*(extra.split("\n") if extra else ()), *children]
        return f"{head}(\n  " + "\n  ".join(lines) + "\n)"

    def _shown(self) -> Iterator[tuple[str, str]]:
        """What stands in the repr for the modules inside."""
        return ((name, repr(module)) for name, module in self.named_children())

    def _repr_html_(self) -> str | None:
        html: str | None = draw("module html", self)
        return html

    @_yielding
    def graph(self, *inputs: Any, **options: Any) -> Any:
        """Return a picture of what the module does to these inputs, a `viz.Graph`; the options are those of `viz.graph`.

        The module is run once, in its present mode; its buffers, gradients and random numbers stay as they were.
        """
        return draw("module graph", self, inputs, **options)

    def _check_name(self, name: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before registering {name!r}")
        if not isinstance(name, str):
            raise TypeError(f"a name must be a string, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{name!r} cannot be a name: it is empty or holds a dot")
        if name in self._parameters or name in self._modules or name in self._buffers:
            return
        self._check_reachable(name)
        if name in self.__dict__:
            raise KeyError(
                f"{type(self).__name__} already has an attribute {name!r}; choose another name, or delete it first"
            )

    def _check_reachable(self, name: str) -> None:
        """Refuse a name under which reading would find an attribute of the class, or the module's own state, instead."""
        for cls in type(self).__mro__:
            if name in vars(cls) and not isinstance(vars(cls)[name], _Yielding):
                what = "a method" if callable(vars(cls)[name]) else "an attribute"
                raise KeyError(
                    f"{type(self).__name__} already has an attribute {name!r}, {what} of {cls.__name__}, which would hide "
                    "what is registered under it; choose another name"
                )
        if name in STATE:
            raise KeyError(f"{type(self).__name__}: {name!r} is part of every module's own state; choose another name")

    def _check_contains(self, name: str, module: Module | None) -> None:
        if module is not None and any(inner is self for inner in module.modules()):
            raise ValueError(f"{type(self).__name__}.{name}: a module cannot contain itself")

    def _locate(self, error: MinigradError) -> None:
        """Name the innermost module in which an error was raised, by its path from this one."""
        inner = getattr(error, "module", self)
        error.module = inner  # type: ignore[attr-defined]
        path = next((name for name, module in self.named_modules() if module is inner), "")
        head = f"{type(self).__name__}.{path}" if path else type(self).__name__
        error.module_path = f"{head} ({inner!r})" if not inner._modules and path else head


class ParameterIterator(Iterator[Parameter]):
    """The parameters of a module, once; an optimizer that gets none from it learns why."""

    def __init__(self, module: Module, parameters: Iterator[Parameter]):
        self.module, self._parameters = module, parameters

    def __next__(self) -> Parameter:
        return next(self._parameters)


def unregistered(module: Module) -> tuple[str, list[Any] | tuple[Any, ...] | dict[Any, Any]] | None:
    """The first plain list, tuple or dict inside a module that holds modules or parameters, after its path; or None.

    Nothing in it is registered: it is neither trained, nor saved, nor converted.
    """
    for path, inner in module.named_modules():
        for name, value in vars(inner).items():
            if name in STATE or not isinstance(value, list | tuple | dict):
                continue
            held: Iterable[Any] = value.values() if isinstance(value, dict) else value
            if any(isinstance(item, Module | Parameter) for item in held):
                return f"{path}.{name}" if path else name, value
    return None


def _what_instead(given: Any) -> str:
    """What was given in a module's place, with the way to mend it where that is certain."""
    if isinstance(given, type):
        return f"the class {given.__name__}\n  hint: make one: {given.__name__}(...)"
    if isinstance(given, types.FunctionType):
        return f"the function {given.__name__}\n  hint: call it in forward, or use the layer that computes it"
    return type(given).__name__


def _mode_of(module: Module) -> tuple[dict[Any, bool], Any]:
    """The place of the mode that holds for a module in this thread: a dict and its key."""
    return (modes.here, id(module)) if id(module) in modes.here else (module.__dict__, "training")


ARRAYS = (np.ndarray, tuple, list)


def _converted(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with plain float arrays in the dtype of the module's first floating parameter, if it has one."""
    if not any(_holds_floats(value) for value in (*args, *kwargs.values())):
        return args, kwargs
    dtype = next((p.dtype for p in module.parameters() if p.dtype.kind == "f"), None)
    if dtype is None:
        return args, kwargs
    return tuple([_as_dtype(arg, dtype) for arg in args]), {name: _as_dtype(arg, dtype) for name, arg in kwargs.items()}


def _holds_floats(value: Any) -> bool:
    if type(value) is np.ndarray:
        return bool(value.dtype.kind == "f")
    return type(value) in (tuple, list) and any(_holds_floats(item) for item in value)


def _as_dtype(value: Any, dtype: np.dtype[Any]) -> Any:
    if type(value) is np.ndarray:
        return value.astype(dtype, copy=False) if value.dtype.kind == "f" else value
    return type(value)(_as_dtype(item, dtype) for item in value) if type(value) in (tuple, list) else value


def _rename_methods(cls: type[Module]) -> None:
    """Give a public layer its own copies of what it inherits from private ones, whose names Python's messages would show."""
    for base in cls.__mro__[1:]:
        if not base.__name__.startswith("_"):
            continue
        for name, method in vars(base).items():
            if isinstance(method, types.FunctionType) and getattr(cls, name) is method:
                own = types.FunctionType(method.__code__, method.__globals__, name, method.__defaults__, method.__closure__)
                functools.update_wrapper(own, method)
                del own.__wrapped__  # type: ignore[attr-defined]
                own.__kwdefaults__, own.__qualname__ = method.__kwdefaults__, f"{cls.__name__}.{name}"
                setattr(cls, name, own)
