"""Compiled loops of the SPECT projector: rotation, attenuation, and blurring by stages.

Volumes are stored in blocks of slices, (block, row, column, lane), so that the innermost loop runs over neighbouring
slices and every plane transform is the same for all of them. A detector angle is sampled on a lattice turned with it:
u counts bins, w depth towards the detector. ``geometry`` of an angle holds the place (row, column) of sample (0, 0) and
its steps; ``first`` and ``last`` the depths of each u that meet the support; ``base`` where its samples are stored.

A plane at depth w has a Gaussian of variance v(w). It is shared between two of the stages 0, h, 2h ... that enclose v
(linear in v, so that the variance is exact), and the stages are blurred one after the other, each time by the three
taps a, 1 - 2a, a along slices and bins, with 2a = h. Taps of variance 1/3 have no excess kurtosis.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}

LANES = 32
"""Slices in a block: two vector registers, known to the compiler."""
SCALE = np.float32(1.0 / 65535.0)
"""Transmissions are kept as 16-bit shares of one."""
FAINTEST = np.float32(1e-20)
"""Less than this is nothing expected in a bin."""


@njit(**_OPTIONS)
def depth_ranges(mask, geometry, depths, first, last):  # type: ignore[no-untyped-def]
    """First and last depth of each (angle, bin) whose four neighbours meet the mask; last < first if none does."""
    rows, columns = mask.shape
    for angle in range(geometry.shape[0]):
        y0, x0, y_u, x_u, y_w, x_w = geometry[angle]
        for u in range(first.shape[1]):
            lowest, highest = depths, -1
            for w in range(depths):
                y = int(np.floor(y0 + u * y_u + w * y_w))
                x = int(np.floor(x0 + u * x_u + w * x_w))
                if y < 0 or x < 0 or y >= rows - 1 or x >= columns - 1:
                    continue
                if mask[y, x] or mask[y, x + 1] or mask[y + 1, x] or mask[y + 1, x + 1]:
                    lowest = min(lowest, w)
                    highest = w
            first[angle, u] = lowest
            last[angle, u] = highest


@njit(**_OPTIONS)
def transmit(mu, geometry, low, depths, first, last, base, through, own, passed):  # type: ignore[no-untyped-def]
    """Transmission from every sample to the detector, half of its own step included, for one angle and block.

    mu : (rows, columns, lanes), attenuation of a step. through, own : (lanes,) scratch. passed : (samples, lanes) of
    uint16. The exponential of a half step is the fourth power of its series to the sixth order.
    """
    rows, columns = mu.shape[0], mu.shape[1]
    y0, x0, y_u, x_u, y_w, x_w = geometry
    one, full, half = np.float32(1.0), np.float32(65535.0), np.float32(0.5)
    c2, c3, c4 = np.float32(1 / 2), np.float32(1 / 3), np.float32(1 / 4)
    c5, c6 = np.float32(1 / 5), np.float32(1 / 6)
    for u in range(first.shape[0]):
        if last[u] < first[u]:
            continue
        through[:] = one
        for w in range(depths - 1, first[u] - 1, -1):
            y, x = y0 + (low + u) * y_u + w * y_w, x0 + (low + u) * x_u + w * x_w
            yi, xi = int(np.floor(y)), int(np.floor(x))
            if yi >= 0 and xi >= 0 and yi < rows - 1 and xi < columns - 1:
                fy, fx = np.float32(y - yi), np.float32(x - xi)
                a, b, c, d = (one - fy) * (one - fx), (one - fy) * fx, fy * (one - fx), fy * fx
                for l in range(LANES):
                    t = np.float32(-0.125) * (
                        a * mu[yi, xi, l] + b * mu[yi, xi + 1, l] + c * mu[yi + 1, xi, l] + d * mu[yi + 1, xi + 1, l]
                    )
                    q = one + t * (one + c2 * t * (one + c3 * t * (one + c4 * t * (one + c5 * t * (one + c6 * t)))))
                    q = q * q
                    own[l] = q * q
            else:
                own[:] = one
            if w <= last[u]:
                k = base[u] + w - first[u]
                for l in range(LANES):
                    passed[k, l] = np.uint16(through[l] * own[l] * full + half)
            for l in range(LANES):
                through[l] *= own[l] * own[l]


@njit(**_OPTIONS)
def gather(volume, passed, offset, geometry, low, first, last, base, stage, share, line, planes):  # type: ignore[no-untyped-def]
    """Sum the samples of one view into the stages they belong to.

    volume : (blocks, rows, columns, lanes). passed : (blocks, samples, lanes), those of the view from `offset` on.
    low : first bin used. first, last, base : of each bin used. stage, share : of each depth. line : (stages, lanes)
    scratch. planes : (stages, bins used, slices), overwritten.
    """
    y0, x0, y_u, x_u, y_w, x_w = geometry
    one = np.float32(1.0)
    for block in range(volume.shape[0]):
        for u in range(first.shape[0]):
            line[:] = np.float32(0.0)
            at_u = float(low + u)
            for w in range(first[u], last[u] + 1):
                y, x = y0 + at_u * y_u + w * y_w, x0 + at_u * x_u + w * x_w
                yi, xi = int(y), int(x)
                fy, fx = np.float32(y - yi), np.float32(x - xi)
                a, b, c, d = (one - fy) * (one - fx), (one - fy) * fx, fy * (one - fx), fy * fx
                k = offset + base[u] + w - first[u]
                wide = share[w] * SCALE
                narrow = SCALE - wide
                s = stage[w]
                for l in range(LANES):
                    seen = np.float32(passed[block, k, l]) * (
                        a * volume[block, yi, xi, l]
                        + b * volume[block, yi, xi + 1, l]
                        + c * volume[block, yi + 1, xi, l]
                        + d * volume[block, yi + 1, xi + 1, l]
                    )
                    line[s, l] += narrow * seen
                    line[s + 1, l] += wide * seen
            for s in range(planes.shape[0]):
                for l in range(LANES):
                    planes[s, u, block * LANES + l] = line[s, l]


@njit(**_OPTIONS)
def scatter(planes, block, passed, offset, geometry, low, first, last, base, stage, share, line, row, volume):  # type: ignore[no-untyped-def]
    """Transpose of `gather` for one block: add the samples of one view to volume (rows, columns, lanes)."""
    y0, x0, y_u, x_u, y_w, x_w = geometry
    one = np.float32(1.0)
    for u in range(first.shape[0]):
        if last[u] < first[u]:
            continue
        for s in range(planes.shape[0]):
            for l in range(LANES):
                line[s, l] = planes[s, u, block * LANES + l] * SCALE
        at_u = float(low + u)
        for w in range(first[u], last[u] + 1):
            y, x = y0 + at_u * y_u + w * y_w, x0 + at_u * x_u + w * x_w
            yi, xi = int(y), int(x)
            fy, fx = np.float32(y - yi), np.float32(x - xi)
            a, b, c, d = (one - fy) * (one - fx), (one - fy) * fx, fy * (one - fx), fy * fx
            k = offset + base[u] + w - first[u]
            wide = share[w]
            narrow = one - wide
            s = stage[w]
            for l in range(LANES):
                row[l] = np.float32(passed[block, k, l]) * (narrow * line[s, l] + wide * line[s + 1, l])
            for l in range(LANES):
                volume[yi, xi, l] += a * row[l]
            for l in range(LANES):
                volume[yi, xi + 1, l] += b * row[l]
            for l in range(LANES):
                volume[yi + 1, xi, l] += c * row[l]
            for l in range(LANES):
                volume[yi + 1, xi + 1, l] += d * row[l]


@njit(**_OPTIONS)
def _blur(plane, along, across, work):  # type: ignore[no-untyped-def]
    """Three taps along slices and across bins of plane (bins, slices) in place, zero beyond its edges."""
    bins, slices = plane.shape
    keep = np.float32(1.0) - np.float32(2.0) * along
    end = slices - 1
    for u in range(bins):
        for z in range(1, end):
            work[u, z] = keep * plane[u, z] + along * (plane[u, z - 1] + plane[u, z + 1])
        work[u, 0] = keep * plane[u, 0] + (along * plane[u, 1] if end > 0 else np.float32(0.0))
        if end > 0:
            work[u, end] = keep * plane[u, end] + along * plane[u, end - 1]
    keep = np.float32(1.0) - np.float32(2.0) * across
    for u in range(bins):
        left, right = max(u - 1, 0), min(u + 1, bins - 1)
        from_left = across if u > 0 else np.float32(0.0)
        from_right = across if u < bins - 1 else np.float32(0.0)
        for z in range(slices):
            plane[u, z] = keep * work[u, z] + from_left * work[left, z] + from_right * work[right, z]


@njit(**_OPTIONS)
def _smooth(plane, along, across, work):  # type: ignore[no-untyped-def]
    """Convolve plane (bins, slices) in place with symmetric taps across bins and along slices, from the middle on."""
    bins, slices = plane.shape
    for u in range(bins):
        for z in range(slices):
            work[u, z] = along[0] * plane[u, z]
        for k in range(1, min(along.size, slices)):
            tap = along[k]
            for z in range(slices - k):
                work[u, z] += tap * plane[u, z + k]
            for z in range(k, slices):
                work[u, z] += tap * plane[u, z - k]
    for u in range(bins):
        for z in range(slices):
            plane[u, z] = across[0] * work[u, z]
        for k in range(1, across.size):
            tap = across[k]
            if u + k < bins:
                for z in range(slices):
                    plane[u, z] += tap * work[u + k, z]
            if u - k >= 0:
                for z in range(slices):
                    plane[u, z] += tap * work[u - k, z]


@njit(**_OPTIONS)
def collapse(planes, low, edge, taps, last_along, last_across, total, work, seen):  # type: ignore[no-untyped-def]
    """Blur the stages one into the next, and all by what the nearest plane has.

    planes : (stages, bins used, padded slices). edge : margins (bins, slices) of total and work. taps : outer taps of
    a stage (along slices, across bins). seen : (bins, slices) of the detector, overwritten.
    """
    used, slices = planes.shape[1], seen.shape[1]
    total[:] = np.float32(0.0)
    for s in range(planes.shape[0] - 1, -1, -1):
        for u in range(used):
            for z in range(slices):
                total[edge[0] + u, edge[1] + z] += planes[s, u, z]
        if s > 0:
            _blur(total, taps[0], taps[1], work)
    _smooth(total, last_along, last_across, work)
    for u in range(seen.shape[0]):
        place = u - low + edge[0]
        inside = place >= 0 and place < total.shape[0]
        for z in range(slices):
            seen[u, z] = total[place, edge[1] + z] if inside else np.float32(0.0)


@njit(**_OPTIONS)
def expand(seen, low, edge, taps, last_along, last_across, total, work, planes):  # type: ignore[no-untyped-def]
    """Transpose of `collapse`: every stage is the one before it, blurred."""
    used, slices = planes.shape[1], seen.shape[1]
    total[:] = np.float32(0.0)
    for u in range(seen.shape[0]):
        place = u - low + edge[0]
        if place >= 0 and place < total.shape[0]:
            for z in range(slices):
                total[place, edge[1] + z] = seen[u, z]
    _smooth(total, last_along, last_across, work)
    for s in range(planes.shape[0]):
        for u in range(used):
            for z in range(slices):
                planes[s, u, z] = total[edge[0] + u, edge[1] + z]
            planes[s, u, slices:] = np.float32(0.0)
        if s < planes.shape[0] - 1:
            _blur(total, taps[0], taps[1], work)


@njit(**_OPTIONS)
def compare(counts, scatter, weight, model):  # type: ignore[no-untyped-def]
    """Turn the projections of an estimate into weight * counts / model, in place; give the log-likelihood.

    counts, model : (bins, slices). scatter : the same shape, or (0, 0) for none.
    """
    likelihood = 0.0
    added = scatter.size > 0
    for u in range(model.shape[0]):
        for z in range(model.shape[1]):
            expected = model[u, z] * weight
            if added:
                expected += scatter[u, z]
            likelihood -= expected
            ratio = np.float32(0.0)
            if counts[u, z] > 0.0 and expected > FAINTEST:
                ratio = weight * counts[u, z] / expected
                likelihood += counts[u, z] * np.log(expected)
            model[u, z] = ratio
    return likelihood


@njit(**_OPTIONS)
def improve(estimate, correction, inverse):  # type: ignore[no-untyped-def]
    """Multiply a flat estimate with correction * inverse; where the inverse is 0 it stays."""
    for i in range(estimate.size):
        if inverse[i] > 0.0:
            estimate[i] *= correction[i] * inverse[i]
