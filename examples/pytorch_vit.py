"""A vision transformer on digits, with einops for patches and heads, written for PyTorch: only the import lines differ.

Each 8x8 image becomes sixteen words, its 2x2 patches, and a word for the class; attention mixes them (Dosovitskiy et al.
2021). The lines were: import torch; import torch.nn.functional as F; from torch import nn; from einops import rearrange,
repeat; from einops.layers.torch import Rearrange. It needs einops.
"""

import minigrad as torch
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.data import load_digits  # arrays of 8x8 images: the digits of this package in PyTorch, too
from minigrad.interop.einops import Rearrange, rearrange, repeat


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.norm = nn.LayerNorm(dim)
        self.to_qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        qkv = self.to_qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (rearrange(t, "b n (h d) -> b h n d", h=self.heads) for t in qkv)
        weights = (torch.einsum("bhid,bhjd->bhij", q, k) * self.scale).softmax(dim=-1)
        return self.to_out(rearrange(torch.matmul(weights, v), "b h n d -> b n (h d)"))


class FeedForward(nn.Sequential):
    def __init__(self, dim, hidden):
        super().__init__(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class ViT(nn.Module):
    def __init__(self, size=8, patch=2, dim=32, depth=2, heads=4, classes=10):
        super().__init__()
        self.to_patch_embedding = nn.Sequential(
            Rearrange("b c (h p) (w q) -> b (h w) (p q c)", p=patch, q=patch), nn.Linear(patch * patch, dim)
        )
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embedding = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, dim) * 0.1)
        self.layers = nn.ModuleList([])
        for _ in range(depth):
            self.layers.append(nn.ModuleList([Attention(dim, heads), FeedForward(dim, 2 * dim)]))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, classes))

    def forward(self, images):
        x = self.to_patch_embedding(images)
        x = torch.cat((repeat(self.cls_token, "1 1 d -> b 1 d", b=len(x)), x), dim=1)
        x = x + self.pos_embedding
        for attention, feed_forward in self.layers:
            x = attention(x) + x
            x = feed_forward(x) + x
        return self.head(x[:, 0])


def accuracy(model, x, t):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(dim=-1) == t).float().mean().item()


def main(epochs=12, batch=48, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    (x, t), (x_test, t_test) = ([torch.from_numpy(a) for a in split] for split in load_digits(flatten=False))
    model = ViT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    losses = []
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for chosen in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[chosen]), t[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        schedule.step()
        losses.append(total / len(x))
        print(f"epoch {epoch + 1:2}: loss {losses[-1]:.3f}, accuracy on new digits {accuracy(model, x_test, t_test):.3f}")
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    return losses, accuracy(model, x_test, t_test)


if __name__ == "__main__":
    main()
