"""The frameworks under test, behind one small face: the names they share, and the few that differ."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np


class Glassgrad:
    """This project."""

    name = "glassgrad"

    def __init__(self, threads: int) -> None:
        import autograd
        import nn
        import optim
        from autograd.kernels.parallel import set_num_threads

        set_num_threads(threads)
        self.lib, self.nn, self.F, self.optim = autograd, nn, nn.functional, optim

    @property
    def models(self) -> Any:
        return importlib.import_module("segmentation.models")

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        return self.lib.tensor(array, requires_grad=requires_grad)

    def numpy(self, tensor: Any) -> np.ndarray:
        return tensor.detach().numpy()

    def load(self, model: Any, state: dict[str, np.ndarray]) -> None:
        model.load_state_dict({name: self.tensor(value) for name, value in state.items()})


class Torch:
    """PyTorch on the CPU. Models come from this project's own source, read with ``nn`` meaning ``torch.nn``."""

    name = "torch"

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.lib, self.nn, self.F, self.optim = torch, torch.nn, torch.nn.functional, torch.optim

    @property
    def models(self) -> Any:
        """``segmentation.models`` on torch: this process holds no glassgrad, so those names are free."""
        if "segmentation" not in sys.modules:
            package = types.ModuleType("segmentation")
            package.__path__ = [str(Path(__file__).resolve().parent.parent / "segmentation")]
            shim = types.ModuleType("autograd")
            shim.Tensor, shim.cat = self.lib.Tensor, self.lib.cat  # type: ignore[attr-defined]
            sys.modules.update({"segmentation": package, "autograd": shim, "nn": self.nn})
        return importlib.import_module("segmentation.models")

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        tensor = self.lib.tensor(array)
        return tensor.requires_grad_() if requires_grad else tensor

    def numpy(self, tensor: Any) -> np.ndarray:
        return tensor.detach().numpy()

    def load(self, model: Any, state: dict[str, np.ndarray]) -> None:
        model.load_state_dict({name: self.lib.tensor(value) for name, value in state.items()})


FRAMEWORKS = {"glassgrad": Glassgrad, "torch": Torch}
