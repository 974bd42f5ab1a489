"""Make `defaults.json`, the defaults that PyTorch documents: ``python -m tests.golden.make_defaults``."""

import ast
import inspect
import json
import re
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace


def main():
    import torch

    import minigrad

    rooms = [
        "",
        "nn.functional.",
        "nn.init.",
        "nn.",
        "linalg.",
        "optim.",
        "distributions.",
        "optim.lr_scheduler.",
        "autograd.",
        "Tensor.",
    ]
    found = {}
    for room in rooms:
        module = attrgetter(f"torch.{room}"[:-1])(SimpleNamespace(torch=torch))
        for name in dir(module):
            thing = getattr(module, name)
            ours = attrgetter(f"mg.{room}"[:-1])(SimpleNamespace(mg=minigrad))
            if callable(thing) and isinstance(thing.__doc__, str) and not name.startswith("_") and hasattr(ours, name):
                defaults = signature(thing) or documented(thing, name)
                if defaults:
                    found[room + name] = defaults
    Path(__file__).with_name("defaults.json").write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")


def signature(thing):
    """The plain defaults of a function, or of a class's `__init__`."""
    try:
        parameters = inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return {}
    plain = (bool, int, float, str, tuple, type(None))
    return {n: p.default for n, p in parameters.items() if p.default is not p.empty and isinstance(p.default, plain)}


def documented(thing, name):
    """Those of a function written in C, from the signature in the first line of its documentation."""
    line = re.search(rf"\b{name}\((.*?)\)", thing.__doc__)
    found = {}
    for parameter, value in re.findall(r"(\w+)(?::[^,=]*)?\s*=\s*([^,]+|\(.*?\))", line[1] if line else ""):
        try:
            found[parameter] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            continue
    return found


if __name__ == "__main__":
    main()
