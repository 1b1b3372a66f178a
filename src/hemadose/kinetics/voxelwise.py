"""Time-activity curves of every voxel of a registered series, and their integrals with uncertainty.

One exponential: A exp(-k t), A eliminated since it is linear (variable projection). The best of a grid of rates, whose
exponentials all voxels share, is the start, so that the optimum is that of the whole range; Newton's steps in k follow.
Two exponentials: the best pair of a grid of rates and a pair with the fastest rate, then damped Newton steps in both
rates with both amplitudes eliminated; of amplitudes, the slow one and the sum are not negative. No rate is below
physical decay: what does not decay is integrated with physical decay, and says so. No rate is faster than the first
image can tell.

References
----------
Golub G H, Pereyra V. SIAM J Numer Anal 10:413 (1973), Kaufman L. BIT 15:49 (1975): variable projection. Gear J I et al.
Eur J Nucl Med Mol Imaging 45:2456 (2018), eq. 29-31: variance of a time-integrated activity from that of A and k.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, TimingError

Array = npt.NDArray[np.float64]

_FASTEST_H = 0.05
_RATES = 28
_PITCH = 1.25


class VoxelFit(IntEnum):
    """How the fit of a voxel ended."""

    FITTED = 0
    PHYSICAL_DECAY = 1
    NO_SIGNAL = 2
    FASTEST_RATE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelCurves:
    """Fits of all voxels.

    Attributes
    ----------
    tia_s : array
        Integral from injection to infinity: the unit of the values times s.
    tia_sd_s : array of the same shape
        Standard uncertainty from the given uncertainties of the values, or from the residuals; NaN where as many
        parameters as values were fitted and no uncertainty was given.
    rate_per_s : array
        Effective decay of the last phase; 0 without signal.
    status : array of int8
        `VoxelFit`.
    """

    tia_s: Array
    tia_sd_s: Array
    rate_per_s: Array
    status: npt.NDArray[np.int8]

    def notes(self) -> tuple[str, ...]:
        """Say how many voxels needed an assumption."""
        held = max(int(np.count_nonzero(self.status != VoxelFit.NO_SIGNAL)), 1)
        total = max(float(self.tia_s.sum(dtype=np.float64)), 1e-300)
        said = []
        for status, words in (
            (VoxelFit.PHYSICAL_DECAY, "do not decay faster than the nuclide; they are integrated with physical decay"),
            (VoxelFit.FASTEST_RATE, "decay faster than the first image can tell; their rate is the fastest it can"),
        ):
            bound = self.status == status
            if bound.any():
                share = 100.0 * float(self.tia_s[bound].sum(dtype=np.float64)) / total
                said.append(
                    f"{100.0 * np.count_nonzero(bound) / held:.1f} % of the voxels with signal {words} and hold "
                    f"{share:.1f} % of the decays"
                )
        return tuple(said)


def fit_voxels(
    times_s: npt.ArrayLike,
    values: npt.NDArray[np.floating[Any]],
    *,
    half_life_s: float,
    sd: npt.NDArray[np.floating[Any]] | None = None,
    phases: int = 1,
    threads: int | None = None,
) -> VoxelCurves:
    """Fit every voxel.

    Parameters
    ----------
    times_s : array (n,)
        Since injection, rising, of the middle of each scan.
    values : array (n, ...)
        Activity concentration at these times, not decay-corrected; negative values are noise and stay. Single or
        double precision; the arithmetic is double.
    half_life_s : float
        Physical.
    sd : array (n,) or (n, ...), optional
        Standard uncertainties; alike for all times if not given, and then the uncertainty of the integral comes from
        the residuals, if more than two times are given. Two exponentials use the mean over voxels.
    phases : int
        1 or 2 exponentials; two need four times at least.
    threads : int, optional
        All processors if not given.

    Returns
    -------
    VoxelCurves

    Raises
    ------
    TimingError
        If there are too few times, or they do not rise.
    QuantityError
        If values are missing or an uncertainty is not positive.

    Examples
    --------
    >>> found = fit_voxels([3600.0, 86400.0], np.array([[2.0], [1.0]]), half_life_s=6.6e5)
    >>> round(float(found.tia_s[0] / 86400.0), 2)
    2.85
    """
    times = np.asarray(times_s, dtype=np.float64)
    need = {1: 2, 2: 4}.get(phases)
    if need is None:
        raise QuantityError("one or two exponentials", field="phases", value=str(phases), expected="1 or 2")
    if times.ndim != 1 or times.size < need or not (np.diff(times) > 0.0).all() or times[0] < 0.0:
        raise TimingError(
            "times of a series must rise from injection on", field="times_s", value=str(times.tolist()),
            expected=f"{need} or more",
        )  # fmt: skip
    flat = _flat(np.asarray(values))
    if flat.shape[0] != times.size or not np.isfinite(flat.sum(dtype=np.float64)):
        raise QuantityError("every time needs a value in every voxel", field="values", value=str(np.shape(values)))
    if not half_life_s > 0.0:
        raise QuantityError("a half-life is positive", field="half_life_s", value=f"{half_life_s:g}")
    spread = _spread(sd, flat, times.size)
    shape = np.shape(values)[1:]
    slowest = float(np.log(2.0) / half_life_s)
    fastest = max(fastest_rate_per_s(times), 2.0 * slowest)
    fit = _one if phases == 1 else _two
    return fit(times, flat, spread, sd is not None, slowest, fastest, shape, threads)


def fastest_rate_per_s(times_s: Array) -> float:
    """Fastest rate that a series can tell: a share of exp(-3) is left at the first time after injection.

    Anything faster would be known only by what it was before the first image, and its integral would be unbounded.
    """
    first = float(times_s[times_s > 0.0][0])
    return float(min(3.0 / first, np.log(2.0) / (_FASTEST_H * 3600.0)))


def _flat(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    kind = np.float32 if values.dtype == np.float32 else np.float64
    flat: npt.NDArray[np.floating[Any]] = np.ascontiguousarray(values, dtype=kind)
    return flat.reshape(values.shape[0], -1)


def _spread(sd: npt.NDArray[np.floating[Any]] | None, flat: npt.NDArray[np.floating[Any]], n: int) -> Array:
    if sd is None:
        return np.ones((n, 1))
    given = np.ascontiguousarray(sd, dtype=np.float64).reshape(n, -1) if sd.shape[0] == n else np.zeros((1, 1))
    if given.shape[1] not in (1, flat.shape[1]) or not (given > 0.0).all() or not np.isfinite(given).all():
        raise QuantityError(
            "uncertainties must be positive and fit the values", field="sd", value=str(sd.shape),
            expected=f"({n},) or {flat.shape}",
        )  # fmt: skip
    return given


def _run(kernel: Any, arguments: tuple[Any, ...], voxels: int, outputs: tuple[Any, ...], threads: int | None) -> None:
    """Spread voxels over threads."""
    import os
    from concurrent.futures import ThreadPoolExecutor
    from itertools import pairwise

    workers = threads or os.cpu_count() or 1
    edges = np.linspace(0, voxels, max(min(8 * workers, voxels // 2000), 1) + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda ends: kernel(*arguments, int(ends[0]), int(ends[1]), *outputs), pairwise(edges)))


def _one(
    times: Array, flat: npt.NDArray[np.floating[Any]], spread: Array, known: bool, slowest: float, fastest: float,
    shape: tuple[int, ...], threads: int | None,
) -> VoxelCurves:  # fmt: skip
    from hemadose.kinetics._voxelwise_kernels import mono

    steps = max(int(np.ceil(np.log(fastest / slowest) / np.log(_PITCH))), 4)
    rates = np.geomspace(slowest, fastest, steps + 1)
    out, status = np.empty((3, flat.shape[1])), np.empty(flat.shape[1], dtype=np.int8)
    _run(mono, (times, flat, 1.0 / spread**2, rates, known), flat.shape[1], (out, status), threads)
    return VoxelCurves(
        tia_s=out[0].reshape(shape), tia_sd_s=out[1].reshape(shape), rate_per_s=out[2].reshape(shape),
        status=status.reshape(shape),
    )  # fmt: skip


def _two(
    times: Array, flat: npt.NDArray[np.floating[Any]], spread: Array, known: bool, slowest: float, fastest: float,
    shape: tuple[int, ...], threads: int | None,
) -> VoxelCurves:  # fmt: skip
    from hemadose.kinetics._voxelwise_pairs import bi

    out = np.empty((7, flat.shape[1]))
    weights = 1.0 / np.mean(spread, axis=1) ** 2
    rates = np.geomspace(slowest, fastest, _RATES)
    _run(bi, (times, weights, flat, rates, known), flat.shape[1], (out,), threads)
    a, k, b, m, _, status, sd = out
    held = status != VoxelFit.NO_SIGNAL
    tia = np.where(held, a / np.where(held, k, 1.0) + b / np.where(held, m, 1.0), 0.0)
    return VoxelCurves(
        tia_s=np.maximum(tia, 0.0).reshape(shape),
        tia_sd_s=np.where(held, sd, 0.0).reshape(shape),
        rate_per_s=np.where(held, np.where(a > 0.0, k, m), 0.0).reshape(shape),
        status=status.astype(np.int8).reshape(shape),
    )
