"""LLVM by its library's functions: what llvmlite's own modules make is what comes out."""

from __future__ import annotations

import gc
import threading

import pytest

from runtime import jit, llvm

SUM = """define i64 @sum(i64 %x, i64 %y) {
  %z = add i64 %x, %y
  ret i64 %z
}
"""


def machine() -> llvm.Machine:
    host = jit.host_target()
    return llvm.Machine(host.triple, host.cpu, host.features)


def test_objects_and_assembly_are_those_of_llvmlite():
    binding, host = jit._binding(), jit.host_target()
    other = binding.Target.from_triple(host.triple).create_target_machine(
        cpu=host.cpu, features=host.features, opt=3, reloc="pic", codemodel="small", jit=True
    )
    module = binding.parse_assembly(SUM)
    module.triple, module.data_layout = host.triple, str(other.target_data)
    assert machine().object_file(SUM) == other.emit_object(module)
    assert machine().assembly(SUM) == other.emit_assembly(module)


def test_the_host_is_as_llvmlite_says():
    binding = jit._binding()
    assert llvm.host() == (
        binding.get_default_triple(),
        binding.get_host_cpu_name(),
        dict(binding.get_host_cpu_features()),
    )


@pytest.mark.parametrize(
    "text, reason",
    [
        ("define i64 @f( {", "expected"),
        ("define void @f() {\nentry:\n  br label %entry\n}\n", "[Ee]ntry block"),
        ("", None),
        ("; ä\n" + SUM, None),
    ],
)
def test_bad_text_is_an_error_and_the_next_is_compiled(text, reason):
    made = machine()
    if reason is None:
        assert made.object_file(text)
    else:
        with pytest.raises(RuntimeError, match=reason):
            made.object_file(text)
    assert b"sum" in made.object_file(SUM)
    made.dispose()


def test_an_unknown_target_is_an_error():
    with pytest.raises(RuntimeError, match="pdp11"):
        llvm.Machine("pdp11-dec-unix", "", "")


def test_many_threads_compile_at_once():
    wanted = machine().object_file(SUM)
    made: list[bytes] = []

    def compile_some() -> None:
        own = machine()
        made.extend(own.object_file(SUM) for _ in range(20))
        own.dispose()

    threads = [threading.Thread(target=compile_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert made == [wanted] * 80
