"""Programs for checkers of types are no modules with examples."""

collect_ignore = ["expressions.py", "misuses.py"]
