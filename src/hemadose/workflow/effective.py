"""Effective dose of a diagnostic radiopharmaceutical from residence times, for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemadose.dose.coefficients import dose_coefficients
from hemadose.dose.effective import EffectiveDose, effective_dose, sex_average_sv_per_bq
from hemadose.errors import InputError, PlanningError
from hemadose.io.tables import number, read_rows
from hemadose.model import Sex
from hemadose.refdata.emissions import emissions
from hemadose.refdata.tissue_weights import SETS, tissue_weights
from hemadose.units import HOUR_S, LN2, MBQ
from hemadose.workflow.svalues import stylised_s_values

DETERMINISTIC_GY = 0.5
"""Organ dose from which tissue reactions are discussed: ICRP Publication 118 puts the lowest thresholds there."""

_MSV_PER_MBQ = 1e9
_ROUNDING = 1.01


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveRequest:
    """What `hemadose effective` is asked.

    Attributes
    ----------
    nuclide : str
        In any common spelling.
    tiac_h : Mapping
        Source to residence time in hours.
    csv : Path or None
        The same as a table ``source,tiac_h``.
    sex : str
        ``male``, ``female`` or ``both``.
    activity_mbq : float or None
        To give mSv, and to judge whether effective dose applies.
    agent : str or None
        Id of a packaged agent; one for therapy is refused.
    even_for_therapy : bool
        Compute all the same.
    """

    nuclide: str
    tiac_h: Mapping[str, float] = field(default_factory=dict)
    csv: Path | None = None
    sex: str = "both"
    activity_mbq: float | None = None
    agent: str | None = None
    even_for_therapy: bool = False


def effective_answer(request: EffectiveRequest) -> dict[str, Any]:
    """Give organ doses and effective dose per activity, with what was replaced or left out.

    Raises
    ------
    InputError
        If residence times are missing or given twice, or sum to more than the nuclide can decay.
    PlanningError
        If effective dose does not apply: an agent for therapy, a dose in the range of tissue reactions, or alpha
        particles, whose doses the tables do not keep apart.
    """
    tiac = _residence_times(request)
    _check_possible(request.nuclide, tiac)
    notes = _refusals(request)
    sexes = tuple(Sex) if request.sex == "both" else (_sex(request.sex),)
    organs: dict[Sex, dict[str, float]] = {}
    found: dict[str, list[EffectiveDose]] = {name: [] for name in SETS}
    for sex in sexes:
        table = stylised_s_values(request.nuclide, sex)
        parts = dose_coefficients({name: h * HOUR_S for name, h in tiac.items()}, table=table)
        organs[sex] = {target: sum(c.gy_per_bq for c in contributions) for target, contributions in parts.items()}
        for name in SETS:
            found[name].append(effective_dose(organs[sex], sex=sex, weights=tissue_weights(name)))
    notes += _judged(request, organs)
    longest = max(tiac.values())
    return {
        "nuclide": request.nuclide,
        "tiac_h": dict(tiac),
        "activity_MBq": request.activity_mbq,
        "effective": [_effective_row(name, found[name], request.activity_mbq) for name in SETS],
        "organs": _organ_rows(organs),
        "replaced": _replaced_rows(found),
        "notes": [
            *notes,
            "doses of the stylised adults: organs of a patient are elsewhere and of another mass",
            *([] if longest < 1000.0 else ["residence times beyond 1000 h: are they in hours?"]),
        ],
    }


def _residence_times(request: EffectiveRequest) -> dict[str, float]:
    if bool(request.tiac_h) == (request.csv is not None):
        raise InputError("residence times are needed once", field="--tiac", remedy="give --tiac SOURCE=HOURS, or --csv")
    if request.csv is None:
        return dict(request.tiac_h)
    found: dict[str, float] = {}
    for line, row in enumerate(read_rows(request.csv, required=("source", "tiac_h")), start=2):
        name = row["source"].strip()
        if name in found:
            raise InputError("a source is given twice", source=str(request.csv), field=f"line {line}", value=name)
        found[name] = number(row, "tiac_h", source=str(request.csv), line=line)
    return found


def _check_possible(nuclide: str, tiac: Mapping[str, float]) -> None:
    """Refuse more decays than there are: without excretion all residence times sum to half-life / ln 2."""
    total, most = sum(tiac.values()), emissions(nuclide).half_life_s / LN2 / HOUR_S
    if total > _ROUNDING * most:
        raise InputError(
            f"residence times sum to more than decay of all {nuclide} in the body gives", field="--tiac",
            value=f"{total:g} h", expected=f"at most {most:.4g} h in all",
            remedy="give hours (MBq h per MBq administered) of this nuclide",
        )  # fmt: skip


def _sex(name: str) -> Sex:
    if name not in [s.value for s in Sex]:
        raise InputError("unknown sex", field="--sex", value=name, expected="male, female or both")
    return Sex(name)


def _refusals(request: EffectiveRequest) -> list[str]:
    """Refuse what effective dose is not made for; say so where the user insists."""
    if emissions(request.nuclide).alpha_energy_kev > 0.0:
        raise PlanningError(
            "effective dose weighs alpha particles with 20, and the tables hold them with the electrons",
            field="--nuclide",
            value=request.nuclide,
            remedy="use absorbed doses",
        )
    if request.agent is None:
        return []
    from hemadose.refdata.agents import AgentRole, agent

    known = agent(request.agent)
    if known.role is not AgentRole.THERAPY:
        return []
    text = f"{known.title} is given for therapy: effective dose stands for stochastic risk at low dose"
    if not request.even_for_therapy:
        raise PlanningError(text, field="--agent", value=known.id, remedy="use absorbed doses, or --even-for-therapy")
    return [text]


def _judged(request: EffectiveRequest, organs: Mapping[Sex, Mapping[str, float]]) -> list[str]:
    """Refuse an activity whose doses lie where tissues react."""
    if request.activity_mbq is None:
        return []
    if not request.activity_mbq > 0.0:
        raise InputError("an activity is positive", field="--activity-MBq", value=f"{request.activity_mbq:g}")
    doses = [(gy * request.activity_mbq * MBQ, organ) for found in organs.values() for organ, gy in found.items()]
    highest, organ = max(doses)
    if highest < DETERMINISTIC_GY:
        return []
    text = f"{organ} would get {highest:.2g} Gy: tissues react from about {DETERMINISTIC_GY:g} Gy (ICRP 118)"
    if not request.even_for_therapy:
        raise PlanningError(
            f"effective dose does not apply: {text}",
            field="--activity-MBq",
            value=f"{request.activity_mbq:g}",
            remedy="use absorbed doses, or --even-for-therapy",
        )
    return [text]


def _effective_row(name: str, doses: list[EffectiveDose], activity_mbq: float | None) -> dict[str, Any]:
    by_sex = {d.sex.value: d.sv_per_bq * _MSV_PER_MBQ for d in doses}
    mean = sex_average_sv_per_bq(doses) * _MSV_PER_MBQ if len(doses) == len(Sex) else None
    best = mean if mean is not None else next(iter(by_sex.values()))
    return {
        "weights": tissue_weights(name).title,
        "male_mSv_per_MBq": by_sex.get("male"),
        "female_mSv_per_MBq": by_sex.get("female"),
        "mean_mSv_per_MBq": mean,
        "surrogate_share": max(d.surrogate_share for d in doses),
        "effective_mSv": None if activity_mbq is None else best * activity_mbq,
    }


def _organ_rows(organs: Mapping[Sex, Mapping[str, float]]) -> list[dict[str, Any]]:
    names = dict.fromkeys(organ for found in organs.values() for organ in found)
    return [
        {
            "organ": organ,
            **{
                f"{sex.value}_mGy_per_MBq": found[organ] * _MSV_PER_MBQ if organ in found else None
                for sex, found in organs.items()
            },
        }
        for organ in names
    ]


def _replaced_rows(found: Mapping[str, list[EffectiveDose]]) -> list[dict[str, Any]]:
    """Tissues that were replaced or left out, once each for every set of weights and sex."""
    return [
        {
            "weights": name,
            "sex": dose.sex.value,
            "tissue": t.tissue,
            "treatment": t.treatment,
            "dose_of": t.region or None,
            "mSv_per_MBq": None if t.sv_per_bq is None else t.weight * t.sv_per_bq * _MSV_PER_MBQ,
            "reason": t.reason,
        }
        for name, doses in found.items()
        for dose in doses
        for t in dose.tissues
        if t.treatment != "own"
    ]
