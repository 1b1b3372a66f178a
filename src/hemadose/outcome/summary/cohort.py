"""A cohort summarised: every part of its report, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hemadose.errors import InputError
from hemadose.model.followup import FollowUpCohort
from hemadose.outcome.endpoints import Endpoints, endpoints
from hemadose.outcome.engraftment import EngraftmentRule
from hemadose.outcome.quantities import Quantities
from hemadose.outcome.summary.centres import PooledPoint, pool_centres
from hemadose.outcome.summary.describe import CategorySummary, NumberSummary, baseline
from hemadose.outcome.summary.dosimetry import CohortDosimetry, dosimetry
from hemadose.outcome.summary.groups import UNKNOWN, group_labels
from hemadose.outcome.summary.recovery import CohortRecovery, cohort_recovery
from hemadose.outcome.summary.regimen import Regimen, regimen
from hemadose.outcome.summary.stay import CohortStay, response, stay
from hemadose.outcome.summary.survival import CohortSurvival, cohort_survival
from hemadose.outcome.summary.toxicity import CohortToxicity, Outcomes, cohort_toxicity
from hemadose.outcome.toxicity.ctcae import Ctcae

_MOST_NAMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortSummary:
    """Everything that a cohort report says.

    Attributes
    ----------
    cohort : FollowUpCohort
        The patients.
    by : str
        Property of the groups; ``""`` without groups.
    groups : tuple of str
        Label of each patient; empty without groups.
    baseline : tuple
        Table 1.
    baseline_by : tuple of (str, tuple)
        Table 1 of each group.
    dosimetry : CohortDosimetry or None
        None if the cohort has no activity and no dose.
    regimen, toxicity, recovery, response, stay
        As named.
    endpoints : Endpoints or None
        None if no patient has follow-up after day 0.
    survival : CohortSurvival or None
        Likewise.
    centres : tuple of PooledPoint
        Centres pooled, where they are the groups.
    notes : tuple of str
        Doubts.
    """

    cohort: FollowUpCohort
    by: str
    groups: tuple[str, ...]
    baseline: tuple[NumberSummary | CategorySummary, ...]
    baseline_by: tuple[tuple[str, tuple[NumberSummary | CategorySummary, ...]], ...]
    dosimetry: CohortDosimetry | None
    regimen: Regimen
    toxicity: CohortToxicity
    recovery: CohortRecovery
    response: Outcomes
    stay: CohortStay
    endpoints: Endpoints | None
    survival: CohortSurvival | None
    centres: tuple[PooledPoint, ...]
    notes: tuple[str, ...]


def summarise_cohort(
    cohort: FollowUpCohort,
    *,
    criteria: Ctcae,
    quantities: Quantities,
    rule: EngraftmentRule,
    limits_gy: Mapping[str, float],
    by: str = "",
    toxicity_until_day: float = 100.0,
) -> CohortSummary:
    """Summarise a cohort.

    Parameters
    ----------
    cohort : FollowUpCohort
        At least one patient.
    criteria : Ctcae
        Version of the laboratory criteria.
    quantities : Quantities
        Of the values.
    rule : EngraftmentRule
        Definition of recovery.
    limits_gy : Mapping of str to float
        Dose limits by organ.
    by : str
        Property that makes groups (see `group_labels`).
    toxicity_until_day : float
        End of the window of toxicity.

    Raises
    ------
    InputError
        If the cohort is empty or no patient has the property `by`.
    """
    patients = cohort.patients
    if not patients:
        raise InputError("the cohort has no patients", source=cohort.name, field="patients")
    labels = group_labels(patients, by) if by else ()
    notes = list(cohort.notes)
    alive = None
    try:
        alive = endpoints(patients)
    except InputError as problem:
        notes.append(f"{problem.message}: no survival")
    survival = None
    if alive is not None:
        rows = {p.pseudonym: i for i, p in enumerate(patients)}
        used = [rows[name] for name in alive.pseudonyms]
        centres = [patients[i].centre or UNKNOWN for i in used]
        survival = cohort_survival(
            alive, groups=[labels[i] for i in used] if by else None, centres=None if by == "centre" else centres,
            unknown=UNKNOWN,
        )  # fmt: skip
    early = [p.pseudonym for p in patients if p.died_on is not None and p.died_on < 0.0]
    if early:
        names = ", ".join(early[:_MOST_NAMES]) + (
            f" and {len(early) - _MOST_NAMES} more" if early[_MOST_NAMES:] else ""
        )
        notes.append(f"died before day 0: {names}; in the tables, but not in survival from day 0")
    whole = baseline(patients)
    return CohortSummary(
        cohort=cohort,
        by=by,
        groups=labels,
        baseline=whole,
        baseline_by=tuple(
            (group, baseline([p for p, g in zip(patients, labels, strict=True) if g == group], like=whole))
            for group in sorted(set(labels))
        ),
        dosimetry=dosimetry(patients, limits_gy=limits_gy),
        regimen=regimen(patients),
        toxicity=cohort_toxicity(patients, criteria=criteria, quantities=quantities, last_day=toxicity_until_day),
        recovery=cohort_recovery(patients, rule, groups=labels, unknown=UNKNOWN),
        response=response(patients),
        stay=stay(patients),
        endpoints=alive,
        survival=survival,
        centres=pool_centres(survival) if survival is not None and by == "centre" else (),
        notes=tuple(dict.fromkeys(notes)),
    )
