"""What a person enters for a conditioning calendar, in field units, and the values it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hemadose.errors import PlanningError, TimingError
from hemadose.io.calendar import clock_change
from hemadose.model import Course, CourseWarning, Donor, Patient, Prescription, Severity, Sex
from hemadose.provenance import digest_parameters
from hemadose.refdata import read_regimen, regimen
from hemadose.therapy.activity.naming import normalised_agent
from hemadose.therapy.conditioning.anthropometry import SurfaceRule, WeightRule, check_body
from hemadose.therapy.conditioning.calendar import schedule
from hemadose.therapy.conditioning.choices import AminoAcids, AtgBasis, AtgOrder, AtgProduct, CourseChoices
from hemadose.therapy.conditioning.doses import DrugDose, course_doses
from hemadose.therapy.conditioning.laboratory import laboratory_value
from hemadose.therapy.conditioning.regimen import Regimen
from hemadose.therapy.conditioning.renal import FludarabineLabel
from hemadose.therapy.conditioning.rules import warning
from hemadose.units import GBQ


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseInputs:
    """Everything that shapes a calendar; what stands here is entered anew by the person who verifies."""

    regimen: str
    donor: str
    day_zero: str
    height_cm: float
    weight_kg: float
    sex: str
    tbi_gy: float
    ert_day: int = -14
    graft_confirmed: bool = False
    atg_product: str | None = None
    atg_mg_per_kg: float | None = None
    atg_basis: str | None = None
    cyclophosphamide_weight: str | None = None
    calcineurin_inhibitor: str | None = None
    immunosuppression_start_day: int | None = None
    arginine_g: float | None = None
    lysine_g: float | None = None
    age_years: float | None = None
    creatinine_mg_per_dl: float | None = None
    creatinine_umol_per_l: float | None = None
    creatinine_after_ert_mg_per_dl: float | None = None
    renal_weight: str = "actual"
    renal_label: str = "us_intravenous"
    earlier_weight_kg: float | None = None
    agent: str | None = None
    activity_gbq: float | None = None
    bsa: str = "mosteller"
    ert_at: str = "10:00"
    zone: str = "Europe/Berlin"
    override: tuple[str, ...] = ()

    def as_plain(self) -> dict[str, Any]:
        """Give the inputs as JSON-ready values."""
        return {**asdict(self), "override": sorted(self.override)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCourse:
    """A course and everything it was made of."""

    course: Course
    regimen: Regimen
    patient: Patient
    choices: CourseChoices
    doses: tuple[DrugDose, ...]

    @property
    def regimen_sha256(self) -> str:
        """Digest of the regimen, whatever file it came from."""
        return digest_parameters({"regimen": repr(self.regimen)})


def plan_inputs(inputs: CourseInputs) -> PlannedCourse:
    """Make the course that the inputs describe.

    Raises
    ------
    PlanningError, QuantityError, TimingError
        For anything the calendar needs and the inputs do not say, or say implausibly.
    """
    check_body(height_cm=inputs.height_cm, weight_kg=inputs.weight_kg)
    zone = _zone(inputs.zone)
    agent = None if inputs.agent is None else normalised_agent(inputs.agent)
    used, person, choices = named_regimen(inputs.regimen), _patient(inputs), _choices(inputs)
    course = schedule(
        regimen=used,
        donor=_one_of(Donor, inputs.donor, "--donor"),
        patient=person,
        day_zero_on=_day_zero(inputs.day_zero),
        choices=choices,
        agent_title="Endoradiotherapy" if agent is None else agent.title,
        prescription=_prescription(inputs),
        zone=zone,
    )
    more = [warning("AGENT-NAME", note) for note in (() if agent is None else agent.notes)]
    changed = clock_change(course, zone=zone)
    if changed is not None:
        on, longer = changed
        more.append(
            warning(
                "CLOCK-CHANGE",
                f"The clocks change on {on.isoformat()}: from endoradiotherapy to the same clock time of day 0 "
                f"{-24 * inputs.ert_day + longer:g} h pass, not {-24 * inputs.ert_day} h.",
            )
        )
    return PlannedCourse(
        course=replace(course, warnings=_in_order([*course.warnings, *more])),
        regimen=used,
        patient=person,
        choices=choices,
        doses=course_doses(used, person, choices),
    )


def named_regimen(name: str) -> Regimen:
    """Give a packaged regimen by its id, or a site's own from a ``.toml`` file."""
    return read_regimen(Path(name)) if name.endswith(".toml") else regimen(name)


def _in_order(warnings: Sequence[CourseWarning]) -> tuple[CourseWarning, ...]:
    order = list(reversed(Severity))
    return tuple(sorted(warnings, key=lambda w: order.index(w.severity)))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise TimingError("unknown time zone", field="--zone", value=name, expected="e.g. Europe/Berlin") from problem


def _day_zero(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise PlanningError("not a date", field="--day-zero", value=text, expected="2025-04-07") from problem


def _prescription(inputs: CourseInputs) -> Prescription | None:
    if inputs.activity_gbq is None:
        return None
    if not 0.0 < inputs.activity_gbq <= 100.0:
        raise PlanningError(
            "implausible activity", field="--activity-GBq", value=f"{inputs.activity_gbq:g}", expected="0-100 GBq"
        )
    if inputs.agent is None:
        raise PlanningError(
            "an activity without its radiopharmaceutical", field="--agent", remedy="name it, e.g. 177Lu-pentixather"
        )
    return Prescription(
        activity_bq=inputs.activity_gbq * GBQ,
        active_limit="chosen",
        outcomes=(),
        interval_to_infusion_s=-inputs.ert_day * 86400.0,
    )


def _patient(inputs: CourseInputs) -> Patient:
    creatinine = None
    if inputs.creatinine_mg_per_dl is not None and inputs.creatinine_umol_per_l is not None:
        raise PlanningError("creatinine is given twice", field="--creatinine-mg-per-dl, --creatinine-umol-per-l")
    if inputs.creatinine_mg_per_dl is not None:
        creatinine = laboratory_value("creatinine", inputs.creatinine_mg_per_dl, "mg/dl")
    elif inputs.creatinine_umol_per_l is not None:
        creatinine = laboratory_value("creatinine", inputs.creatinine_umol_per_l, "umol/l")
    return Patient(
        pseudonym="patient",
        sex=_one_of(Sex, inputs.sex, "--sex"),
        height_cm=inputs.height_cm,
        weight_kg=inputs.weight_kg,
        age_years=inputs.age_years,
        creatinine_mg_per_dl=creatinine,
    )


def _choices(inputs: CourseInputs) -> CourseChoices:
    after = inputs.creatinine_after_ert_mg_per_dl
    weight = inputs.cyclophosphamide_weight
    return CourseChoices(
        tbi_dose_gy=inputs.tbi_gy,
        graft_confirmed=inputs.graft_confirmed,
        ert_day=inputs.ert_day,
        surface_rule=_one_of(SurfaceRule, inputs.bsa, "--bsa"),
        cyclophosphamide_weight=None if weight is None else _one_of(WeightRule, weight, "--cyclophosphamide-weight"),
        atg=_atg(inputs),
        calcineurin_inhibitor=inputs.calcineurin_inhibitor,
        immunosuppression_start_day=inputs.immunosuppression_start_day,
        amino_acids=_amino_acids(inputs),
        creatinine_after_ert_mg_per_dl=None if after is None else laboratory_value("creatinine", after, "mg/dl"),
        renal_weight=_one_of(WeightRule, inputs.renal_weight, "--renal-weight"),
        renal_label=_one_of(FludarabineLabel, inputs.renal_label, "--renal-label"),
        earlier_weight_kg=inputs.earlier_weight_kg,
        ert_at=_clock_time(inputs.ert_at),
        overrides=_overrides(inputs.override),
    )


def _amino_acids(inputs: CourseInputs) -> AminoAcids | None:
    if inputs.arginine_g is None and inputs.lysine_g is None:
        return None
    if inputs.arginine_g is None or inputs.lysine_g is None:
        raise PlanningError("arginine and lysine are given together", field="--arginine-g, --lysine-g")
    return AminoAcids(arginine_g=inputs.arginine_g, lysine_g=inputs.lysine_g)


def _clock_time(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError as problem:
        raise TimingError("not a time of day", field="--ert-at", value=text, expected="10:00") from problem
    return found.replace(tzinfo=None)


def _overrides(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        code, sign, reason = pair.partition("=")
        if not sign or not reason.strip():
            raise PlanningError(
                "an override needs a reason", field="--override", value=pair, expected="CODE=reason in words"
            )
        found[code.strip()] = reason.strip()
    return found


def _atg(inputs: CourseInputs) -> AtgOrder | None:
    parts = (inputs.atg_product, inputs.atg_mg_per_kg, inputs.atg_basis)
    if all(part is None for part in parts):
        return None
    if inputs.atg_product is None or inputs.atg_mg_per_kg is None or inputs.atg_basis is None:
        raise PlanningError(
            "antithymocyte globulin needs product, amount and basis together",
            field="--atg-product, --atg-mg-per-kg, --atg-basis",
        )
    return AtgOrder(
        product=_one_of(AtgProduct, inputs.atg_product.lower(), "--atg-product"),
        amount_mg_per_kg=inputs.atg_mg_per_kg,
        basis=_one_of(AtgBasis, inputs.atg_basis, "--atg-basis"),
    )


def _one_of(kind: Any, value: str, field: str) -> Any:
    try:
        return kind(value)
    except ValueError as problem:
        raise PlanningError(
            "unknown choice", field=field, value=value, expected=", ".join(str(k.value) for k in kind)
        ) from problem
