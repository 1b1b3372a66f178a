"""From SPECT counts to a volume: OSEM with attenuation, scatter and resolution by choice.

The updates themselves stand in `osem`. An iteration can be watched, stopped and taken up again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.imaging.camera._engine import Engine
from hemadose.imaging.camera.projector import SpectProjector, spect_projector
from hemadose.imaging.camera.response import FWHM_PER_SIGMA, DetectorResponse
from hemadose.imaging.camera.support import field_support
from hemadose.imaging.reconstruction.osem import (
    BRAITSCH_OSEM,
    OsemOptions,
    OsemState,
    Scatter,
    Volume,
    osem_data,
    start,
    update,
)
from hemadose.imaging.reconstruction.scatter_windows import ScatterEstimate, scatter_estimate
from hemadose.model import Grid
from hemadose.model.projections import ProjectionSet

__all__ = [
    "BRAITSCH_OSEM",
    "OsemOptions",
    "OsemState",
    "Reconstruction",
    "ScatterEstimate",
    "filtered",
    "reconstruct",
    "reconstruct_set",
    "scatter_estimate",
    "set_projector",
    "view_weights",
]

Progress: TypeAlias = Callable[[int, int, OsemState], "bool | None"]
"""Told updates done, updates in all and the state after every iteration; False stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """A reconstructed volume.

    Attributes
    ----------
    values : ndarray of float32, shape of the grid
        Filtered. Counts that one detector would see of each voxel without attenuation: per unit of `view_weight`
        (per second where that is seconds), or per view.
    grid : Grid
        Where they lie.
    state : OsemState
        To go on iterating.
    options : OsemOptions
        As given.
    log_likelihood : tuple of float
        Poisson log-likelihood (up to a constant of the data) met during each iteration.
    notes : tuple of str
        Doubts.
    """

    values: Volume
    grid: Grid
    state: OsemState
    options: OsemOptions
    log_likelihood: tuple[float, ...]
    notes: tuple[str, ...] = ()


def reconstruct(
    counts: npt.ArrayLike,
    projector: SpectProjector,
    *,
    options: OsemOptions = BRAITSCH_OSEM,
    scatter: Scatter = None,
    view_weight: npt.ArrayLike | None = None,
    state: OsemState | None = None,
    progress: Progress | None = None,
) -> Reconstruction:
    """Reconstruct one window.

    Parameters
    ----------
    counts : array, shape (views, slices, bins)
        Measured counts.
    projector : SpectProjector
        Attenuation and response by choice.
    options : OsemOptions
        8 x 4 if not given.
    scatter : ScatterEstimate or array of the shape of `counts`, optional
        Counts expected from scatter, added to the model.
    view_weight : array, shape (views,), optional
        Time of each view in s, times its decay factor; ones if not given.
    state : OsemState, optional
        Go on from here; `options.iterations` counts from the beginning.
    progress : callable, optional
        See `Progress`; returning False stops after that iteration.

    Returns
    -------
    Reconstruction

    Raises
    ------
    GeometryError
        If shapes do not fit.
    QuantityError
        If counts, weights or scatter are negative or not finite, or there are more subsets than views.

    Examples
    --------
    >>> grid = Grid.axial(shape=(1, 9, 9), spacing_mm=(5, 5, 5), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    >>> projector = spect_projector(grid=grid, angle_deg=np.arange(0, 360, 30), radius_mm=100)
    >>> activity = np.zeros(grid.shape)
    >>> activity[0, 4, 4] = 100.0
    >>> found = reconstruct(projector.forward(activity), projector, options=OsemOptions(iterations=10, subsets=1))
    >>> round(float(found.values.sum()))
    100
    """
    engine = projector.engine
    data, notes = osem_data(counts, projector, subsets=options.subsets, scatter=scatter, view_weight=view_weight)
    estimate, done = start(engine, data, state)
    likelihood = []
    total = options.iterations * options.subsets
    met = 0.0
    while done < total:
        met += update(engine, data, estimate, done % options.subsets)
        done += 1
        if done % options.subsets:
            continue
        likelihood.append(met)
        met = 0.0
        if progress is not None and progress(done, total, _state(engine, estimate, done)) is False:
            notes.append(f"stopped after {done // options.subsets} of {options.iterations} iterations")
            break
    end = _state(engine, estimate, done)
    return Reconstruction(
        values=filtered(end.estimate, projector.grid, options.filter_fwhm_mm),
        grid=projector.grid,
        state=end,
        options=options,
        log_likelihood=tuple(likelihood),
        notes=(*projector.notes, *notes),
    )


def reconstruct_set(
    projections: ProjectionSet,
    *,
    window: str,
    half_life_s: float,
    mu_per_cm: npt.ArrayLike | None = None,
    response: DetectorResponse | None = None,
    scatter: Scatter = None,
    options: OsemOptions = BRAITSCH_OSEM,
    support: npt.ArrayLike | None = None,
    state: OsemState | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Reconstruction:
    """Reconstruct one window of an acquisition on its own grid, corrected for decay to the start of the acquisition.

    Parameters
    ----------
    projections : ProjectionSet
        One bed.
    window : str
        Name of the photopeak window.
    half_life_s : float
        Physical half-life.
    mu_per_cm : array, shape of ``projections.grid()``, optional
        Attenuation map; no attenuation correction if not given.
    response : DetectorResponse, optional
        No resolution recovery if not given.
    scatter, options, state, progress
        As in `reconstruct`.
    support : array of bool, optional
        Where activity may be (`body_support`); what all views see if not given.
    threads : int, optional
        All cores if not given.

    Returns
    -------
    Reconstruction
        Counts per second of one detector, without attenuation, at ``projections.started_at``. Divided by the
        sensitivity (counts/s per Bq) they are Bq.
    """
    projector = set_projector(
        projections, mu_per_cm=mu_per_cm, response=response, support=support, threads=threads
    )  # fmt: skip
    return reconstruct(
        projections.counts[projections.window_index(window)],
        projector,
        options=options,
        scatter=scatter,
        view_weight=view_weights(projections, half_life_s=half_life_s),
        state=state,
        progress=progress,
    )


def set_projector(
    projections: ProjectionSet,
    *,
    mu_per_cm: npt.ArrayLike | None = None,
    response: DetectorResponse | None = None,
    support: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> SpectProjector:
    """Give the projector of an acquisition; support beyond field of view and orbit is cut off."""
    grid = projections.grid()
    field = field_support(
        grid, axis_mm=projections.axis_mm, angle_deg=projections.angle_deg, radius_mm=projections.radius_mm
    )
    allowed = field if support is None else field & np.asarray(support, dtype=bool)
    return spect_projector(
        grid=grid, angle_deg=projections.angle_deg, radius_mm=projections.radius_mm, axis_mm=projections.axis_mm,
        mu_per_cm=mu_per_cm, response=response, support=allowed, threads=threads,
    )  # fmt: skip


def view_weights(projections: ProjectionSet, *, half_life_s: float) -> npt.NDArray[np.float64]:
    """Seconds of each view times its decay since the start of the acquisition."""
    return np.asarray(projections.frame_duration_s * projections.decay_factors(half_life_s))


def filtered(values: Volume, grid: Grid, fwhm_mm: float) -> Volume:
    """Filter a volume with a Gaussian of a FWHM in mm; what reaches beyond the edge is mirrored back."""
    if fwhm_mm == 0.0:
        return values.copy()
    from scipy.ndimage import gaussian_filter

    sigma = [fwhm_mm / FWHM_PER_SIGMA / pitch for pitch in grid.spacing_mm]
    return np.asarray(gaussian_filter(values, sigma, mode="reflect", truncate=5.0), dtype=np.float32)


def _state(engine: Engine, estimate: Volume, done: int) -> OsemState:
    return OsemState(updates=done, estimate=engine.unload(estimate))
