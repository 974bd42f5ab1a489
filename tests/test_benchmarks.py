"""The parts of the benchmarks that compute: fits and tables, and that nothing is timed that differs."""

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import growth


def test_the_exponent_of_a_power_is_found():
    assert growth.exponent((1, 2, 4, 8), [3 * size**1.5 for size in (1, 2, 4, 8)]) == pytest.approx(1.5)


def test_growth_is_fitted_through_medians_for_each_peer():
    measured = [{"minigrad": [size, size, 1e6], "pytorch": [size**2] * 3} for size in growth.SIZES["depth"]]
    found = growth.exponents("depth", measured)
    assert found == pytest.approx({"minigrad": 1, "pytorch": 2})
    assert growth.row("depth", found).endswith("| 10 to 160 | 1.00 | 2.00 |")
    assert growth.row("depth", {"minigrad": 1.0}).endswith("| 1.00 |  |")


class Worker:
    def __init__(self, loss):
        self.answers = iter([f"{loss} {loss} {loss}\n", "0.5 1000\n", "0.5 1000\n", "0.5 1000\n"])
        self.stdin = self.stdout = self

    def readline(self):
        return next(self.answers)

    def write(self, line): ...
    def flush(self): ...
    def close(self): ...
    def wait(self): ...


def test_what_computes_something_else_is_not_timed(monkeypatch):
    losses = {"minigrad": 1.0, "pytorch": 1.001}
    monkeypatch.setattr(command, "start", lambda workload, peer: Worker(losses[peer]))
    monkeypatch.setattr(command, "REST", 0)
    with pytest.raises(SystemExit, match="mlp: pytorch computes"):
        command.measure("mlp", ["minigrad", "pytorch"], 1)
    losses["pytorch"] = 1.00001
    seconds, peaks = command.measure("mlp", ["minigrad", "pytorch"], 1)
    assert seconds == {"minigrad": [0.5], "pytorch": [0.5]} and peaks == {"minigrad": 1000, "pytorch": 1000}
