"""The device code on the processor: one batch of decays a task, all cores, sums added in a fixed order."""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic

from hemadose.physics.transport.decay import STACK_DEPTH, Alias, Emitted, Source, decay
from hemadose.physics.transport.device import device, entry
from hemadose.physics.transport.tables import Tables
from hemadose.physics.transport.variants import decay_of
from hemadose.physics.transport.world import World


@intrinsic
def _pointer(context, address):  # type: ignore[no-untyped-def]
    """Turn an address into a pointer."""
    del context

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        del context, signature
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@device
def _bare(a):  # type: ignore[no-untyped-def]
    """Return the same memory without its owner: no reference counting, which threads would fight over."""
    return carray(_pointer(a.ctypes.data), a.shape, a.dtype)


@device
def _bare_world(w):  # type: ignore[no-untyped-def]
    return World(
        w.shape,
        w.size_cm,
        _bare(w.material),
        _bare(w.medium),
        _bare(w.density),
        _bare(w.tally),
        w.periodic,
        w.resolution_cm,
        w.radial,
        w.centre_cm,
        w.bins_per_e,
        w.first_log_cm,
    )


@device
def _bare_tables(t):  # type: ignore[no-untyped-def]
    return Tables(
        _bare(t.charged),
        _bare(t.energy),
        _bare(t.range_scale),
        _bare(t.hard_rate),
        _bare(t.scattering),
        _bare(t.strengths),
        _bare(t.radiated),
        _bare(t.photon),
        _bare(t.incoherent),
        _bare(t.coherent),
        _bare(t.fluorescence),
        _bare(t.x_rays),
    )


@device
def _bare_alias(a):  # type: ignore[no-untyped-def]
    return Alias(_bare(a.keep), _bare(a.other))


@device
def _bare_emitted(e):  # type: ignore[no-untyped-def]
    return Emitted(
        e.local_kev,
        _bare(e.beta_charge),
        _bare(e.beta_yield),
        _bare(e.beta_quantile),
        e.electron_yield,
        _bare(e.electron_kev),
        _bare_alias(e.electron_alias),
        e.photon_yield,
        _bare(e.photon_kev),
        _bare_alias(e.photon_alias),
    )


@device
def _bare_source(s):  # type: ignore[no-untyped-def]
    return Source(_bare(s.cells), _bare_alias(s.alias), s.at_point, s.point_cm)


def _run_batch(world, tables, limits, majorant, source, emission, seed, first, count, shift, sums):  # type: ignore[no-untyped-def]
    """Follow `count` decays from the `first`-th on, adding to `sums`."""
    state = np.zeros(2, dtype=np.uint64)
    stack = np.zeros((STACK_DEPTH, 8))
    bare_state, bare_stack, bare_sums = _bare(state), _bare(stack), _bare(sums)
    bare_majorant = _bare(majorant)
    w, t, s, e = _bare_world(world), _bare_tables(tables), _bare_source(source), _bare_emitted(emission)
    for i in range(first, first + count):
        decay(w, t, limits, bare_majorant, s, e, seed, i, shift, bare_sums, bare_stack, bare_state)
    return state[0] + np.uint64(stack.shape[0])  # keeps both alive until here


@cache
def batch_function(estimator: str) -> Any:
    """Compiled `_run_batch` with the deposits counted by an estimator of `variants`."""
    name = f"run_batch_{estimator}"
    own = FunctionType(_run_batch.__code__, {**globals(), "decay": decay_of(estimator)}, name)
    own.__qualname__ = name
    return entry(own)
