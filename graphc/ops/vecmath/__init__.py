"""Transcendental functions as scalar arithmetic, accurate to the bounds in ``tests/ops``."""
