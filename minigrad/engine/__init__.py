"""The engine: primitives with their gradient rules, the tape that records calls, and the backward walk.

It knows no operation by name, and tensors only through `minigrad.arrays.Traced`.
"""
