"""Survival of a cohort: overall, free of progression, relapse and death without relapse; by group and by centre."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import HemadoseError
from hemadose.outcome.endpoints import Endpoints, FirstEvent
from hemadose.outcome.statistics.comparison import GroupTest, logrank_test
from hemadose.outcome.statistics.gray import gray_test
from hemadose.outcome.statistics.incidence import IncidenceCurve, cumulative_incidence
from hemadose.outcome.statistics.small_samples import SmallSampleAdvice, small_sample_advice
from hemadose.outcome.statistics.survival import CurvePoint, SurvivalCurve, kaplan_meier

MONTH_D = 365.25 / 12.0
LANDMARKS = (("100 days", 100.0), ("6 months", 6.0 * MONTH_D), ("12 months", 365.25), ("24 months", 730.5))
CAUSES = {FirstEvent.NON_RELAPSE_DEATH: "non-relapse mortality", FirstEvent.RELAPSE: "relapse"}
OVERALL, FREE = "overall survival", "progression-free survival"
NAMES = (OVERALL, FREE, CAUSES[FirstEvent.RELAPSE], CAUSES[FirstEvent.NON_RELAPSE_DEATH])
Curve = SurvivalCurve | IncidenceCurve
Times = npt.NDArray[np.float64]
Status = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCurve:
    """One endpoint in one group.

    Attributes
    ----------
    endpoint : str
        Of `NAMES`.
    group : str
        ``""`` for all patients.
    curve : SurvivalCurve or IncidenceCurve
        Over days.
    at : tuple of CurvePoint
        At `LANDMARKS`; NaN beyond the longest follow-up.
    """

    endpoint: str
    group: str
    curve: Curve
    at: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Groups compared in one endpoint.

    Attributes
    ----------
    endpoint : str
        Of `NAMES`.
    test : GroupTest or None
        Log-rank or Gray; None if it was withheld.
    stratified : GroupTest or None
        The same within centres, where there are several.
    withheld : str
        Why no test was made; ``""`` if it was.
    """

    endpoint: str
    test: GroupTest | None
    stratified: GroupTest | None
    withheld: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortSurvival:
    """All endpoints.

    Attributes
    ----------
    n, deaths, failures : int
        Patients with follow-up, deaths, and events of progression-free survival.
    follow_up : SurvivalCurve
        Reverse Kaplan-Meier: time to the end of observation, death censors.
    curves : tuple of EndpointCurve
        Of all patients, then of each group.
    comparisons : tuple of Comparison
        Empty without groups.
    advice : SmallSampleAdvice
        What so many patients and deaths allow.
    notes : tuple of str
        Doubts.
    """

    n: int
    deaths: int
    failures: int
    follow_up: SurvivalCurve
    curves: tuple[EndpointCurve, ...]
    comparisons: tuple[Comparison, ...]
    advice: SmallSampleAdvice
    notes: tuple[str, ...] = ()

    def of(self, endpoint: str, group: str = "") -> EndpointCurve | None:
        """Give one curve, or None."""
        return next((c for c in self.curves if (c.endpoint, c.group) == (endpoint, group)), None)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups."""
        return tuple(dict.fromkeys(c.group for c in self.curves if c.group))


def cohort_survival(
    found: Endpoints,
    *,
    groups: Sequence[str] | None = None,
    centres: Sequence[str] | None = None,
    unknown: str = "not known",
) -> CohortSurvival:
    """Estimate and compare.

    Parameters
    ----------
    found : Endpoints
        Of the cohort.
    groups : sequence of str, optional
        Label of each row; `unknown` is left out of curves by group and of comparisons.
    centres : sequence of str, optional
        Centre of each row; comparisons are then repeated within centres.
    unknown : str
        Label of the rows without a group.
    """
    data = endpoint_data(found)
    labels = None if groups is None else np.asarray(groups)
    every = np.ones(found.survival_d.size, dtype=bool)
    curves = [_curve(name, "", *data[name], every) for name in NAMES]
    comparisons: list[Comparison] = []
    notes = list(found.notes)
    sizes: tuple[int, ...] = ()
    if labels is not None:
        names = sorted(set(labels.tolist()) - {unknown})
        curves += [_curve(name, g, *data[name], labels == g) for name in NAMES for g in names]
        known = labels != unknown
        sizes = tuple(int((labels == g).sum()) for g in names)
        if not known.all():
            notes.append(f"{int((~known).sum())} patients without a group are in the pooled curves only")
        layers = None if centres is None or len(set(centres)) < 2 else np.asarray(centres)
        comparisons = [
            _compare(name, *data[name], labels, known, None if layers is None else layers[known]) for name in NAMES
        ]
    notes += [note for c in curves[: len(NAMES)] for note in c.curve.notes]
    return CohortSurvival(
        n=found.survival_d.size,
        deaths=int(found.died.sum()),
        failures=int(found.failed.sum()),
        follow_up=kaplan_meier(times=found.survival_d, events=~found.died),
        curves=tuple(curves),
        comparisons=tuple(comparisons),
        advice=advice_for_groups(found.survival_d.size, sizes, int(found.died.sum())),
        notes=tuple(dict.fromkeys(notes)),
    )


def endpoint_data(found: Endpoints) -> dict[str, tuple[Times, Status, int | None]]:
    """Times, status, and the cause asked for (None for survival) of each endpoint."""
    return {
        OVERALL: (found.survival_d, found.died.astype(np.int64), None),
        FREE: (found.progression_free_d, found.failed.astype(np.int64), None),
        **{CAUSES[c]: (found.progression_free_d, found.first_event, int(c)) for c in CAUSES},
    }


def curve_at(curve: Curve, day: float, times: npt.ArrayLike, status: npt.ArrayLike) -> CurvePoint:
    """Read a curve; an incidence stays where it ended if nobody was left to whom anything could happen.

    Parameters
    ----------
    curve : SurvivalCurve or IncidenceCurve
        Made of `times` and `status`.
    day : float
        Where.
    times, status : array (n,)
        Follow-up that the curve was made of.

    Examples
    --------
    >>> times, status = [1.0, 2.0, 3.0], [1, 2, 1]
    >>> curve = cumulative_incidence(times=times, status=status, cause=1, causes={1: "relapse", 2: "death"})
    >>> curve.at(9.0).estimate, round(curve_at(curve, 9.0, times, status).estimate, 3)
    (nan, 0.667)
    """
    last = float(curve.times[-1])
    if isinstance(curve, SurvivalCurve) or day <= last:
        return curve.at(day)
    ended = np.asarray(status)[np.asarray(times) == last] != 0
    return curve.at(last) if ended.all() else curve.at(day)


def _curve(
    endpoint: str, group: str, times: Times, status: Status, cause: int | None, rows: npt.NDArray[np.bool_]
) -> EndpointCurve:
    curve: Curve
    if cause is None:
        curve = kaplan_meier(times=times[rows], events=status[rows])
    else:
        curve = cumulative_incidence(
            times=times[rows], status=status[rows], cause=cause, causes={int(c): n for c, n in CAUSES.items()}
        )
    at = tuple(curve_at(curve, day, times[rows], status[rows]) for _, day in LANDMARKS)
    return EndpointCurve(endpoint=endpoint, group=group, curve=curve, at=at)


def _compare(
    endpoint: str,
    times: Times,
    status: Status,
    cause: int | None,
    labels: npt.NDArray[np.str_],
    known: npt.NDArray[np.bool_],
    layers: npt.NDArray[np.str_] | None,
) -> Comparison:
    t, s, g = times[known], status[known], labels[known]
    events = int((s != 0).sum()) if cause is None else int((s == cause).sum())
    advice = advice_for_groups(t.size, np.unique(g, return_counts=True)[1].tolist(), events)
    if "p value of curves" in advice.withheld or advice.descriptive_only:
        return Comparison(endpoint=endpoint, test=None, stratified=None, withheld="; ".join(reasons_for_curves(advice)))

    def test(strata: npt.NDArray[np.str_] | None) -> GroupTest:
        if cause is None:
            return logrank_test(times=t, events=s, groups=g, strata=strata)
        return gray_test(times=t, status=s, cause=cause, groups=g, strata=strata, causes=[int(c) for c in CAUSES])

    try:
        return Comparison(endpoint=endpoint, test=test(None), stratified=_or_none(test, layers), withheld="")
    except HemadoseError as problem:
        return Comparison(endpoint=endpoint, test=None, stratified=None, withheld=problem.message)


def advice_for_groups(n: int, sizes: Sequence[int], n_events: int) -> SmallSampleAdvice:
    """Advice for a comparison; groups that are not all patients (some have no label) do not enter."""
    groups = list(sizes) if sum(sizes) == n else []
    return small_sample_advice(n=n, group_sizes=groups, n_events=n_events)


def reasons_for_curves(advice: SmallSampleAdvice) -> tuple[str, ...]:
    """Give the reasons of the policy that concern numbers and tests, not the choice of a plot."""
    return tuple(r for r in advice.reasons if "box plot" not in r)


def _or_none(
    test: Callable[[npt.NDArray[np.str_]], GroupTest], layers: npt.NDArray[np.str_] | None
) -> GroupTest | None:
    """The stratified test; None without strata, or where no stratum has something to compare."""
    if layers is None:
        return None
    try:
        return test(layers)
    except HemadoseError:
        return None
