"""Everything that a user can call is proved by a spec, or it is no operation and stands here with what it is instead.

A new function of `minigrad`, of `linalg`, `special` or `nn.functional`, a new method or operator of Tensor, a newly
registered function of NumPy: each fails here until a spec in tests/ops/specs calls it or names it among what it `covers`.
"""

import importlib
import inspect
import pkgutil
import types

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.engine.composite import Composite
from minigrad.engine.primitive import Primitive
from minigrad.engine.registry import FUNCTIONS, UFUNCS
from minigrad.tensors.methods import Methods
from tests.ops.specs import SPECS

OPERATIONS = {"mg": mg, "mg.linalg": mg.linalg, "mg.special": mg.special, "mg.nn.functional": mg.nn.functional}
NO_OPERATIONS = {  # public callables of these modules: what they are instead
    "arange bernoulli empty empty_like eye full full_like linspace logspace normal ones ones_like rand rand_like randint "
    "randint_like randn randn_like randperm tril_indices triu_indices zeros zeros_like "
    "scalar_tensor multinomial": "constants: they have no inputs that require a gradient",
    "tensor as_tensor asarray from_dlpack from_numpy": "the ways in for data: a tensor made of arrays starts a graph",
    "broadcast_shapes can_cast is_complex is_floating_point is_nonzero is_same_size is_signed is_tensor numel output_size "
    "promote_types result_type": "questions about shapes and dtypes",
    "clone detach detach_ fill fill_ zero_": "methods under the names of functions",
    "allclose equal isclose": "questions about values",
    "is_autocast_enabled is_grad_enabled": "a question about the engine's mode",
    "get_default_dtype set_default_dtype set_default_tensor_type get_printoptions set_printoptions "
    "manual_seed get_num_threads set_num_threads "
    "are_deterministic_algorithms_enabled use_deterministic_algorithms get_float32_matmul_precision "
    "set_float32_matmul_precision get_default_device set_default_device get_rng_state set_rng_state initial_seed "
    "seed": "settings",
    "compile": "the function itself",
    "grad vmap checkpoint elementwise_grad hessian hessian_vector_product jacobian make_jvp make_vjp "
    "value_and_grad": "transforms of functions",
    "load save": "files",
    "primitive register_function register_ufunc": "what makes operations of functions",
}
NO_METHODS = {  # of Tensor
    "is_cpu is_cuda is_meta is_mps is_quantized is_sparse "
    "shape dtype ndim nbytes itemsize device size dim ndimension numel nelement element_size stride is_contiguous "
    "is_floating_point is_complex is_nonzero is_signed get_device is_leaf grad_fn requires_grad allclose equal isclose "
    "__len__ __contains__ __hash__": "questions about a tensor",
    "array node place stored_grad from_array record slope refuse_change replace_with replace_array accumulate_grad "
    "backward_seed astype_": "the interface of the engine",
    "numpy item tolist "
    "__array__ __bool__ __complex__ __float__ __int__ __index__ __format__ __repr__": "values, out of the graph",
    "backward grad graph requires_grad_ retain_grad retains_grad register_hook "
    "register_post_accumulate_grad_hook detach detach_ data": "its place in the graph",
    "cpu cuda contiguous pin_memory to_device": "the tensor itself, or a refusal",
    "bernoulli multinomial new new_empty new_full new_ones new_tensor new_zeros": "constants like the tensor",
    "bernoulli_ cauchy_ exponential_ geometric_ log_normal_ normal_ random_ uniform_ zero_": "constants put in its place",
    "resize_ resize_as_": "refused where a gradient is required",
    "__array_function__ __array_ufunc__": "NumPy's dispatch",
    "__array_namespace__ __dlpack__ __dlpack_device__": "exchange by the array API standard",
    "__annotations__ __deepcopy__ __reduce__ __init__ __module__ __doc__ __slots__ __weakref__": "what every class has",
    "__firstlineno__ __static_attributes__": "what every class has since Python 3.13",
}
QUERIES = """allclose array_equal array_equiv einsum_path isclose iscomplexobj isrealobj may_share_memory ndim
    result_type shape shares_memory size empty_like full_like ones_like
    zeros_like"""  # answers and constants, computed on arrays


def operation(value):
    """F.relu, which takes inplace= besides, is relu; everything else is itself."""
    inner = getattr(value, "__wrapped__", None)
    return inner if isinstance(inner, Primitive | Composite) else value


NAMED = {name for spec in SPECS for name in spec.proves}
OFFERED = {where: {name: id(operation(value)) for name, value in vars(s).items()} for where, s in OPERATIONS.items()}
MEANT = {name: {ops[name] for ops in OFFERED.values() if name in ops} for name in NAMED}
MEANT |= {  # two functions of one name, such as svd, are told apart by the module
    name: {ops[last]} for name in NAMED for where, ops in OFFERED.items() if (last := name.removeprefix(f"{where}.")) in ops
    and last != name
}  # fmt: skip
PROVED = {id(operation(spec.fn)) for spec in SPECS} | {op for ops in MEANT.values() if len(ops) == 1 for op in ops}
OPS = [op for space in OPERATIONS.values() for op in vars(space).values() if id(op) in PROVED]
REGISTERED = FUNCTIONS | UFUNCS  # before any test or example adds one of its own


def words(table):
    return {name for names in table for name in names.split()}


def unproved_functions():
    exempt = words(NO_OPERATIONS)
    return {
        f"{where}.{name}"
        for where, space in OPERATIONS.items()
        for name, value in vars(space).items()
        if name[0] != "_" and callable(value) and name not in exempt and id(operation(value)) not in PROVED
        and not isinstance(value, type) and getattr(value, "__module__", None) != "typing"
    }  # fmt: skip


def unproved_methods():
    """A method made of an operation has its name; one that is written by hand is proved as "Tensor.name"."""
    by_hand = {name.removeprefix("Tensor.") for name in NAMED if name.startswith("Tensor.")}
    by_hand |= {getattr(getattr(mg.Tensor, name), "__name__", name) for name in by_hand}  # and under their other names
    proved = by_hand | {op.__name__ for op in OPS}
    unproved = set()
    for cls in mg.Tensor.__mro__[:-1]:
        for name, value in vars(cls).items():
            op = getattr(value, "__name__", name)
            made = isinstance(value, types.FunctionType) and value.__code__.co_name in ("method", "<lambda>")
            known = op.removesuffix("_") in proved if made else {name, op} & by_hand
            if not known and name not in words(NO_METHODS) and (name[0] != "_" or name[:2] == "__"):
                unproved.add(name)
    return unproved


def unproved_numpy_functions(registered):
    return {
        _numpy_name(f)
        for f, handler in registered.items()
        if f.__name__ not in QUERIES.split() and id(handler) not in PROVED and id(f) not in PROVED
        and _numpy_name(f) not in NAMED
    }  # fmt: skip


def _numpy_name(f):
    return f"{getattr(f, '__module__', 'numpy')}.{f.__name__}".replace("numpy", "np", 1)


def test_every_function_has_a_spec():
    assert unproved_functions() == set()


def test_every_method_and_operator_has_a_spec():
    assert unproved_methods() == set()


def test_every_registered_numpy_function_has_a_spec():
    assert unproved_numpy_functions(REGISTERED) == set()


def test_no_other_module_offers_operations():
    """But for the array API standard's namespace, which has operations of `ops` under the standard's names."""
    offered = {id(op) for space in OPERATIONS.values() for op in vars(space).values()}
    standard = [value for value in vars(mg.array_api).values() if isinstance(value, Primitive | Composite)]
    assert len(standard) > 5 and all(id(op) in offered for op in standard)
    for module in filter(inspect.ismodule, list(vars(mg).values())):  # a lookup may import another
        if module not in (*OPERATIONS.values(), ops, mg.array_api):
            offered = {name: getattr(module, name, None) for name in getattr(module, "__all__", ())}
            assert not [name for name, value in offered.items() if isinstance(value, Primitive | Composite)], module


def test_every_room_is_offered():
    rooms = [importlib.import_module(info.name) for info in pkgutil.iter_modules(ops.__path__, "minigrad.ops.")]
    offered = {id(op) for space in OPERATIONS.values() for op in vars(space).values()}
    assert {name for room in rooms for name in room.__all__ if id(getattr(room, name)) not in offered} == set()


def test_what_is_exempt_exists():
    assert words(NO_OPERATIONS) <= {name for space in OPERATIONS.values() for name in dir(space)}
    since = {"__firstlineno__", "__static_attributes__"}  # Python 3.13
    assert words(NO_METHODS) - since <= set(dir(mg.Tensor))
    assert set(QUERIES.split()) <= {f.__name__ for f in REGISTERED}
    assert words(NO_OPERATIONS).isdisjoint(NAMED - {"equal"})  # that of np.equal


@pytest.mark.parametrize("space", OPERATIONS.values(), ids=OPERATIONS)
def test_a_function_without_a_spec_is_noticed(space, monkeypatch):
    monkeypatch.setattr(space, "triple", lambda x: 3 * x, raising=False)
    assert {name.rsplit(".", 1)[1] for name in unproved_functions()} == {"triple"}


def test_a_method_without_a_spec_is_noticed(monkeypatch):
    for name in ("triple", "triple_", "__divmod__"):
        monkeypatch.setattr(Methods, name, lambda self: 3 * self, raising=False)
    assert unproved_methods() == {"triple", "triple_", "__divmod__"}


def test_a_numpy_function_without_a_spec_is_noticed():
    forgotten = {np.unwrap: lambda x: 3 * x, np.spacing: lambda x: 3 * x}
    assert unproved_numpy_functions(REGISTERED | forgotten) == {"np.unwrap", "np.spacing"}
