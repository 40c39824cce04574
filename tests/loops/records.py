"""Registers ``exp`` where ``graphc.ops`` has no record of it (yet)."""

import numpy as np

import graphc.ops  # noqa: F401
from graphc.ir import op
from graphc.ops.vecmath.exponential import exp

if "exp" not in {record.name for record in op.registered()}:
    op.register(
        op.Elementwise(
            name="exp", infer=lambda types, attributes: (types[0],), numpy=np.exp, lower=exp
        )
    )
