"""Differentiation, graph to graph.

What a gradient is where the function has none is agreed here, for all ops; the tests hold each
line:

============================ =======================================================================
``abs``, ``relu``, ``sign``  0 at 0; ``leaky_relu`` and ``elu`` take the slope of the negative side
``maximum``, ``minimum``     equal operands get half each
``max``, ``min`` of an axis  all equal extrema share equally
``clip``                     at a bound the gradient is x's; beyond it, the bound's
``sqrt``                     +inf at 0, so ``sqrt(sum(x * x))`` is NaN at 0
``norm``                     0 at 0
``var``, ``std``             0 for equal elements (``std``: 0, not 0/0)
``power(x, y)``              for x: y * x**(y - 1), and 0 where y is 0, also at x = 0
                             for y: out * log(x), and 0 where x is 0 and y >= 0; NaN where x < 0
``prod``                     the product of the others, so right with zeros too
``atan2(0, 0)``              0 for both
``log(0)``, ``reciprocal``   infinite, as the formula says
``where``                    the side not taken gets 0; 0 times an infinite slope is NaN
``floor ceil round``         0 everywhere, as no gradient flows
``remainder(x, y)``          1 for x and -floor(x / y) for y, at the jumps too
``softmax`` and its kind     the subtracted maximum is a constant
``logsumexp`` of only -inf   0
losses from probabilities    0 where the probability was clipped
============================ =======================================================================
"""

from graphc.autodiff.custom import custom_gradient
from graphc.autodiff.forward import jvp
from graphc.autodiff.reverse import grad, is_backward, vjp

__all__ = ["custom_gradient", "grad", "is_backward", "jvp", "vjp"]
