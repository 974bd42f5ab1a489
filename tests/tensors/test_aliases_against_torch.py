"""Whose values change with the argument's: every function called on a few tensors, and its result filled, as in PyTorch."""

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

MATRIX = np.arange(1.0, 10).reshape(3, 3) + 5 * np.eye(3)
INPUTS = [np.arange(1.0, 13).reshape(3, 4), MATRIX, np.arange(1.0, 5), np.arange(1.0, 13).reshape(1, 1, 3, 4)]
ARGUMENTS = [
    (), (0,), (1,), (-1,), (2,), (0, 1), (1, 0), (0, 0), (1, 1), (0, 0, 1), (0, 0, 2), (1, 0, 1), (0, 1, 2), (0, 2, 1),
    (None,), ((-1,),), ((4, 3),), ((3, 4),), ((1, 3, 4),), ((0, 1),), ((1, 0),), ((1, 1),), ((0, 0),), ([[0, 1]],),
]  # fmt: skip
OTHER = {"manual_seed", "save", "load", "compile", "backward", "normal", "bernoulli"}
OTHERWISE = {"positive": "a copy, as in NumPy; PyTorch returns the tensor itself"}


def spaces(lib):
    return {"": lib, "Tensor": lib.Tensor, "functional": lib.nn.functional}


def shared():
    for space, theirs in spaces(torch).items():
        for name in dir(theirs):
            special = name[0] == "_" or name.endswith("_") or "Tensor" in name or name.startswith(("set_", "use_"))
            known = hasattr(spaces(mg)[space], name) and callable(getattr(theirs, name))
            if known and not special and name not in OTHER | {*OTHERWISE}:
                yield space, name


def is_alias(lib, space, name, array, arguments):
    """Whether filling the results of a call changes its argument."""
    x = lib.tensor(array)
    out = getattr(spaces(lib)[space], name)(x, *arguments)
    results = [t for t in (out if isinstance(out, tuple | list) else (out,)) if isinstance(t, lib.Tensor)]
    if not results:
        raise TypeError("no tensor")
    for t in results:
        t.fill_(77)
    return bool((np.array(x.tolist()) != array).any())


@pytest.mark.filterwarnings("ignore")
def test_results_share_their_values_with_the_argument_where_they_do_in_pytorch():
    found, aliases = {}, set()
    for space, name in shared():
        for array in INPUTS:
            for arguments in ARGUMENTS:
                try:
                    expected = is_alias(torch, space, name, array, arguments)
                    mine = is_alias(mg, space, name, array, arguments)
                except Exception:  # one of the two refuses: not the question here
                    continue
                if expected:
                    aliases.add(name)
                if mine != expected:
                    found.setdefault(f"{space}.{name}: {mine}, PyTorch {expected}", (array.shape, arguments))
    assert not found
    assert {"view", "t", "diagonal", "movedim", "contiguous", "flatten", "unbind", "to", "double", "detach"} <= aliases
