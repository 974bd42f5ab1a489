"""Without PyTorch, or what its table of operators imports, the tests are skipped and the files beside them not collected."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") and find_spec("expecttest") else [
    "comparison.py", "counterparts.py", "deviations.py", "samples.py",
]  # fmt: skip
