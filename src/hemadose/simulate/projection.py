"""What the camera sees per becquerel in each source: computed once, used for every scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.model import Anatomy, Grid, View
from hemadose.simulate.camera import (
    FWHM_PER_SIGMA,
    LOWER_SCATTER,
    PHOTOPEAK,
    UPPER_SCATTER,
    Camera,
)
from hemadose.simulate.matter import attenuation_per_cm
from hemadose.simulate.resample import Axis, transfer_matrix
from hemadose.simulate.sources import SourceMap, source_maps
from hemadose.simulate.tomography import spect_grid, spect_templates

Floats = npt.NDArray[np.float64]
Volume = npt.NDArray[np.float32]

AIR_MARGIN_MM = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarPlane:
    """The coronal plane of the whole-body images.

    Attributes
    ----------
    rows, columns : Axis
        z of the rows (row 0 at the head, so the pitch is negative) and x of the columns.
    """

    rows: Axis
    columns: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.count, self.columns.count


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedAnatomy:
    """Templates of one anatomy in front of one camera.

    Attributes
    ----------
    anatomy : Anatomy
        The patient.
    sources : tuple of SourceMap
        Distributions.
    planar : dict of (source name, view) to ndarray, shape (rows, columns)
        Primary photons per emitted-and-geometrically-accepted one; row 0 at the head.
    plane : PlanarPlane
        Where the planar pixels lie in the patient.
    spect_grid : Grid
        Voxels of the reconstruction.
    spect : dict of source name to ndarray, shape of `spect_grid`
        Activity per voxel for unit activity in the source, blurred but for the last filter.
    spect_detected : ndarray, shape of `spect_grid`
        Mean transmission out of each voxel: it lowers the counts that carry the noise.
    """

    anatomy: Anatomy
    sources: tuple[SourceMap, ...]
    planar: Mapping[tuple[str, View], Floats]
    plane: PlanarPlane
    spect_grid: Grid
    spect: Mapping[str, Volume]
    spect_detected: Volume

    @property
    def pixel_mm(self) -> float:
        """Side of the square planar pixels."""
        return self.plane.columns.pitch_mm


def project(anatomy: Anatomy, camera: Camera) -> ProjectedAnatomy:
    """Project every source of an anatomy onto both heads and the SPECT grid (a few seconds).

    Raises
    ------
    GeometryError
        If the anatomy's grid is not axial (slices to the head, rows to the back, columns left).
    """
    z, y, x = anatomy_axes(anatomy.labels.grid)
    sources = source_maps(anatomy)
    attenuation = attenuation_per_cm(anatomy)
    plane = _plane(z, x, camera.planar_pixel_mm)
    planar: dict[tuple[str, View], Floats] = {}
    for view in View:
        passed = _transmission(attenuation, y.pitch_mm / 10.0, view)
        for source in sources:
            planar[source.name, view] = _seen(source.share * passed, camera, (z, y, x), plane, view)
    grid = spect_grid(anatomy, camera)
    spect, detected = spect_templates(sources, attenuation, camera, (z, y, x), grid)
    return ProjectedAnatomy(
        anatomy=anatomy,
        sources=sources,
        planar=planar,
        plane=plane,
        spect_grid=grid,
        spect=spect,
        spect_detected=detected,
    )


def anatomy_axes(grid: Grid) -> tuple[Axis, Axis, Axis]:
    """Axes (z, y, x) of an axial grid.

    Raises
    ------
    GeometryError
        If the grid is oblique, or its axes run otherwise than head, back, left.
    """
    pitches = [float(grid.affine[row, column]) for row, column in ((2, 0), (1, 1), (0, 2))]
    rebuilt = Grid.axial(
        shape=grid.shape,
        spacing_mm=(pitches[0] or 1.0, pitches[1] or 1.0, pitches[2] or 1.0),
        origin_mm=(float(grid.affine[0, 3]), float(grid.affine[1, 3]), float(grid.affine[2, 3])),
        frame_of_reference_uid=grid.frame_of_reference_uid,
    )
    if not rebuilt.matches(grid) or min(pitches) <= 0.0:
        raise GeometryError(
            "the virtual camera needs an axial anatomy",
            expected="slices to the head, rows to the back, columns to the left",
            remedy="reorder or resample the label image",
        )
    z, y, x = (
        Axis(first_mm=float(grid.affine[axis, 3]), pitch_mm=pitches[2 - axis], count=grid.shape[2 - axis])
        for axis in (2, 1, 0)
    )
    return z, y, x


def planar_counts(
    projected: ProjectedAnatomy,
    camera: Camera,
    *,
    activity_bq: Mapping[str, npt.ArrayLike],
    rng: np.random.Generator | None,
) -> dict[tuple[View, str], Floats]:
    """Counts of both views in all windows for given source activities.

    Parameters
    ----------
    projected, camera : ProjectedAnatomy, Camera
        Templates and camera.
    activity_bq : Mapping
        Activity of every source: one number, or one per row (the sweep takes minutes).
    rng : Generator or None
        None gives the expectation.

    Returns
    -------
    dict of (View, window name) to ndarray
    """
    windows = (LOWER_SCATTER, PHOTOPEAK, UPPER_SCATTER)
    counts: dict[tuple[View, str], Floats] = {}
    spread = [
        transfer_matrix(axis, axis, fwhm_mm=camera.scatter_fwhm_mm)
        for axis in (projected.plane.rows, projected.plane.columns)
    ]
    for view in View:
        per_second = np.zeros(projected.plane.shape)
        for source in projected.sources:
            activity = np.asarray(activity_bq[source.name], dtype=np.float64).reshape(-1, 1)
            per_second += activity * projected.planar[source.name, view]
        primary = per_second * camera.planar_counts_per_s_per_bq * camera.dwell_s
        scatter = camera.scatter_to_primary * (spread[0] @ primary @ spread[1].T)
        for window, slope in zip(windows, camera.scatter_slope, strict=True):
            expected = scatter * slope * window.width_kev / PHOTOPEAK.width_kev
            if window is PHOTOPEAK:
                expected = expected + primary
            expected = np.maximum(expected, 0.0)
            noisy = expected if rng is None else rng.poisson(expected).astype(np.float64)
            counts[view, window.name] = np.asarray(noisy)
    return counts


def _plane(z: Axis, x: Axis, pixel_mm: float) -> PlanarPlane:
    """Pixels that cover the anatomy with air around, on borders of its outline."""

    def reach(axis: Axis) -> tuple[float, int]:
        low, high = float(axis.edges_mm[0]) - AIR_MARGIN_MM, float(axis.edges_mm[-1]) + AIR_MARGIN_MM
        count = int(np.ceil((high - low) / pixel_mm))
        return (low + high - count * pixel_mm) / 2.0, count

    low, columns = reach(x)
    foot, rows = reach(z)
    return PlanarPlane(
        rows=Axis(first_mm=foot + (rows - 0.5) * pixel_mm, pitch_mm=-pixel_mm, count=rows),
        columns=Axis(first_mm=low + 0.5 * pixel_mm, pitch_mm=pixel_mm, count=columns),
    )


def _transmission(attenuation: Volume, depth_cm: float, view: View) -> Volume:
    ordered = attenuation if view is View.ANTERIOR else attenuation[:, ::-1]
    passed = np.exp(-(np.cumsum(ordered, axis=1) - 0.5 * ordered) * depth_cm)
    return np.asarray(passed if view is View.ANTERIOR else passed[:, ::-1])


def _seen(emitted: Volume, camera: Camera, axes: tuple[Axis, Axis, Axis], plane: PlanarPlane, view: View) -> Floats:
    """Sum the coronal planes, each blurred for its distance (Gaussians combine in variance).

    The blur is done in two steps: on the anatomy's pixels down to the resolution of the nearest
    plane, then, for all planes together, with that resolution onto the camera's pixels.
    """
    from scipy.ndimage import gaussian_filter

    z, y, x = axes
    filled = np.flatnonzero(emitted.any(axis=(0, 2)))
    image = np.zeros((z.count, x.count))
    if not filled.size:
        return np.zeros(plane.shape)
    depths = (filled if view is View.ANTERIOR else y.count - 1 - filled) * y.pitch_mm + camera.gap_mm
    widths = np.array([camera.planar_fwhm_mm(float(depth)) for depth in depths])
    least = float(widths.min())
    margin = [int(np.ceil(AIR_MARGIN_MM / axis.pitch_mm)) for axis in (z, x)]
    image = np.pad(image, [(m, m) for m in margin])
    for row, fwhm in zip(filled, widths, strict=True):
        more = float(np.sqrt(max(fwhm**2 - least**2, 0.0))) / FWHM_PER_SIGMA
        layer = np.pad(emitted[:, row].astype(np.float64), [(m, m) for m in margin])
        image += gaussian_filter(layer, (more / z.pitch_mm, more / x.pitch_mm), truncate=4.0)
    padded = [
        Axis(first_mm=a.first_mm - m * a.pitch_mm, pitch_mm=a.pitch_mm, count=a.count + 2 * m)
        for a, m in zip((z, x), margin, strict=True)
    ]
    down = transfer_matrix(padded[0], plane.rows, fwhm_mm=least)
    across = transfer_matrix(padded[1], plane.columns, fwhm_mm=least)
    return np.asarray(down @ image @ across.T)
