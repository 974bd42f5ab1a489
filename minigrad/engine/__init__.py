"""The engine: what an operation is, the tape that remembers the calls, and the walk back along it."""
