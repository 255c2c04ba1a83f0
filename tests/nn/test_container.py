"""Sequential, ModuleList, ModuleDict."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import nn
from autograd.tensor import tensor


def layers():
    return [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]


def test_sequential_applies_in_order():
    net = nn.Sequential(nn.LeakyReLU(0.5), nn.ReLU())
    assert net(tensor([-2.0, 4.0])).tolist() == [0, 4]
    assert nn.Sequential()(3) == 3


def test_sequential_by_names_indexes_and_slices():
    net = nn.Sequential(OrderedDict(zip(["a", "b", "c"], layers(), strict=True)))
    assert list(net.state_dict()) == ["a.weight", "a.bias", "c.weight", "c.bias"]
    assert net[-1] is net.c
    assert isinstance(net[:2], nn.Sequential)
    assert list(net[:2]._modules) == ["a", "b"]
    assert len(net) == 3
    del net[1]
    assert list(net._modules) == ["a", "c"]
    net[0] = nn.Identity()
    assert isinstance(net.a, nn.Identity)


def test_sequential_grows_and_renumbers():
    net = nn.Sequential(*layers())
    net.append(nn.ReLU()).extend([nn.Tanh()])
    assert list(net._modules) == ["0", "1", "2", "3", "4"]
    del net[0:2]
    assert list(net._modules) == ["0", "1", "2"]
    assert isinstance(net[0], nn.Linear)


def test_module_list_is_a_list():
    modules = nn.ModuleList(layers())
    modules.insert(1, nn.Tanh())
    assert [type(m).__name__ for m in modules] == ["Linear", "Tanh", "ReLU", "Linear"]
    assert [n for n, _ in modules.named_parameters()] == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert isinstance(modules[1:], nn.ModuleList)
    assert list(modules[1:]._modules) == ["0", "1", "2"]


def test_module_dict_is_a_dict():
    modules = nn.ModuleDict({"up": nn.Linear(1, 2)})
    modules["down"] = nn.ReLU()
    assert "up" in modules
    assert list(modules) == list(modules.keys()) == ["up", "down"]
    assert [type(m).__name__ for m in modules.values()] == ["Linear", "ReLU"]
    assert dict(modules.items())["up"] is modules["up"]
    assert list(modules.state_dict()) == ["up.weight", "up.bias"]
    del modules["up"]
    assert len(modules) == 1


def test_errors_name_what_is_missing():
    with pytest.raises(IndexError, match="Sequential: index 3 is out of range for 3 modules"):
        nn.Sequential(*layers())[3]
    with pytest.raises(KeyError, match="no module 'x'; there are"):
        nn.ModuleDict({"up": nn.ReLU()})["x"]
    with pytest.raises(TypeError, match="'1' is None, not a Module"):
        nn.Sequential(nn.ReLU(), None)
    with pytest.raises(TypeError, match="must be a Module or None, not function"):
        nn.Sequential(lambda x: x)
    with pytest.raises(NotImplementedError, match=r"ModuleList has no forward\(\)"):
        nn.ModuleList()(1)
