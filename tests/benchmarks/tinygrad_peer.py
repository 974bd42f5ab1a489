"""Programs for tinygrad, replayed by its TinyJit: the second call is recorded, and later calls repeat what it did."""

from __future__ import annotations

from tests.benchmarks import programs


def make(workload):
    """Return the program of a workload."""
    return {"step": _step, "chain": _chain, "gpt": _gpt}[workload]()


def _chain():
    from tinygrad import Device, Tensor, TinyJit

    leaves = [Tensor(a).realize() for a in programs.chain_arrays()]

    @TinyJit
    def compiled(x, w, b):
        loss = ((x @ w + b).tanh() * x).exp().sum()
        return loss.realize(*(grads := loss.gradient(x, w, b))), grads

    def chain():
        results = compiled(*leaves)
        Device[Device.DEFAULT].synchronize()
        return results

    def checked():
        loss, grads = chain()
        return loss.item() + sum((g.numpy() ** 2).sum() for g in grads)

    chain.value = checked
    return chain


def _step():
    from tinygrad import Tensor, nn

    x, t, arrays = programs.book_arrays()
    layers = [nn.Conv2d(1, 30, 5), Tensor.relu, Tensor.max_pool2d, lambda h: h.flatten(1)]
    layers += [nn.Linear(4320, 100), Tensor.relu, nn.Linear(100, 10)]
    params = nn.state.get_parameters(layers)
    return _training(lambda x: x.sequential(layers), params, programs.transposed(arrays), x, t, nn.optim.Adam)


def _gpt():
    from tinygrad import Tensor, nn

    import minigrad

    net, tokens, targets = programs.gpt(minigrad)
    values = {name: p.detach().numpy() for name, p in net.named_parameters()}
    (batch, length), (vocabulary, width), heads = tokens.shape, values["token.weight"].shape, 4

    class Block:
        def __init__(self):
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def __call__(self, x):
            parts = self.qkv(self.ln1(x)).reshape(batch, length, 3, heads, width // heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4).chunk(3)
            seen = q.scaled_dot_product_attention(k, v, is_causal=True).reshape(batch, heads, length, width // heads)
            x = x + self.proj(seen.transpose(1, 2).reshape(batch, length, width))
            return x + self.down(self.up(self.ln2(x)).gelu(approximate="none"))

    class GPT:
        def __init__(self):
            self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.blocks = [Block(), Block()]
            self.ln, self.out = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def __call__(self, tokens):
            x = self.token(tokens) + self.place(Tensor.arange(length))
            return self.out(self.ln(x.sequential(self.blocks))).reshape(-1, vocabulary)

    made = GPT()
    params = nn.state.get_state_dict(made)
    return _training(made, params.values(), [values[name] for name in params], tokens, targets, nn.optim.AdamW)


def _training(net, params, values, x, t, optimizer):
    from tinygrad import Context, Device, Tensor, TinyJit

    params = list(params)
    for p, value in zip(params, values, strict=True):
        p.assign(Tensor(value.copy())).realize()
    x, t, optimizer = Tensor(x).realize(), Tensor(t).realize(), optimizer(params)

    @TinyJit
    @Context(TRAINING=1)
    def compiled():
        optimizer.zero_grad()
        loss = net(x).sparse_categorical_crossentropy(t).backward()
        return loss.realize(*optimizer.schedule_step())

    def step():
        loss = compiled().item()
        Device[Device.DEFAULT].synchronize()
        return loss

    return step
