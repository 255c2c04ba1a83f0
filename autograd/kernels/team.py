"""How threads share the ranges of one loop, below Python.

A loop handed out by the interpreter loses some 35 µs: a thread is woken, waits for the GIL, and unboxes the arguments
that the caller has unboxed. Here a thread that has just worked *watches* for the next loop for a moment, without the
GIL, and all take ranges, each of its own share first, which stays in its cache: a loop loses 1.5 µs.

The wrapper through which Python calls a kernel has a second meaning (:func:`let_share`). ``kernel(start, stop, *args)``
with 0 ≤ start runs that range. ``kernel(-threads, n, *args)`` runs [0, n) together with those who watch: the machine's
arguments are put in a block on the caller's stack, and a *task* runs a range with the arguments in the block.

One loop is open at a time; :mod:`.parallel` holds a lock. A thread counts itself in before it looks whether the loop is
still open, and the caller closes the loop before it waits until nobody is inside: who reads the block will find it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from llvmlite import binding, ir

_RUN = "glassgrad_run"  # the name of @run for the linker
# Ranges of a thread's own share: who has done its own takes what another has left, so that a thread that the system
# holds up does not hold up the whole loop. When ranges went to whoever came first, one core often wrote what the other
# had in its cache: a third of all relus of 4 MB took 150 µs instead of 38. Every second loop takes the ranges of a
# share backwards, so that it begins with what the last one left in the cache: relu and its gradient took 6 % less.
RANGES_PER_THREAD = 4
_SHARES = 64  # at most

# What tells a core that it waits for another one.
_PAUSES = {
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}

_CODE = """
@task = internal global ptr null, align 64  ; the open loop
@block = internal global ptr null
@size = internal global i64 0
@shares = internal global i64 0
@ranges = internal global i64 0             ; of a share
@helpers = internal global i64 0            ; threads that may take part, but the caller
@status = internal global i32 0             ; of a range that failed
@error = internal global ptr null
@turned = internal global i64 0             ; -1: the last range of a share is taken first
@next = internal global [{shares} x [8 x i64]] zeroinitializer, align 64 ; range of each share to take; a line each
@turn = internal global i64 0, align 64     ; number of the open loop; 0: none; < 0: who watches returns to Python
@turns = internal global i64 0              ; loops so far
@inside = internal global i64 0, align 64   ; threads at work, but the caller

{declare_pause}
declare i64 @llvm.smin.i64(i64, i64)

define internal void @take_ranges(i64 %own) {{
  %task = load ptr, ptr @task
  %block = load ptr, ptr @block
  %size = load i64, ptr @size
  %shares = load i64, ptr @shares
  %ranges = load i64, ptr @ranges
  %all = mul i64 %shares, %ranges
  %turned = load i64, ptr @turned
  %end = and i64 %turned, %ranges
  %error = alloca ptr
  br label %visit
visit:                                      ; the own share first, then what the others have left
  %visits = phi i64 [0, %0], [%more, %next]
  %place = add i64 %own, %visits
  %share = srem i64 %place, %shares
  %first = mul i64 %share, %ranges
  %counter = getelementptr [8 x i64], ptr @next, i64 %share
  br label %take
take:
  %number = atomicrmw add ptr %counter, i64 1 seq_cst
  %any = icmp slt i64 %number, %ranges
  br i1 %any, label %cut, label %next
cut:
  %signed = xor i64 %number, %turned         ; number, or -1 - number
  %place_in_share = add i64 %signed, %end
  %range = add i64 %first, %place_in_share
  %following = add i64 %range, 1
  %before = mul i64 %range, %size
  %after = mul i64 %following, %size
  %start = sdiv i64 %before, %all
  %stop = sdiv i64 %after, %all
  %empty = icmp eq i64 %start, %stop
  br i1 %empty, label %take, label %run
run:
  %status = call i32 %task(ptr %block, i64 %start, i64 %stop, ptr %error)
  %good = icmp eq i32 %status, 0
  br i1 %good, label %take, label %failed
failed:
  %what = load ptr, ptr %error
  store ptr %what, ptr @error
  store i32 %status, ptr @status
  br label %take
next:
  %more = add i64 %visits, 1
  %left = icmp slt i64 %more, %shares
  br i1 %left, label %visit, label %out
out:
  ret void
}}

define i64 @next_turn() {{
  %before = load i64, ptr @turns
  %turn = add i64 %before, 1
  store i64 %turn, ptr @turns
  ret i64 %turn
}}

define i32 @run(ptr %task, ptr %block, i64 %threads, i64 %size, ptr %error) {{
  %shares = call i64 @llvm.smin.i64(i64 %threads, i64 {shares})
  %many = mul i64 %threads, {ranges_per_thread}
  %ranges = sdiv i64 %many, %shares
  %helpers = sub i64 %threads, 1
  store i64 %shares, ptr @shares
  store i64 %helpers, ptr @helpers
  store ptr %task, ptr @task
  store ptr %block, ptr @block
  store i64 %size, ptr @size
  store i64 %ranges, ptr @ranges
  store i32 0, ptr @status
  br label %reset
reset:
  %share = phi i64 [0, %0], [%next_share, %reset]
  %counter = getelementptr [8 x i64], ptr @next, i64 %share
  store i64 0, ptr %counter
  %next_share = add i64 %share, 1
  %another = icmp slt i64 %next_share, %shares
  br i1 %another, label %reset, label %open
open:
  %turn = call i64 @next_turn()
  %odd = and i64 %turn, 1
  %turned = sub i64 0, %odd
  store i64 %turned, ptr @turned
  store atomic i64 %turn, ptr @turn seq_cst, align 8
  call void @take_ranges(i64 0)
  store atomic i64 0, ptr @turn seq_cst, align 8
  br label %wait
wait:
  %looks = phi i64 [0, %open], [%more, %pause], [0, %yield]
  %more = add i64 %looks, 1
  %inside = load atomic i64, ptr @inside seq_cst, align 8
  %over = icmp eq i64 %inside, 0
  br i1 %over, label %done, label %not_over
not_over:
  %long = icmp sgt i64 %looks, 1000         ; the other thread may be waiting for this core
  br i1 %long, label %yield, label %pause
pause:
  {pause}
  br label %wait
yield:
  call i32 inttoptr (i64 {yield} to ptr)()
  br label %wait
done:
  %status = load i32, ptr @status
  %what = load ptr, ptr @error
  store ptr %what, ptr %error
  ret i32 %status
}}

define i64 @watch(i64 %number, i64 %most_looks, i64 %last_call) {{
  br label %look
look:
  %looks = phi i64 [0, %0], [%more, %pause], [0, %leave]
  %last = phi i64 [%last_call, %0], [%last, %pause], [%turn, %leave]
  %more = add i64 %looks, 1
  %turn = load atomic i64, ptr @turn seq_cst, align 8
  %closed = icmp eq i64 %turn, 0
  %known = icmp eq i64 %turn, %last
  %nothing = or i1 %closed, %known
  br i1 %nothing, label %wait, label %something
wait:
  %patient = icmp slt i64 %looks, %most_looks
  br i1 %patient, label %pause, label %give_up
pause:
  {pause}
  br label %look
something:
  %called = icmp slt i64 %turn, 0
  br i1 %called, label %answer, label %enter
enter:
  atomicrmw add ptr @inside, i64 1 seq_cst
  %again = load atomic i64, ptr @turn seq_cst, align 8
  %same = icmp eq i64 %again, %turn
  %helpers = load i64, ptr @helpers
  %wanted = icmp slt i64 %number, %helpers
  %still = and i1 %same, %wanted
  br i1 %still, label %work, label %leave
work:
  %own = add i64 %number, 1
  call void @take_ranges(i64 %own)
  br label %leave
leave:
  atomicrmw sub ptr @inside, i64 1 seq_cst
  br label %look
answer:
  ret i64 %turn
give_up:
  ret i64 0
}}

define void @call_up() {{
  %turn = call i64 @next_turn()
  %call = sub i64 0, %turn
  store atomic i64 %call, ptr @turn seq_cst, align 8
  ret void
}}

define void @close() {{
  store atomic i64 0, ptr @turn seq_cst, align 8
  ret void
}}

define i64 @open_turn() {{
  %turn = load atomic i64, ptr @turn seq_cst, align 8
  ret i64 %turn
}}

define void @forget() {{
  store atomic i64 0, ptr @turn seq_cst, align 8
  store atomic i64 0, ptr @inside seq_cst, align 8
  ret void
}}
"""


class Team(NamedTuple):
    """The functions that threads call."""

    watch: Callable[[int, int, int], int]
    """``watch(number, most_looks, last_call)``: helper ``number`` takes part in loops until none has come for so many
    looks, and returns 0; or until there is a :attr:`call_up` after the last one, and returns the number of that."""
    call_up: Callable[[], None]
    """Let all who watch return to Python, now and until :attr:`close`."""
    close: Callable[[], None]
    open_turn: Callable[[], int]
    """Not 0 if there is something to do."""
    forget: Callable[[], None]
    """In a forked child: nobody is inside."""


@cache
def team() -> Team:
    """Compile, in 10 ms."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_default_triple()
    declare_pause, pause = _PAUSES.get(target.triple.partition("-")[0], ("", ""))
    by_name = {"declare_pause": declare_pause, "pause": pause, "yield": _address_of_yield()}
    code = _CODE.format(ranges_per_thread=RANGES_PER_THREAD, shares=_SHARES, **by_name)
    machine = target.create_target_machine(opt=2, jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(code), machine)
    engine.finalize_object()
    engine = _kept.setdefault("engine", engine)  # threads that come at once get the same, else they would never meet
    binding.add_symbol(_RUN, engine.get_function_address("run"))

    def function(name: str, kind: Callable, *signature: type | None) -> Callable:
        return kind(*signature)(engine.get_function_address(name))

    number = ctypes.c_int64
    return Team(
        function("watch", ctypes.CFUNCTYPE, number, number, number, number),  # without the GIL; the others keep it
        function("call_up", ctypes.PYFUNCTYPE, None),
        function("close", ctypes.PYFUNCTYPE, None),
        function("open_turn", ctypes.PYFUNCTYPE, number),
        function("forget", ctypes.PYFUNCTYPE, None),
    )


_kept: dict[str, binding.ExecutionEngine] = {}  # threads may be inside until the process ends


def _address_of_yield() -> int:
    """The system's function that lets another thread have this core."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def is_loop(kernel: Callable) -> bool:
    """Whether a kernel runs any range of a loop: its first two parameters are ``start`` and ``stop``."""
    code = kernel.__code__
    return code.co_argcount >= 2 and code.co_varnames[:2] == ("start", "stop")


def let_share(wrapper: ir.Module, counters: Sequence[bool]) -> None:
    """Let the wrapper, through which Python calls a kernel that is a loop, share the loop if ``start`` is negative.

    counters : which of the machine's arguments behind ``stop`` count the references to an array. A kernel that hands a
        row of an array to another one counts up and down, and threads that share a counter wait for each other: the
        statistics of rows of 256 numbers took as long with two threads as with one. The caller of the wrapper holds
        the arrays, so nobody needs to count: the kernel gets null.
    """
    (call,) = (
        instruction
        for function in wrapper.functions
        for block in function.blocks
        for instruction in block.instructions
        if isinstance(instruction, ir.CallInstr) and "noinline" in instruction.attributes
    )
    kernel = call.callee
    result, error, index, _, *arguments = kernel.ftype.args
    status, pointer = kernel.ftype.return_type, ir.IntType(8).as_pointer()
    content = ir.LiteralStructType(arguments)

    def function(name: str, parameters: list[ir.Type]) -> tuple[ir.Function, ir.IRBuilder]:
        made = ir.Function(wrapper, ir.FunctionType(status, parameters), name)
        made.linkage = "internal"
        return made, ir.IRBuilder(made.append_basic_block())

    def uncounted(values: Sequence[ir.Value]) -> list[ir.Value]:
        return [ir.Constant(v.type, None) if counts else v for v, counts in zip(values, counters, strict=True)]

    # A call that is not inlined: the kernel is compiled once, not three times.
    task, code = function(f"{kernel.name}.task", [pointer, index, index, error])
    content_of = code.load(code.bitcast(task.args[0], content.as_pointer()))
    values = uncounted([code.extract_value(content_of, i) for i in range(len(arguments))])
    range_of = [code.alloca(result.pointee), task.args[3], task.args[1], task.args[2]]
    code.ret(code.call(kernel, [*range_of, *values], attrs=("noinline",)))

    loop, code = function(f"{kernel.name}.loop", kernel.ftype.args)
    _, error_of, start, stop, *values = loop.args
    with code.if_then(code.icmp_signed("<", start, ir.Constant(index, 0))):
        block = code.alloca(content)
        for i, value in enumerate(values):
            code.store(value, code.gep(block, [ir.Constant(ir.IntType(32), k) for k in (0, i)]))
        run = ir.Function(wrapper, ir.FunctionType(status, [pointer, pointer, index, index, error]), _RUN)
        code.ret(code.call(run, [code.bitcast(x, pointer) for x in (task, block)] + [code.neg(start), stop, error_of]))
    code.ret(code.call(kernel, [*loop.args[:4], *uncounted(values)], attrs=("noinline",)))
    call.callee = loop
