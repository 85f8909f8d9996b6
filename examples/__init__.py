"""The workflows on real input: `make run`, or `python -m examples [NAME ...]`."""
