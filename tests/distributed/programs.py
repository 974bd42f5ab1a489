"""The programs of the ranks: ``mpiexec -n 2 python -m tests.distributed.programs NAME``."""

import contextlib
import doctest
import io
import os
import signal
import sys
import time
from datetime import timedelta

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import distributed as dist
from minigrad import nn
from minigrad.distributed import collectives, process_group, reducer
from minigrad.distributed.launch import launched_rank
from minigrad.training import Trainer, evaluate

RANK = 0


def collective_operations():
    """Every operation, on every dtype; and the examples of the docstrings, which are not run elsewhere."""
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    count = 0
    for module in (collectives, process_group):
        for test in finder.find(module, module.__name__):
            if "init_process_group" not in test.name and "destroy" not in test.name and "get_rank" not in test.name:
                skipped = [e for e in test.examples if e.options.pop(doctest.SKIP, None)]
                test.examples = test.examples if skipped else []
                count += len(skipped)
                shown = io.StringIO()
                runner.run(test, out=shown.write)
                assert runner.failures == 0, shown.getvalue()
    assert count > 15

    for dtype in (mg.float64, mg.float32, mg.float16, mg.int64, mg.int32, mg.int16, mg.int8, mg.uint8, mg.bool):
        x = mg.tensor([[1, 0, 1]]).to(dtype)
        dist.all_reduce(x)
        assert x.dtype == dtype and x.tolist() == mg.tensor([[2, 0, 2]]).to(dtype).tolist()
        x = mg.tensor(RANK).to(dtype)
        dist.broadcast(x, 1)
        assert x.dtype == dtype and x.item() == 1
        found = [mg.zeros(0, 2).to(dtype), mg.zeros(0, 2).to(dtype)]
        dist.all_gather(found, mg.zeros(0, 2).to(dtype))
        assert found[1].shape == (0, 2)
    expected = {"SUM": 3, "AVG": 1.5, "PRODUCT": 2, "MIN": 1, "MAX": 2}
    for op in dist.ReduceOp:
        x = mg.tensor([RANK + 1.0]) if op.name == "AVG" else mg.tensor([RANK + 1])
        dist.all_reduce(x, op)
        assert x.item() == expected[op.name], op
    x = mg.tensor([60000.0 * (1 - 2 * RANK), 40000.0]).half()
    dist.all_reduce(x, dist.ReduceOp.AVG)  # the sum of halves would overflow
    assert x.tolist() == [0, 40000]

    x = mg.tensor([1.0, 2.0])
    kept = x.numpy()
    work = dist.all_reduce(x, async_op=True)
    assert work.wait() and work.is_completed() and x.tolist() == [2, 4]
    assert kept.tolist() == [1, 2]  # an array is a value
    view = x[:1]
    dist.all_reduce(view)
    assert x.tolist() == [4, 4]
    w = mg.ones(2, requires_grad=True)
    loss = (w * w).sum()
    dist.all_reduce(w)
    with raises(mg.GraphError, "written to"):
        loss.backward()
    threads = [None, None]
    dist.all_gather_object(threads, mg.get_num_threads())
    if RANK == 0:
        print(*threads)


def mistakes():
    """Calls that are refused, on every rank, before anything is sent."""
    x = mg.ones(2)
    with raises(ValueError, "the group exists already"):
        dist.init_process_group("mpi")
    with raises(ValueError, "there are the ranks 0 to 1, got 2"):
        dist.broadcast(x, 2)
    with raises(ValueError, "there is one group"):
        dist.all_reduce(x, group="mine")
    with raises(TypeError, "all_reduce: needs a tensor, got ndarray"):
        dist.all_reduce(np.ones(2))
    with raises(TypeError, "op must be one of"):
        dist.all_reduce(x, "sum")
    with raises(mg.DTypeError, "the AVG of int64"):
        dist.all_reduce(mg.tensor([1]), dist.ReduceOp.AVG)
    with raises(ValueError, "tensor_list has 1 tensors, there are 2 ranks"):
        dist.all_gather([x], x)
    with raises(mg.ShapeError, r"tensor_list\[1\] is float32 \(3,\), the tensor is float32 \(2,\)"):
        dist.all_gather([x, mg.ones(3)], x)
    # These are noticed together, on all ranks.
    with raises(RuntimeError, rf"all_reduce\(float32 \({RANK + 1},\), SUM\): rank {RANK} is at this operation"):
        dist.all_reduce(mg.ones(RANK + 1))
    with raises(RuntimeError, r"rank 0  broadcast\(float64 \(2,\), src=0\)\n  rank 1  broadcast\(float32"):
        dist.broadcast(mg.ones(2, dtype=(mg.float64, mg.float32)[RANK]))
    with raises(RuntimeError, "is at this operation"):
        dist.barrier() if RANK else dist.broadcast_object_list([1])
    for other, problem in (
        (nn.Linear(2 + RANK, 1), r"rank 1 has weight float32 \(1, 3\) trained, rank 0 weight float32 \(1, 2\) trained"),
        (nn.Linear(2, 1, bias=RANK == 0), "rank 1 has 1 parameters and buffers, rank 0 2"),
    ):
        with raises(ValueError, problem):
            nn.parallel.DistributedDataParallel(other)
    with raises(ValueError, "no parameter requires a gradient"):
        nn.parallel.DistributedDataParallel(nn.ReLU())
    dist.all_reduce(x)
    assert x.tolist() == [2, 2]


def data_parallel():
    """DistributedDataParallel is one process with the batches of all; buckets, no_sync, unused parameters, buffers."""
    mg.set_default_dtype(mg.float64)
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((24, 6)), rng.integers(0, 3, 24)
    mine = slice(RANK * 12, RANK * 12 + 12)

    def network(seed):
        mg.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 50), nn.Tanh(), nn.Linear(50, 40), nn.Tanh(), nn.Linear(40, 3))

    alone = network(0)
    net = nn.parallel.DistributedDataParallel(network(RANK), bucket_cap_mb=0.005)
    assert all(mg.equal(a, b) for a, b in zip(alone.parameters(), net.parameters(), strict=True))
    assert len(net._reducer._buckets) == 2  # of 5 KB and more
    for step in range(3):
        alone.zero_grad() if step == 1 else None
        F.cross_entropy(alone(x), t).backward()
        if step == 1:  # two halves
            half = slice(mine.start, mine.start + 6), slice(mine.start + 6, mine.stop)
            with net.no_sync():
                net.zero_grad()
                loss = F.cross_entropy(net(x[half[0]]), t[half[0]]) / 2
                own = mg.autograd.grad(loss, [*net.parameters()], retain_graph=True)
                loss.backward()
            assert all(mg.equal(p.grad, g) for p, g in zip(net.parameters(), own, strict=True))  # of this rank alone
            (F.cross_entropy(net(x[half[1]]), t[half[1]]) / 2).backward()
        else:
            F.cross_entropy(net(x[mine]), t[mine]).backward()
        for a, b in zip(alone.parameters(), net.parameters(), strict=True):
            assert np.abs(a.grad.array - b.grad.array).max() < 1e-15, step

    # What was read of .grad stays what it was; the first bucket is under way before backward reaches the first layer.
    kept = [p.grad.numpy() for p in net.parameters()]
    copies = [g.copy() for g in kept]
    hidden = net.module[0](mg.tensor(x[mine]))
    launched = []
    hidden.register_hook(lambda g: launched.append(net._reducer._launched))
    F.cross_entropy(net.module[1:](hidden), t[mine]).backward()
    assert launched == [1]
    assert all((a == b).all() for a, b in zip(kept, copies, strict=True))

    # Gradients of their own are not averaged.
    g = mg.autograd.grad(net(x[mine]).sum(), [net.module[4].bias])[0]
    assert g.tolist() == [12, 12, 12]

    with raises(mg.GraphError, "averages are not recorded"):
        net(x[mine]).sum().backward(create_graph=True)
    begun, ended = net._reducer._complete, []  # MPI writes into its arrays until it is complete
    net._reducer._complete = lambda: ended.append(begun())
    with raises(RuntimeError, f"2 of 6 parameters received no gradient on rank {RANK}: 0.weight, 0.bias"):
        net.module[1:](mg.ones(2, 50)).sum().backward()
    assert ended == [None]
    net.zero_grad()
    (net(x[mine]) * (1 + RANK)).sum().backward()  # and works again
    assert net.module[4].bias.grad.tolist() == [18, 18, 18]

    # A parameter that one rank alone uses, and one that no rank uses.
    both = nn.parallel.DistributedDataParallel(nn.ModuleList([nn.Linear(1, 1, bias=False) for _ in range(3)]),
                                               find_unused_parameters=True)  # fmt: skip
    for _ in range(2):
        both.zero_grad()
        one = mg.ones(1, 1)
        both.module[0](one).sum().backward() if RANK else (both.module[0](one) + both.module[1](one)).sum().backward()
        assert [p.grad and p.grad.item() for p in both.parameters()] == [1, 0.5, None]

    # Weights of the ranks; halves are added in float32.
    p = mg.tensor([1.0, 2.0], dtype=mg.float16, requires_grad=True)
    weighted = reducer.Reducer([("p", p)])
    weighted.weight = (0.25, 0.75)[RANK]
    (p * (RANK * 4)).sum().backward()
    assert p.grad.dtype == mg.float16 and p.grad.tolist() == [3, 3]
    weighted.weight, p.grad = RANK, None
    (p * (3.0 if RANK else np.inf)).sum().backward()  # weight 0: nothing comes of it
    assert p.grad.tolist() == [3, 3]
    weighted.close()
    p.grad = None
    (p * (RANK + 1)).sum().backward()
    assert p.grad.tolist() == [RANK + 1, RANK + 1]

    # BatchNorm: statistics of this rank's batch; those of rank 0 are kept.
    norm = nn.parallel.DistributedDataParallel(nn.BatchNorm1d(1))
    for _ in range(2):
        out = norm(mg.tensor([[0.0], [2.0]]) + 10 * RANK)
        assert np.abs(out.array.ravel() - [-1, 1]).max() < 1e-5
    assert abs(norm.module.running_mean.item() - (0.19, 1.19)[RANK]) < 1e-6


def curve(path):
    """More than 50 steps of SimpleConvNet, the last batch of an epoch being one image; rank 0 writes the result."""
    mg.set_default_dtype(mg.float64)
    (x, t), (x_test, t_test) = mg.data.load_digits(flatten=False)
    mg.manual_seed(RANK)  # rank 0 counts
    net = mg.models.SimpleConvNet(input_dim=(1, 8, 8))
    options = {"epochs": 9, "mini_batch_size": 41, "optimizer_param": {"lr": 0.01}, "verbose": False}
    trainer = Trainer(net, x[:206].astype(float), t[:206], x_test, t_test, **options)
    trainer.train()
    assert len(trainer.train_loss_list) == 54
    if RANK == 0:
        measured = [[e.loss, e.acc, e.val_loss, e.val_acc, e.grad_norm] for e in trainer.history]
        np.savez(
            path, losses=trainer.train_loss_list, history=measured, **{k: v.numpy() for k, v in net.state_dict().items()}
        )


def dropout_and_resuming(path):
    """Dropout differs by rank; after Ctrl-C on one rank, within an epoch, a resumed run has the bits of one without it."""
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((90, 4)).astype(np.float32), rng.integers(0, 3, 90)
    masks = []

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.norm, self.out = nn.Linear(4, 30), nn.BatchNorm1d(30), nn.Linear(30, 3)
            self.drop = nn.Dropout(generator=np.random.default_rng(3))
            self.steps, self.stop = 0, None

        def forward(self, x):
            h = self.drop(F.dropout(self.norm(self.fc(x)), 0.5, self.training))
            self.steps += self.training
            masks.append(h.array == 0)
            if self.steps == self.stop and RANK == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return self.out(h)

    def trainer():
        mg.manual_seed(0)
        net = Network()
        return net, Trainer(net, x, t, x, t, epochs=3, mini_batch_size=20, verbose=False, checkpoint=path)

    net, first = trainer()
    first.train()
    found = [None, None]
    dist.all_gather_object(found, masks[0])
    assert found[0].shape == found[1].shape and 0.3 < (found[0] == found[1]).mean() < 0.8
    dist.all_gather_object(found, net.norm.running_var.numpy())
    assert (found[0] == found[1]).all()  # that of rank 0, with which all ranks evaluate
    assert abs(evaluate(net, x, t)[0] - first.history[-1].val_loss) < 1e-6
    wanted = {k: v.numpy() for k, v in net.state_dict().items()}

    net, second = trainer()
    net.stop = 8  # of 5 batches an epoch
    with raises(KeyboardInterrupt, "in epoch 2, after 3 batches"):
        second.train()
    net, third = trainer()
    third.load_checkpoint(path)
    third.train()
    assert all((wanted[k] == v.numpy()).all() for k, v in net.state_dict().items())
    assert third.train_loss_list == first.train_loss_list

    # A stream, which rank 0 reads; a sampler that draws late.
    class Stream(mg.data.IterableDataset):
        def __iter__(self):
            assert RANK == 0
            return iter([(row, int(label)) for row, label in zip(x[:50], t[:50], strict=True)])

    dataset = mg.data.TensorDataset(x, t)
    for loader in (
        mg.data.DataLoader(Stream(), batch_size=20),
        mg.data.DataLoader(dataset, batch_size=20, sampler=mg.data.RandomSampler(dataset, num_samples=50)),
        mg.data.DataLoader(dataset, batch_size=20, shuffle=True, num_workers=1),
        [(x[:7], t[:7]), (x[7:8], t[7:8])],
    ):
        mg.manual_seed(RANK)
        net = nn.Linear(4, 3)
        Trainer(net, loader, None, x, t, epochs=1, verbose=False).train()
        found = [None, None]
        dist.all_gather_object(found, net.weight.detach().numpy())
        assert (found[0] == found[1]).all()


def joining(how):
    """Rank 1 gives another number of ranks, or ends before it has joined."""
    rank = launched_rank()
    if how == "early" and rank:
        sys.exit(3)
    dist.init_process_group("mpi", timeout=timedelta(seconds=4), world_size=2 + rank)


def failing(how):
    """Rank 1 fails, or does something else, while rank 0 waits for it."""
    net = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    for step in range(3 + (RANK == 0) * (how == "unequal")):
        if step == 2 and RANK == 1:
            if how == "raise":
                raise ZeroDivisionError("on purpose")
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "exit":
                sys.exit(3)
            if how == "slow":
                time.sleep(30)
        if step == 1 and how == "sync":
            with net.no_sync() if RANK else contextlib.nullcontext():
                net(mg.ones(3, 2)).sum().backward()
            continue  # rank 0 meets the next backward of rank 1
        net(mg.ones(3, 2)).sum().backward()
    dist.barrier()


class raises:
    """As pytest's; pytest is not on every rank."""

    def __init__(self, kind, pattern):
        self.kind, self.pattern = kind, pattern

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        import re

        assert kind is not None and issubclass(kind, self.kind), f"{kind}, expected {self.kind}: {error}"
        assert re.search(self.pattern, str(error)), f"{error}\n  expected {self.pattern}"
        return True


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    if name != "joining":
        dist.init_process_group("mpi", timeout=timedelta(seconds=3 if arguments == ["slow"] else 50))
        RANK = dist.get_rank()
    globals()[name](*arguments)
