"""A hint to the processor that a number will be read soon, so that memory is fetched while it computes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_READ, _KEEP, _DATA = 0, 3, 1


@intrinsic
def prefetch(typing_context: Any, values: Any, place: Any) -> Any:
    """Fetch the cache line of one number of a one-dimensional array; nothing else happens.

    Args:
        typing_context: numba's.
        values: the array.
        place: index of the number, within the array.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), cgutils.voidptr_t)
        number = cgutils.int32_t
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [address, *(number(n) for n in (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.void(values, types.intp), generate
