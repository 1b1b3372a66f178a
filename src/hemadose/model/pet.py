"""PET: activity or uptake values with the facts that turn one into the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError, QuantityError
from hemadose.model._checks import frozen_array, require_aware, require_positive
from hemadose.model.image import Grid, Image, Quantity
from hemadose.model.patient import Sex

Volume = npt.NDArray[np.float32]


class SuvMeasure(StrEnum):
    """What a standardised uptake value is normalised to."""

    BODY_WEIGHT = "bw"
    LBM_JAMES = "lbm-james"
    LBM_JANMAHASATIAN = "lbm-janmahasatian"
    BODY_SURFACE = "bsa"

    @property
    def unit(self) -> str:
        """g/ml, or cm²/ml for body surface (DICOM Units GML and CM2ML)."""
        return "cm²/ml" if self is SuvMeasure.BODY_SURFACE else "g/ml"

    @property
    def label(self) -> str:
        """Name as reports write it."""
        return {"bw": "SUVbw", "bsa": "SUVbsa"}.get(self.value, f"SUVlbm ({self.value[4:].capitalize()})")


class DecayReference(StrEnum):
    """Moment that the values of a PET are decay-corrected to (DICOM DecayCorrection)."""

    NONE = "NONE"
    START = "START"
    ADMINISTRATION = "ADMIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySize:
    """Weight, height and sex as far as they are known; None is never replaced by a mean."""

    weight_kg: float | None = None
    height_cm: float | None = None
    sex: Sex | None = None

    def __post_init__(self) -> None:
        """Refuse absurd sizes."""
        for name, value, low, high, unit in (
            ("weight_kg", self.weight_kg, 1.0, 400.0, "kg"),
            ("height_cm", self.height_cm, 30.0, 250.0, "cm"),
        ):
            if value is not None and not low <= value <= high:
                raise QuantityError(
                    f"implausible {name.split('_')[0]}",
                    field=name,
                    value=f"{value:g}",
                    expected=f"{low:g}-{high:g} {unit}",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class PetScan:
    """One static PET series.

    Attributes
    ----------
    values : ndarray, shape (slices, rows, columns)
        Read-only float32, axial (slices to the head, rows to the back, columns to the left).
    grid : Grid
        Where they lie.
    measure : SuvMeasure or None
        None: Bq/ml. Otherwise the scanner has already made uptake values of them.
    decay : DecayReference
        What the values are decay-corrected to.
    started_at : datetime
        Start of the series: the reference of ``START``.
    slice_at : tuple of datetime
        Moment of the mean count rate of each slice (its bed position).
    frame_duration_s : float or None
        Acquisition time of a slice.
    half_life_s : float or None
        Of the radionuclide, from the file.
    injected_activity_bq, injected_at : float and datetime, or None
        Activity as the file states it (usually without subtracting the residual).
    body : BodySize
        For normalisation.
    tracer, nuclide : str
        As the file spells them ("" where absent).
    corrections : frozenset of str
        DICOM CorrectedImage codes.
    series_uid, patient_digest : str
        Where it came from; hash of the patient's identifiers.
    notes : tuple of str
        Doubts met while reading.
    """

    values: Volume
    grid: Grid
    measure: SuvMeasure | None
    decay: DecayReference
    started_at: datetime
    slice_at: tuple[datetime, ...]
    frame_duration_s: float | None = None
    half_life_s: float | None = None
    injected_activity_bq: float | None = None
    injected_at: datetime | None = None
    body: BodySize = field(default_factory=BodySize)
    tracer: str = ""
    nuclide: str = ""
    corrections: frozenset[str] = frozenset()
    series_uid: str = ""
    patient_digest: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shape, numbers and times."""
        object.__setattr__(self, "values", _volume(self.values, self.grid))
        if len(self.slice_at) != self.grid.shape[0]:
            raise GeometryError(
                "every PET slice needs its time",
                field="slice_at",
                value=str(len(self.slice_at)),
                expected=str(self.grid.shape[0]),
            )
        require_aware("a PET series", started_at=self.started_at, slice_at=self.slice_at[0])
        if self.injected_at is not None:
            require_aware("a PET series", injected_at=self.injected_at)
        for name in ("half_life_s", "injected_activity_bq", "frame_duration_s"):
            value = getattr(self, name)
            if value is not None:
                require_positive("a PET series", **{name: value})

    @property
    def image(self) -> Image:
        """Activity concentration as an image.

        Raises
        ------
        QuantityError
            If the file holds uptake values.
        """
        if self.measure is not None:
            raise QuantityError("this PET holds uptake values, not Bq/ml", field="Units", value=self.measure.label)
        return Image(values=self.values, grid=self.grid, quantity=Quantity.ACTIVITY_CONCENTRATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuvImage:
    """Standardised uptake values on a grid.

    Attributes
    ----------
    values : ndarray, shape of `grid`
        Read-only float32.
    grid : Grid
        Where they lie.
    measure : SuvMeasure
        What they are normalised to.
    tracer : str
        As the file spells it.
    parameters : tuple of (str, float)
        The numbers that made them: weight, activity at the reference time ...
    notes : tuple of str
        Doubts.
    """

    values: Volume
    grid: Grid
    measure: SuvMeasure
    tracer: str = ""
    parameters: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shape and numbers."""
        object.__setattr__(self, "values", _volume(self.values, self.grid))


def _volume(values: npt.ArrayLike, grid: Grid) -> Volume:
    array = frozen_array(values, np.float32)
    if array.shape != grid.shape:
        raise GeometryError("the array does not fit its grid", value=str(array.shape), expected=str(grid.shape))
    if not np.isfinite(array).all():
        raise QuantityError("a PET holds NaN or infinity", field="PixelData")
    return array
