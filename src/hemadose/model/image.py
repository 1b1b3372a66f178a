"""Images: arrays that know where they lie, what they measure and when they were taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, QuantityError
from hemadose.model._checks import (
    frozen_array,
    require_aware,
    require_non_negative,
    require_positive,
)


class Quantity(StrEnum):
    """What the numbers of an image mean."""

    COUNTS = "counts"
    ACTIVITY_CONCENTRATION = "Bq/ml"
    HOUNSFIELD = "HU"
    ABSORBED_DOSE = "Gy"
    LABEL = "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where a voxel array lies in the patient.

    Attributes
    ----------
    shape : tuple of int
        (slices, rows, columns).
    affine : ndarray, shape (4, 4)
        Maps the index (slice, row, column, 1) to mm in DICOM patient coordinates (LPS).
    frame_of_reference_uid : str
        DICOM frame of reference; mandatory.

    Examples
    --------
    >>> grid = Grid.axial(shape=(2, 3, 4), spacing_mm=(5.0, 2.0, 2.0), origin_mm=(0, 0, 0),
    ...                   frame_of_reference_uid="1.2.3")
    >>> round(grid.voxel_volume_ml, 9)
    0.02
    """

    shape: tuple[int, int, int]
    affine: npt.NDArray[np.float64]
    frame_of_reference_uid: str

    def __post_init__(self) -> None:
        """Check shape, matrix and frame of reference."""
        affine = frozen_array(self.affine, np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError("the affine of a grid is a finite 4 x 4 matrix")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise GeometryError("the affine of a grid cannot be singular", field="affine")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryError("a grid has three dimensions", field="shape", value=str(self.shape))
        if not self.frame_of_reference_uid:
            raise GeometryError("a grid needs a frame of reference", field="FrameOfReferenceUID")
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @classmethod
    def axial(
        cls,
        *,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float, float],
        origin_mm: tuple[float, float, float],
        frame_of_reference_uid: str,
    ) -> Grid:
        """Build an axial grid: slices towards the head, rows to the back, columns to the left.

        `spacing_mm` is (slice, row, column); `origin_mm` the centre of voxel (0, 0, 0) as
        (x, y, z) in LPS.
        """
        affine = np.zeros((4, 4))
        affine[2, 0], affine[1, 1], affine[0, 2] = spacing_mm
        affine[:3, 3] = origin_mm
        affine[3, 3] = 1.0
        return cls(shape=shape, affine=affine, frame_of_reference_uid=frame_of_reference_uid)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel pitch along (slice, row, column)."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in ml."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000.0)

    def index_to_mm(self, index: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map indices, shape (..., 3) as (slice, row, column), to LPS mm, shape (..., 3)."""
        points = np.asarray(index, dtype=np.float64)
        return np.asarray(points @ self.affine[:3, :3].T + self.affine[:3, 3])

    def mm_to_index(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map LPS mm, shape (..., 3), to fractional (slice, row, column) indices."""
        inverse = np.linalg.inv(self.affine)
        points = np.asarray(points_mm, dtype=np.float64)
        return np.asarray(points @ inverse[:3, :3].T + inverse[:3, 3])

    def matches(self, other: Grid) -> bool:
        """Tell whether shape, affine (to 1 µm) and frame of reference agree."""
        return (
            self.shape == other.shape
            and bool(np.allclose(self.affine, other.affine, rtol=0.0, atol=1e-3))
            and self.frame_of_reference_uid == other.frame_of_reference_uid
        )

    def require_match(self, other: Grid, *, what: str = "two images") -> None:
        """Raise GeometryError, saying what differs, unless the grids agree."""
        if self.matches(other):
            return
        if self.frame_of_reference_uid != other.frame_of_reference_uid:
            raise GeometryError(
                f"{what} belong to different frames of reference",
                field="FrameOfReferenceUID",
                remedy="register them first, or use the series acquired together",
            )
        raise GeometryError(
            f"{what} do not share one grid",
            value=f"{self.shape} at {self.spacing_mm} mm",
            expected=f"{other.shape} at {other.spacing_mm} mm with the same origin",
            remedy="resample one onto the other",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A volume: values on a grid with a quantity.

    Attributes
    ----------
    values : ndarray, shape (slices, rows, columns)
        Read-only; float32 for measured quantities, integer for labels.
    grid : Grid
        Where the values lie.
    quantity : Quantity
        What the values mean.
    """

    values: npt.NDArray[Any]
    grid: Grid
    quantity: Quantity

    def __post_init__(self) -> None:
        """Check that array and grid agree and that the numbers are finite."""
        array = np.asarray(self.values)
        values = frozen_array(array, array.dtype)
        if values.shape != self.grid.shape:
            raise GeometryError(
                "the array does not fit its grid",
                value=str(values.shape),
                expected=str(self.grid.shape),
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise QuantityError("an image holds NaN or infinity", field=str(self.quantity))
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyWindow:
    """An energy window of a gamma camera, limits in keV."""

    name: str
    lower_kev: float
    upper_kev: float

    def __post_init__(self) -> None:
        """Check the limits."""
        require_non_negative(f"window {self.name}", lower_kev=self.lower_kev)
        if self.upper_kev <= self.lower_kev:
            raise QuantityError(
                f"window {self.name} has no width",
                value=f"{self.lower_kev:g}-{self.upper_kev:g} keV",
            )

    @property
    def width_kev(self) -> float:
        """Full width in keV."""
        return self.upper_kev - self.lower_kev

    def holds(self, energy_kev: float) -> bool:
        """Tell whether an energy falls inside the window."""
        return self.lower_kev <= energy_kev <= self.upper_kev


class View(StrEnum):
    """Side from which a planar image sees the patient."""

    ANTERIOR = "anterior"
    POSTERIOR = "posterior"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarFrame:
    """Counts of one view in one energy window.

    Attributes
    ----------
    counts : ndarray, shape (rows, columns)
        Row 0 is at the head; in the patient frame both views run with columns towards
        the patient's left (readers mirror the posterior view as needed).
    view : View
        Anterior or posterior.
    window : EnergyWindow
        The energy window.
    """

    counts: npt.NDArray[np.float64]
    view: View
    window: EnergyWindow

    def __post_init__(self) -> None:
        """Refuse negative and non-finite counts."""
        counts = frozen_array(self.counts, np.float64)
        if counts.ndim != 2:
            raise GeometryError("a planar frame has rows and columns", value=str(counts.shape))
        if not np.isfinite(counts).all() or counts.min(initial=0.0) < 0.0:
            raise QuantityError(
                f"counts of the {self.view} view must be finite and not negative",
                field="PixelData",
                value=f"minimum {np.nanmin(counts):g}",
                remedy="export raw counts, not a subtracted or filtered image",
            )
        object.__setattr__(self, "counts", counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarScan:
    """A conjugate-view acquisition at one time point.

    Attributes
    ----------
    frames : tuple of PlanarFrame
        All views and windows, in one common orientation (see PlanarFrame).
    pixel_spacing_mm : tuple of float
        (row, column).
    pixel_dwell_s : float
        Time every pixel is seen: field length / scan speed for a whole-body sweep.
    started_at : datetime
        Start of the acquisition, with time zone.
    duration_s : float
        Length of the whole acquisition.
    corrections : frozenset of str
        DICOM CorrectedImage codes found in the file.
    series_uid : str
        Where the frames came from.
    """

    frames: tuple[PlanarFrame, ...]
    pixel_spacing_mm: tuple[float, float]
    pixel_dwell_s: float
    started_at: datetime
    duration_s: float
    corrections: frozenset[str] = frozenset()
    series_uid: str = ""

    def __post_init__(self) -> None:
        """Check that all frames share one shape and the times make sense."""
        if not self.frames:
            raise GeometryError("a planar scan without frames")
        shapes = {frame.counts.shape for frame in self.frames}
        if len(shapes) != 1:
            raise GeometryError("the frames of a planar scan differ in shape", value=str(shapes))
        require_aware("a planar scan", started_at=self.started_at)
        require_positive(
            "a planar scan",
            pixel_dwell_s=self.pixel_dwell_s,
            duration_s=self.duration_s,
            row_spacing_mm=self.pixel_spacing_mm[0],
            column_spacing_mm=self.pixel_spacing_mm[1],
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.frames[0].counts.shape
        return rows, columns

    def frame(self, *, view: View, window_name: str) -> PlanarFrame:
        """Give the one frame of a view and window.

        Raises
        ------
        QuantityError
            If there is none, or more than one.
        """
        found = [f for f in self.frames if f.view == view and f.window.name == window_name]
        if len(found) != 1:
            raise QuantityError(
                f"{len(found)} frames for the {view} view in window {window_name!r}",
                expected="exactly one",
                value=", ".join(sorted({f"{f.view}/{f.window.name}" for f in self.frames})),
            )
        return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TomographicScan:
    """A reconstructed SPECT at one time point.

    Attributes
    ----------
    image : Image
        Quantity COUNTS (vendor reconstruction) or ACTIVITY_CONCENTRATION.
    started_at : datetime
        Start of the acquisition, with time zone.
    duration_s : float
        Acquisition time that the counts were collected in (all views of one head).
    decay_reference_at : datetime
        The moment the values refer to: `started_at` unless the file says otherwise.
    corrections : frozenset of str
        DICOM CorrectedImage codes: ATTN, SCAT, DECY, DTIM ...
    series_uid : str
        Where the image came from.
    """

    image: Image
    started_at: datetime
    duration_s: float
    decay_reference_at: datetime
    corrections: frozenset[str] = frozenset()
    series_uid: str = ""

    def __post_init__(self) -> None:
        """Check quantity and times."""
        require_aware(
            "a SPECT scan",
            started_at=self.started_at,
            decay_reference_at=self.decay_reference_at,
        )
        require_positive("a SPECT scan", duration_s=self.duration_s)
        if self.image.quantity not in (Quantity.COUNTS, Quantity.ACTIVITY_CONCENTRATION):
            raise QuantityError(
                "a SPECT image holds counts or Bq/ml",
                field="Units",
                value=str(self.image.quantity),
            )
