"""Compiled loops of the virtual camera: ways out of the body, and points spread over detector bins.

Volumes are (row, column, slice), so that the innermost loop runs along the patient: all slices of a column share the
same way to the detector.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}
_REACH = 5.0


@njit(**_OPTIONS)
def ways_out(mu, pitch_x, pitch_y, sine, cosine, wanted, out):  # type: ignore[no-untyped-def]
    """Attenuation from the middle of every wanted column out along (sin, cos) in (x, y), crossing by crossing.

    mu : (rows, columns, slices), per mm. out : the same shape, overwritten where wanted.
    """
    rows, columns, slices = mu.shape
    step_c, step_r = (1 if sine > 0.0 else -1), (1 if cosine > 0.0 else -1)
    across_c = pitch_x / abs(sine) if abs(sine) > 1e-9 else 1e30
    across_r = pitch_y / abs(cosine) if abs(cosine) > 1e-9 else 1e30
    for row in range(rows):
        for column in range(columns):
            if not wanted[row, column]:
                continue
            r, c = row, column
            next_c, next_r = 0.5 * across_c, 0.5 * across_r
            at = 0.0
            for z in range(slices):
                out[row, column, z] = np.float32(0.0)
            while 0 <= r < rows and 0 <= c < columns:
                end = min(next_c, next_r)
                length = np.float32(end - at)
                for z in range(slices):
                    out[row, column, z] += length * mu[r, c, z]
                at = end
                if next_c <= next_r:
                    next_c += across_c
                    c += step_c
                else:
                    next_r += across_r
                    r += step_r


@njit(**_OPTIONS)
def spread(share, passed, x, y, sine, cosine, radius, response, voxel_variance, bin_mm, depth_mm, planes):  # type: ignore[no-untyped-def]
    """Add every column of a source to the bins of one detector, sorted by distance.

    share, passed : (rows, columns, slices). x, y : centres of columns and rows, from the axis. response : (intrinsic,
    at face, per mm) FWHM. planes : (depths, bins, slices), each distance shared linearly between two of them.
    """
    rows, columns, slices = share.shape
    depths, bins = planes.shape[0], planes.shape[1]
    middle = 0.5 * (bins - 1)
    for row in range(rows):
        for column in range(columns):
            low, high = slices, -1
            for z in range(slices):
                if share[row, column, z] > 0.0:
                    low = min(low, z)
                    high = z
            if high < 0:
                continue
            distance = max(radius - (x[column] * sine + y[row] * cosine), 0.0)
            u = (-x[column] * cosine + y[row] * sine) / bin_mm + middle
            width = math.sqrt(response[0] ** 2 + (response[1] + response[2] * distance) ** 2) / 2.3548200450309493
            sigma = math.sqrt(width * width + voxel_variance) / bin_mm
            place = min(max(distance / depth_mm, 0.0), depths - 1.001)
            depth = int(place)
            upper = place - depth
            b0 = max(math.ceil(u - _REACH * sigma - 0.5), 0)
            b1 = min(math.floor(u + _REACH * sigma + 0.5), bins - 1)
            scale = 0.7071067811865476 / sigma
            before = math.erf((b0 - 0.5 - u) * scale)
            for b in range(b0, b1 + 1):
                after = math.erf((b + 0.5 - u) * scale)
                near = np.float32(0.5 * (after - before) * (1.0 - upper))
                far = np.float32(0.5 * (after - before) * upper)
                before = after
                for z in range(low, high + 1):
                    seen = share[row, column, z] * passed[row, column, z]
                    planes[depth, b, z] += near * seen
                    planes[depth + 1, b, z] += far * seen


@njit(**_OPTIONS)
def blur_along(planes, along, first, last, seen):  # type: ignore[no-untyped-def]
    """Blur the slices of every distance and add them up; planes are emptied on the way.

    planes : (depths, bins, slices). along : (depths, slices, detector slices), in each row from `first` to `last`
    (depths, slices) alone. seen : (bins, detector slices), added to.
    """
    depths, bins, slices = planes.shape
    for depth in range(depths):
        for b in range(bins):
            for z in range(slices):
                held = planes[depth, b, z]
                if held == 0.0:
                    continue
                planes[depth, b, z] = np.float32(0.0)
                for s in range(first[depth, z], last[depth, z] + 1):
                    seen[b, s] += held * along[depth, z, s]
