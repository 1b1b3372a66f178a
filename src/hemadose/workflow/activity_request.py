"""What is asked when an activity is planned, in field units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.model import Sex
from hemadose.model.agent import Agent
from hemadose.refdata.agents import find_agent
from hemadose.therapy.activity.bounds import Aim
from hemadose.therapy.activity.whole_body import ActivityHours
from hemadose.therapy.conditioning.anthropometry import SurfaceRule
from hemadose.units import HOUR_S
from hemadose.workflow.activity_tables import read_counts, site_activity_hours
from hemadose.workflow.agents import site_agents
from hemadose.workflow.moments import local_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRequest:
    """What is asked, in field units.

    Attributes
    ----------
    agent : str
        Id.
    own_agents : tuple of Agent
        Of the site.
    setting : str or None
        Way of treatment; the first of the agent if not given.
    weight_kg, height_cm, sex, surface_rule
        Of the patient.
    platelets_e9_per_l, marrow_involvement_percent, altered_biodistribution, graft_confirmed
        Findings; None where not known.
    coefficients_gy_per_gbq : Mapping
        The patient's own.
    relative_sd : float
        Of them.
    use_published : bool
        Let published coefficients stand in for those not given.
    limits_gy, minimums_gy : Mapping
        Added by the user.
    accept_unverified : bool
        Let rules act whose numbers are unverified.
    aim : Aim
        Which end of the window.
    level_gy, cap_mbq, chosen_mbq, available_mbq, rounding_mbq, max_probability
        Of the proposal.
    marrow_half_life_h, days_to_transplant : float or None
        For the marrow dose after infusion.
    counts : sequence of (float, float)
        Seconds after injection and whole-body counts.
    activity_hours : ActivityHours or None
        Needed with counts.
    calibrated_at, administered_at : datetime or None
        For the syringe.
    residual_percent, concentration_mbq_per_ml, vial_volume_ml
        For the syringe.
    """

    agent: str
    own_agents: tuple[Agent, ...] = ()
    setting: str | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    sex: Sex | None = None
    surface_rule: SurfaceRule = SurfaceRule.MOSTELLER
    platelets_e9_per_l: float | None = None
    marrow_involvement_percent: float | None = None
    altered_biodistribution: bool | None = None
    graft_confirmed: bool | None = None
    coefficients_gy_per_gbq: Mapping[str, float] = field(default_factory=dict)
    relative_sd: float = 0.0
    use_published: bool = False
    limits_gy: Mapping[str, float] = field(default_factory=dict)
    minimums_gy: Mapping[str, float] = field(default_factory=dict)
    accept_unverified: bool = False
    aim: Aim = Aim.HIGHEST
    level_gy: float | None = None
    cap_mbq: float | None = None
    chosen_mbq: float | None = None
    available_mbq: Sequence[float] = ()
    rounding_mbq: float = 1.0
    max_probability: float | None = None
    marrow_half_life_h: float | None = None
    days_to_transplant: float | None = None
    counts: Sequence[tuple[float, float]] = ()
    activity_hours: ActivityHours | None = None
    calibrated_at: datetime | None = None
    administered_at: datetime | None = None
    residual_percent: float = 0.0
    concentration_mbq_per_ml: float | None = None
    vial_volume_ml: float | None = None


def activity_request(
    *,
    agent_file: Path | None,
    sex: str | None,
    surface_rule: str,
    aim: str,
    count: Mapping[str, float],
    counts_file: Path | None,
    activity_hours_file: Path | None,
    effective_mass_file: Path | None,
    calibrated_at: str | None,
    administered_at: str | None,
    zone: str | None,
    **plain: Any,
) -> ActivityRequest:
    """Make a request of what a command line gives: names, files and times as text.

    Parameters
    ----------
    agent_file : Path or None
        Agents of the site.
    sex, surface_rule, aim : str
        As written.
    count : Mapping
        Hours after injection (text) to whole-body counts.
    counts_file, activity_hours_file, effective_mass_file : Path or None
        Tables of the site.
    calibrated_at, administered_at, zone : str or None
        Moments and their zone.
    **plain
        Every other attribute of `ActivityRequest`.

    Raises
    ------
    InputError
        If something cannot be read.
    """
    own = site_agents(agent_file)
    who = _choice(Sex, sex, "sex") if sex is not None else None
    times = counts_of(count) if counts_file is None else read_counts(counts_file)
    if count and counts_file is not None:
        raise InputError("whole-body counts are given twice", field="--count, --counts")
    if (calibrated_at is None) != (administered_at is None):
        raise InputError("the syringe needs both times", field="--calibrated-at, --administered-at")
    syringe = (plain.get("concentration_mbq_per_ml"), plain.get("vial_volume_ml"), plain.get("residual_percent"))
    if calibrated_at is None and any(syringe):
        raise InputError(
            "the syringe needs the times of calibration and administration",
            field="--calibrated-at, --administered-at",
        )
    hours = None
    if times:
        hours = site_activity_hours(
            nuclide_name=find_agent(plain["agent"], own).nuclide,
            weight_kg=plain["weight_kg"],
            height_cm=plain["height_cm"],
            sex=who,
            table=activity_hours_file,
            effective_masses=effective_mass_file,
        )
    return ActivityRequest(
        own_agents=own,
        sex=who,
        surface_rule=_choice(SurfaceRule, surface_rule, "bsa"),
        aim=_choice(Aim, aim, "aim"),
        counts=times,
        activity_hours=hours,
        calibrated_at=None if calibrated_at is None else local_moment(calibrated_at, zone=zone, field="calibrated-at"),
        administered_at=None
        if administered_at is None
        else local_moment(administered_at, zone=zone, field="administered-at"),
        **plain,
    )


def counts_of(pairs: Mapping[str, float]) -> list[tuple[float, float]]:
    """Turn hours (text) and counts into seconds and counts, in order of time.

    Raises
    ------
    InputError
        If an hour is no number.

    Examples
    --------
    >>> counts_of({"70": 55.0, "0.5": 100.0})
    [(1800.0, 100.0), (252000.0, 55.0)]
    """
    try:
        return sorted((float(hours) * HOUR_S, counts) for hours, counts in pairs.items())
    except ValueError as problem:
        raise InputError("hours=counts is expected", field="--count", value=", ".join(pairs)) from problem


def _choice(kind: Any, value: str, field: str) -> Any:
    try:
        return kind(value.lower())
    except ValueError as problem:
        raise InputError("unknown value", field=field, value=value, expected=", ".join(kind)) from problem
