"""Convolution with a kernel that is even along each axis: single precision, in the smallest box, its transform kept.

An even kernel has a real transform, which takes half the memory and half the multiplications. The box is padded just so
far that nothing wraps round onto a voxel that is kept, and lines that are all zero are not transformed. A kernel of few
slices is transformed in its planes alone, and the planes are summed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError

Volume = npt.NDArray[np.float32]
Triple = tuple[int, int, int]
Box = tuple[slice, slice, slice]

_MOST_TAPS = 12
"""Kernels of no more slices on a side are summed along them."""


def bounding_box(*masks: npt.NDArray[np.bool_]) -> Box:
    """Smallest box around all voxels of some masks.

    Examples
    --------
    >>> mask = np.zeros((4, 4, 4), dtype=bool)
    >>> mask[1:3, 2, 0] = True
    >>> bounding_box(mask)
    (slice(1, 3, None), slice(2, 3, None), slice(0, 1, None))
    """
    ends = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        held = np.flatnonzero(np.logical_or.reduce([m.any(axis=others) for m in masks]))
        ends.append(slice(int(held[0]), int(held[-1]) + 1) if held.size else slice(0, 0))
    return ends[0], ends[1], ends[2]


class EvenConvolver:
    """Convolve volumes with one even kernel.

    Parameters
    ----------
    octant : array (n, m, k)
        Kernel at offsets from 0 on.
    workers : int, optional
        Threads of the transforms; all processors if not given.
    """

    def __init__(self, octant: npt.NDArray[np.floating[Any]], *, workers: int | None = None) -> None:
        import os

        if octant.ndim != 3 or min(octant.shape) < 1:
            raise QuantityError("a kernel has three dimensions", field="octant", value=str(octant.shape))
        if not np.isfinite(octant).all():
            raise QuantityError("a kernel is finite", field="octant")
        self.octant = np.ascontiguousarray(octant, dtype=np.float32)
        self.workers = workers or os.cpu_count() or 1
        self._kept: dict[Triple, Volume] = {}

    def __call__(self, source: npt.NDArray[np.floating[Any]]) -> Volume:
        """Convolve; the result has the shape of the source, and nothing wraps round.

        Parameters
        ----------
        source : array (slice, row, column)
            Already cut to the box of interest.
        """
        from scipy.fft import fft, ifft, irfft, rfft

        shape = source.shape
        padded = self._padded((shape[0], shape[1], shape[2]))
        kernel = self._transform(padded)
        many = {"workers": self.workers, "overwrite_x": True}
        x = rfft(np.asarray(source, dtype=np.float32), n=padded[2], axis=2, workers=self.workers)
        x = fft(x, n=padded[1], axis=1, **many)
        if self._few_slices(padded):
            x = _along_slices(x, kernel)
        else:
            x = fft(x, n=padded[0], axis=0, **many)
            x *= kernel
            x = ifft(x, axis=0, **many)[: shape[0]]
        x = ifft(x, axis=1, **many)[:, : shape[1]]
        return np.asarray(irfft(x, n=padded[2], axis=2, workers=self.workers)[:, :, : shape[2]], dtype=np.float32)

    def _few_slices(self, padded: Triple) -> bool:
        """Whether a sum over slices is faster than transforms along them."""
        return bool(self.octant.shape[0] <= min(_MOST_TAPS, padded[0]))

    def _padded(self, shape: Triple) -> Triple:
        from scipy.fft import next_fast_len

        sizes = []
        for axis, (n, held) in enumerate(zip(shape, self.octant.shape, strict=True)):
            needed = n + min(held - 1, n - 1)
            sizes.append(int(next_fast_len(needed, real=axis == 2)))
        return sizes[0], sizes[1], sizes[2]

    def _transform(self, padded: Triple) -> Volume:
        """Real transform of the wrapped kernel; along rows and columns alone where slices are summed."""
        if padded not in self._kept:
            from scipy.fft import rfftn

            few = self._few_slices(padded)
            octant = self.octant
            for axis, size in enumerate(padded):
                if axis == 0 and few:
                    continue
                far = self._wrap(size)
                octant = np.take(octant, far, axis=axis, mode="clip")
                octant[tuple(far >= self.octant.shape[axis] if a == axis else slice(None) for a in range(3))] = 0.0
            found = rfftn(octant, axes=(1, 2) if few else (0, 1, 2), workers=self.workers).real
            self._kept[padded] = np.ascontiguousarray(np.repeat(found, 2, axis=2) if few else found)
        return self._kept[padded]

    @staticmethod
    def _wrap(size: int) -> npt.NDArray[np.int64]:
        """Distance of each index from 0, around the end."""
        index = np.arange(size)
        return np.minimum(index, size - index)


def _along_slices(x: npt.NDArray[np.complex64], taps: Volume) -> npt.NDArray[np.complex64]:
    """Sum over slices of transformed planes."""
    from hemadose.physics.voxel_dose._tap_kernels import tapped

    found = np.empty_like(x)
    width = 2 * x.shape[1] * x.shape[2]
    tapped(
        x.reshape(x.shape[0], -1).view(np.float32),
        taps.reshape(-1, width),
        found.reshape(x.shape[0], -1).view(np.float32),
    )
    return found


def convolve_direct(source: npt.NDArray[np.floating[Any]], octant: npt.NDArray[np.floating[Any]]) -> npt.NDArray[
    np.float64
]:  # fmt: skip
    """Sum over all pairs of voxels, in double precision: slow, to check `EvenConvolver` with."""
    found = np.zeros(source.shape)
    grids = [np.arange(n) for n in source.shape]
    for at in np.argwhere(source != 0.0):
        offsets = [np.abs(g - p) for g, p in zip(grids, at, strict=True)]
        near = [o < n for o, n in zip(offsets, octant.shape, strict=True)]
        part = octant[np.ix_(*(o[h] for o, h in zip(offsets, near, strict=True)))]
        found[np.ix_(*(np.flatnonzero(h) for h in near))] += float(source[tuple(at)]) * part
    return found
