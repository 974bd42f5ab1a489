"""What gradcheck catches, how often it is wrong about right rules, and what a call costs: the figures of docs/proving.md.

``python -m tests.testing.reach SECONDS`` draws calls of the specs for that long. With the folder of another version first in
PYTHONPATH, the last table is that version's: the ratio of the two is what a call costs more.
"""

import sys
import time

import numpy as np

import minigrad as mg
from minigrad.testing import NonDifferentiableError, gradcheck, gradgradcheck
from tests.ops.specs import SPECS

SIZES = {(100, 100): 1e-4, (100_000,): 1e-3}  # the shape, and the relative error of one entry
SCALES = [10.0**n for n in range(-150, 151, 10)]


def square(at=slice(None), by=0.0):
    """x * x, with a rule whose entries `at` are wrong by a factor of 1 + by."""
    op = mg.primitive(lambda x: x * x)

    def rule(g, x):
        gx = 2 * g * x
        if isinstance(gx, np.ndarray):
            gx.reshape(-1)[at] *= 1 + by
        return gx

    op.gradient("x")(rule)
    return op


def caught(shape, by, seed):
    """Whether one wrong entry, drawn as the input is, is caught."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    wrong = square(int(rng.integers(x.size)), by)
    return not gradcheck(wrong, x, seed=seed, checks=(), raise_exception=False)


def caught_at(scale, by, mode="auto"):
    """Whether a factor of 1 + by in all entries is caught for inputs of that size."""
    return not gradcheck(square(by=by), np.array([1.0, -2.0, 3.0]) * scale, mode=mode, checks=(), raise_exception=False)


def false_alarms(seconds, start=1000):
    """Draw calls of every spec in turn, with a new seed each round; return what failed, and the number of calls."""
    failed, calls, turn = [], 0, 0
    specs = [spec for spec in SPECS if spec.order]
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        spec, seed = specs[turn % len(specs)], start + turn // len(specs)
        sample = spec.sample(np.random.default_rng(seed))
        for check in (gradcheck, gradgradcheck)[: spec.order]:
            options = {"kwargs": sample.kwargs, "mode": "directional", "seed": seed}
            options |= {"checks": ()} if check is gradcheck else {}
            try:
                check(spec.fn, sample.args, **options)
                calls += 1
            except mg.DTypeError:  # a call without floats
                pass
            except (AssertionError, NonDifferentiableError) as error:
                if "nothing was checked" not in str(error):
                    failed.append(f"{spec.name}, seed {seed}: {error}")
        turn += 1
    return failed, calls


def costs():
    """The shortest time of nine calls each, in milliseconds of the processor."""
    rng = np.random.default_rng(0)
    draw = rng.standard_normal
    cases = {
        "tanh, 6": (mg.tanh, [draw((2, 3))]),
        "tanh, 10,000": (mg.tanh, [draw(10_000)]),
        "tanh, 100,000": (mg.tanh, [draw(100_000)]),
        "softmax, 12": (mg.softmax, [draw((3, 4))]),
        "matmul, 900 and 900": (mg.matmul, [draw((30, 30)), draw((30, 30))]),
        "conv2d": (mg.nn.functional.conv2d, [draw((2, 3, 7, 7)), draw((4, 3, 3, 3))]),
    }
    found = {}
    for name, (function, inputs) in cases.items():
        times = []
        for _ in range(9):
            began = time.process_time()
            gradcheck(function, inputs)
            times.append(time.process_time() - began)
        found[name] = 1000 * min(times)
    return found


def main():
    say = sys.stdout.write
    for shape, by in SIZES.items():
        say(f"one entry of {np.prod(shape)} wrong by {by:g}: {sum(caught(shape, by, n) for n in range(50))} of 50 caught\n")
    modes = ("full", "directional")
    found = [caught_at(scale, by, mode) for scale in SCALES for by in (1e-4, -1e-6) for mode in modes]
    passed = [not caught_at(scale, 0, mode) for scale in SCALES for mode in modes]
    say(f"1e-150 to 1e150: {sum(found)} of {len(found)} caught, {sum(passed)} of {len(passed)} right rules pass\n")
    failed, calls = false_alarms(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
    say(f"{calls} random calls of {len(SPECS)} specs: {len(failed)} false alarms\n" + "".join(f"  {f}\n" for f in failed))
    for name, milliseconds in costs().items():
        say(f"{name}: {milliseconds:.1f} ms\n")


if __name__ == "__main__":
    main()
