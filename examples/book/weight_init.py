"""Activations behind five layers, for three ways to draw the initial weights (6.2).

Weights of deviation 1 drive sigmoids to 0 and 1, where they have no gradient; weights of 0.01 make all activations alike, so
that many neurons say no more than one. Xavier's sqrt(1 / inputs) keeps their spread from layer to layer. ReLU needs twice
the variance, He's sqrt(2 / inputs), because half of its values are zero.

    python examples/book/weight_init.py     draws weight_init.png; needs matplotlib
"""

from pathlib import Path

import matplotlib.pyplot as plt

import minigrad as mg
from minigrad import nn

WIDTH, DEPTH = 100, 5
CASES = {
    "sigmoid, std 1": (nn.Sigmoid, 1.0),
    "sigmoid, std 0.01": (nn.Sigmoid, 0.01),
    "sigmoid, Xavier": (nn.Sigmoid, (1 / WIDTH) ** 0.5),
    "ReLU, std 0.01": (nn.ReLU, 0.01),
    "ReLU, Xavier": (nn.ReLU, (1 / WIDTH) ** 0.5),
    "ReLU, He": (nn.ReLU, (2 / WIDTH) ** 0.5),
}


def activations(activation, std, samples=1000):
    """The outputs of each activation layer, for random samples."""
    mg.manual_seed(0)
    net = nn.Sequential()
    for _ in range(DEPTH):
        linear = nn.Linear(WIDTH, WIDTH, bias=False)
        nn.init.normal_(linear.weight, std=std)
        net.append(linear).append(activation())
    found = []
    for layer in net:
        if isinstance(layer, activation):
            layer.register_forward_hook(lambda module, args, out: found.append(out.numpy()))
    with mg.no_grad():
        net(mg.randn(samples, WIDTH))
    return found


def draw(cases):
    figure, rows = plt.subplots(len(cases), DEPTH, figsize=(10, 1.5 * len(cases)), sharex=True, layout="constrained")
    for row, (name, layers) in zip(rows, cases.items(), strict=True):
        for axes, values in zip(row, layers, strict=True):
            axes.hist(values.ravel(), 30, range=(0, 1), color="tab:blue" if "sigmoid" in name else "tab:orange")
            axes.set(yticks=[], ylim=(0, 0.08 * values.size))  # taller bars are cut off
            axes.text(
                0.97,
                0.85,
                f"deviation {values.std():.2g}",
                transform=axes.transAxes,
                ha="right",
                fontsize=8,
                backgroundcolor="white",
            )
        row[0].set_ylabel(name.replace(", ", "\n"), rotation=0, ha="right", va="center")
    for i, axes in enumerate(rows[0], 1):
        axes.set_title(f"layer {i}")
    figure.supxlabel("activation")
    return figure


if __name__ == "__main__":
    figure = draw({name: activations(*case) for name, case in CASES.items()})
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=80)
