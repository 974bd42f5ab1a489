"""What every operation has: a spec, a name, and no graph where there is no gradient."""

import importlib
import pkgutil

import numpy as np

import minigrad as mg
from minigrad import ops
from minigrad.primitive import Primitive
from tests.ops.specs import SPECS


def test_every_public_operation_has_a_spec():
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(ops.__path__, "minigrad.ops.")]
    public = {name: getattr(module, name) for module in modules for name in module.__all__}
    covered = {id(public.get(name)) for spec in SPECS for name in spec.proves}  # with it, an alias is covered, too
    assert {name for name, op in public.items() if id(op) not in covered} == {"output_size"}  # arithmetic on shapes


def test_no_gradient_operations_record_nothing():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    for result in (x > 1, x.argmax(), np.isnan(x), x == x, x // 1):
        assert not result.requires_grad


def test_rules_have_names_in_tracebacks():
    assert isinstance(mg.exp, Primitive)
    assert mg.exp.rules["x"].__code__.co_name == "exp.gradient[x]"
