"""One BLAS thread for each test process, and Hypothesis profiles: `ci`, the default, draws the same each time.

`thorough` explores at random.
"""

import os

# Workers that share the cores would wait for each other's threads inside every small matrix product: a step of a
# convolutional network took 400 ms instead of 15. Before NumPy is imported.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile(
    "ci", max_examples=20, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("ci")
