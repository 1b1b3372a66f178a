"""exp(x) for x <= 0 in plain arithmetic, so that loops over voxels run in vector units without a vendor's library.

Cody and Waite's reduction x = n ln 2 + r with ln 2 in two parts, |r| <= ln 2 / 2, the series of exp(r) to r^12 (its
remainder is below 2e-16), and n added to the exponent of the number.

References
----------
Cody W J, Waite W. Software Manual for the Elementary Functions (1980), ch. 6.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

_INVERSE_LN2 = 1.4426950408889634
_LN2_HIGH = 6.93145751953125e-1
_LN2_LOW = 1.42860682030941723212e-6
_ROUND = 6755399441055744.0
"""1.5 times 2^52: added to a small number it leaves the nearest integer in the last bits."""
_LEAST = -700.0


@intrinsic
def _bits(typing_context, value):  # type: ignore[no-untyped-def]
    """Give the bits of a double as an integer."""
    del typing_context

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), made


@intrinsic
def _number(typing_context, value):  # type: ignore[no-untyped-def]
    """Give the double that has these bits."""
    del typing_context

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), made


@njit(cache=True, nogil=True, inline="never", fastmath={"contract"}, error_model="numpy")
def decayed(x):  # type: ignore[no-untyped-def]
    """exp(x) for x from -700 to 0, to 3e-16 relative; exp(-700) below. Not reassociated: the rounding is the method."""
    x = x if x > _LEAST else _LEAST
    shifted = x * _INVERSE_LN2 + _ROUND
    n = shifted - _ROUND
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    p = 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return _number(_bits(p) + (_bits(shifted) << 52))
