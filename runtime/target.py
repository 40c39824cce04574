"""What the code generator must know of a processor.  Plain data; nothing is detected here."""

from __future__ import annotations

from runtime.frozen import frozen


@frozen
class Target:
    """``vector_bytes`` is the width of a vector register, ``vector_registers`` their number.

    ``features`` is LLVM's feature string, ``cpu`` LLVM's name, ``triple`` LLVM's triple ("" for the
    host's).  Cache sizes are in bytes, of one core.
    """

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int
    vector_registers: int
    has_fma: bool
    has_masks: bool
    l1_bytes: int = 32 << 10
    l2_bytes: int = 1 << 20
    l3_bytes: int = 32 << 20

    @property
    def architecture(self) -> str:
        """The triple's: x86_64, aarch64, ...; "" for the host's."""
        return self.triple.split("-")[0]

    def lanes(self, element_bytes: int) -> int:
        """Elements of one vector register."""
        return max(1, self.vector_bytes // element_bytes)


# The levels of x86-64, the better ones first, and the one of 64-bit ARM.
AVX512 = Target(
    "avx512", "", "x86-64-v4", "-prefer-256-bit", 64, 32, has_fma=True, has_masks=True
)
AVX2 = Target("avx2", "", "x86-64-v3", "", 32, 16, has_fma=True, has_masks=False)
BASELINE = Target("baseline", "", "x86-64-v2", "", 16, 16, has_fma=False, has_masks=False)
NEON = Target("neon", "", "generic", "", 16, 32, has_fma=True, has_masks=False)
