"""Time-activity curves of every voxel of a registered series, and their integrals with uncertainty.

One exponential: A exp(-k t). A line through the weighted logarithms gives a start; then Gauss-Newton steps in k alone,
with A eliminated, since it is linear (variable projection). Two exponentials: the best pair of a grid of rates, found
with all exponentials shared between voxels, then damped Gauss-Newton steps in both rates with both amplitudes
eliminated; of amplitudes, the slow one and the sum are not negative. No rate is below physical decay: what does not
decay is integrated with physical decay, and says so. No rate is faster than the first image can tell.

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


class VoxelFit(IntEnum):
    """How the fit of a voxel ended."""

    FITTED = 0
    PHYSICAL_DECAY = 1
    NO_SIGNAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelCurves:
    """Fits of all voxels.

    Attributes
    ----------
    tia_s : array
        Integral from injection to infinity: the unit of the values times s.
    tia_sd_s : array of the same shape
        Standard uncertainty from the given uncertainties of the values; NaN for two exponentials.
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
        held = self.status != VoxelFit.NO_SIGNAL
        bound = self.status == VoxelFit.PHYSICAL_DECAY
        if not bound.any():
            return ()
        share = 100.0 * float(self.tia_s[bound].sum() / max(float(self.tia_s.sum()), 1e-300))
        return (
            f"{100.0 * bound.sum() / max(int(held.sum()), 1):.1f} % of the voxels with signal do not decay faster than "
            f"the nuclide; they are integrated with physical decay and hold {share:.1f} % of the decays",
        )


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
        Activity concentration at these times, not decay-corrected; negative values are noise and stay.
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
    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(times.size, -1)
    if values.shape[0] != times.size or not np.isfinite(flat).all():
        raise QuantityError("every time needs a value in every voxel", field="values", value=str(values.shape))
    if not half_life_s > 0.0:
        raise QuantityError("a half-life is positive", field="half_life_s", value=f"{half_life_s:g}")
    spread = _spread(sd, flat, times.size)
    shape = values.shape[1:]
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


def _spread(sd: npt.NDArray[np.floating[Any]] | None, flat: Array, n: int) -> Array:
    if sd is None:
        return np.ones((n, 1))
    given = np.ascontiguousarray(sd, dtype=np.float64).reshape(n, -1) if sd.shape[0] == n else np.zeros((1, 1))
    if given.shape[1] not in (1, flat.shape[1]) or not (given > 0.0).all() or not np.isfinite(given).all():
        raise QuantityError(
            "uncertainties must be positive and fit the values", field="sd", value=str(sd.shape),
            expected=f"({n},) or {flat.shape}",
        )  # fmt: skip
    return given


def _run(kernel: Any, arguments: tuple[Any, ...], voxels: int, out: Array, threads: int | None) -> None:
    """Spread voxels over threads."""
    import os
    from concurrent.futures import ThreadPoolExecutor
    from itertools import pairwise

    workers = threads or os.cpu_count() or 1
    edges = np.linspace(0, voxels, max(min(8 * workers, voxels // 2000), 1) + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda ends: kernel(*arguments, ends[0], ends[1], out), pairwise(edges)))


def _one(
    times: Array, flat: Array, spread: Array, known: bool, slowest: float, fastest: float, shape: tuple[int, ...],
    threads: int | None,
) -> VoxelCurves:  # fmt: skip
    from hemadose.kinetics._voxelwise_kernels import mono

    out = np.zeros((7, flat.shape[1]))
    _run(mono, (times, flat, spread, slowest, fastest), flat.shape[1], out, threads)
    a, k, var_a, var_k, cov, chi2, status = out
    held = status != VoxelFit.NO_SIGNAL
    safe = np.where(held, k, 1.0)
    tia = np.where(held, a / safe, 0.0)
    variance = np.where(held, var_a / safe**2 + (a / safe**2) ** 2 * var_k - 2.0 * a / safe**3 * cov, 0.0)
    if not known:
        free = times.size - np.where(status == VoxelFit.PHYSICAL_DECAY, 1, 2)
        variance = variance * np.where(free > 0, chi2 / np.maximum(free, 1), np.nan)
    return VoxelCurves(
        tia_s=tia.reshape(shape),
        tia_sd_s=np.sqrt(np.maximum(variance, 0.0)).reshape(shape),
        rate_per_s=np.where(held, k, 0.0).reshape(shape),
        status=status.astype(np.int8).reshape(shape),
    )


def _two(
    times: Array, flat: Array, spread: Array, known: bool, slowest: float, fastest: float, shape: tuple[int, ...],
    threads: int | None,
) -> VoxelCurves:  # fmt: skip
    from hemadose.kinetics._voxelwise_pairs import bi

    del known
    out = np.zeros((6, flat.shape[1]))
    weights = 1.0 / np.mean(spread, axis=1) ** 2
    rates = np.geomspace(slowest, fastest, _RATES)
    _run(bi, (times, weights, flat, rates), flat.shape[1], out, threads)
    a, k, b, m, _, status = out
    held = status != VoxelFit.NO_SIGNAL
    tia = np.where(held, a / np.where(held, k, 1.0) + b / np.where(held, m, 1.0), 0.0)
    return VoxelCurves(
        tia_s=np.maximum(tia, 0.0).reshape(shape),
        tia_sd_s=np.full(shape, np.nan),
        rate_per_s=np.where(held, np.where(a > 0.0, k, m), 0.0).reshape(shape),
        status=status.astype(np.int8).reshape(shape),
    )
