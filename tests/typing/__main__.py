"""Check the types that users see: ``python -m tests.typing`` (needs mypy and pyright)."""

import sys

from tests.typing.checkers import CHECKERS, failures

wrong = {name: failures(name) for name in CHECKERS}
for name, lines in wrong.items():
    print(f"{name}: {len(lines)} failures", *lines, sep="\n")
sys.exit(any(wrong.values()))
