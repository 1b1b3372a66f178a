"""Compiled loop over the draws of the dose chain; imported inside functions only."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_FAST = {"contract", "arcp", "nsz", "reassoc"}


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def evaluate(  # type: ignore[no-untyped-def]
    take, curves, best, common, local, common_sd, local_sd, mass, s_value, own, cross, fixed, follows, exponent, power,
    tail, tail_row, doses, left,
):  # fmt: skip
    """Fill doses (targets, draws) and left (draws,).

    `take` says of every cause whether it is absent (0), of its own draw (1), or of the draw half of all further on (2):
    first those common to regions (rows of `common`, sigma by region), then those of single regions (rows of `local`;
    the last is the outline), then curves, masses, S value. `tail` (3, regions): own, cross and difference.
    """
    regions, single = common_sd.shape[1], local_sd.shape[0]
    outline = common_sd.shape[0] + single - 1
    targets, draws = doses.shape
    activity, later = np.empty(regions), np.empty(regions)
    for j in range(draws):
        other = j + draws // 2
        if other >= draws:
            other -= draws
        _activities(take, curves, best, common, local, common_sd, local_sd, exponent, j, other, activity, later)
        known = take[outline + 3] == 0
        factor = 1.0 if known else math.exp(s_value[j if take[outline + 3] == 1 else other])
        for t in range(targets):
            log = 0.0
            if take[outline + 2] > 0:
                log = mass[t, j if take[outline + 2] == 1 else other]
            own_dose = 0.0
            cross_dose = fixed[t]
            for r in range(regions):
                own_dose += own[t, r] * activity[r]
                cross_dose += cross[t, r] * activity[r]
                if take[outline] > 0 and follows[t, r] != 0.0:
                    z = local[single - 1, r, j if take[outline] == 1 else other]
                    log += follows[t, r] * local_sd[single - 1, r] * z
            lighter = math.exp(-power[t] * log) if log != 0.0 else 1.0
            doses[t, j] = factor * (lighter * own_dose + cross_dose)
            if t == tail_row:
                own_left, cross_left, difference = 0.0, 0.0, 0.0
                for r in range(regions):
                    own_left += tail[0, r] * later[r]
                    cross_left += tail[1, r] * later[r]
                    difference += tail[2, r] * later[r]
                left[j] = factor * (lighter * own_left + cross_left + max(difference, 0.0))


@njit(cache=True, nogil=True, inline="always", fastmath=_FAST, error_model="numpy")
def _activities(take, curves, best, common, local, common_sd, local_sd, exponent, j, other, activity, later):  # type: ignore[no-untyped-def]
    """Integrals of all regions in one draw, from administration and from the infusion."""
    shared, regions = common_sd.shape
    single = local_sd.shape[0]
    chosen = take[shared + single]
    at = j if chosen == 1 else other
    last = curves.shape[0] - 1
    for r in range(regions):
        log = 0.0
        for c in range(shared):
            if take[c] > 0:
                log += common_sd[c, r] * common[c, j if take[c] == 1 else other]
        for c in range(single):
            if take[shared + c] > 0:
                z = local_sd[c, r] * local[c, r, j if take[shared + c] == 1 else other]
                log += z * exponent[r] if c == single - 1 else z
        factor = math.exp(log) if log != 0.0 else 1.0
        activity[r] = factor * (curves[0, r, at] if chosen > 0 else best[0, r])
        later[r] = factor * (curves[last, r, at] if chosen > 0 else best[last, r])
