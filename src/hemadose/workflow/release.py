"""The answer of `hemadose release`: when the patient may leave, what others receive, what must be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.model import Nuclide
from hemadose.physics.air_kerma import air_kerma_constant_gy_m2
from hemadose.refdata import nuclide
from hemadose.refdata.emissions import emissions
from hemadose.refdata.release import (
    ReleaseRules,
    ambient_dose_per_kerma,
    contact_patterns,
    dose_rate_constants,
    instructions,
    read_release_rules,
    release_rules,
)
from hemadose.therapy.protection.exposure import (
    ContactPattern,
    Source,
    WholeBodyCurve,
    contact_dose_sv,
    first_time_s,
    relative_to_1m,
)
from hemadose.therapy.protection.release import ReleaseVerdict, activity_for_rate_bq, cautious, release_verdicts
from hemadose.units import GBQ, HOUR_S
from hemadose.workflow.release_waste import waste_answer

USV_H = 1e-6 / HOUR_S
USV_H_GBQ = USV_H / GBQ
TABLE_H = (0.0, 2.0, 4.0, 24.0, 48.0, 72.0, 96.0, 168.0, 336.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """What `hemadose release` is asked.

    Attributes
    ----------
    nuclide, activity_gbq : str and float
        Given to the patient.
    half_lives_h, shares : tuple of float
        Whole body, effective; none for physical decay.
    country : str
        Packaged rules.
    rules, contacts : Path or None
        Files of a site instead of the packaged ones.
    constant_usv_h_gbq : float or None
        Dose rate at 1 m per GBq.
    measured_usv_h, measured_m, measured_at_h : float or None
        Dose rate measured on the patient, which then sets the constant.
    length_m : float
        Of the patient as a line; 0 for a point.
    therapies_per_year, already_msv : float
        For yearly doses.
    planned_h : float or None
        Planned release, to be checked.
    waste_kg, clearance_bq_g, collect_h : float or None
        Mass of what is collected up to a time, and its clearance level.
    impurities : Mapping[str, float]
        Activity of a long-lived nuclide per activity of the main one, at administration.
    """

    nuclide: str
    activity_gbq: float
    half_lives_h: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    country: str = "germany"
    rules: Path | None = None
    contacts: Path | None = None
    constant_usv_h_gbq: float | None = None
    measured_usv_h: float | None = None
    measured_m: float = 2.0
    measured_at_h: float | None = None
    length_m: float = 0.0
    therapies_per_year: float = 1.0
    already_msv: float = 0.0
    planned_h: float | None = None
    waste_kg: float | None = None
    clearance_bq_g: float | None = None
    collect_h: float = 48.0
    impurities: Mapping[str, float] = field(default_factory=dict)


def release_answer(request: ReleaseRequest, *, figure: Path | None = None) -> dict[str, Any]:
    """Find when the patient may leave and what follows from it.

    Parameters
    ----------
    request : ReleaseRequest
        Numbers and choices.
    figure : Path, optional
        PNG, SVG or PDF to draw.

    Returns
    -------
    dict
        Rules with times, dose rates, contacts, waste, instructions, notes.

    Raises
    ------
    HemadoseError
        For numbers that cannot be, and rules or constants that are missing.
    """
    if figure is not None:
        from hemadose.workflow.figure_files import require_figure_ending

        require_figure_ending(figure, option="--figure")
    if request.planned_h is not None and not request.planned_h >= 0.0:
        raise InputError("the release precedes the administration", field="--planned-h", value=f"{request.planned_h:g}")
    notes: list[str] = []
    source, constant = _source(request, notes)
    rules = release_rules(request.country) if request.rules is None else read_release_rules(request.rules)
    yearly = {"therapies_per_year": request.therapies_per_year, "already_sv": 1e-3 * request.already_msv}
    verdicts = release_verdicts(source, rules.rules, **yearly)
    safe = release_verdicts(cautious(source), rules.rules, **yearly)
    earliest = verdicts[0].time_s
    at = earliest if request.planned_h is None else request.planned_h * HOUR_S
    answer: dict[str, Any] = {
        "nuclide": source.body.nuclide.name,
        "activity_GBq": request.activity_gbq,
        "rules_of": rules.title,
        "constant": constant,
        "dose_rates": _rates(source),
        "rules": [_verdict_row(v, source) for v in verdicts],
        "governed_by": verdicts[0].rule.id,
        "earliest_release_h": earliest / HOUR_S,
        "earliest_release_h_if_nothing_is_excreted": safe[0].time_s / HOUR_S,
        "release_h": at / HOUR_S,
        "release_keeps_rules": at >= earliest - 1.0,
        "activity_at_release_GBq": request.activity_gbq * float(source.body.retained(at)),
        "contacts": _contacts(source, request, at),
        "waste": waste_answer(source, request, notes),
        "instructions": [{"until": i.until, "text": i.text} for i in instructions()],
    }
    answer["figure"] = None if figure is None else _draw(source, verdicts, rules, at, figure)
    answer["notes"] = [*notes, *rules.notes]
    return answer


def _source(request: ReleaseRequest, notes: list[str]) -> tuple[Source, dict[str, Any]]:
    found = nuclide(request.nuclide)
    body = _body(request, found, notes)
    value, words = _constant(request, found, body, notes)
    source = Source(
        body=body, activity_bq=request.activity_gbq * GBQ, sv_per_s_bq_at_1m=value, length_m=request.length_m
    )
    point = air_kerma_constant_gy_m2(emissions(found.name)) / USV_H_GBQ
    published = [
        {"uSv_per_h_GBq_at_1m": c.sv_per_s_bq / USV_H_GBQ, "kind": c.kind, "source": c.source, "evidence": c.evidence}
        for c in dose_rate_constants(found.name)
    ]
    return source, {
        "uSv_per_h_GBq_at_1m": value / USV_H_GBQ,
        "from": words,
        "published": published,
        "air_kerma_of_a_point_uGy_per_h_GBq_at_1m": point,
    }


def _body(request: ReleaseRequest, found: Nuclide, notes: list[str]) -> WholeBodyCurve:
    if not request.half_lives_h:
        if request.shares:
            raise InputError("shares need half-lives", field="--share")
        notes.append("no whole-body half-life is given: physical decay alone, times and doses are upper bounds")
        return WholeBodyCurve.physical(found)
    shares = request.shares or ((1.0,) if len(request.half_lives_h) == 1 else ())
    if len(shares) != len(request.half_lives_h):
        raise InputError("several half-lives need one share each", field="--share", expected="e.g. 0.6 and 0.4")
    body = WholeBodyCurve(
        nuclide=found, fractions=shares, half_lives_s=tuple(hours * HOUR_S for hours in request.half_lives_h)
    )
    if sum(shares) < 0.999:
        notes.append(f"the shares add up to {sum(shares):g}: the rest counts as gone at once")
    return body


def _constant(request: ReleaseRequest, found: Nuclide, body: WholeBodyCurve, notes: list[str]) -> tuple[float, str]:
    if request.measured_usv_h is not None:
        if request.measured_at_h is None or request.constant_usv_h_gbq is not None:
            raise InputError(
                "a measured dose rate needs its time, and no other constant beside it", field="--measured-at-h"
            )
        left = request.activity_gbq * GBQ * float(body.retained(request.measured_at_h * HOUR_S))
        near = relative_to_1m(request.measured_m, length_m=request.length_m)
        return request.measured_usv_h * USV_H / (left * near), "measured on the patient"
    if request.constant_usv_h_gbq is not None:
        return request.constant_usv_h_gbq * USV_H_GBQ, "given"
    published = dose_rate_constants(found.name)
    if published:
        first = published[0]
        if first.high_sv_per_s_bq is not None and first.low_sv_per_s_bq is not None:
            low, high = first.low_sv_per_s_bq / USV_H_GBQ, first.high_sv_per_s_bq / USV_H_GBQ
            notes.append(
                f"dose rate per activity differs between patients ({low:g}-{high:g} uSv/h per GBq at 1 m): measure it"
            )
        return first.sv_per_s_bq, f"{first.statistic} of patients, {first.source}"
    computed = air_kerma_constant_gy_m2(emissions(found.name), weight=ambient_dose_per_kerma)
    if computed < 0.1 * USV_H_GBQ:
        raise InputError(
            f"{found.name} gives off hardly any photons; its bremsstrahlung around a patient is not in the tables",
            field="--constant-uSv-h-GBq",
            remedy="measure the dose rate and give it with --measured-uSv-h",
        )
    notes.append(
        f"no constant measured on patients is packaged for {found.name}: computed for a point in air, without the "
        "patient's own attenuation (too high rather than too low)"
    )
    return computed, "computed: ambient dose equivalent of a point, photons above 20 keV"


def _rates(source: Source) -> list[dict[str, float]]:
    return [
        {
            "hours": hours,
            "retained": float(source.body.retained(hours * HOUR_S)),
            "uSv_per_h_1m": float(source.rate_sv_per_s(hours * HOUR_S, distance_m=1.0)) / USV_H,
            "uSv_per_h_2m": float(source.rate_sv_per_s(hours * HOUR_S, distance_m=2.0)) / USV_H,
        }
        for hours in TABLE_H
    ]


def _verdict_row(verdict: ReleaseVerdict, source: Source) -> dict[str, Any]:
    rule, threshold = verdict.rule, verdict.threshold_sv_per_s
    activity = None
    if threshold is not None and rule.distance_m is not None:
        scaled = source.sv_per_s_bq_at_1m * relative_to_1m(rule.distance_m, length_m=source.length_m)
        activity = activity_for_rate_bq(threshold, sv_per_s_bq_at_1m=scaled, distance_m=1.0) / GBQ
    return {
        "id": rule.id,
        "title": rule.title,
        "met_after_h": verdict.time_s / HOUR_S,
        "threshold_uSv_per_h": None if threshold is None else threshold / USV_H,
        "at_m": rule.distance_m,
        "activity_GBq": activity,
        "source": rule.source,
        "evidence": rule.evidence,
    }


def _contacts(source: Source, request: ReleaseRequest, at: float) -> list[dict[str, Any]]:
    rows = []
    for pattern in contact_patterns(request.contacts):
        dose = contact_dose_sv(source, pattern, release_s=at)
        limit = pattern.limit_sv
        start = None if limit is None else _first_start_h(source, pattern, limit)
        rows.append(
            {
                "id": pattern.id,
                "who": pattern.title,
                "dose_mSv": dose * 1e3,
                "if_nothing_is_excreted_mSv": contact_dose_sv(cautious(source), pattern, release_s=at) * 1e3,
                "limit_mSv": None if limit is None else limit * 1e3,
                "kept": None if limit is None else dose <= limit,
                "limit_kept_from_h": start,
                "source": pattern.source,
            }
        )
    return rows


def _first_start_h(source: Source, pattern: ContactPattern, limit_sv: float) -> float:
    """Hours after administration from which this pattern may start."""
    found = first_time_s(lambda t: contact_dose_sv(source, pattern, release_s=t) / limit_sv - 1.0, what="dose")
    return found / HOUR_S


def _draw(source: Source, verdicts: tuple[ReleaseVerdict, ...], rules: ReleaseRules, at: float, path: Path) -> str:
    from hemadose.io.files import write_bytes_atomic
    from hemadose.report.figures.release import release_figure
    from hemadose.workflow.figure_files import figure_bytes

    drawing = release_figure(source=source, verdicts=verdicts, release_s=at, rules_of=rules.title)
    write_bytes_atomic(path, figure_bytes(drawing, path))
    return str(path)
