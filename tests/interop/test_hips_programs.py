"""Programs for HIPS autograd with their imports changed find the numbers that HIPS autograd finds."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.interop.hips_programs import NUMBERS, PROGRAMS, in_autograd


def agree(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert type(found[key]) in (np.ndarray, np.float64), (key, type(found[key]))
        np.testing.assert_allclose(found[key], value, rtol=1e-10, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_finds_the_recorded_numbers(name):
    agree(PROGRAMS[name](), json.loads(NUMBERS.read_text("utf-8"))[name])


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_agrees_with_hips_autograd(name):
    pytest.importorskip("autograd", reason="HIPS autograd is not installed")
    agree(PROGRAMS[name](), in_autograd()[name]())


def test_the_import_lines():
    """Every path is found first thing in a process, and `import minigrad` brings neither these modules nor SciPy."""
    code = (
        "import sys, minigrad\n"
        "assert not {'scipy', 'minigrad.interop', 'minigrad.numpy'} & sys.modules.keys()\n"
        "import minigrad.numpy as np, minigrad.numpy.linalg as npla, minigrad.numpy.random as npr\n"
        "from minigrad import grad, jacobian, hessian, elementwise_grad, value_and_grad, make_vjp, make_jvp\n"
        "from minigrad import hessian_vector_product, checkpoint\n"
        "import minigrad.scipy.stats.norm as norm, minigrad.scipy.special\n"
        "from minigrad.scipy.stats import norm as same\n"
        "import minigrad.interop.hips as autograd\n"
        "import minigrad.interop.hips.numpy as anp\n"
        "from minigrad.interop.hips.differential_operators import make_jvp_reversemode\n"
        "from minigrad.interop.hips.numpy.numpy_vjps import unbroadcast_f\n"
        "assert anp.array is np.array and autograd.hessian is hessian and npla.det is np.linalg.det\n"
        "assert 'scipy' not in sys.modules\n"
        "print(norm.logpdf(0.0) == same.logpdf(0.0), minigrad.numpy.pi, npr.RandomState.__module__)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.startswith("True 3.14159"), run.stderr
