"""Options that `hemadose schedule` and `hemadose verify` share: what a person enters for a calendar."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hemadose.workflow.course_inputs import CourseInputs

Regimen = Annotated[str, typer.Option(help="See hemadose regimens; or a .toml file of the site.")]
DonorType = Annotated[str, typer.Option(help="MRD, MUD, MMUD, HID.")]
DayZero = Annotated[str, typer.Option(help="Date of stem-cell infusion, 2025-04-07.")]
HeightCm = Annotated[float, typer.Option(help="Patient height.")]
WeightKg = Annotated[float, typer.Option(help="Patient weight.")]
SexWord = Annotated[str, typer.Option(help="male or female.")]
TbiGy = Annotated[float, typer.Option("--tbi-Gy", help="Total body irradiation, as the regimen permits.")]
ErtDay = Annotated[int, typer.Option(help="Day of endoradiotherapy, e.g. -14.")]
ErtAt = Annotated[str, typer.Option(help="Clinic time of endoradiotherapy, e.g. 10:00.")]
GraftConfirmed = Annotated[bool, typer.Option("--graft-confirmed", help="Donor and graft are confirmed.")]
AtgProductWord = Annotated[str | None, typer.Option(help="thymoglobulin or grafalon: never assumed.")]
AtgAmount = Annotated[float | None, typer.Option(help="Antithymocyte globulin.")]
AtgBasisWord = Annotated[str | None, typer.Option(help="per_day or total.")]
CyclophosphamideWeight = Annotated[
    str | None,
    typer.Option(help="actual, ideal, adjusted_25, adjusted_40, adjusted_50 or lesser_of_ideal_and_actual."),
]
CalcineurinInhibitor = Annotated[str | None, typer.Option(help="ciclosporin or tacrolimus.")]
ImmunosuppressionStart = Annotated[int | None, typer.Option(help="Day, where not as in the regimen.")]
ArginineG = Annotated[float | None, typer.Option(help="Grams in the amino acids.")]
LysineG = Annotated[float | None, typer.Option(help="Grams in the amino acids.")]
AgeYears = Annotated[float | None, typer.Option(help="For creatinine clearance.")]
CreatinineMg = Annotated[float | None, typer.Option(help="For fludarabine.")]
CreatinineUmol = Annotated[float | None, typer.Option(help="For fludarabine, instead of mg/dl.")]
CreatinineAfter = Annotated[float | None, typer.Option(help="Rechecked after endoradiotherapy.")]
RenalWeight = Annotated[str, typer.Option(help="Weight in the Cockcroft-Gault formula.")]
RenalLabel = Annotated[str, typer.Option(help="Label that reduces fludarabine: us_intravenous or us_oral.")]
EarlierWeight = Annotated[float | None, typer.Option(help="Of an earlier plan: a change of 10 % is named.")]
AgentText = Annotated[str | None, typer.Option(help="Radiopharmaceutical, e.g. 177Lu-pentixather.")]
ActivityGBq = Annotated[float | None, typer.Option("--activity-GBq", help="To print on the calendar.")]
Surface = Annotated[str, typer.Option(help="mosteller or dubois.")]
Zone = Annotated[str, typer.Option(help="Time zone of the clinic.")]
Override = Annotated[list[str] | None, typer.Option(help="CODE=reason of a warning that is overridden (repeatable).")]


def course_inputs(parameters: dict[str, Any]) -> CourseInputs:
    """Take what belongs to a calendar out of the parameters of a command."""
    from hemadose.workflow.course_inputs import CourseInputs

    known = {field.name for field in fields(CourseInputs)}
    values = {name: value for name, value in parameters.items() if name in known}
    values["override"] = tuple(values.get("override") or ())
    return CourseInputs(**values)
