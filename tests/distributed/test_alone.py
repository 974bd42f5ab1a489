"""What needs no second process: samplers, hooks on arrival, messages about what is missing."""

import ctypes
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.distributed.launch import launched_ranks, load_mpi
from minigrad.engine.arrivals import hooks_on_arrival
from minigrad.kernels.threads import set_blas_threads
from tests.distributed import needs_mpi


def test_samplers_divide_an_epoch():
    data = range(10)
    for ranks in (1, 2, 3, 4, 7, 12):
        parts = [mg.data.DistributedSampler(data, ranks, rank, seed=3) for rank in range(ranks)]
        for epoch in (0, 1):
            for part in parts:
                part.set_epoch(epoch)
            drawn = [list(part) for part in parts]
            assert len({len(part) for part in drawn}) == 1 and len(drawn[0]) == len(parts[0])
            assert {i for part in drawn for i in part} == set(data)
    sampler, other = (mg.data.DistributedSampler(data, 2, 0, seed=seed) for seed in (3, 4))
    epochs = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    assert epochs[0] == epochs[2] != epochs[1] and epochs[0] != list(other) != list(range(0, 10, 2))
    small = [list(mg.data.DistributedSampler(data, 4, rank, drop_last=True)) for rank in range(4)]
    assert sorted(len(part) for part in small) == [2] * 4 and len({i for part in small for i in part}) == 8
    with pytest.raises(ValueError, match="rank must be within 0 to 1, one of the replicas, got 2"):
        mg.data.DistributedSampler(data, 2, 2)
    with pytest.raises(ValueError, match="get_world_size: this process has not joined the others"):
        mg.data.DistributedSampler(data)


@pytest.mark.parametrize("drop_last", [False, True])
def test_samplers_without_shuffling_are_those_of_pytorch(drop_last):
    theirs = pytest.importorskip("torch.utils.data.distributed").DistributedSampler
    for count in (5, 8, 9):
        for ranks in (2, 3, 4):
            for rank in range(ranks):
                options = {"shuffle": False, "drop_last": drop_last}
                ours = mg.data.DistributedSampler(range(count), ranks, rank, **options)
                assert list(ours) == list(theirs(range(count), ranks, rank, **options))


def test_a_gradient_arrives_while_backward_runs():
    early, late = (mg.tensor(2.0, requires_grad=True) for _ in range(2))
    twice = mg.tensor(3.0, requires_grad=True)
    events = []
    for name, leaf in (("early", early), ("late", late), ("twice", twice)):
        hooks_on_arrival(leaf.node)[0] = lambda g, name=name: events.append((name, float(g)))
    x = mg.tensor(1.0, requires_grad=True)
    hidden = x * early * twice
    hidden.register_hook(lambda g: events.append("hidden"))
    (hidden * late * twice).backward()
    assert events == [("late", 18.0), "hidden", ("twice", 24.0), ("early", 18.0)]
    assert late.grad.item() == 18 and twice.grad.item() == 24
    events.clear()
    mg.autograd.grad(x * late, [late])  # is added to no .grad
    assert events == []
    (x * late).backward(inputs=[late])
    assert events == [("late", 1.0)] and late.grad.item() == 19
    with mg.no_grad():
        early.requires_grad = False
    (x * early * late).backward()  # a frozen leaf receives nothing
    assert [name for name, _ in events] == ["late", "late"]


def test_the_extra_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs mpi4py and an MPI .*\n  hint: pip install mpi4py mpich"):
        mg.distributed.init_process_group("mpi")
    assert not mg.distributed.is_initialized()


@needs_mpi
@pytest.mark.filterwarnings("ignore:suspicious MPI execution environment")  # mpi4py, of the variable
def test_the_launcher_of_another_mpi(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    assert launched_ranks() == 4
    with pytest.raises(ImportError, match="the launcher has started 4 processes, but MPI sees 1"):
        load_mpi(60)


def test_arguments_of_the_start():
    for options, message in (
        ({"backend": "gloo"}, "the backend must be \"mpi\", got 'gloo'"),
        ({"init_method": "tcp://here:1"}, "mpiexec connects the ranks, got init_method='tcp://here:1'"),
        ({"timeout": timedelta(0)}, "timeout must be a positive timedelta"),
    ):
        with pytest.raises(ValueError, match=message):
            mg.distributed.init_process_group(**options)
        assert not mg.distributed.is_initialized()


@needs_mpi
def test_a_group_of_one():
    for name in ("world_size", "rank"):
        with pytest.raises(ValueError, match=rf"{name} is 3, but MPI says [01]\n"):
            mg.distributed.init_process_group("mpi", **{name: 3})
    mg.distributed.init_process_group("mpi", world_size=1, rank=0)
    try:
        x = mg.ones(2)
        mg.distributed.all_reduce(x)
        net = mg.nn.parallel.DistributedDataParallel(mg.nn.Linear(2, 1))
        net(x).sum().backward()
        assert x.tolist() == [1, 1] and np.array_equal(net.module.weight.grad, [[1, 1]])
        assert sys.excepthook is not sys.__excepthook__
    finally:
        mg.distributed.destroy_process_group()
    assert not mg.distributed.is_initialized() and sys.excepthook is sys.__excepthook__


def test_the_threads_of_openblas():
    before = openblas_threads()
    if before is None:
        assert not set_blas_threads(1)
        return
    try:
        for number in (2, 1):
            assert set_blas_threads(number) and openblas_threads() == number
    finally:
        set_blas_threads(before)


def openblas_threads():
    """What NumPy's OpenBLAS says, if it is in NumPy's wheel."""
    home = Path(np.__file__).parent
    for path in (*home.parent.glob("numpy.libs/*openblas*"), *home.glob(".dylibs/*openblas*")):
        ask = getattr(ctypes.CDLL(str(path)), "scipy_openblas_get_num_threads64_", None)
        if ask is not None:
            return ask()
    return None
