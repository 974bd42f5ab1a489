"""Write pytorch_files/, which the tests read without PyTorch: ``python -m tests.serialization.make_pytorch_files``.

PyTorch was 2.13. The values are those that test_pytorch_files.py expects; storages.pt is the basis of the mutants.
"""

from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "pytorch_files"
DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool")
FLOATS8 = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu")


def main():
    import torch
    from torch import nn

    base = torch.arange(12.0).reshape(3, 4)
    tied = torch.ones(2)
    torch.save(
        {
            "dtypes": {name: torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in DTYPES},
            "bfloat16": torch.tensor([1.5, -2.0, torch.inf]).to(torch.bfloat16),
            "strided": [base.t(), base[1:, ::2], torch.tensor([7.0]).expand(2, 3), base[0, 3]],
            "tied": [tied, tied.detach()],
            "empty": torch.zeros(0, 3),
            "parameter": nn.Parameter(torch.ones(1)),
            "frozen": nn.Parameter(torch.tensor([1]), requires_grad=False),
            "leaf": torch.ones(1, requires_grad=True),
            "ordered": OrderedDict(a=1, b=OrderedDict()),
            "counter": Counter({3: 1}),
            "about": [torch.Size((2, 3)), torch.device("cuda:1"), torch.device("cpu"), torch.int16, torch.bfloat16],
            "values": [1, -1, 2**40, -(2**70), 1.5, float("inf"), True, False, None, "é\n", (), (1, [2]), {1: 2, 2.5: None}],
            "array": np.arange(6, dtype=np.int32).reshape(2, 3),
        },
        FOLDER / "kinds.pt",
    )
    torch.save(
        {name: torch.arange(256, dtype=torch.uint8).view(getattr(torch, name)) for name in FLOATS8}, FOLDER / "floats8.pt"
    )

    net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).double()
    with torch.no_grad():
        net[0].weight[:] = torch.tensor([[1.0, -2.0]])
        net[0].bias[:] = 0.5
    optimizer = torch.optim.Adam(net.parameters(), lr=0.125)
    net(torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)).square().sum().backward()
    optimizer.step()
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1}, FOLDER / "training.pt")

    torch.save({"w": base.t(), "x": [torch.tensor([1.5, 2.5], dtype=torch.bfloat16), 3, "a"]}, FOLDER / "storages.pt")
    torch.save({"w": torch.ones(2)}, FOLDER / "before_1_6.pt", _use_new_zipfile_serialization=False)
    torch.save(nn.Linear(1, 1), FOLDER / "module.pt")
    torch.jit.script(nn.ReLU()).save(str(FOLDER / "script.pt"))


if __name__ == "__main__":
    main()
