"""The graph, seen: ``viz.graph(x)`` draws what a tensor was computed from, without any program outside of Python.

>>> from autograd import tensor, viz
>>> x = tensor([1.0, 2.0], requires_grad=True)
>>> viz.graph(x * 3)
input  (2,)  input
mul  (2,)  ← input  ⇒ output
"""

from .drawing import Graph, from_json, graph
from .form import EdgeForm, GraphForm, ModuleForm, NodeForm

__all__ = ["EdgeForm", "Graph", "GraphForm", "ModuleForm", "NodeForm", "from_json", "graph"]
