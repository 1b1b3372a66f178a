"""How device code is compiled: one decorator, so that CPU and CUDA get the same functions."""

from __future__ import annotations

from numba import njit

device = njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz", "afn"})
"""Compile on first use, keep on disk; division by zero gives infinity; no checks for NaN are given up."""
