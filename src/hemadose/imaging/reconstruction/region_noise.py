"""Counts of regions with the noise of the projections carried through every update of the reconstruction.

The sum over a region is a function of the measured counts. Its derivative by each count follows from one pass back
through the iterations (reverse accumulation); Poisson counts are independent, so the variance is the sum of squared
derivatives times counts. Attenuation, response, subsets, filter, the added scatter and the windows it was estimated
from are all in the derivative; resolution loss and calibration are not noise and are not in it.

References
----------
Polson L et al. Uncertainty propagation from projections to region counts in tomographic imaging. arXiv:2410.03570
(2024). Barrett H H, Wilson D W, Tsui B M W. Phys Med Biol 39:833 (1994): noise of MLEM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import RegionError
from hemadose.imaging.camera._engine import Engine, batches
from hemadose.imaging.camera.projector import SpectProjector
from hemadose.imaging.reconstruction.osem import (
    BRAITSCH_OSEM,
    OsemData,
    OsemOptions,
    Scatter,
    Volume,
    osem_data,
    start,
    update,
)
from hemadose.imaging.reconstruction.reconstruct import filtered
from hemadose.imaging.reconstruction.scatter_windows import ScatterEstimate, smoothed_views

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCounts:
    """Reconstructed counts of regions and their covariance.

    Attributes
    ----------
    names : tuple of str
        Regions.
    values : ndarray, shape (regions,)
        Sum over each, in the unit of `Reconstruction.values`: counts per view, or counts/s where the weights of
        the views are seconds.
    covariance : ndarray, shape (regions, regions)
        From counting statistics, in the square of that unit.
    notes : tuple of str
        What the covariance leaves out.
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    notes: tuple[str, ...] = ()

    @property
    def sd(self) -> Floats:
        """Standard deviations, shape (regions,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> Floats:
        """Correlation matrix."""
        return np.asarray(self.covariance / np.outer(self.sd, self.sd))


def region_counts(
    counts: npt.ArrayLike,
    projector: SpectProjector,
    regions: Mapping[str, npt.ArrayLike],
    *,
    options: OsemOptions = BRAITSCH_OSEM,
    scatter: Scatter = None,
    view_weight: npt.ArrayLike | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RegionCounts:
    """Reconstruct and sum over regions, with uncertainty.

    Takes the time of one reconstruction, and of one more for every region.

    Parameters
    ----------
    counts : array, shape (views, slices, bins)
        Measured counts: not rescaled, filtered or subtracted, else they are not Poisson.
    projector : SpectProjector
        As for `reconstruct`.
    regions : Mapping of str to array, shape of the grid
        Masks, or weights of voxels.
    options, scatter, view_weight
        As for `reconstruct`. A `ScatterEstimate` carries the noise of its windows; an array is taken as known.
    progress : callable, optional
        Told (updates done, updates in all, back and forth).

    Returns
    -------
    RegionCounts

    Raises
    ------
    RegionError
        If a region is empty or does not fit the grid.
    HemadoseError
        As `reconstruct`.
    """
    back = back_through(
        counts, projector, regions, options=options, scatter=scatter, view_weight=view_weight, progress=progress
    )
    return RegionCounts(names=tuple(back.weights), values=back.sums, covariance=back.covariance, notes=back.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackThrough:
    """A reconstruction, and the derivatives of its sums over regions by every count.

    Attributes
    ----------
    data : OsemData
        What was reconstructed.
    weights : Mapping of str to array, shape of the grid
        Regions.
    image : ndarray of float32, shape of the grid
        Filtered.
    sums : ndarray, shape (regions,)
        Over the image.
    by_count, by_scatter : ndarray, shape (regions, views, slices, bins), or None without scatter
        Derivatives.
    covariance : ndarray, shape (regions, regions)
        Of the sums, from counting statistics.
    notes : tuple of str
        What the covariance leaves out.
    """

    data: OsemData
    weights: Mapping[str, Volume]
    image: Volume
    sums: Floats
    by_count: Volume
    by_scatter: Volume | None
    covariance: Floats
    notes: tuple[str, ...]


def back_through(
    counts: npt.ArrayLike,
    projector: SpectProjector,
    regions: Mapping[str, npt.ArrayLike],
    *,
    options: OsemOptions,
    scatter: Scatter,
    view_weight: npt.ArrayLike | None,
    progress: Callable[[int, int], None] | None,
) -> BackThrough:
    """Reconstruct, and carry regions back through every update; parameters as for `region_counts`."""
    weights = _require_regions(regions, projector)
    engine = projector.engine
    data, notes = osem_data(counts, projector, subsets=options.subsets, scatter=scatter, view_weight=view_weight)
    trace = [start(engine, data, None)[0]]
    total = options.iterations * options.subsets
    for done in range(total):
        following = trace[-1].copy()
        update(engine, data, following, done % options.subsets)
        trace.append(following)
        if progress is not None:
            progress(done + 1, 2 * total)
    image = filtered(engine.unload(trace[-1]), projector.grid, options.filter_fwhm_mm)
    adjoint = [engine.load(filtered(w, projector.grid, options.filter_fwhm_mm)) for w in weights.values()]
    by_count = np.zeros((len(adjoint), *data.counts.shape), dtype=np.float32)
    by_scatter = np.zeros_like(by_count) if data.scatter is not None else None
    for done in range(total - 1, -1, -1):
        pass_back(engine, data, (trace[done], trace[done + 1]), done % options.subsets, adjoint, by_count, by_scatter)
        trace.pop()
        if progress is not None:
            progress(2 * total - done, 2 * total)
    covariance, more = _covariance(data.counts, by_count, by_scatter, scatter)
    return BackThrough(
        data=data,
        weights=weights,
        image=image,
        sums=np.array([float(np.vdot(w.astype(np.float64), image)) for w in weights.values()]),
        by_count=by_count,
        by_scatter=by_scatter,
        covariance=covariance,
        notes=(*projector.notes, *notes, *more),
    )


def pass_back(
    engine: Engine,
    data: OsemData,
    estimates: tuple[Volume, Volume],
    subset: int,
    adjoint: list[Volume],
    by_count: Volume,
    by_scatter: Volume | None,
) -> None:
    """Turn derivatives by the estimate after an update into those before it, and add those by the counts used.

    With m = w A x + s, b = A' (w y / m) and x' = x b / n:  h = g' x / n;  df/dy = w A h / m;  df/dm = -w A h y / m^2;
    g = g' b / n + A' (w df/dm).
    """
    before, after = estimates
    inverse = data.inverse[subset]
    factor = np.divide(after, before, out=np.zeros_like(before), where=before > 0.0)
    steps = [g * before * inverse for g in adjoint]
    for slopes in adjoint:
        np.multiply(slopes, factor, out=slopes)
    for views in batches(data.subsets[subset]):
        weight = data.weight[views, None, None]
        model = engine.forward(before, views) * weight
        if data.scatter is not None:
            model += data.scatter[views]
        met = model > 1e-20
        for region, step in enumerate(steps):
            slope = engine.forward(step, views) * weight
            slope = np.divide(slope, model, out=np.zeros_like(model), where=met)
            by_count[region, views] += slope
            slope *= -np.divide(data.counts[views], model, out=np.zeros_like(model), where=met)
            if by_scatter is not None:
                by_scatter[region, views] += slope
            engine.back(slope * weight, views, adjoint[region])


def _covariance(
    counts: Volume, by_count: Volume, by_scatter: Volume | None, scatter: Scatter
) -> tuple[Floats, list[str]]:
    """Sum of products of derivatives times the variance of each count."""
    covariance = _products(by_count, counts)
    if by_scatter is None:
        return covariance, []
    if not isinstance(scatter, ScatterEstimate):
        return covariance, ["the scatter was taken as known without noise"]
    for window, weight in zip(scatter.windows, scatter.weights, strict=True):
        slopes = np.stack([smoothed_views(s.transpose(0, 2, 1), scatter.sigma_pixels) for s in by_scatter])
        covariance += weight**2 * _products(slopes, window)
    return covariance, []


def _products(slopes: Volume, variance: Volume) -> Floats:
    flat = slopes.reshape(len(slopes), -1)
    return np.asarray((flat * variance.reshape(-1)).astype(np.float64) @ flat.T.astype(np.float64))


def _require_regions(regions: Mapping[str, npt.ArrayLike], projector: SpectProjector) -> dict[str, Volume]:
    found = {}
    for name, given in regions.items():
        weights = np.asarray(given, dtype=np.float32)
        if weights.shape != projector.grid.shape:
            raise RegionError(
                f"region {name} lies on another grid", value=str(weights.shape), expected=str(projector.grid.shape)
            )
        if not (weights * projector.support).any():
            raise RegionError(
                f"region {name} holds no voxel that was reconstructed",
                field=name,
                remedy="check the region, or widen the support",
            )
        found[name] = weights
    if not found:
        raise RegionError("no regions", expected="at least one")
    return found
