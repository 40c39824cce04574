"""Fixed LLVM text that programs run with; see ``runtime.pool``."""
