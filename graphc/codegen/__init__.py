"""Loop IR to the text of one LLVM module, for a Target.

To be read in this order:

=============== ==================================================================================
module, entry   the text as a whole; the functions that the runtime calls
kernel          one function a kernel, over a range of its work units
nest, body      panels, tiles and tails of a loop nest; the statements in them
grid            the values of an expression for the points of a tile
expressions     expressions to grids; access, affine: loads and stores
running, fold   one element of a reduction; reduction, lanes, column: the orders
staging         operands across the vectors, copied once a panel; prefetching
turning         what lies across the vectors of a tile, turned in registers; across: short rows
scalar_llvm     what op records lower to
writer, values  text: instructions placed once, as far out as they can be
=============== ==================================================================================

Vectors are explicit, no flag lets LLVM reorder arithmetic, and there is no emitter beside this one:
a matrix product is a reduction in a tiled nest.
"""
