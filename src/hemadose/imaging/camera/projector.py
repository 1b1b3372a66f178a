"""SPECT projections of an activity: parallel holes, attenuation, a response that widens with distance.

A detector at angle t (DICOM: 0 at the patient's back, 90 at the left) lies at ``axis + R (sin t, cos t)`` in (x, y) and
counts bins along ``(-cos t, sin t)``. The volume is sampled on a lattice turned with the detector (bilinear in the
plane: the triangle is just what voxel and bin of the same width make of a point), weighted with its transmission and
blurred for its distance. `back` is the exact transpose of `forward`.

References
----------
Zeng G L, Gullberg G T. IEEE Trans Nucl Sci 39:1157 (1992): distance-dependent blur by convolution, plane after plane.
Bai C, Zeng G L, Gullberg G T, DiFilippo F, Miller S. IEEE Trans Nucl Sci 45:1176 (1998): slab-by-slab blurring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.imaging.camera._engine import Engine, batches, transmission
from hemadose.imaging.camera._lattice import Floats, Mask, Volume, make_lattice
from hemadose.imaging.camera._projector_checks import cores, require_axial, require_map, require_support, require_views
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.model import Grid
from hemadose.model._checks import frozen_array

WORTH_THREADS = 4_000_000
"""Samples of all views and slices below which starting threads takes longer than they save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectProjector:
    """A projector ready for use; make it with `spect_projector`.

    Attributes
    ----------
    grid : Grid
        Of the activity.
    angle_deg, radius_mm : ndarray, shape (views,)
        Of each view.
    axis_mm : tuple of float
        (x, y) of the axis of rotation, LPS.
    bins : int
        Detector bins across, as wide as the voxels.
    support : ndarray of bool, shape of the grid
        Voxels that may hold activity; all others are taken as empty.
    response : DetectorResponse or None
        None sees every point sharply.
    attenuated : bool
        Whether a map of attenuation was given.
    engine : Engine
        The same for volumes in blocks of slices: what `reconstruct` iterates on.
    notes : tuple of str
        Doubts about the geometry.
    """

    grid: Grid
    angle_deg: Floats
    radius_mm: Floats
    axis_mm: tuple[float, float]
    bins: int
    support: Mask
    response: DetectorResponse | None
    attenuated: bool
    engine: Engine
    notes: tuple[str, ...] = ()

    @property
    def views(self) -> int:
        """Number of detector positions."""
        return int(self.angle_deg.size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the projections: (views, slices, bins)."""
        return self.views, self.grid.shape[0], self.bins

    def forward(self, activity: npt.ArrayLike, views: Sequence[int] | None = None) -> Volume:
        """Project an activity.

        Parameters
        ----------
        activity : array, shape of the grid
            Content of each voxel (Bq, or counts that one detector would see of it), not its concentration.
        views : sequence of int, optional
            Which views; all if not given.

        Returns
        -------
        ndarray of float32, shape (views, slices, bins)
            In the unit of `activity`: what a detector of sensitivity one sees.

        Raises
        ------
        GeometryError
            If the activity has another shape, or there is no such view.
        """
        given = np.asarray(activity)
        if given.shape != self.grid.shape:
            raise GeometryError(
                "the activity does not fit the projector",
                field="activity",
                value=str(given.shape),
                expected=str(self.grid.shape),
            )
        blocks = self.engine.load(given)
        chosen = self._chosen(views)
        seen = np.empty((len(chosen), *self.shape[1:]), dtype=np.float32)
        place = 0
        for batch in batches(chosen):
            seen[place : place + len(batch)] = self.engine.forward(blocks, batch).transpose(0, 2, 1)
            place += len(batch)
        return seen

    def back(self, projections: npt.ArrayLike, views: Sequence[int] | None = None) -> Volume:
        """Apply the transpose of `forward`.

        Parameters
        ----------
        projections : array, shape (views, slices, bins)
            One plane for each of `views`.
        views : sequence of int, optional
            Which views; all if not given.

        Returns
        -------
        ndarray of float32, shape of the grid
            Zero outside the support.

        Raises
        ------
        GeometryError
            If the projections have another shape, or there is no such view.
        """
        chosen = self._chosen(views)
        planes = self.planes(projections, len(chosen))
        blocks = self.engine.empty()
        place = 0
        for batch in batches(chosen):
            self.engine.back(planes[place : place + len(batch)], batch, blocks)
            place += len(batch)
        return self.engine.unload(blocks)

    def planes(self, projections: npt.ArrayLike, views: int | None = None) -> Volume:
        """Bring projections (views, slices, bins) into the order of the engine, (views, bins, slices).

        Raises
        ------
        GeometryError
            If they have another shape.
        """
        given = np.asarray(projections, dtype=np.float32)
        expected = (self.views if views is None else views, *self.shape[1:])
        if given.shape != expected:
            raise GeometryError(
                "the projections do not fit the projector",
                field="projections",
                value=str(given.shape),
                expected=f"{expected} (views, slices, bins)",
            )
        return np.ascontiguousarray(given.transpose(0, 2, 1))

    def _chosen(self, views: Sequence[int] | None) -> list[int]:
        chosen = list(range(self.views)) if views is None else [int(v) for v in views]
        if any(not 0 <= v < self.views for v in chosen):
            raise GeometryError("no such view", field="views", value=str(chosen), expected=f"0 to {self.views - 1}")
        return chosen


def spect_projector(
    *,
    grid: Grid,
    angle_deg: npt.ArrayLike,
    radius_mm: npt.ArrayLike,
    axis_mm: tuple[float, float] | None = None,
    mu_per_cm: npt.ArrayLike | None = None,
    response: DetectorResponse | None = None,
    support: npt.ArrayLike | None = None,
    bins: int | None = None,
    threads: int | None = None,
) -> SpectProjector:
    """Make a projector; attenuation is followed once, here.

    Parameters
    ----------
    grid : Grid
        Axial, square in the plane. Bins are as wide as its voxels, detector slices as high.
    angle_deg : array, shape (views,)
        Detector angles as DICOM defines them.
    radius_mm : array, shape (views,), or number
        Axis of rotation to the collimator's face (a body contour: one for each view).
    axis_mm : tuple of float, optional
        (x, y) of the axis of rotation in LPS; the centre of the grid if not given.
    mu_per_cm : array, shape of the grid, optional
        Linear attenuation coefficients; no attenuation if not given.
    response : DetectorResponse, optional
        No blur if not given.
    support : array of bool, shape of the grid, optional
        Voxels that may hold activity (`hemadose.imaging.camera.support`); all if not given.
    bins : int, optional
        As many as the grid has columns if not given.
    threads : int, optional
        All cores if not given and the problem is large enough. The result does not depend on it.

    Returns
    -------
    SpectProjector

    Raises
    ------
    GeometryError
        If grid, views or maps do not fit together.
    QuantityError
        If an attenuation coefficient is negative, not finite or in another unit.

    Examples
    --------
    >>> grid = Grid.axial(shape=(2, 8, 8), spacing_mm=(5, 5, 5), origin_mm=(0, 0, 0), frame_of_reference_uid="1.2")
    >>> projector = spect_projector(grid=grid, angle_deg=[0, 90], radius_mm=100)
    >>> activity = np.zeros(grid.shape)
    >>> activity[0, 4, 6] = 1.0
    >>> [int(plane[0].argmax()) for plane in projector.forward(activity)]  # bins run to the right, then to the back
    [1, 4]
    """
    step = require_axial(grid)
    angles = np.atleast_1d(frozen_array(angle_deg, np.float64))
    radius = frozen_array(np.broadcast_to(np.asarray(radius_mm, dtype=np.float64), angles.shape).copy(), np.float64)
    require_views(angles, radius)
    mu = None if mu_per_cm is None else require_map(mu_per_cm, grid)
    allowed = require_support(support, grid)
    middle = grid.index_to_mm((np.array(grid.shape) - 1) / 2.0)
    axis = (float(middle[0]), float(middle[1])) if axis_mm is None else axis_mm
    count = grid.shape[2] if bins is None else bins
    lattice = make_lattice(
        grid,
        angle_deg=angles,
        radius_mm=radius,
        axis_mm=axis,
        bins=count,
        mask=np.asarray(allowed.any(axis=0)),
        response=response,
    )
    used = threads or (cores() if lattice.offset[-1] * grid.shape[0] > WORTH_THREADS else 1)
    passed = transmission(mu, step_mm=step, lattice=lattice, slices=grid.shape[0], threads=used)
    engine = Engine(
        lattice=lattice, passed=passed, slices=grid.shape[0], bins=count, support=allowed, threads=used
    )  # fmt: skip
    return SpectProjector(
        grid=grid, angle_deg=angles, radius_mm=radius, axis_mm=axis, bins=count, support=allowed, response=response,
        attenuated=mu is not None, engine=engine, notes=lattice.notes,
    )  # fmt: skip
