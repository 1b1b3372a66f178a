"""Whole-body views through the same physics as SPECT: two detectors, in front and behind, that pass along the body."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.imaging.camera.projector import SpectProjector, spect_projector
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.model import Grid, View

ANGLE_DEG = {View.ANTERIOR: 180.0, View.POSTERIOR: 0.0}
"""Where DICOM puts the two detectors."""


def planar_projector(
    *,
    grid: Grid,
    radius_mm: tuple[float, float],
    axis_mm: tuple[float, float] | None = None,
    mu_per_cm: npt.ArrayLike | None = None,
    response: DetectorResponse | None = None,
    support: npt.ArrayLike | None = None,
    bins: int | None = None,
    threads: int | None = None,
) -> SpectProjector:
    """Make a projector with an anterior and a posterior view.

    Parameters
    ----------
    grid : Grid
        Axial, square in the plane; its slices are the rows of the images.
    radius_mm : tuple of float
        From the axis to the collimator's face, (anterior, posterior).
    axis_mm, mu_per_cm, response, support, bins, threads
        As in `spect_projector`.

    Returns
    -------
    SpectProjector
        View 0 is anterior, view 1 posterior.

    Raises
    ------
    GeometryError, QuantityError
        As `spect_projector`.
    """
    return spect_projector(
        grid=grid, angle_deg=[ANGLE_DEG[View.ANTERIOR], ANGLE_DEG[View.POSTERIOR]], radius_mm=radius_mm,
        axis_mm=axis_mm, mu_per_cm=mu_per_cm, response=response, support=support, bins=bins, threads=threads,
    )  # fmt: skip


def planar_views(projector: SpectProjector, activity: npt.ArrayLike) -> dict[View, npt.NDArray[np.float32]]:
    """Project both views, oriented as `hemadose.model.PlanarFrame` wants them.

    Parameters
    ----------
    projector : SpectProjector
        Of `planar_projector`.
    activity : array, shape of the grid
        Content of each voxel.

    Returns
    -------
    dict of View to ndarray of float32, shape (rows, columns)
        Row 0 at the head, columns to the patient's left in both views.

    Examples
    --------
    >>> grid = Grid.axial(shape=(2, 8, 8), spacing_mm=(5, 5, 5), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    >>> activity = np.zeros(grid.shape)
    >>> activity[1, 4, 6] = 1.0  # head end, left
    >>> views = planar_views(planar_projector(grid=grid, radius_mm=(90, 90)), activity)
    >>> [tuple(map(int, np.argwhere(views[v] > 0.5)[0])) for v in View]
    [(0, 6), (0, 6)]
    """
    anterior, posterior = projector.forward(activity)[:, ::-1]
    return {
        View.ANTERIOR: np.ascontiguousarray(anterior),
        View.POSTERIOR: np.ascontiguousarray(posterior[:, ::-1]),
    }
