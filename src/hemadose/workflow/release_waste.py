"""What is collected from a patient and how long it is kept, for `hemadose release`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemadose.errors import InputError
from hemadose.refdata.emissions import emissions
from hemadose.refdata.release import clearance_bq_per_g
from hemadose.therapy.protection.exposure import Source
from hemadose.therapy.protection.waste import Stored, excreted_activity_bq, excreted_share, storage_time_s
from hemadose.units import DAY_S, GBQ, HOUR_S

if TYPE_CHECKING:
    from hemadose.workflow.release import ReleaseRequest

WASTE_H = (2.0, 4.0, 24.0, 48.0, 168.0)


def waste_answer(source: Source, request: ReleaseRequest, notes: list[str]) -> dict[str, Any]:
    """Activity outside the body, and storage of what is collected."""
    body, until = source.body, request.collect_h * HOUR_S
    outside = float(excreted_activity_bq(body, until, activity_bq=source.activity_bq))
    rows = [
        {
            "hours": hours,
            "excreted_share": float(excreted_share(body, hours * HOUR_S)),
            "outside_GBq": float(excreted_activity_bq(body, hours * HOUR_S, activity_bq=source.activity_bq)) / GBQ,
        }
        for hours in WASTE_H
    ]
    answer: dict[str, Any] = {"by_time": rows, "collected_until_h": request.collect_h, "collected_GBq": outside / GBQ}
    if request.waste_kg is None:
        return answer | {"storage_d": None}
    if not request.waste_kg > 0.0:
        raise InputError("the mass of waste must be positive", field="--waste-kg", value=f"{request.waste_kg:g}")
    grams = 1e3 * request.waste_kg
    main = body.nuclide
    share = float(excreted_share(body, until))
    contents = [_stored(main.name, main.half_life_s, outside / grams, request.clearance_bq_g, notes)]
    for name, part in request.impurities.items():
        half_life = emissions(name).half_life_s
        amount = part * source.activity_bq * share * 2.0 ** (-until / half_life) / grams
        contents.append(_stored(emissions(name).nuclide, half_life, amount, None, notes))
    if not request.impurities and main.name == "Lu-177":
        notes.append("177Lu made from 176Lu holds 177mLu (half-life 160 d): it may govern storage; give --impurity")
    return answer | {
        "mass_kg": request.waste_kg,
        "contents": [{"nuclide": c.nuclide, "Bq_per_g": c.amount, "limit_Bq_per_g": c.limit} for c in contents],
        "storage_d": storage_time_s(contents) / DAY_S,
    }


def _stored(name: str, half_life_s: float, amount: float, limit: float | None, notes: list[str]) -> Stored:
    if limit is None:
        limit, words, evidence = clearance_bq_per_g(name)
        if evidence == "unverified":
            notes.append(f"clearance level of {name}, {limit:g} Bq/g, is not confirmed ({words})")
    return Stored(nuclide=name, half_life_s=half_life_s, amount=amount, limit=limit)
