"""The frameworks under test, behind one small face: the names they share, and the few that differ."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Case, StepCase
from .cases.case import Prepared


class Framework:
    """What a case sees: ``lib``, ``nn``, ``F``, ``optim`` of one framework, and what is spelled differently.

    name : as on the command line and in results.
    imports : the statement that a user of it begins with.
    dtype : of every float array and parameter.
    """

    name: str
    imports: str
    dtype: np.dtype
    lib: Any
    nn: Any
    F: Any
    optim: Any

    def __init__(self, threads: int, dtype: str = "float32") -> None:
        self.dtype = np.dtype(dtype)

    @classmethod
    def missing(cls) -> str | None:
        """What must be installed before it can run, or ``None``."""
        return None

    @classmethod
    def covers(cls, case: Case) -> bool:
        """Whether it is a thing of its own on this case."""
        return True

    def prepare(self, case: Case, state: Mapping[str, np.ndarray] | None) -> Prepared:
        return case.prepare(self, state)

    def model(self, name: str, *args: Any, **settings: Any) -> Any:
        self.lib.manual_seed(0)  # the same weights in every run: how far a step spreads rounding depends on them
        model = getattr(importlib.import_module("segmentation.models"), name)(*args, **settings)
        return model.to(getattr(self.lib, self.dtype.name))

    def compile(self, model: Any) -> Any:
        return model

    def compile_step(self, step: Any) -> Any:
        """The whole step, for who compiles that."""
        return step

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        raise NotImplementedError

    def numpy(self, tensor: Any) -> np.ndarray:
        return tensor.detach().numpy()

    def load(self, model: Any, state: Mapping[str, np.ndarray]) -> None:
        model.load_state_dict({name: self.tensor(value) for name, value in state.items()})


class Glassgrad(Framework):
    """This project."""

    name = "glassgrad"
    imports = "import autograd, nn, optim, segmentation"

    def __init__(self, threads: int, dtype: str = "float32") -> None:
        import autograd
        import nn
        import optim

        super().__init__(threads, dtype)
        autograd.set_num_threads(threads)
        self.lib, self.nn, self.F, self.optim = autograd, nn, nn.functional, optim

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        return self.lib.tensor(array, requires_grad=requires_grad)


class GlassgradCompiled(Glassgrad):
    """This project, with ``autograd.compile`` around the whole training step, or the model."""

    name = "glassgrad-compiled"

    @classmethod
    def missing(cls) -> str | None:
        import autograd

        return None if hasattr(autograd, "compile") else "autograd.compile"

    @classmethod
    def covers(cls, case: Case) -> bool:
        return isinstance(case, StepCase) and case.group == "models"

    def compile(self, model: Any) -> Any:
        return self.lib.compile(model, fullgraph=True)

    def compile_step(self, step: Any) -> Any:
        return self.lib.compile(step, fullgraph=True)


class Torch(Framework):
    """PyTorch on the CPU. Models come from this project's own source, read with ``nn`` meaning ``torch.nn``."""

    name = "torch"
    imports = "import torch"

    def __init__(self, threads: int, dtype: str = "float32") -> None:
        import torch

        super().__init__(threads, dtype)
        torch.set_num_threads(threads)
        self.lib, self.nn, self.F, self.optim = torch, torch.nn, torch.nn.functional, torch.optim

    @classmethod
    def missing(cls) -> str | None:
        return None if importlib.util.find_spec("torch") else "glassgrad[peers]"

    def model(self, name: str, *args: Any, **settings: Any) -> Any:
        """``segmentation.models`` on torch: this process holds no glassgrad, so those names are free."""
        if "segmentation" not in sys.modules:
            package = types.ModuleType("segmentation")
            package.__path__ = [str(Path(__file__).resolve().parent.parent / "segmentation")]
            shim = types.ModuleType("autograd")
            for shared in ("Tensor", "cat", "from_numpy"):
                setattr(shim, shared, getattr(self.lib, shared))
            sys.modules.update({"segmentation": package, "autograd": shim, "nn": self.nn})
        return super().model(name, *args, **settings)

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        return self.lib.tensor(array, requires_grad=requires_grad)


class TorchChannelsLast(Torch):
    """PyTorch with images in the memory order N, H, W, C."""

    name = "torch-channels-last"

    @classmethod
    def covers(cls, case: Case) -> bool:
        return isinstance(case, StepCase) or any(len(shape) == 4 for shape in getattr(case, "shapes", {}).values())

    def model(self, name: str, *args: Any, **settings: Any) -> Any:
        return super().model(name, *args, **settings).to(memory_format=self.lib.channels_last)

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        tensor = self.lib.tensor(array)
        if tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=self.lib.channels_last)
        return tensor.requires_grad_(requires_grad)


class TorchCompile(Torch):
    """PyTorch with ``torch.compile`` around the model; it needs a C++ compiler and takes a minute to begin."""

    name = "torch-compile"

    @classmethod
    def missing(cls) -> str | None:
        return super().missing() or (None if shutil.which("c++") or shutil.which("g++") else "a C++ compiler")

    @classmethod
    def covers(cls, case: Case) -> bool:
        return isinstance(case, StepCase) and case.group == "models"

    def compile(self, model: Any) -> Any:
        return self.lib.compile(model)


class Jax(Framework):
    """JAX with the whole step under ``jit``: the U-Net alone, written in JAX's own manner in ``jax_unet``."""

    name = "jax"
    imports = "import jax"

    def __init__(self, threads: int, dtype: str = "float32") -> None:
        from . import jax_unet

        super().__init__(threads, dtype)
        jax_unet.prepare_jax(threads, self.dtype)
        self.lib = jax_unet

    @classmethod
    def missing(cls) -> str | None:
        return None if importlib.util.find_spec("jax") else "glassgrad[jax]"

    @classmethod
    def covers(cls, case: Case) -> bool:
        return isinstance(case, StepCase) and case.model == "UNet"

    def prepare(self, case: Case, state: Mapping[str, np.ndarray] | None) -> Prepared:
        return self.lib.prepare(case, self.dtype, state)


OURS = ("glassgrad", "glassgrad-compiled")
FRAMEWORKS: dict[str, type[Framework]] = {
    framework.name: framework
    for framework in (Glassgrad, GlassgradCompiled, Torch, TorchChannelsLast, TorchCompile, Jax)
}
