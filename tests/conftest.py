"""What every test finds: one BLAS thread, the same random numbers whatever ran before it, and the profiles of Hypothesis.

The default profile, `ci`, draws the same each time; `thorough` explores at random.
"""

import gc
import os
import random
import signal

# Workers that share the cores would wait for each other's threads inside every small matrix product: a step of a
# convolutional network took 400 ms instead of 15. Before NumPy is imported.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# A shell starts what it runs in the background (``pytest &``) with Ctrl-C ignored, and so would every test of Ctrl-C be.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile(
    "ci", max_examples=20, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("ci")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect tests without the garbage collector, which frees nothing of them: a fifth of the time in each worker.

    Nor does it look at them later: among 17,000 tests each `gc.collect` of a test took a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def rng():
    """A generator of a test's own: one that a module shares would give each test what the tests before it left."""
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _the_same_random_numbers():
    from minigrad import manual_seed

    manual_seed(0)
    random.seed(0)
