"""How Numba and LLVM turn a kernel into machine code, without what no kernel needs: a quarter of the time.

Compiling is most of a first training step, so each part here carries what it took of one of 25 seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, PassManager
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import InlineOverloads, NopythonRewrites, NopythonTypeInference
from numba.core.untyped_passes import InlineClosureLikes

from .team import is_loop, let_share
from .vectors import VECTOR_BYTES

# Closures, list comprehensions, and array expressions, which would become one loop: kernels are loops. 1.0 s
_UNUSED = {InlineClosureLikes, InlineOverloads, NopythonRewrites}


class _TypingContext:
    """Remembers what type an operator on numbers gives. Numba looks it up anew at each place, each time it looks at all
    places once more: a tenth of the time."""

    _known: dict[tuple, Any] = {}

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, function: Any, args: tuple, kws: dict) -> Any:
        of_numbers = all(isinstance(x, types.Number | types.Boolean) for x in args)
        if not of_numbers or getattr(function, "__module__", None) != "_operator":
            return self._context.resolve_function_type(function, args, kws)
        key = function, *args
        if key not in self._known:
            self._known[key] = self._context.resolve_function_type(function, args, kws)
        return self._known[key]


@register_pass(mutates_CFG=True, analysis_only=False)
class _TypeInference(NopythonTypeInference):
    def run_pass(self, state: Any) -> bool:
        context = state.typingctx
        state.typingctx = _TypingContext(context)
        try:
            return super().run_pass(state)
        finally:
            state.typingctx = context


class _Library(JITCodeLibrary):
    """The code of one kernel, optimised in full once.

    Numba optimises each function in full, then all together a little, so that reference counts meet and cancel, then
    all together in full. Kernels count no
    references of their arguments (:mod:`.team`). 3.4 s
    """

    counters: list[bool] | None = None  # of a loop, see let_share

    def add_ir_module(self, module: Any) -> None:
        if self.counters is not None and module.name == "wrapper":
            let_share(module, self.counters)
        super().add_ir_module(module)

    def _optimize_functions(self, module: Any) -> None:
        """Only the passes that make room for the others: without them one loop of bilinear resizing was 10 % slower,
        and what they take they save later."""
        module.data_layout = self._codegen._data_layout
        builder = self._codegen._pass_builder()
        manager = binding.create_new_function_pass_manager()
        manager.add_sroa_pass()
        manager.add_simplify_cfg_pass()
        manager.add_instruction_combine_pass()
        for function in module.functions:
            if not function.is_declaration:
                manager.run(function, builder)

    def _optimize_final_module(self) -> None:
        manager, builder = self._codegen._module_pass_manager()
        manager.run(self._final_module, builder)

    def serialize_using_object_code(self) -> tuple:
        """Without the code for other kernels to link, which call the inner one: its functions' names are what is
        read. Half the size of a file, and a fifth of the time to load it."""
        self._ensure_finalized()
        names = ir.Module()
        for function in self._final_module.functions:
            if not function.is_declaration:
                empty = ir.Function(names, ir.FunctionType(ir.VoidType(), ()), function.name)
                ir.IRBuilder(empty.append_basic_block()).ret_void()
        return self.name, "object", (self._get_compiled_object(), binding.parse_assembly(str(names)).as_bitcode())


class _WideLibrary(_Library):
    def add_ir_module(self, module: Any) -> None:
        for function in module.functions:
            if function.blocks:  # ``add`` of llvmlite's own knows no attribute that has a value
                set.add(function.attributes, f'"prefer-vector-width"="{8 * VECTOR_BYTES}"')
        super().add_ir_module(module)


class _InnerLibrary(_Library):
    """What only other kernels call is linked into them, so it is not made into machine code of its own. 1.0 s"""

    @property
    def codegen(self) -> Any:
        return _WithoutEnvironments(self._codegen)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def serialize_using_object_code(self) -> tuple:
        self._ensure_finalized()
        return self.name, "bitcode", self._get_module_for_linking().as_bitcode()


class _WithoutEnvironments:
    """A code generator that is told of an environment of code which it does not hold."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: Any) -> None:
        """An address would be looked up and written to."""


class Pipeline(CompilerBase):
    """For kernels that Python calls."""

    library: type[_Library] = _Library

    def define_pipelines(self) -> list[PassManager]:
        state = self.state
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        if is_loop(state.func_id.func):
            leaves = [leaf for kind in state.args[2:] for leaf in _leaves(state.targetctx, kind)]
            state.library.counters = [isinstance(leaf, types.MemInfoPointer) for leaf in leaves]
        whole = DefaultPassBuilder.define_nopython_pipeline(state)
        passes = PassManager(whole.pipeline_name)
        for step, description in whole.passes:
            if step not in _UNUSED:
                passes.add_pass(_TypeInference if step is NopythonTypeInference else step, description)
        passes.finalize()
        return [passes]


def _leaves(context: Any, kind: types.Type) -> Iterator[types.Type]:
    """What an argument of a type is taken apart into where a function is called."""
    model = context.data_model_manager[kind]
    parts = [kind.dtype] * kind.count if isinstance(kind, types.UniTuple) else getattr(model, "_members", None)
    if parts is None:
        yield kind
    else:
        for part in parts:
            yield from _leaves(context, part)


class WidePipeline(Pipeline):
    """For kernels that wait for arithmetic: LLVM makes vectors of their loops that are as wide as the host has them.

    By itself it takes half of that on many processors with AVX-512, the first of which lowered their clock for it.
    """

    library = _WideLibrary


class InnerPipeline(Pipeline):
    """For kernels that other kernels call."""

    library = _InnerLibrary
