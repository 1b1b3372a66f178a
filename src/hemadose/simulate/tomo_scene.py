"""The patient before the rotating camera: the part of the anatomy that matters, the axis, and the orbit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.model import Anatomy
from hemadose.simulate.gamma_camera import TomoProtocol
from hemadose.simulate.photon_tables import attenuation_by_label
from hemadose.simulate.projection import anatomy_axes
from hemadose.simulate.resample import Axis
from hemadose.simulate.sources import SourceMap

Volume = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

MARGIN_MM = 150.0
"""Beyond the ends of the field: photons from there are still scattered into it."""
CELL_MM = 8.0
"""Side of the cells on which ways out of the body are kept for the scatter simulation, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TomoScene:
    """An anatomy, cut to what one bed sees, and where the detectors stand.

    Attributes
    ----------
    anatomy : Anatomy
        Whole.
    part : slice
        Slices of the anatomy that are used.
    axes : tuple of Axis
        z, y, x of these voxels, LPS mm.
    labels : ndarray of uint8, shape (slices, rows, columns)
        Tissues of them.
    protocol : TomoProtocol
        Views and pixels.
    axis_mm : tuple of float
        (x, y) of the axis of rotation.
    first_slice_mm : float
        z of the middle of detector slice 0.
    radius_mm : ndarray, shape (views,)
        Axis to collimator.
    main_kev : float
        Photon energy the scene is seen at.
    """

    anatomy: Anatomy
    part: slice
    axes: tuple[Axis, Axis, Axis]
    labels: npt.NDArray[np.uint8]
    protocol: TomoProtocol
    axis_mm: tuple[float, float]
    first_slice_mm: float
    radius_mm: Floats
    main_kev: float

    def centres_mm(self) -> tuple[Floats, Floats]:
        """Columns (x) and rows (y) from the axis of rotation."""
        _, y, x = self.axes
        return x.centres_mm - self.axis_mm[0], y.centres_mm - self.axis_mm[1]

    def shares(self, source: SourceMap) -> Volume:
        """Activity of a source in the voxels used, as (row, column, slice)."""
        return np.ascontiguousarray(source.share[self.part].transpose(1, 2, 0))

    def attenuation_per_mm(self, *, coherent: bool) -> Volume:
        """Attenuation at the main line, as (row, column, slice)."""
        table = attenuation_by_label(self.anatomy, self.main_kev, coherent=coherent) / 10.0
        return np.ascontiguousarray(table.astype(np.float32)[self.labels].transpose(1, 2, 0))

    def slice_axis(self) -> Axis:
        """Slices of the detector."""
        p = self.protocol
        return Axis(first_mm=self.first_slice_mm, pitch_mm=p.slice_mm, count=p.slices)


def tomo_scene(
    anatomy: Anatomy,
    protocol: TomoProtocol,
    *,
    main_kev: float,
    centre_z_mm: float,
    axis_mm: tuple[float, float] | None = None,
) -> TomoScene:
    """Place an anatomy before the camera.

    Parameters
    ----------
    anatomy : Anatomy
        Axial; label 0 is air.
    protocol : TomoProtocol
        Views, pixels, orbit.
    main_kev : float
        Energy of the main line.
    centre_z_mm : float
        z of the middle of the field.
    axis_mm : tuple of float, optional
        (x, y) of the axis of rotation; the middle of the body if not given.

    Raises
    ------
    GeometryError
        If the field lies beyond the anatomy, or the body does not fit into it.
    """
    z, y, x = anatomy_axes(anatomy.labels.grid)
    half = protocol.slices * protocol.slice_mm / 2.0
    near = np.abs(z.centres_mm - centre_z_mm) <= half + MARGIN_MM
    if not (np.abs(z.centres_mm - centre_z_mm) <= half).any():
        raise GeometryError(
            "the field of view lies beyond the anatomy",
            field="centre_z_mm",
            value=f"{centre_z_mm:g} mm",
            expected=f"{z.edges_mm[0]:g} to {z.edges_mm[-1]:g} mm",
        )
    used = np.flatnonzero(near)
    part = slice(int(used[0]), int(used[-1]) + 1)
    labels = np.ascontiguousarray(np.asarray(anatomy.labels.values)[part].astype(np.uint8))
    cut = Axis(first_mm=float(z.centres_mm[part.start]), pitch_mm=z.pitch_mm, count=part.stop - part.start)
    rows, columns = (np.flatnonzero((labels > 0).any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if not rows.size:
        raise GeometryError("there is no body in the field of view", field="centre_z_mm", value=f"{centre_z_mm:g} mm")
    middle = (float(x.centres_mm[columns[[0, -1]]].mean()), float(y.centres_mm[rows[[0, -1]]].mean()))
    axis = middle if axis_mm is None else axis_mm
    return TomoScene(
        anatomy=anatomy, part=part, axes=(cut, y, x), labels=labels, protocol=protocol, axis_mm=axis,
        first_slice_mm=centre_z_mm - half + protocol.slice_mm / 2.0,
        radius_mm=_orbit(labels, (y, x), protocol, axis), main_kev=main_kev,
    )  # fmt: skip


def _orbit(
    labels: npt.NDArray[np.uint8], axes: tuple[Axis, Axis], protocol: TomoProtocol, axis: tuple[float, float]
) -> Floats:
    """Radius of each view: the body's reach towards the detector, and the gap."""
    y, x = axes
    row, column = np.nonzero((labels > 0).any(axis=0))
    east, back = x.centres_mm[column] - axis[0], y.centres_mm[row] - axis[1]
    angle = np.deg2rad(protocol.angle_deg)[:, None]
    corner = 0.5 * (np.abs(np.sin(angle)) * x.pitch_mm + np.abs(np.cos(angle)) * y.pitch_mm)
    reach = (east * np.sin(angle) + back * np.cos(angle) + corner).max(axis=1) + protocol.gap_mm
    widest = float(np.hypot(east, back).max())
    if widest > protocol.bins * protocol.bin_mm / 2.0:
        raise GeometryError(
            "the body is wider than the detector",
            field="bins",
            value=f"{2.0 * widest:.0f} mm",
            expected=f"at most {protocol.bins * protocol.bin_mm:.0f} mm",
        )
    return np.asarray(reach if protocol.orbit == "contour" else np.full(reach.shape, reach.max()))


def thinned(volume: Volume, factor: int) -> Volume:
    """Mean over cubes of `factor` voxels; what is missing at the far ends counts as empty."""
    padded = np.pad(volume, [(0, -n % factor) for n in volume.shape])
    a, b, c = (n // factor for n in padded.shape)
    return np.asarray(padded.reshape(a, factor, b, factor, c, factor).mean(axis=(1, 3, 5)), dtype=np.float32)


def cell_factor(axes: Sequence[Axis]) -> int:
    """Voxels along the side of a cell."""
    return max(round(CELL_MM / max(abs(axis.pitch_mm) for axis in axes)), 1)
