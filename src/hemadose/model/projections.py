"""SPECT projections: counts by window, angle, slice and bin, with where and when each view was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, QuantityError
from hemadose.model._checks import frozen_array, require_aware, require_finite, require_positive
from hemadose.model.image import EnergyWindow, Grid

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionSet:
    """One SPECT acquisition before reconstruction (one bed position).

    The detector angle is the one of DICOM NM: 0 degrees with the detector at the patient's back, growing
    counter-clockwise as seen from the feet, so 90 degrees is the patient's left (PS3.3 C.8.4.11, Start
    Angle). In the plane (x, y) of LPS the detector face lies at ``axis + R (sin t, cos t)`` and bins are
    counted along ``(-cos t, sin t)``: as seen from the detector, head up.

    Attributes
    ----------
    counts : ndarray, shape (windows, angles, slices, bins)
        float32, read-only, not negative. Slice 0 is the lowest z (feet side).
    windows : tuple of EnergyWindow
        In the order of the first axis.
    angle_deg : ndarray, shape (angles,)
        Detector angle of each view.
    radius_mm : ndarray, shape (angles,)
        Axis of rotation to collimator face, each view.
    bin_mm, slice_mm : float
        Pitch of the detector pixels across and along the patient.
    frame_duration_s : ndarray, shape (angles,)
        Time that each view was counted.
    frame_start_s : ndarray, shape (angles,), optional
        Start of each view after `started_at`; None where the file does not tell.
    started_at : datetime
        Start of the acquisition, with time zone.
    duration_s : float
        Length of the whole acquisition by the clock.
    nuclide : str
        As in the nuclide tables, e.g. "Lu-177".
    collimator : str or None
        As the file names it.
    frame_of_reference_uid : str
        DICOM frame of reference that `axis_mm` and `first_slice_mm` belong to.
    axis_mm : tuple of float
        (x, y) of the axis of rotation, LPS.
    first_slice_mm : float
        z of the centre of slice 0, LPS.
    patient_position : str
        As read: HFS, FFS, HFP or FFP. Counts and angles are in patient coordinates whatever it is.
    camera : str
        Maker and model as read.
    corrections : frozenset of str
        DICOM CorrectedImage codes found in the file (UNIF, DTIM ...).
    notes : tuple of str
        Doubts met while reading.

    Examples
    --------
    >>> from datetime import UTC
    >>> views = ProjectionSet(
    ...     counts=np.ones((1, 4, 2, 8)), windows=(EnergyWindow(name="peak", lower_kev=187, upper_kev=229),),
    ...     angle_deg=[0, 90, 180, 270], radius_mm=[250] * 4, bin_mm=4.8, slice_mm=4.8,
    ...     frame_duration_s=[20] * 4, started_at=datetime(2025, 1, 2, tzinfo=UTC), duration_s=80,
    ...     nuclide="Lu-177", frame_of_reference_uid="1.2.3")
    >>> views.grid().shape, round(float(views.grid().index_to_mm([0, 0, 0])[0]), 3)
    ((2, 8, 8), -16.8)
    """

    counts: npt.NDArray[np.float32]
    windows: tuple[EnergyWindow, ...]
    angle_deg: Floats
    radius_mm: Floats
    bin_mm: float
    slice_mm: float
    frame_duration_s: Floats
    started_at: datetime
    duration_s: float
    nuclide: str
    frame_of_reference_uid: str
    collimator: str | None = None
    axis_mm: tuple[float, float] = (0.0, 0.0)
    first_slice_mm: float = 0.0
    patient_position: str = "HFS"
    camera: str = ""
    frame_start_s: Floats | None = None
    corrections: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes, counts, geometry and times."""
        self._check_counts()
        for name in ("angle_deg", "radius_mm", "frame_duration_s", "frame_start_s"):
            self._freeze_per_view(name)
        if self.radius_mm.min() <= 0.0:
            raise GeometryError("the detector cannot lie on the axis", field="radius_mm", value="0")
        if self.frame_duration_s.min() <= 0.0:
            raise QuantityError("a view was counted for no time", field="frame_duration_s", value="0")
        if self.frame_start_s is not None and self.frame_start_s.min() < 0.0:
            raise QuantityError("a view starts before the acquisition", field="frame_start_s")
        require_positive("a projection set", bin_mm=self.bin_mm, slice_mm=self.slice_mm, duration_s=self.duration_s)
        require_finite("a projection set", x=self.axis_mm[0], y=self.axis_mm[1], z=self.first_slice_mm)
        require_aware("a projection set", started_at=self.started_at)
        if not self.frame_of_reference_uid:
            raise GeometryError("projections need a frame of reference", field="FrameOfReferenceUID")
        if not self.nuclide:
            raise QuantityError("projections need their nuclide", field="nuclide")

    def _check_counts(self) -> None:
        counts = frozen_array(self.counts, np.float32)
        if counts.ndim != 4 or min(counts.shape) < 1:
            raise GeometryError(
                "projections have four dimensions",
                field="counts",
                value=str(counts.shape),
                expected="(windows, angles, slices, bins)",
            )
        if len(self.windows) != counts.shape[0]:
            raise GeometryError(
                "projections and energy windows differ in number",
                field="windows",
                value=str(len(self.windows)),
                expected=str(counts.shape[0]),
            )
        names = [window.name for window in self.windows]
        if len(set(names)) != len(names):
            raise QuantityError("two energy windows share a name", field="windows", value=", ".join(names))
        if not np.isfinite(counts).all() or counts.min() < 0.0:
            raise QuantityError(
                "counts of projections must be finite and not negative",
                field="PixelData",
                value=f"minimum {counts.min():g}",
                remedy="export raw projections, not scatter-subtracted or filtered ones",
            )
        object.__setattr__(self, "counts", counts)

    def _freeze_per_view(self, name: str) -> None:
        given: Any = getattr(self, name)
        if given is None:
            return
        values = frozen_array(given, np.float64)
        if values.shape != (self.counts.shape[1],) or not np.isfinite(values).all():
            raise GeometryError(
                "one finite number is needed for each view",
                field=name,
                value=str(values.shape),
                expected=f"({self.counts.shape[1]},)",
            )
        object.__setattr__(self, name, values)

    @property
    def views(self) -> int:
        """Number of views (angles) of all detectors together."""
        return int(self.counts.shape[1])

    @property
    def last_slice_mm(self) -> float:
        """Give z of the centre of the highest slice, LPS mm."""
        return self.first_slice_mm + (int(self.counts.shape[2]) - 1) * self.slice_mm

    def grid(self) -> Grid:
        """Give the grid to reconstruct on: as many voxels across as bins, centred on the axis of rotation.

        Returns
        -------
        Grid
            Axial, shape (slices, bins, bins), pitch (slice_mm, bin_mm, bin_mm).
        """
        _, _, slices, bins = self.counts.shape
        half = (bins - 1) / 2.0 * self.bin_mm
        return Grid.axial(
            shape=(slices, bins, bins),
            spacing_mm=(self.slice_mm, self.bin_mm, self.bin_mm),
            origin_mm=(self.axis_mm[0] - half, self.axis_mm[1] - half, self.first_slice_mm),
            frame_of_reference_uid=self.frame_of_reference_uid,
        )

    def window_index(self, name: str) -> int:
        """Give the place of a window in `counts`.

        Raises
        ------
        QuantityError
            If there is none of that name.
        """
        names = [window.name for window in self.windows]
        if name not in names:
            raise QuantityError(
                "no energy window of that name", field="windows", value=name, expected=" or ".join(names)
            )
        return names.index(name)

    def window_holding(self, energy_kev: float) -> EnergyWindow:
        """Give the narrowest window that holds an energy (the photopeak window of a gamma line).

        Raises
        ------
        QuantityError
            If no window holds it.
        """
        found = [window for window in self.windows if window.holds(energy_kev)]
        if not found:
            raise QuantityError(
                f"no energy window holds the {energy_kev:g} keV line",
                field="EnergyWindowRangeSequence",
                value="; ".join(f"{w.name} {w.lower_kev:g}-{w.upper_kev:g} keV" for w in self.windows),
                remedy="check the radionuclide and which windows were exported",
            )
        return min(found, key=lambda window: window.width_kev)

    def decay_factors(self, half_life_s: float) -> Floats:
        """Give the mean activity during each view, relative to that at the start of the acquisition.

        ``exp(-l t) (1 - exp(-l d)) / (l d)`` with t the start and d the length of a view. Without
        `frame_start_s` every view stands for the whole acquisition (t = 0, d = `duration_s`).

        Parameters
        ----------
        half_life_s : float
            Physical half-life, s.

        Returns
        -------
        ndarray, shape (angles,)
        """
        require_positive("decay during the acquisition", half_life_s=half_life_s)
        rate = np.log(2.0) / half_life_s
        if self.frame_start_s is None:
            length = np.full(self.views, self.duration_s)
            return np.asarray(-np.expm1(-rate * length) / (rate * length))
        length = self.frame_duration_s
        return np.asarray(np.exp(-rate * self.frame_start_s) * -np.expm1(-rate * length) / (rate * length))

    def largest_gap_deg(self) -> float:
        """Give the largest step between neighbouring angles, the way round included (360 for one view)."""
        return largest_gap_deg(self.angle_deg)


def largest_gap_deg(angle_deg: npt.ArrayLike) -> float:
    """Give the largest step between neighbouring angles on the circle.

    Parameters
    ----------
    angle_deg : array_like
        Detector angles, any order and turn.

    Returns
    -------
    float

    Examples
    --------
    >>> largest_gap_deg([0, 90, 180]), largest_gap_deg([350, 10])
    (180.0, 340.0)
    """
    turned = np.unique(np.round(np.mod(np.asarray(angle_deg, dtype=np.float64), 360.0), 6) % 360.0)
    return float(np.diff(turned, append=turned[0] + 360.0).max())


def require_same_camera(sets: Sequence[ProjectionSet]) -> None:
    """Refuse sets that cannot be parts of one study (beds): windows, pixels, nuclide and frame must agree.

    Raises
    ------
    GeometryError
        Naming the first thing that differs.
    """
    first = sets[0]
    for other in sets[1:]:
        for name in ("windows", "bin_mm", "slice_mm", "nuclide", "collimator", "frame_of_reference_uid"):
            if getattr(other, name) != getattr(first, name):
                raise GeometryError(
                    "these acquisitions are not beds of one study",
                    field=name,
                    value=str(getattr(other, name)),
                    expected=str(getattr(first, name)),
                    remedy="reconstruct them on their own",
                )
        if other.counts.shape[3] != first.counts.shape[3] or not np.allclose(other.axis_mm, first.axis_mm, atol=0.1):
            raise GeometryError(
                "the beds differ in matrix or axis of rotation",
                field="Columns, axis_mm",
                value=f"{other.counts.shape[3]} bins about {other.axis_mm} mm",
                expected=f"{first.counts.shape[3]} bins about {first.axis_mm} mm",
                remedy="reconstruct them on their own",
            )
