"""The only home of sympy: derivatives of op definitions, and graphs to and from mathematics.

Everything here imports sympy when it is imported itself, so the rest of graphc imports this package
inside functions, and only where a user's own op has no derivative on record.
"""
