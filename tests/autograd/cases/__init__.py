"""The op test table, a family a file. ``test_table.py`` runs every row, and names each op that has none."""

from importlib import import_module
from pkgutil import iter_modules

from .case import Case

CASES: list[Case] = [
    case
    for module in sorted(module.name for module in iter_modules(__path__))
    if module != "case"
    for case in import_module(f"{__name__}.{module}").CASES
]
