"""Benchmarks: fastml beside its peers, run from a checkout.

``python -m bench`` races all contenders in one process per thread count and prints a table; ``pytest bench`` gives the
same cases as pytest-benchmark rows. Nothing here is installed with the library.

A new function needs its row in `bench.contenders` or one of the tables that this is put together from, its cases in a
``test_<family>.py`` (a family is such a file), and its count of operations in `bench.roofline`.
"""
