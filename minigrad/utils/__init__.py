"""PyTorch's paths to what stands elsewhere: `torch.utils.data` is our `data`, `torch.utils.checkpoint` in `autograd`."""

from minigrad.utils import checkpoint, data
