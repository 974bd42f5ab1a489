"""Module: parameters, buffers and other modules under names, in the order in which they were assigned."""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from operator import setitem
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast

import numpy as np

from minigrad.arrays import DType, array_of
from minigrad.engine.arguments import names_for, parameters_of, renamed
from minigrad.engine.handles import RemovableHandle
from minigrad.engine.interrupts import at_once
from minigrad.engine.scope import arguments, here
from minigrad.errors import DTypeError, MinigradError, did_you_mean
from minigrad.nn.hooks import Hooks
from minigrad.nn.layer_setup import checks_device, refuse_data
from minigrad.nn.modes import mode_of
from minigrad.nn.module_summary import Summary, summary
from minigrad.nn.parameter import Buffer, Parameter, UninitializedTensor, clear_gradients
from minigrad.nn.state_dict import IncompatibleKeys, matched_arrays
from minigrad.pictures import draw
from minigrad.tensors import devices
from minigrad.tensors.in_place import write_all
from minigrad.tensors.tensor import Tensor

__all__ = ["Module", "ParameterIterator", "unregistered"]

REGISTRIES = ("_parameters", "_modules", "_buffers")
STATE = ("training", *REGISTRIES, "_unsaved", "_hooks")  # the attributes of every module
Method = TypeVar("Method", bound=Callable[..., Any])
Output = TypeVar("Output", covariant=True)


class Forward(Protocol[Output]):
    """A module whose `forward` returns an Output: so does a call of it."""

    @property
    def forward(self) -> Callable[..., Output]: ...


class _Shadowable:
    """A method that is shadowed by a module, parameter or buffer registered under its name.

    For methods that PyTorch's Module does not have: programs written for PyTorch may use their names.
    """

    def __init__(self, function: Callable[..., Any]):
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self.function, self.name = function, function.__name__

    def __get__(self, module: Module | None, owner: type) -> Any:
        if module is None:
            return self.function
        registry = module._registry_of(self.name)
        return types.MethodType(self.function, module) if registry is None else registry[self.name]


def _shadowable(method: Method) -> Method:
    return cast(Method, _Shadowable(method))


class Module:
    """Base class of networks and layers: assign Parameters and Modules as attributes, and define `forward`.

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
    _unsaved: set[str]  # names of the buffers that are not part of the state dict
    _hooks: Hooks | None = None
    _later: ClassVar[tuple[str, ...]] = ()  # names of buffers that older state dicts lack; they then keep their values

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if args and cls.__module__.startswith("minigrad.nn.") and any(isinstance(arg, Tensor | np.ndarray) for arg in args):
            refuse_data(cls, args)
        return super().__new__(cls)

    def __init__(self) -> None:
        for registry in REGISTRIES:
            object.__setattr__(self, registry, {})
        object.__setattr__(self, "_unsaved", set())
        object.__setattr__(self, "training", True)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith("minigrad.") and not cls.__name__.startswith("_"):
            _rename_methods(cls)
            if "__init__" in vars(cls):
                cls.__init__ = checks_device(cls.__init__)  # type: ignore[method-assign]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs of the module; a subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self: Forward[Output], *args: Any, **kwargs: Any) -> Output:
        """Run `forward` with its hooks.

        A plain ndarray of floats among the arguments, or in a tuple or list there, is converted to the dtype of the module's
        first floating-point parameter: external data take the dtype of the model. Tensors, integers and booleans stay. The
        arguments of our layers have PyTorch's names, too: ``layer(input=x)``.
        """
        for arg in (*args, *kwargs.values()) if kwargs else args:
            if type(arg) in ARRAYS:
                args, kwargs = _converted(self, args, kwargs)  # type: ignore[arg-type]  # self is a Module
                break
        if kwargs:
            kwargs = _named(self.forward, kwargs)
        outer = here.scope
        here.scope = outer, weakref.ref(self), arguments(args, kwargs)
        try:
            hooks: Any = self._hooks  # type: ignore[attr-defined]
            return self.forward(*args, **kwargs) if hooks is None else hooks.call(self, args, kwargs)
        except MinigradError as error:
            self._locate(error)  # type: ignore[attr-defined]
            raise
        finally:
            here.scope = outer

    @property
    def training(self) -> bool:
        """True if layers such as Dropout are in training mode; False inside `evaluating`, in its thread."""
        home, key = mode_of(self)
        try:
            return home[key]
        except KeyError:
            raise AttributeError(name="training") from None  # __getattr__ words the message

    @training.setter
    def training(self, mode: bool) -> None:
        home, key = mode_of(self)
        home[key] = mode

    # Registration

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        if "_parameters" not in attributes:
            if isinstance(value, Parameter | Module):
                raise AttributeError(f"{type(self).__name__}.{name} is assigned before super().__init__() was called")
            object.__setattr__(self, name, value)
            return
        if isinstance(value, Parameter | Buffer):
            registry: dict[str, Any] | None = self._parameters if isinstance(value, Parameter) else self._buffers
            self._check_reachable(name)
            if isinstance(value, Buffer):
                self._unsaved.discard(name) if value.persistent else self._unsaved.add(name)
        elif isinstance(value, Module):
            self._check_reachable(name)
            self._check_contains(name, value)
            registry = self._modules
        else:
            registry = self._registry_of(name)
            if registry is not None and value is not None and not (registry is self._buffers and isinstance(value, Tensor)):
                kind = "buffer" if registry is self._buffers else "module" if registry is self._modules else "parameter"
                raise TypeError(f"{type(self).__name__}.{name} is a {kind}; it cannot become a {type(value).__name__}")
        if registry is None:
            object.__setattr__(self, name, value)
            return
        for other in (attributes, self._parameters, self._modules, self._buffers):
            if other is not registry:
                other.pop(name, None)
        registry[name] = value

    def __getattr__(self, name: str) -> Any:
        for registry in REGISTRIES:
            if name in self.__dict__.get(registry, ()):
                return self.__dict__[registry][name]
        if name in STATE:
            raise AttributeError(f"{type(self).__name__}: super().__init__() was not called", name=name, obj=None)
        hint = did_you_mean(name, [key for key in dir(self) if not key.startswith("_")])
        # With a name but no object, Python does not append another suggestion.
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}{hint}", name=name, obj=None)

    def __delattr__(self, name: str) -> None:
        registry = self._registry_of(name)
        if registry is None:
            object.__delattr__(self, name)
        else:
            del registry[name]

    def __dir__(self) -> list[str]:
        registered = [self.__dict__.get(registry, ()) for registry in REGISTRIES]  # missing while the module is copied
        return [*super().__dir__(), *(name for names in registered for name in names)]

    def _registry_of(self, name: str) -> dict[str, Any] | None:
        """Return the dict in which a name is registered, or None."""
        for registry in REGISTRIES:
            if name in self.__dict__.get(registry, ()):
                return self.__dict__[registry]
        return None

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter under a name; None reserves the name."""
        self._check_name(name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: {name!r} must be a Parameter or None, got {type(param).__name__}")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that is converted and, if `persistent`, saved with the parameters, but not optimized."""
        self._check_name(name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a Tensor or None, got {type(tensor).__name__}")
        self._buffers[name] = tensor
        self._unsaved.discard(name) if persistent else self._unsaved.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Register a module under a name, which need not be an identifier: "0" is one."""
        self._check_name(name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name!r} must be a Module or None, got {_kind_with_hint(module)}")
        self._check_contains(name, module)
        self._modules[name] = module

    register_module = add_module

    # Hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; a result other than None replaces the arguments.

        With `with_kwargs`, call ``hook(module, args, kwargs)``; a result is then a pair (args, kwargs). With `prepend` the
        hook runs before those registered so far. Returns a handle whose `remove` removes the hook.
        """
        return RemovableHandle(self._hooks_created().before, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; a result other than None replaces the output.

        With `with_kwargs`, call ``hook(module, args, kwargs, output)``; with `always_call` also if forward raises an error,
        with None as the output. See `register_forward_pre_hook`.

        >>> import minigrad as mg
        >>> from minigrad import nn
        >>> layer = nn.ReLU()
        >>> with layer.register_forward_hook(lambda module, args, output: output * 10):
        ...     layer(mg.tensor([-1.0, 2.0]))
        tensor([ 0., 20.])
        """
        return RemovableHandle(self._hooks_created().after, (hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of all outputs are complete; a result replaces them."""
        return RemovableHandle(self._hooks_created().gradient_before, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of all inputs are complete.

        Both are tuples, with None for values without a gradient. A result other than None replaces `grad_input`.
        """
        return RemovableHandle(self._hooks_created().gradient, hook, prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the values of this module enter a state dict."""
        return RemovableHandle(self._hooks_created().before_state, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` when a state dict is complete; it may change the dict.

        `prefix` is what the names of this module's values begin with; `local_metadata` is empty.
        """
        return RemovableHandle(self._hooks_created().after_state, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before a state dict is checked and loaded; it may change the dict, which is a copy.

        The arguments are (module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs),
        the last three empty lists.
        """
        return RemovableHandle(self._hooks_created().before_load, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after a state dict was loaded; with strict=True there are none."""
        return RemovableHandle(self._hooks_created().after_load, hook)

    def _call_hooks(self, kind: str, prefix: str, arguments: Callable[[str], tuple[Any, ...]]) -> None:
        """Call the hooks of one kind of all modules with the module and ``arguments(prefix of its names)``."""
        for path, module in self.named_modules(remove_duplicate=False):
            for hook in [] if module._hooks is None else list(getattr(module._hooks, kind).values()):
                hook(module, *arguments(f"{prefix}{path}." if path else prefix))

    def _hooks_created(self) -> Hooks:
        hooks: Hooks = self.__dict__.setdefault("_hooks", Hooks())  # one call: two threads get the same
        return hooks

    # Walks: parents before children, in the order of registration, each object once by default

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module under the name `prefix`, and all modules inside it under dotted names.

        Those in `memo` are left out, and the others added to it.
        """
        seen = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate and module in seen:
                continue
            seen.add(module)
            yield name, module
            inner = [(f"{name}.{n}" if name else n, m) for n, m in module._modules.items() if m is not None]
            stack.extend(reversed(inner))

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Yield this module and all modules inside it."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly inside this one, with their names."""
        return ((name, module) for name, module in self._modules.items() if module is not None)

    def children(self) -> Iterator[Module]:
        """Yield the modules directly inside this one."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter under its dotted name after `prefix`; a shared one once, under its first name.

        Without `recurse`, only those of this module itself.
        """
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield every parameter; without `recurse`, only those of this module itself."""
        return ParameterIterator(self, (parameter for _, parameter in self.named_parameters(recurse=recurse)))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield every buffer under its dotted name; see `named_parameters`."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield every buffer; without `recurse`, only those of this module itself."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module under a dotted name; raise AttributeError that names the missing part."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"{target!r}: {name!r} is a {type(module).__name__}, not a module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Replace the module under a dotted name, or add one; with `strict`, raise AttributeError if there is none yet."""
        if strict:
            self.get_submodule(target)
        path, _, name = target.rpartition(".")
        if not name:
            raise ValueError(f"set_submodule: needs the name of a module inside this one, got {target!r}")
        self.get_submodule(path).add_module(name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter under a dotted name; raise AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        parameter = getattr(self.get_submodule(path), name)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"{target!r} is a {type(parameter).__name__}, not a parameter")
        return parameter

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer under a dotted name; raise AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        buffer = self.get_submodule(path)._buffers.get(name)
        if buffer is None:
            raise AttributeError(f"{target!r} is not a buffer")
        return buffer

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        walk = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in walk:
            for name, tensor in getattr(module, registry).items():
                if tensor is None or (remove_duplicate and id(tensor) in seen):
                    continue
                seen.add(id(tensor))
                yield f"{path}.{name}" if path else name, tensor

    # Changes to all modules or parameters

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every module inside, children before parents, and then on this one; return this module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or evaluation mode, for layers such as Dropout that behave differently; return the module.

        The mode changes for all threads; inside `evaluating`, only for this thread and until the end of the block.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False, got {mode!r}")
        homes, keys = zip(*[mode_of(module) for module in self.modules()], strict=True)
        at_once(setitem, homes, keys, repeat(mode))
        return self

    def eval(self) -> Self:
        """Set evaluation mode; return the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of all parameters; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters; with ``set_to_none=False``, set them to zero."""
        clear_gradients(self.parameters(), set_to_none)

    def to(
        self, *args: Any, dtype: DType = None, device: Any = None, non_blocking: bool = False, memory_format: Any = None
    ) -> Self:
        """Convert parameters, floating-point buffers and gradients to a float dtype, in place; return the module.

        A device may be named as in PyTorch, provided that it is the CPU; `memory_format` is ignored.
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

    def type(self, dst_type: Any) -> Self:
        """Convert to a float dtype, which is named as for `Tensor.type`; see `to`."""
        return self.to(Tensor.from_array(np.zeros(())).type(dst_type).dtype)

    def cpu(self) -> Self:
        """Return the module itself: it is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Raise ValueError: there is no CUDA device."""
        return self.to("cuda")

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Return the module itself, with its values: on the CPU nothing is without memory; see `to`."""
        return self.to(device=device)

    def share_memory(self) -> Self:
        """Return the module itself: threads share it, processes do not."""
        return self

    def compile(self, *args: Any, **options: Any) -> None:
        """Do nothing: the module runs as Python."""

    def half(self) -> Self:
        """Convert to float16; see `to`."""
        return self.to(np.float16)

    def float(self) -> Self:
        """Convert to float32; see `to`."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64; see `to`."""
        return self.to(np.float64)

    # State

    def state_dict(
        self, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """Return the values of all parameters and buffers by dotted name, with PyTorch's names and layouts.

        They share their values with the module, as `detach` does: ``copy.deepcopy`` of it keeps what they are now. Names
        begin with `prefix`. With `keep_vars` the parameters and buffers themselves are returned. If a dict is given as
        `destination`, they are added to it, and it is returned.
        """
        state = {} if destination is None else destination
        self._call_hooks("before_state", prefix, lambda path: (path, keep_vars))
        for key, tensor in self._state_tensors().items():
            kept = keep_vars or isinstance(tensor, UninitializedTensor)
            state[f"{prefix}{key}"] = tensor if kept else tensor.detach()
        self._call_hooks("after_state", prefix, lambda path: (state, path, {}))
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Replace parameters and buffers by the tensors or arrays of `state_dict`: all of them, or none.

        With `assign` they take its dtypes, too; otherwise the values are converted to those that they have. They are copied
        in either case (PyTorch then assigns the tensors themselves).
        Returns the missing and the unexpected keys. Raises ValueError that lists every missing, unexpected and mis-shaped
        key and every parameter that holds NaN (with strict=False only the last two), and TypeError for anything but a
        mapping of names to numbers; nothing has changed then.
        """
        if isinstance(state_dict, Mapping) and any(m._hooks is not None and m._hooks.before_load for m in self.modules()):
            state = state_dict = dict(state_dict)
            self._call_hooks("before_load", "", lambda path: (state, path, {}, strict, [], [], []))
        tensors = self._state_tensors()
        later = {
            f"{prefix}.{name}" if prefix else name
            for prefix, module in self.named_modules(remove_duplicate=False)
            for name in module._later
        }
        new, keys = matched_arrays(type(self).__name__, tensors, state_dict, strict, later)
        for tensor, array in [(tensors[key], array) for key, array in new.items()]:
            if isinstance(tensor, UninitializedTensor):
                tensor.materialize(array.shape)
        for key in list(new) if assign else ():
            given = array_of(state_dict[key])
            if given.dtype.kind == tensors[key].dtype.kind:
                tensors[key].astype_(given.dtype)
                new[key] = given.copy()
        write_all([tensors[key] for key in new], list(new.values()))
        self._call_hooks("after_load", "", lambda path: (keys,))
        return keys

    def _state_tensors(self) -> dict[str, Tensor]:
        """Return parameters and buffers, module by module; a shared one under each of its names."""
        state = {}
        for prefix, module in self.named_modules(remove_duplicate=False):
            for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
                if tensor is not None and name not in module._unsaved:
                    state[f"{prefix}.{name}" if prefix else name] = tensor
        return state

    # Display

    @_shadowable
    def summary(self, *inputs: Any) -> Summary:
        """Return output shapes, parameters, multiply-accumulates and bytes, module by module: see `nn.summary`.

        `inputs` are the arguments of `forward`, or their shapes; the module runs once, in evaluation mode. Without inputs,
        only parameters are counted.
        """
        return summary(self, *inputs)

    def extra_repr(self) -> str:
        """Return the text between the parentheses of the repr; a subclass may define it."""
        return ""

    def _get_name(self) -> str:  # which layers written for PyTorch call in their repr
        return type(self).__name__

    def __repr__(self) -> str:
        head, extra = self._get_name(), self.extra_repr()
        children = [f"({name}): {shown}".replace("\n", "\n  ") for name, shown in self._shown_children()]
        if not children and "\n" not in extra:
            return f"{head}({extra})"
        lines = [*(extra.split("\n") if extra else ()), *children]
        return f"{head}(\n  " + "\n  ".join(lines) + "\n)"

    def _shown_children(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the repr of each module inside, for the repr of this one."""
        return ((name, repr(module)) for name, module in self.named_children())

    def _repr_html_(self) -> str | None:
        html: str | None = draw("module html", self)
        return html

    @_shadowable
    def graph(self, *inputs: Any, **options: Any) -> Any:
        """Return a picture of the module's computation on these inputs, a `viz.Graph`; options are those of `viz.graph`.

        The module runs once, in its current mode; its buffers, gradients and random numbers stay as they were.
        """
        return draw("module graph", self, inputs, **options)

    # Checks

    def _check_name(self, name: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before registering {name!r}")
        if not isinstance(name, str):
            raise TypeError(f"a name must be a string, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{name!r} cannot be a name: it is empty or holds a dot")
        if self._registry_of(name) is not None:
            return
        self._check_reachable(name)
        if name in self.__dict__:
            raise KeyError(
                f"{type(self).__name__} already has an attribute {name!r}; choose another name, or delete it first"
            )

    def _check_reachable(self, name: str) -> None:
        """Raise KeyError for a name that reading would find among the attributes of the class or of every module."""
        for cls in type(self).__mro__:
            if name in vars(cls) and not isinstance(vars(cls)[name], _Shadowable):
                what = "a method" if callable(vars(cls)[name]) else "an attribute"
                raise KeyError(
                    f"{type(self).__name__} already has an attribute {name!r}, {what} of {cls.__name__}, which would hide "
                    "what is registered under it; choose another name"
                )
        if name in STATE:
            raise KeyError(f"{type(self).__name__}: {name!r} is an internal attribute of every module; choose another name")

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
    """The parameters of a module, once; an optimizer without parameters finds the reason in its attribute `module`.

    >>> from minigrad import nn
    >>> parameters = nn.Linear(2, 1).parameters()
    >>> next(parameters).shape, parameters.module
    ((1, 2), Linear(in_features=2, out_features=1, bias=True))
    """

    def __init__(self, module: Module, parameters: Iterator[Parameter]):
        self.module, self._parameters = module, parameters

    def __next__(self) -> Parameter:
        return next(self._parameters)


def unregistered(module: Module) -> tuple[str, list[Any] | tuple[Any, ...] | dict[Any, Any]] | None:
    """Return the path and the first plain list, tuple or dict inside a module that holds modules or parameters, or None.

    Nothing in such a container is registered: it is neither trained, nor saved, nor converted.

    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Linear(2, 2))
    >>> net.heads = [nn.ReLU()]
    >>> unregistered(net)
    ('heads', [ReLU()])
    """
    for path, inner in module.named_modules():
        for name, value in vars(inner).items():
            if name in STATE or not isinstance(value, list | tuple | dict):
                continue
            items: Iterable[Any] = value.values() if isinstance(value, dict) else value
            if any(isinstance(item, Module | Parameter) for item in items):
                return f"{path}.{name}" if path else name, value
    return None


def _kind_with_hint(given: Any) -> str:
    """Return the kind of an object given as a module, with a hint to fix it if there is one."""
    if isinstance(given, type):
        return f"the class {given.__name__}\n  hint: make one: {given.__name__}(...)"
    if isinstance(given, types.FunctionType):
        return f"the function {given.__name__}\n  hint: call it in forward, or use the layer that computes it"
    return type(given).__name__


def _named(forward: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of one of our layers under the names in its signature; see `ALIASES`."""
    if not str(getattr(forward, "__module__", "")).startswith("minigrad.nn."):
        return kwargs
    names = parameters_of(getattr(forward, "__func__", forward)).names
    return kwargs if kwargs.keys() <= set(names) else renamed(kwargs, names_for(names))


ARRAYS = (np.ndarray, tuple, list)


def _converted(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with plain float arrays in the dtype of the module's first floating parameter, if it has one."""
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
    """Copy the methods that a public layer inherits from private classes, whose names Python's messages would show."""
    for base in cls.__mro__[1:]:
        if not base.__name__.startswith("_"):
            continue
        for name, method in vars(base).items():
            if isinstance(method, types.FunctionType) and getattr(cls, name) is method:
                copy = types.FunctionType(method.__code__, method.__globals__, name, method.__defaults__, method.__closure__)
                functools.update_wrapper(copy, method)
                del copy.__wrapped__  # type: ignore[attr-defined]
                copy.__kwdefaults__, copy.__qualname__ = method.__kwdefaults__, f"{cls.__name__}.{name}"
                setattr(cls, name, copy)
