"""How fast, beside a peer, in one run: ``python -m benchmarks --help``.

Every case is written once, in the names that glassgrad and PyTorch share, and runs in a process of each framework
(the thread pools of two frameworks in one process disturb each other). The processes take turns; what is quoted is
the median and the ratio of medians. A case is timed only after both frameworks gave the same numbers.
"""
