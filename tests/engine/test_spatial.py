"""Operations over one, two and three spatial axes are made from one definition, and look as if they were written out."""

import inspect
import pickle
import pydoc
import re

import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

STEMS = ["conv", "conv_transpose", "max_pool", "avg_pool", "adaptive_max_pool", "adaptive_avg_pool"]
IMAGES = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}
NOUNS = {1: "sequences", 2: "images", 3: "volumes"}


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_help_describes_the_operation_in_its_own_terms(stem, n):
    function = getattr(F, f"{stem}{n}d")
    shown = pydoc.plain(pydoc.render_doc(function))
    assert re.search(rf"\n{stem}{n}d\(\s*x", shown) and not re.search(r"\(\s*n: ", shown)  # pydoc may break long signatures
    assert IMAGES[n] in shown and NOUNS[n] in shown
    assert not any(noun in shown for k, noun in NOUNS.items() if k != n)
    assert f">>> {stem}{n}d(" in shown and shown.count(f">>> {stem}") == 1
    layer = getattr(nn, "".join(part.capitalize() for part in f"{stem}{n}d".split("_")))
    assert next(iter(inspect.signature(function).parameters)) == "x"
    assert not {"self", "args", "kwargs"} & set(inspect.signature(layer).parameters) and layer.__doc__


@pytest.mark.parametrize("n", [1, 2, 3])
def test_pythons_messages_name_the_operation(n):
    with pytest.raises(TypeError, match=rf"^conv{n}d\(\) missing 1 required positional argument: 'weight'"):
        getattr(F, f"conv{n}d")(mg.ones(1))
    with pytest.raises(TypeError, match=rf"^max_pool{n}d\(\) got an unexpected keyword argument 'strid'"):
        getattr(F, f"max_pool{n}d")(mg.ones(1), 2, strid=1)


def test_they_are_pickled_by_name():
    for stem in STEMS:
        for n in (1, 2, 3):
            function = getattr(F, f"{stem}{n}d")
            assert pickle.loads(pickle.dumps(function)) is function


def test_a_subclass_of_a_layer_keeps_its_axes():
    class Padded(nn.Conv3d):
        pass

    assert Padded(1, 2, 2)(mg.ones(1, 1, 3, 3, 3)).shape == (1, 2, 2, 2, 2)
    assert repr(Padded(1, 2, 2)) == "Padded(1, 2, kernel_size=(2, 2, 2), stride=(1, 1, 1))"
