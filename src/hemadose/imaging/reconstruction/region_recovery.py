"""Activity of regions with the recovery of their own reconstruction: how every count of every region comes back.

Iterations that stop early leave an image whose resolution depends on place, contrast and noise, so no single width
describes it. The sum over a region is a function of the measured counts, and its derivative by each count is at hand
(`region_noise`). Multiplied with the projection of another region, filled evenly with one unit, it says how much of
that unit the sum takes up: the transfer matrix of this patient, this camera and these iterations. Without scatter the
sums are homogeneous of degree one in the counts, so that by Euler's theorem the matrix is not an approximation for
small changes: it gives back regions that are even exactly, at whatever stage the iterations stop.

References
----------
Rousset O et al. J Nucl Med 39:904 (1998): geometric transfer matrix. Du Y, Tsui B M W, Frey E C. IEEE Trans Med Imaging
24:969 (2005): transfer through the reconstruction, by perturbation. Derivatives: see `region_noise`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.imaging.camera.projector import SpectProjector
from hemadose.imaging.reconstruction.osem import BRAITSCH_OSEM, OsemData, OsemOptions, Scatter, Volume
from hemadose.imaging.reconstruction.region_noise import back_through
from hemadose.imaging.recovery import TransferMatrix

Floats = npt.NDArray[np.float64]

LARGEST_CONDITION = 1e4
"""Regions that cannot be told apart make the matrix singular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredRegions:
    """Regions of one reconstruction, corrected for what its resolution took and gave.

    Attributes
    ----------
    names : tuple of str
        Regions.
    measured : ndarray, shape (regions,)
        Sums over the image.
    values : ndarray, shape (regions,)
        Corrected totals, in the unit of `Reconstruction.values`.
    covariance : ndarray, shape (regions, regions)
        Of `values`, from counting statistics.
    transfer : TransferMatrix
        Measured in region i per unit in region j.
    image : ndarray of float32, shape of the grid
        The reconstruction.
    notes : tuple of str
        What the covariance leaves out.
    """

    names: tuple[str, ...]
    measured: Floats
    values: Floats
    covariance: Floats
    transfer: TransferMatrix
    image: Volume
    notes: tuple[str, ...] = ()

    @property
    def sd(self) -> Floats:
        """Standard deviations of `values`."""
        return np.sqrt(np.diag(self.covariance))


def recovered_regions(
    counts: npt.ArrayLike,
    projector: SpectProjector,
    regions: Mapping[str, npt.ArrayLike],
    *,
    options: OsemOptions = BRAITSCH_OSEM,
    scatter: Scatter = None,
    view_weight: npt.ArrayLike | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RecoveredRegions:
    """Reconstruct, and correct the sums over regions for the recovery of this very reconstruction.

    Takes the time of one reconstruction, and of about one more for every region.

    Parameters
    ----------
    counts : array, shape (views, slices, bins)
        Measured counts: not rescaled, filtered or subtracted.
    projector : SpectProjector
        As for `reconstruct`, with the response of the camera.
    regions : Mapping of str to array, shape of the grid
        Disjoint masks, or weights of voxels, that hold all activity together: what is left of the body is a region
        too, better cut by tissue (lung, bone). Each counts as even inside.
    options, scatter, view_weight
        As for `reconstruct`.
    progress : callable, optional
        Told (updates done, updates in all, back and forth).

    Returns
    -------
    RecoveredRegions

    Raises
    ------
    RegionError
        If a region is empty or does not fit the grid.
    QuantityError
        If regions cannot be told apart.
    HemadoseError
        As `reconstruct`.
    """
    back = back_through(
        counts, projector, regions, options=options, scatter=scatter, view_weight=view_weight, progress=progress
    )
    transfer = _transfer(projector, back.data, back.weights, back.by_count)
    unscattered = back.sums - _of_scatter(back.data, back.by_count, back.by_scatter)
    return RecoveredRegions(
        names=tuple(back.weights),
        measured=back.sums,
        values=transfer.solve(unscattered),
        covariance=transfer.covariance(back.covariance),
        transfer=transfer,
        image=back.image,
        notes=back.notes,
    )


def _transfer(
    projector: SpectProjector, data: OsemData, weights: Mapping[str, Volume], by_count: Volume
) -> TransferMatrix:
    """Derivatives times the projections of unit regions."""
    slopes = by_count.reshape(len(by_count), -1).astype(np.float64)
    matrix = np.zeros((len(weights), len(weights)))
    for column, weight in enumerate(weights.values()):
        unit = weight / weight.sum(dtype=np.float64)
        seen = projector.planes(projector.forward(unit)) * data.weight[:, None, None]
        matrix[:, column] = slopes @ seen.ravel().astype(np.float64)
    condition = float(np.linalg.cond(matrix))
    if not condition < LARGEST_CONDITION:
        raise QuantityError(
            "these regions cannot be told apart at the resolution of the reconstruction",
            field="regions",
            value=f"condition {condition:.3g}",
            expected=f"below {LARGEST_CONDITION:g}",
            remedy="join small neighbours into one region",
        )
    return TransferMatrix(names=tuple(weights), matrix=matrix)


def _of_scatter(data: OsemData, by_count: Volume, by_scatter: Volume | None) -> Floats:
    """What the sums owe to scatter, in the counts and in the model: the two all but cancel."""
    if data.scatter is None or by_scatter is None:
        return np.zeros(len(by_count))
    both = (by_count + by_scatter).reshape(len(by_count), -1).astype(np.float64)
    return np.asarray(both @ data.scatter.ravel().astype(np.float64))
