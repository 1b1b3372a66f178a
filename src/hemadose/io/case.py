"""The case file: one small TOML text that names everything a plan needs, in field units.

The schema is strict: an unknown key, a missing injection time or an activity that can only
be meant in another unit is an error that names the key. Nothing clinical has a silent default.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hemadose.errors import CaseError
from hemadose.io.case_dose import DoseSection, KineticsSection, MarrowSection
from hemadose.io.case_quantification import CalibrationSection, QuantificationSection
from hemadose.io.case_voxel import VoxelSection

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
ActivityMBq = Annotated[float, Field(gt=0.0, le=200_000.0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseSection(_Section):
    """What this study is."""

    title: str
    zone: str
    study: Literal["pre-therapy", "post-therapy"] = "pre-therapy"
    compare_with: str | None = None
    """Result folder of the planning study (post-therapy studies only)."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as problem:
            raise ValueError(f"unknown time zone {value!r}; write e.g. Europe/Berlin") from problem
        return value


class PatientSection(_Section):
    """The patient, by pseudonym."""

    pseudonym: str
    sex: Literal["male", "female"]
    height_cm: Annotated[float, Field(ge=50, le=250)]
    weight_kg: Annotated[float, Field(ge=3, le=350)]
    age_years: Annotated[float, Field(ge=0, le=120)] | None = None
    creatinine_mg_per_dl: Annotated[float, Field(gt=0, le=30)] | None = None


class AdministrationSection(_Section):
    """Syringe before and after, and the time of injection."""

    agent: str
    measured_activity_MBq: ActivityMBq
    measured_at: datetime
    residual_activity_MBq: NonNegative
    residual_measured_at: datetime
    administered_at: datetime


class NiftiScan(_Section):
    """A SPECT given as NIfTI, with the facts its header cannot hold."""

    file: str
    started_at: datetime
    duration_s: Positive
    quantity: Literal["counts", "Bq/ml"]
    decay_reference_at: datetime | None = None


class ProjectionScan(_Section):
    """A SPECT given as projections (NM TOMO), to be reconstructed here."""

    projections: str | tuple[str, ...]
    """One file, or several: beds or windows stored apart."""
    ct: str | None = None
    """CT acquired with it; that of the images otherwise."""
    iterations: Annotated[int, Field(ge=1, le=200)] = 8
    subsets: Annotated[int, Field(ge=1, le=64)] = 4
    scatter: Literal["tew", "dew", "none"] = "tew"
    scatter_filter_mm: NonNegative = 0.0
    collimator: str | None = None
    """Name in the tables; None: by the file; "none": no resolution recovery."""
    post_filter_mm: NonNegative = 0.0
    photopeak_keV: Positive | None = None
    kvp: Positive | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Projection files by name."""
        return (self.projections,) if isinstance(self.projections, str) else self.projections


class ImagesSection(_Section):
    """Where the series lie, relative to the case file."""

    ct: str | None = None
    spect: tuple[str | NiftiScan | ProjectionScan, ...] = ()
    planar: tuple[str | tuple[str, ...], ...] = ()
    """One file a time, or a list of files (views or windows stored apart)."""
    probe: str | None = None
    planar_origin_mm: tuple[float, float] | None = None
    """Patient coordinates (z, x) of the middle of planar pixel (0, 0): places the CT under it."""
    register_spect: Literal["none", "rigid"] = "none"
    """Whether later SPECT are brought onto the first one, on which the regions lie."""


class RegionsSection(_Section):
    """Regions drawn elsewhere."""

    volumes: str | None = None
    planar: str | None = None
    rename: dict[str, str] = {}
    """Name in the file -> name in hemadose."""


class LimitsSection(_Section):
    """What bounds the therapy."""

    kidneys_Gy: Positive | None = None
    red_marrow_after_infusion_Gy: Positive | None = None
    liver_Gy: Positive | None = None
    activity_cap_GBq: Positive | None = None
    activity_cap_reason: str = ""
    source: str = ""
    rounding_GBq: Positive = 0.1
    chosen_activity_GBq: Positive | None = None
    max_probability_exceeding: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Also keep the probability of exceeding each dose limit below this, e.g. 0.05."""

    @model_validator(mode="after")
    def _some_limit(self) -> LimitsSection:
        bounds = (
            self.kidneys_Gy,
            self.red_marrow_after_infusion_Gy,
            self.liver_Gy,
            self.activity_cap_GBq,
        )
        if all(bound is None for bound in bounds):
            raise ValueError("no limit is given: name at least one")
        return self


class AtgSection(_Section):
    """Antithymocyte globulin: product and basis are never guessed."""

    product: str
    amount_mg_per_kg: Positive
    basis: Literal["per_day", "total"]


class AminoAcidsSection(_Section):
    """Grams in the nephroprotective infusion."""

    arginine_g: Positive
    lysine_g: Positive


class TransplantSection(_Section):
    """Stem-cell transplantation and the conditioning around it."""

    day_zero_on: date
    ert_day: Annotated[int, Field(lt=0, ge=-60)] = -14
    donor: Literal["MRD", "MUD", "MMUD", "HID", "AUTO"]
    regimen: str
    tbi_Gy: Positive
    graft_confirmed: bool
    bsa: Literal["mosteller", "dubois"] = "mosteller"
    cyclophosphamide_weight: str | None = None
    atg: AtgSection | None = None
    calcineurin_inhibitor: str | None = None
    immunosuppression_start_day: int | None = None
    amino_acids: AminoAcidsSection | None = None
    creatinine_after_ert_mg_per_dl: Annotated[float, Field(gt=0, le=30)] | None = None
    renal_weight: str = "actual"
    ert_at: time = time(10, 0)
    overrides: dict[str, str] = {}
    """Warning code -> reason for going on."""


class Case(_Section):
    """One patient study, checked."""

    case: CaseSection
    patient: PatientSection
    administration: AdministrationSection
    images: ImagesSection
    regions: RegionsSection
    calibration: CalibrationSection
    quantification: QuantificationSection
    marrow: MarrowSection
    kinetics: KineticsSection = KineticsSection()
    dose: DoseSection = DoseSection()
    limits: LimitsSection
    transplant: TransplantSection | None = None
    voxel: VoxelSection = VoxelSection()

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        needs = {
            "spect": (self.images.spect, "images.spect"),
            "planar": (self.images.planar, "images.planar"),
            "hybrid": (self.images.spect and self.images.planar, "images.spect and images.planar"),
        }
        present, name = needs[self.quantification.method]
        if not present:
            raise ValueError(f"quantification.method {self.quantification.method} needs {name}")
        limit = self.limits.red_marrow_after_infusion_Gy
        if limit is not None and self.transplant is None:
            raise ValueError("limits.red_marrow_after_infusion_Gy needs [transplant] (day_zero_on, ert_day)")
        if self.case.compare_with and self.case.study != "post-therapy":
            raise ValueError("case.compare_with belongs to a post-therapy study")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the clinic."""
        return ZoneInfo(self.case.zone)

    def aware(self, moment: datetime) -> datetime:
        """Give a time with the clinic's zone unless it has one."""
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)


def read_case(path: Path) -> Case:
    """Read and check a case file.

    Raises
    ------
    CaseError
        With every problem found, each with its key.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise CaseError("case file not found", source=str(path)) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise CaseError("the case file is not valid TOML", source=str(path), value=str(problem)) from problem
    return parse_case(data, source=str(path))


def parse_case(data: dict[str, Any], *, source: str) -> Case:
    """Check the content of a case file.

    Raises
    ------
    CaseError
        With every problem found, each with its key.
    """
    try:
        return Case.model_validate(data)
    except ValidationError as problem:
        found = problem.errors(include_url=False)
        lines = [f"{'.'.join(map(str, e['loc'])) or 'case'}: {_say(e)}" for e in found]
        raise CaseError(
            "the case file needs attention: " + "; ".join(lines),
            source=source,
            field=".".join(map(str, found[0]["loc"])),
            remedy="see docs/reference/case-file.md",
        ) from problem


def _say(error: Any) -> str:
    kind, given = error["type"], error.get("input")
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a known key"
    text = str(error["msg"]).removeprefix("Value error, ")
    if "MBq" in str(error["loc"][-1]) and isinstance(given, int | float) and given > 2e5:
        return f"{given:g} MBq is not plausible: was it meant in Bq? Give MBq"
    if isinstance(given, str | int | float):
        return f"{text} (given {given!r})"
    return text
