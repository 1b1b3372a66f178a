"""Titrations of activity: what a design does, and what it says next, in field units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hemadose.errors import InputError
from hemadose.outcome.trial.boin import (
    Boin,
    OperatingCharacteristics,
    boin,
    closed_from,
    next_level,
    selected_level,
    simulate_boin,
)
from hemadose.outcome.trial.crm import Crm, posterior, recommended_level, skeleton
from hemadose.outcome.trial.crm_simulation import simulate_crm
from hemadose.outcome.trial.titration import Levels
from hemadose.units import GBQ
from hemadose.workflow.trial import TrialAnswer

BOIN_SOURCE = "Liu S, Yuan Y. J R Stat Soc C 2015;64:507-523"
CRM_SOURCE = "O'Quigley J, Pepe M, Fisher L. Biometrics 1990;46:33-48; Lee SM, Cheung YK. Clin Trials 2009;6:227-238"


@dataclass(frozen=True, slots=True, kw_only=True)
class Titration:
    """What is asked of a titration.

    Attributes
    ----------
    levels_gbq : tuple of float
        Activities, rising.
    target : float
        Wanted rate of dose-limiting toxicity.
    cohort, cohorts : int
        Patients of a cohort, cohorts of the trial.
    toxic, treated : tuple of int
        Counts by level so far, from the lowest; levels behind the last one given had nobody. Empty: no patient yet.
    current_gbq : float or None
        Level of the last cohort; by default the highest level that was given.
    coefficients : Mapping of str to float
        Gy/GBq of the next patient, by organ.
    limits_gy : Mapping of str to float
        Limits of these organs.
    truth : tuple of float
        True rates for the operating characteristics; empty: none are computed.
    spread : Mapping of str to (float, float)
        Median (Gy/GBq) and geometric SD of the coefficients among patients, for the operating characteristics.
    trials, seed : int
        Of the simulation.
    """

    levels_gbq: tuple[float, ...]
    target: float = 0.25
    cohort: int = 3
    cohorts: int = 10
    toxic: tuple[int, ...] = ()
    treated: tuple[int, ...] = ()
    current_gbq: float | None = None
    coefficients: Mapping[str, float] = field(default_factory=dict)
    limits_gy: Mapping[str, float] = field(default_factory=dict)
    truth: tuple[float, ...] = ()
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    trials: int = 2000
    seed: int = 20261121


def boin_answer(asked: Titration) -> TrialAnswer:
    """Give boundaries, next level and operating characteristics of the interval design.

    Raises
    ------
    QuantityError, PlanningError, InputError
        If levels, counts, organs or rates do not fit.
    """
    design, levels = boin(asked.target, cohort=asked.cohort), _levels(asked)
    toxic, treated = _counts(asked)
    up, down = design.boundaries
    payload = _common("BOIN", BOIN_SOURCE, asked)
    payload |= {
        "boundaries": {"go_up_at_or_below": up, "go_down_at_or_above": down},
        "decision_table": _boin_table(design, asked),
    }
    if sum(treated):
        allowed = _allowed(asked, levels)
        current = _current(asked, treated)
        level = next_level(design, toxic, treated, current=current, allowed=allowed)
        best = selected_level(design, toxic, treated)
        payload["next"] = _next(asked, level, allowed, next_level(design, toxic, treated, current=current))
        payload["recommended_if_ended_GBq"] = None if best is None else asked.levels_gbq[best]
        payload["closed_from_GBq"] = [*asked.levels_gbq, None][closed_from(design, toxic, treated)]
    found = None
    if asked.truth:
        found = simulate_boin(
            design, _truth(asked), cohorts=asked.cohorts, allowed=_entered(asked), trials=asked.trials, seed=asked.seed
        )
        payload["operating_characteristics"] = _characteristics(asked, found)
    return TrialAnswer(payload=payload, characteristics=found)


def crm_answer(asked: Titration, *, best_gbq: float, half_width: float = 0.05) -> TrialAnswer:
    """Give skeleton, posterior, next level and operating characteristics of continual reassessment.

    Parameters
    ----------
    asked : Titration
        Levels, counts, organs.
    best_gbq : float
        Level that is expected to be right before the trial.
    half_width : float
        Of the indifference interval.

    Raises
    ------
    QuantityError, PlanningError, InputError
        If levels, counts, organs or rates do not fit.
    """
    levels = _levels(asked)
    design = Crm(
        target=asked.target,
        skeleton=skeleton(
            asked.target, levels=len(asked.levels_gbq), best=_index(asked, best_gbq, "best"), half_width=half_width
        ),
    )
    toxic, treated = _counts(asked)
    known = posterior(design, toxic, treated)
    payload = _common("CRM", CRM_SOURCE, asked)
    payload["levels"] = [
        {
            "level_GBq": a, "skeleton": s, "treated": n, "toxic": x, "expected_toxicity": float(e), "low": float(lo),
            "high": float(hi),
        }
        for a, s, n, x, e, lo, hi in zip(
            asked.levels_gbq, design.skeleton, treated, toxic, known.toxicity, known.low, known.high, strict=True
        )
    ]  # fmt: skip
    if sum(treated):
        allowed = _allowed(asked, levels)
        payload["probability_lowest_too_toxic"] = known.probability_lowest_toxic
        level = recommended_level(design, toxic, treated, allowed=allowed)
        payload["next"] = _next(asked, level, allowed, recommended_level(design, toxic, treated))
    found = None
    if asked.truth:
        found = simulate_crm(
            design, _truth(asked), cohort=asked.cohort, cohorts=asked.cohorts, allowed=_entered(asked),
            trials=asked.trials, seed=asked.seed,
        )  # fmt: skip
        payload["operating_characteristics"] = _characteristics(asked, found)
    return TrialAnswer(payload=payload, characteristics=found)


def _common(name: str, source: str, asked: Titration) -> dict[str, Any]:
    return {
        "design": name, "source": source, "levels_GBq": list(asked.levels_gbq), "target_toxicity": asked.target,
        "cohort": asked.cohort, "limits_Gy": dict(asked.limits_gy), "Gy_per_GBq": dict(asked.coefficients),
    }  # fmt: skip


def _levels(asked: Titration) -> Levels:
    return Levels(activity_bq=tuple(a * GBQ for a in asked.levels_gbq))


def _counts(asked: Titration) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Counts of all levels; those behind the last one given are zero."""
    size = len(asked.levels_gbq)
    if len(asked.toxic) != len(asked.treated) or len(asked.treated) > size:
        raise InputError(
            "counts and levels do not fit", field="toxic, treated", value=f"{asked.toxic}, {asked.treated}",
            expected=f"as many of both, at most {size}",
        )  # fmt: skip
    empty = (0,) * (size - len(asked.treated))
    return (*asked.toxic, *empty), (*asked.treated, *empty)


def _index(asked: Titration, activity_gbq: float, name: str) -> int:
    for i, level in enumerate(asked.levels_gbq):
        if np.isclose(level, activity_gbq, rtol=1e-9):
            return i
    raise InputError(
        "no such level", field=name, value=f"{activity_gbq:g} GBq",
        expected=", ".join(f"{a:g}" for a in asked.levels_gbq),
    )  # fmt: skip


def _current(asked: Titration, treated: Sequence[int]) -> int:
    if asked.current_gbq is not None:
        return _index(asked, asked.current_gbq, "current")
    return max(i for i, n in enumerate(treated) if n)


def _allowed(asked: Titration, levels: Levels) -> int | None:
    """Levels that the next patient's organs allow; None where nothing is known of them."""
    if not asked.coefficients:
        return None
    free = [organ for organ in asked.coefficients if organ not in asked.limits_gy]
    if free:
        raise InputError("an organ has a coefficient but no limit", field="limit", value=", ".join(free))
    limits = {o: asked.limits_gy[o] for o in asked.coefficients}
    return levels.allowed({o: c / GBQ for o, c in asked.coefficients.items()}, limits)


def _next(asked: Titration, level: int | None, allowed: int | None, free: int | None) -> dict[str, Any]:
    """What comes next; `free` is what the design says without the patient's organs."""
    if free is None:
        said = "stop: the lowest level is too toxic"
    elif level is None:
        said = "this patient may receive no level: the organ limits forbid even the lowest"
    elif level < free:
        said = f"the design says {asked.levels_gbq[free]:g} GBq, but the organ limits of this patient forbid it"
    else:
        said = "by the design"
    return {
        "next_GBq": None if level is None else asked.levels_gbq[level],
        "highest_allowed_GBq": None if allowed in (None, 0) else asked.levels_gbq[allowed - 1],
        "reason": said,
    }


def _boin_table(design: Boin, asked: Titration) -> list[dict[str, Any]]:
    """What to do by number of patients and toxicities at the current level."""
    up, down = design.boundaries
    rows = []
    for n in range(asked.cohort, asked.cohort * asked.cohorts + 1, asked.cohort):
        rates = [x / n for x in range(n + 1)]
        closing = [x for x in range(n + 1) if closed_from(design, [x], [n]) == 0]
        falls = [x for x in range(n + 1) if rates[x] >= down]
        rows.append(
            {
                "patients": n,
                "up_if_at_most": max(x for x in range(n + 1) if rates[x] <= up),
                "down_if_at_least": falls[0] if falls else None,
                "close_if_at_least": closing[0] if closing else None,
            }
        )
    return rows


def _truth(asked: Titration) -> tuple[float, ...]:
    if len(asked.truth) != len(asked.levels_gbq):
        raise InputError(
            "one true rate for each level", field="truth", value=str(len(asked.truth)),
            expected=str(len(asked.levels_gbq)),
        )  # fmt: skip
    return asked.truth


def _shares(asked: Titration) -> tuple[float, ...] | None:
    """Share of patients whose organs allow each level: log-normal coefficients, organs independent."""
    from scipy.stats import norm

    if not asked.spread:
        return None
    share = np.ones(len(asked.levels_gbq))
    for organ, (median, gsd) in asked.spread.items():
        if organ not in asked.limits_gy or median <= 0.0 or gsd <= 1.0:
            raise InputError(
                "a spread needs a limit, a positive median and a geometric SD above 1", field=organ,
                value=f"{median:g}, {gsd:g}",
            )  # fmt: skip
        largest = np.log(asked.limits_gy[organ] / np.asarray(asked.levels_gbq))
        share *= norm.cdf((largest - np.log(median)) / np.log(gsd))
    return tuple(float(x) for x in share)


def _entered(asked: Titration) -> tuple[float, ...] | None:
    """The same among the patients who enter: those whose organs forbid even the lowest level do not."""
    shares = _shares(asked)
    if shares is None:
        return None
    if shares[0] < 1e-6:
        raise InputError("organ limits keep nearly every patient from the lowest level", field="spread")
    return tuple(s / shares[0] for s in shares)


def _characteristics(asked: Titration, found: OperatingCharacteristics) -> dict[str, Any]:
    shares = _shares(asked)
    return {
        "levels": [
            {
                "level_GBq": a, "true_toxicity": p, "organs_allow": None if shares is None else shares[i],
                "selected": float(found.selected[i]), "patients": float(found.patients[i]),
            }
            for i, (a, p) in enumerate(zip(asked.levels_gbq, found.toxicity, strict=True))
        ],
        "none_selected": found.none_selected,
        "toxicities_per_trial": found.toxicities,
        "share_above_best_level": found.overdosed,
        "trials": found.trials,
        "may_enter": None if shares is None else shares[0],
        "standard_error_of_shares": float(0.5 / np.sqrt(found.trials)),
    }  # fmt: skip
