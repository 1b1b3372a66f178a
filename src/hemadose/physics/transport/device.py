"""How device code is compiled: one decorator, so that CPU and CUDA get the same functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import njit

_OPTIONS = {"forceinline": True, "error_model": "numpy", "fastmath": {"contract", "arcp", "nsz", "afn"}}

device = njit(**_OPTIONS)
"""Compile with what calls it: everything is inlined, since the look-up tables are too many arguments for a call;
division by zero gives infinity; checks for NaN are not given up."""


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


@cache
def room_digest() -> str:
    """Digest of all device code and of the constants that it is compiled with."""
    here = Path(__file__).parent
    files = sorted([*here.glob("*.py"), *(here.parent / "matter").glob("*.py")])
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def entry(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, and keep the result on disk until any module of this room changes.

    Numba itself would look at the module of `function` alone, and go on with old physics after an update of the others.
    """
    compiled = njit(cache=True, nogil=True, error_model="numpy")(function)
    store: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if not hasattr(store, "_source_stamp"):
        return njit(nogil=True, error_model="numpy")(function)
    store._source_stamp = room_digest()
    return compiled
