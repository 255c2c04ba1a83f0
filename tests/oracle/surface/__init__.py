"""The surface beside PyTorch: for every function, a description of its whole argument space, as data.

``generators`` draws arguments, ``spec`` says which argument of which function is drawn how, one module for each family
lists its functions, ``runner`` makes the same call here and there and compares, ``differences`` lists what differs on
purpose and why, and ``document`` prints that list as docs/differences.md.
"""
