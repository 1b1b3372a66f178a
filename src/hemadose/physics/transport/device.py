"""How device code is compiled: one decorator, so that CPU and CUDA get the same functions."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from numba import njit

_OPTIONS = {"forceinline": True, "error_model": "numpy", "fastmath": {"contract", "arcp", "nsz", "afn"}}

device = njit(cache=True, **_OPTIONS)
"""Compile on first use and keep on disk; everything is inlined, since the look-up tables are too many arguments for a
call; division by zero gives infinity; checks for NaN are not given up."""


def rebound(function: Any, **names: Any) -> Any:
    """Give a device function whose code refers to other functions by some of its names.

    Parameters
    ----------
    function : device function
        Kept as it is.
    **names
        What its global names mean in the new one.
    """
    source = getattr(function, "py_func", function)  # itself where numba is switched off
    bound = FunctionType(source.__code__, {**source.__globals__, **names}, source.__name__)
    return njit(**_OPTIONS)(bound)
