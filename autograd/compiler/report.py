"""What was made of a recording, in words and sources."""

from __future__ import annotations

from typing import Any

from .program import Program


def report(recording: Any) -> str:
    """Arguments, what was fused, what is kept for the backward pass, and the source of everything that runs."""
    arguments = ", ".join(f"{v.shape} {v.dtype}" for v in recording.arguments)
    lines = [f"recording for {arguments or 'no tensors'}"]
    for program, _ in recording.programs:
        lines.append(f"  {program.name}: {_count(program)}")
        lines += [
            f"    {i.call.name}: {', '.join(m.name for m in i.members)}" for i in program.instructions if i.members
        ]
    kept = sum(v.nbytes for v in recording.saved if v.root().kind == "computed" and v.dtype.kind != "O")
    if recording.saved:
        lines.append(f"  kept for the backward pass: {kept / 2**20:.2f} MiB")
    for _, replay in recording.programs:
        lines += ["", replay.source.rstrip()]
    sources = {i.call.source: i.call.name for p, _ in recording.programs for i in p.instructions if i.members}
    for source, name in sources.items():
        lines += ["", f"# {name}", source.rstrip()]
    return "\n".join(lines)


def _count(program: Program) -> str:
    fused = [i for i in program.instructions if i.members]
    ops = len(program.instructions) + sum(len(i.members) - 1 for i in fused)
    return f"{ops} ops in {len(program.instructions)} steps, {len(fused)} of them fused loops"
