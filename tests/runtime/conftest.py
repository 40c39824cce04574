"""Small programs with hand-written LLVM text, so that the runtime is tested without a compiler."""

import numpy as np
import pytest

from runtime import jit
from runtime.program import VERSION, CheckInfo, Entry, KernelInfo, Program, TensorSpec

# A text that any machine of this architecture runs.
PLAIN = "baseline" if jit.host_target().triple.startswith("x86_64") else jit.host_target().name

# y = a * x + b over f32[N, 3]; frame: a, x | b | | y; table: N, 3*N.
AFFINE = """
define void @affine.sizes(ptr %table) {
  %n = load i64, ptr %table
  %e = mul i64 %n, 3
  %p = getelementptr i64, ptr %table, i64 1
  store i64 %e, ptr %p
  ret void
}
define i64 @affine(ptr %frame) {
entry:
  %table = load ptr, ptr %frame
  %p8 = getelementptr i64, ptr %frame, i64 8
  %p9 = getelementptr i64, ptr %frame, i64 9
  %p10 = getelementptr i64, ptr %frame, i64 10
  %p11 = getelementptr i64, ptr %frame, i64 11
  %pa = load ptr, ptr %p8
  %px = load ptr, ptr %p9
  %pb = load ptr, ptr %p10
  %py = load ptr, ptr %p11
  %a = load float, ptr %pa
  %b = load float, ptr %pb
  %pe = getelementptr i64, ptr %table, i64 1
  %e = load i64, ptr %pe
  br label %head
head:
  %i = phi i64 [0, %entry], [%next, %body]
  %more = icmp slt i64 %i, %e
  br i1 %more, label %body, label %done
body:
  %xi = getelementptr float, ptr %px, i64 %i
  %yi = getelementptr float, ptr %py, i64 %i
  %x = load float, ptr %xi
  %ax = fmul float %a, %x
  %y = fadd float %ax, %b
  store float %y, ptr %yi
  %next = add i64 %i, 1
  br label %head
done:
  ret i64 0
}
"""

# Fails with code 7 where a label is not in [0, 4); then loss = mean(x), w -= 0.5 * loss and
# steps += 1.  It writes two words of the arena, and times itself as one kernel.
# frame: x, labels | w, steps | | loss; table: N, 64*N + 64.
STEP = """
declare i64 @llvm.readcyclecounter()
define void @step.sizes(ptr %table) {
  %n = load i64, ptr %table
  %e = mul i64 %n, 64
  %f = add i64 %e, 64
  %p = getelementptr i64, ptr %table, i64 1
  store i64 %f, ptr %p
  ret void
}
define i64 @step(ptr %frame) {
entry:
  %table = load ptr, ptr %frame
  %p1 = getelementptr i64, ptr %frame, i64 1
  %arena = load ptr, ptr %p1
  %p2 = getelementptr i64, ptr %frame, i64 2
  %profile = load ptr, ptr %p2
  %p8 = getelementptr i64, ptr %frame, i64 8
  %p9 = getelementptr i64, ptr %frame, i64 9
  %p10 = getelementptr i64, ptr %frame, i64 10
  %p11 = getelementptr i64, ptr %frame, i64 11
  %p12 = getelementptr i64, ptr %frame, i64 12
  %px = load ptr, ptr %p8
  %pl = load ptr, ptr %p9
  %pw = load ptr, ptr %p10
  %ps = load ptr, ptr %p11
  %po = load ptr, ptr %p12
  %n = load i64, ptr %table
  %start = call i64 @llvm.readcyclecounter()
  br label %check
check:
  %i = phi i64 [0, %entry], [%i2, %good]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %look, label %sum
look:
  %li = getelementptr i32, ptr %pl, i64 %i
  %l = load i32, ptr %li
  %ok = icmp ult i32 %l, 4
  br i1 %ok, label %good, label %bad
good:
  %i2 = add i64 %i, 1
  br label %check
bad:
  %l64 = sext i32 %l to i64
  %p4 = getelementptr i64, ptr %frame, i64 4
  %p5 = getelementptr i64, ptr %frame, i64 5
  %p6 = getelementptr i64, ptr %frame, i64 6
  store i64 7, ptr %p4
  store i64 %i, ptr %p5
  store i64 %l64, ptr %p6
  ret i64 7
sum:
  %j = phi i64 [0, %check], [%j2, %add]
  %acc = phi float [0.0, %check], [%acc2, %add]
  %again = icmp slt i64 %j, %n
  br i1 %again, label %add, label %finish
add:
  %xj = getelementptr float, ptr %px, i64 %j
  %x = load float, ptr %xj
  %acc2 = fadd float %acc, %x
  %j2 = add i64 %j, 1
  br label %sum
finish:
  store float %acc, ptr %arena
  %a8 = getelementptr i8, ptr %arena, i64 8
  store i64 0, ptr %a8
  %nf = sitofp i64 %n to float
  %mean = fdiv float %acc, %nf
  store float %mean, ptr %po
  %half = fmul float %mean, 0.5
  %w = load float, ptr %pw
  %w2 = fsub float %w, %half
  store float %w2, ptr %pw
  %s = load i64, ptr %ps
  %s2 = add i64 %s, 1
  store i64 %s2, ptr %ps
  %timed = icmp ne ptr %profile, null
  br i1 %timed, label %note, label %done
note:
  %stop = call i64 @llvm.readcyclecounter()
  %d = sub i64 %stop, %start
  %c0 = load i64, ptr %profile
  %c1 = add i64 %c0, %d
  store i64 %c1, ptr %profile
  %pc = getelementptr i64, ptr %profile, i64 1
  %k0 = load i64, ptr %pc
  %k1 = add i64 %k0, 1
  store i64 %k1, ptr %pc
  br label %done
done:
  ret i64 0
}
"""

# mean of x, and whether it is above w; frame: x | w | | loss, above; table: N.
EVALUATE = """
define void @evaluate.sizes(ptr %table) {
  ret void
}
define i64 @evaluate(ptr %frame) {
entry:
  %table = load ptr, ptr %frame
  %p8 = getelementptr i64, ptr %frame, i64 8
  %p9 = getelementptr i64, ptr %frame, i64 9
  %p10 = getelementptr i64, ptr %frame, i64 10
  %p11 = getelementptr i64, ptr %frame, i64 11
  %px = load ptr, ptr %p8
  %pw = load ptr, ptr %p9
  %po = load ptr, ptr %p10
  %pa = load ptr, ptr %p11
  %n = load i64, ptr %table
  br label %sum
sum:
  %j = phi i64 [0, %entry], [%j2, %add]
  %acc = phi float [0.0, %entry], [%acc2, %add]
  %again = icmp slt i64 %j, %n
  br i1 %again, label %add, label %finish
add:
  %xj = getelementptr float, ptr %px, i64 %j
  %x = load float, ptr %xj
  %acc2 = fadd float %acc, %x
  %j2 = add i64 %j, 1
  br label %sum
finish:
  %nf = sitofp i64 %n to float
  %mean = fdiv float %acc, %nf
  store float %mean, ptr %po
  %w = load float, ptr %pw
  %above = fcmp ogt float %mean, %w
  %byte = zext i1 %above to i8
  store i8 %byte, ptr %pa
  ret i64 0
}
"""

COPY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @copy.sizes(ptr %table) {{
{sizes}
  ret void
}}
define i64 @copy(ptr %frame) {{
  %table = load ptr, ptr %frame
  %p8 = getelementptr i64, ptr %frame, i64 8
  %p9 = getelementptr i64, ptr %frame, i64 9
  %x = load ptr, ptr %p8
  %y = load ptr, ptr %p9
  %pn = getelementptr i64, ptr %table, i64 {last}
  %n = load i64, ptr %pn
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 %n, i1 false)
  ret i64 0
}}
"""


def spec(name, dtype, *shape, at=""):
    return TensorSpec(name, dtype, shape, at)


def entry(name, dims, inputs, outputs, *, sizes=None, **changes):
    fields = dict(
        constraints=(), parameters=(), constants=(), updated=(), arena_bytes=0, slots=(),
        kernels=(), checks={}, flush_denormals=False,
    )  # fmt: skip
    fields.update(changes)
    return Entry(
        name, tuple(dims), tuple(sizes or dims), inputs=tuple(inputs), outputs=tuple(outputs),
        **fields,
    )  # fmt: skip


def program(text, entries, parameters=(), constants=None):
    specs = tuple(item for item, _ in parameters)
    initial = {item.name: np.asarray(value, item.dtype) for item, value in parameters}
    return Program(
        "sample", VERSION, tuple(entries), specs, initial, constants or {}, {PLAIN: text}
    )


def affine_program(**changes):
    """affine(a, x) -> y with the parameter b."""
    inputs = [spec("a", "float32", at="model.py:2"), spec("x", "float32", "N", 3, at="model.py:3")]
    made = entry(
        "affine", ["N"], inputs, [spec("y", "float32", "N", 3)], sizes=["N", "3*N"],
        parameters=("b",), **changes,
    )  # fmt: skip
    return program(AFFINE, [made], [(spec("b", "float32"), 0.25)])


def training_program():
    """step(x, labels) -> loss, updating w and steps; evaluate(x) -> loss, above."""
    x = spec("x", "float32", "N", at="train.py:3")
    labels = spec("labels", "int32", "N", at="train.py:4")
    step = entry(
        "step", ["N"], [x, labels], [spec("loss", "float32")], sizes=["N", "64*N + 64"],
        parameters=("w", "steps"), updated=("w", "steps"), arena_bytes="64*N + 64",
        kernels=(KernelInfo("k0", "reduce", ("sum",), ("train.py:9",), "N", "64*N + 64"),),
        checks={7: CheckInfo("label {value} at {index} is outside [0, 4)", "train.py:4")},
    )  # fmt: skip
    evaluate = entry(
        "evaluate", ["N"], [x], [spec("loss", "float32"), spec("above", "bool")],
        parameters=("w",),
    )  # fmt: skip
    return program(
        STEP + EVALUATE,
        [step, evaluate],
        [(spec("w", "float32"), 1.0), (spec("steps", "int64"), 0)],
    )


def copy_program(dtype, shape, dims, factors=None, **changes):
    """copy(x) -> y; ``factors`` are the integers that make the product of dims the bytes."""
    lines, product = [], str(factors or np.dtype(dtype).itemsize)
    for number, _ in enumerate(dims):
        lines.append(f"  %p{number} = getelementptr i64, ptr %table, i64 {number}")
        lines.append(f"  %d{number} = load i64, ptr %p{number}")
        lines.append(f"  %m{number} = mul i64 {product}, %d{number}")
        product = f"%m{number}"
    lines.append(f"  %pn = getelementptr i64, ptr %table, i64 {len(dims)}")
    lines.append(f"  store i64 {product}, ptr %pn")
    text = COPY.format(sizes="\n".join(lines), last=len(dims))
    changes = {"single_output": True, **changes}
    made = entry(
        "copy", dims, [spec("x", dtype, *shape)], [spec("y", dtype, *shape)],
        sizes=[*dims, "bytes"], **changes,
    )  # fmt: skip
    return program(text, [made])


class Programs:
    """The factories above, for tests."""

    affine = staticmethod(affine_program)
    training = staticmethod(training_program)
    copy = staticmethod(copy_program)
    spec = staticmethod(spec)
    entry = staticmethod(entry)
    program = staticmethod(program)


@pytest.fixture
def programs():
    return Programs
