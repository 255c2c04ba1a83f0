"""All functions of the surface."""

from . import (
    creation,
    decompositions,
    elementwise,
    further,
    indexing,
    inplace,
    joining,
    layout,
    products,
    reductions,
    subscripts,
)

FAMILIES = (
    elementwise,
    reductions,
    products,
    decompositions,
    layout,
    joining,
    indexing,
    subscripts,
    creation,
    inplace,
    further,
)
SPECS = [spec for family in FAMILIES for spec in family.SPECS]
