"""Calibration experiments as files: one small TOML text per experiment, tables as CSV, in field units.

The schema is strict, as that of the case file: an unknown key or a missing time is an error that names file and key,
and the uncertainty of the dose calibrator is never assumed. The tables are read by `calibration_tables`.
"""
# ruff: noqa: N815 - keys carry the unit as the field writes it

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hemadose.errors import InputError, TimingError

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Relative = Annotated[float, Field(ge=0.0, lt=1.0)]
ActivityMBq = Annotated[float, Field(gt=0.0, le=200_000.0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CalibrationFile(_Part):
    """What every experiment names."""

    title: str = ""
    zone: str | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value if value is None else ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError) as problem:
            raise ValueError(f"unknown time zone {value!r}; write e.g. Europe/Berlin") from problem

    @property
    def clinic(self) -> ZoneInfo | None:
        """Time zone of times without an offset."""
        return None if self.zone is None else ZoneInfo(self.zone)

    def aware(self, at: datetime) -> datetime:
        """Give a time with the clinic's zone unless it has one.

        Raises
        ------
        TimingError
            If neither the time nor the file names one.
        """
        if at.tzinfo:
            return at
        if self.clinic is None:
            raise TimingError(
                "a time has no zone", field="zone", value=at.isoformat(), expected='zone = "Europe/Berlin", or offsets'
            )
        return at.replace(tzinfo=self.clinic)


class SourcePart(_Part):
    """A source and its dose calibrator readings."""

    nuclide: str
    activity_MBq: ActivityMBq
    measured_at: datetime
    residual_MBq: NonNegative = 0.0
    residual_measured_at: datetime | None = None
    dose_calibrator_relative_sd: Relative
    reading_relative_sd: Relative = 0.0
    half_life_relative_sd: Relative = 0.0


class DeadTimePart(_Part):
    """Dead time of the camera, if known."""

    paralysable_us: NonNegative = 0.0
    nonparalysable_us: NonNegative = 0.0


class WindowsPart(_Part):
    """Widths of the energy windows, for scatter columns of a table."""

    peak_keV: Positive
    lower_keV: Positive
    upper_keV: Positive


class PlanarFile(CalibrationFile):
    """`hemadose calibrate planar`."""

    kind: Literal["planar"] = "planar"
    source: SourcePart
    transmission: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    transmission_relative_sd: Relative = 0.0
    dead_time: DeadTimePart | None = None
    windows: WindowsPart | None = None
    table: str | None = None
    images: tuple[str, ...] = ()
    background_image: str | None = None
    scatter: Literal["tew", "none"] = "tew"

    @model_validator(mode="after")
    def _one_kind(self) -> PlanarFile:
        if (self.table is None) == (not self.images):
            raise ValueError("give either table or images")
        return self


class ImagePart(_Part):
    """An image in counts: NM object, or NIfTI with the facts its header cannot hold."""

    file: str
    started_at: datetime | None = None
    duration_s: Positive | None = None
    decay_reference_at: datetime | None = None


class CountsPart(_Part):
    """Counts of a volume read off elsewhere."""

    counts: Positive
    relative_sd: Relative
    duration_s: Positive
    started_at: datetime
    decay_reference_at: datetime | None = None


class CylinderPart(_Part):
    """A uniform cylinder."""

    volume_ml: Positive
    volume_relative_sd: Relative = 0.0
    source: SourcePart | None = None
    image: ImagePart | None = None
    diameter_mm: Positive | None = None
    length_mm: Positive | None = None
    margin_mm: Positive | None = None
    centre_mm: tuple[float, float, float] | None = None
    inside: CountsPart | None = None
    inside_ml: Positive | None = None
    whole_field: CountsPart | None = None

    @model_validator(mode="after")
    def _complete(self) -> CylinderPart:
        shape = (self.diameter_mm, self.length_mm, self.margin_mm)
        if self.image is not None and any(v is None for v in shape):
            raise ValueError("an image needs diameter_mm, length_mm and margin_mm")
        if self.image is None and (self.inside is None or self.inside_ml is None):
            raise ValueError("give image, or inside (counts) and inside_ml")
        return self


class SpherePart(_Part):
    """A hot sphere in a cold background."""

    diameter_mm: Positive
    fwhm_mm: Positive
    fwhm_relative_sd: Relative = 0.0
    source: SourcePart | None = None
    image: ImagePart | None = None
    centre_mm: tuple[float, float, float] | None = None
    enlarged: CountsPart | None = None
    inside: CountsPart | None = None

    @model_validator(mode="after")
    def _complete(self) -> SpherePart:
        if self.image is None and self.enlarged is None and self.inside is None:
            raise ValueError("give image, or enlarged or inside (counts)")
        return self


class SpectFile(CalibrationFile):
    """`hemadose calibrate spect`."""

    kind: Literal["spect"] = "spect"
    source: SourcePart | None = None
    cylinder: CylinderPart | None = None
    sphere: SpherePart | None = None

    @model_validator(mode="after")
    def _something(self) -> SpectFile:
        parts = [p for p in (self.cylinder, self.sphere) if p is not None]
        if not parts:
            raise ValueError("give [cylinder] or [sphere]")
        if self.source is None and any(p.source is None for p in parts):
            raise ValueError("give [source], or a source in every phantom")
        return self


class SpherePlace(_Part):
    """One sphere of a phantom image."""

    diameter_mm: Positive
    centre_mm: tuple[float, float, float]
    name: str = ""


class SpheresFile(CalibrationFile):
    """`hemadose calibrate spheres` on an image."""

    kind: Literal["spheres"] = "spheres"
    nuclide: str
    image: ImagePart
    spect_cps_per_MBq: Positive | None = None
    sphere_kBq_per_ml: Positive
    background_kBq_per_ml: NonNegative = 0.0
    concentration_at: datetime
    shared_relative_sd: Relative
    filling_relative_sd: Relative = 0.0
    spheres: tuple[SpherePlace, ...]


class RatePart(_Part):
    """Counts and their time."""

    counts: NonNegative
    duration_s: Positive


class TwoSourcesPart(_Part):
    """The two-source experiment."""

    first: RatePart
    second: RatePart
    both: RatePart
    background: RatePart | None = None


class DeadTimeFile(CalibrationFile):
    """`hemadose calibrate dead-time`."""

    kind: Literal["dead-time"] = "dead-time"
    nuclide: str | None = None
    table: str | None = None
    background_per_s: NonNegative = 0.0
    two_sources: TwoSourcesPart | None = None

    @model_validator(mode="after")
    def _one_experiment(self) -> DeadTimeFile:
        if (self.table is None) == (self.two_sources is None):
            raise ValueError("give either table (decaying source) or [two_sources]")
        if self.table is not None and self.nuclide is None:
            raise ValueError("a decaying source needs its nuclide")
        return self


class ReadingPart(_Part):
    """One reading of the dose calibrator."""

    activity_MBq: NonNegative
    measured_at: datetime


class GeometryPart(_Part):
    """Vial before and after filling a syringe, syringe full and empty."""

    nuclide: str
    vial_before: ReadingPart
    vial_after: ReadingPart
    syringe_full: ReadingPart
    syringe_empty: ReadingPart | None = None
    reading_relative_sd: Relative


class DialPart(_Part):
    """Readings of one source at several settings, decayed to one time."""

    settings: tuple[float, ...]
    readings_MBq: tuple[Positive, ...]
    reference_MBq: Positive
    reference_relative_sd: Relative


class CrossFile(CalibrationFile):
    """`hemadose calibrate cross`."""

    kind: Literal["cross"] = "cross"
    reference: SourcePart | None = None
    readings: tuple[ReadingPart, ...] = ()
    background_MBq: NonNegative = 0.0
    geometry: GeometryPart | None = None
    dial: DialPart | None = None

    @model_validator(mode="after")
    def _something(self) -> CrossFile:
        if self.reference is None and self.geometry is None and self.dial is None:
            raise ValueError("give [reference] with [[readings]], [geometry] or [dial]")
        if (self.reference is None) != (not self.readings):
            raise ValueError("[reference] and [[readings]] belong together")
        return self


F = TypeVar("F", bound=CalibrationFile)


def read_calibration_file(path: Path, kind: type[F]) -> F:
    """Read and check one experiment.

    Raises
    ------
    InputError
        With every problem found, each with its key.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("file not found", source=str(path)) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InputError("not valid TOML", source=str(path), value=str(problem)) from problem
    try:
        return kind.model_validate(data)
    except ValidationError as problem:
        found = problem.errors(include_url=False)
        lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {_say(e)}" for e in found]
        raise InputError(
            "the calibration file needs attention: " + "; ".join(lines),
            source=str(path),
            field=".".join(map(str, found[0]["loc"])) or None,
            remedy="see docs/how-to/calibrate.md",
        ) from problem


def _say(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden":
        return "is not a known key"
    text = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    return f"{text} (given {given!r})" if isinstance(given, str | int | float) else text
