"""PyTorch's names that mean little on one CPU: import paths, devices, mixed precision, scripting.

A program for PyTorch runs with its import lines changed from `torch` to `minigrad`. What costs nothing to leave out is left
out (`cuda.synchronize`, `jit.script`); what would change a result is refused, or warns.
"""
