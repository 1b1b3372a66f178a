"""Who of a small cohort had which course: every assignment that the printed counts allow, and what follows from all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from hemadose.errors import InputError
from hemadose.model.followup import Event, EventKind, FollowUp
from hemadose.outcome.endpoints import FirstEvent, endpoints
from hemadose.outcome.statistics.incidence import cumulative_incidence
from hemadose.outcome.statistics.survival import kaplan_meier

DAYS_PER_MONTH = 365.25 / 12.0
RESPONSES = ("CRi", "MLFS", "refractory")
FATES = ("intensive care death", "palliative death", "early relapse", "other death", "alive at 24 months")


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseClass:
    """A kind of course.

    Attributes
    ----------
    extramedullary : bool
        Disease outside the marrow only.
    response, fate : str
        One of `RESPONSES` and `FATES`.
    """

    extramedullary: bool
    response: str
    fate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseCounts:
    """Printed counts of one cohort.

    Attributes
    ----------
    n, remission, leukaemia_free, refractory : int
        Patients, and patients by response.
    extramedullary, deaths_in_hospital, deaths_in_intensive_care, alive_at_24_months : int
        As printed.
    """

    n: int
    remission: int
    leukaemia_free: int
    refractory: int
    extramedullary: int
    deaths_in_hospital: int
    deaths_in_intensive_care: int
    alive_at_24_months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseTimes:
    """Printed times, in days after the graft unless said otherwise.

    Attributes
    ----------
    deaths_in_hospital_d : tuple of float
        Days "following conditioning", in unknown order.
    conditioning_starts_d : float
        First day of conditioning (negative): the origin of those days may be it or day 0.
    progression_d, early_relapse_d, late_relapse_d, long_follow_up_d : float
        Refractory leukaemia seen; relapse of extramedullary disease; late relapse; last contact of the other survivor.
    """

    deaths_in_hospital_d: tuple[float, ...]
    conditioning_starts_d: float
    progression_d: float
    early_relapse_d: float
    late_relapse_d: float
    long_follow_up_d: float


def possible_classes() -> tuple[CourseClass, ...]:
    """Give the kinds of course that the text allows for one patient.

    Notes
    -----
    Braitsch 2025, Results: the patient in leukaemia-free state died before formal assessment (intensive care); the
    refractory one died with palliative support; both patients with extramedullary disease reached complete remission
    and relapsed after three months; nobody else relapsed before 12 months.
    """
    found = []
    for extramedullary, response, fate in product((False, True), RESPONSES, FATES):
        if (response == "refractory") != (fate == "palliative death"):
            continue
        if response == "MLFS" and fate != "intensive care death":
            continue
        if extramedullary != (fate == "early relapse") or (extramedullary and response != "CRi"):
            continue
        found.append(CourseClass(extramedullary=extramedullary, response=response, fate=fate))
    return tuple(found)


def assignments(counts: CourseCounts) -> tuple[Mapping[CourseClass, int], ...]:
    """Give every number of patients by class that agrees with all printed counts.

    Parameters
    ----------
    counts : CourseCounts
        As printed.

    Returns
    -------
    tuple of mapping of CourseClass to int
        One entry: the classes are determined.

    Examples
    --------
    >>> printed = CourseCounts(n=7, remission=5, leukaemia_free=1, refractory=1, extramedullary=2, deaths_in_hospital=3,
    ...                        deaths_in_intensive_care=2, alive_at_24_months=2)
    >>> len(assignments(printed))
    1
    """
    classes = possible_classes()
    totals: tuple[tuple[Callable[[CourseClass], bool], int], ...] = (
        (lambda c: True, counts.n),
        (lambda c: c.response == "CRi", counts.remission),
        (lambda c: c.response == "MLFS", counts.leukaemia_free),
        (lambda c: c.response == "refractory", counts.refractory),
        (lambda c: c.extramedullary, counts.extramedullary),
        (lambda c: c.fate in ("intensive care death", "palliative death"), counts.deaths_in_hospital),
        (lambda c: c.fate == "intensive care death", counts.deaths_in_intensive_care),
        (lambda c: c.fate == "alive at 24 months", counts.alive_at_24_months),
    )
    found = []
    for numbers in product(range(counts.n + 1), repeat=len(classes)):
        if sum(numbers) != counts.n:
            continue
        pairs = tuple(zip(classes, numbers, strict=True))
        if all(sum(k for c, k in pairs if belongs(c)) == total for belongs, total in totals):
            found.append({c: k for c, k in pairs if k})
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRange:
    """Endpoints over all scenarios: the same everywhere, or not.

    Attributes
    ----------
    scenarios : int
        Orders of death, origins and unknown days that were tried.
    estimates : dict of str to (float, float)
        Least and largest estimate by name.
    counts : dict of str to (int, int)
        Patients with the event, and patients, of the first scenario.
    """

    scenarios: int
    estimates: dict[str, tuple[float, float]]
    counts: dict[str, tuple[int, int]]


def endpoint_range(classes: Mapping[CourseClass, int], times: CourseTimes) -> EndpointRange:
    """Compute survival and first events in every scenario that the print leaves open.

    Parameters
    ----------
    classes : mapping of CourseClass to int
        From `assignments`.
    times : CourseTimes
        As printed.

    Returns
    -------
    EndpointRange
        Names: ``survival_24``, ``progression_free_24``, ``non_relapse_6``, ``relapse_6``, ``non_relapse_24``,
        ``relapse_24`` (months).

    Raises
    ------
    InputError
        If the classes need more days of death than were printed.
    """
    estimates: dict[str, tuple[float, float]] = {}
    counts: dict[str, tuple[int, int]] = {}
    scenarios = 0
    for patients in _scenarios(classes, times):
        scenarios += 1
        for name, (estimate, count) in _endpoints(patients).items():
            low, high = estimates.get(name, (estimate, estimate))
            estimates[name] = (min(low, estimate), max(high, estimate))
            counts.setdefault(name, (count, len(patients)))
    return EndpointRange(scenarios=scenarios, estimates=estimates, counts=counts)


def _endpoints(patients: Sequence[FollowUp]) -> dict[str, tuple[float, int]]:
    found = endpoints(patients)
    survival = kaplan_meier(times=found.survival_d, events=found.died)
    free = kaplan_meier(times=found.progression_free_d, events=found.failed)
    late = 24.0 * DAYS_PER_MONTH
    answer = {
        "survival_24": (survival.at(late).estimate, int((~found.died | (found.survival_d > late)).sum())),
        "progression_free_24": (
            free.at(late).estimate,
            int((~found.failed | (found.progression_free_d > late)).sum()),
        ),
    }
    for name, cause in (("non_relapse", FirstEvent.NON_RELAPSE_DEATH), ("relapse", FirstEvent.RELAPSE)):
        curve = cumulative_incidence(times=found.progression_free_d, status=found.first_event, cause=int(cause))
        for months in (6, 24):
            day = months * DAYS_PER_MONTH
            had = (found.first_event == cause) & (found.progression_free_d <= day)
            answer[f"{name}_{months}"] = (curve.at(day).estimate, int(had.sum()))
    return answer


def _scenarios(classes: Mapping[CourseClass, int], times: CourseTimes) -> Iterator[tuple[FollowUp, ...]]:
    people = [kind for kind, k in classes.items() for _ in range(k)]
    dying = [i for i, kind in enumerate(people) if kind.fate in ("intensive care death", "palliative death")]
    if len(dying) != len(times.deaths_in_hospital_d):
        raise InputError("days of death and patients differ in number", value=f"{len(dying)}")
    late = 24.0 * DAYS_PER_MONTH
    for order, origin, early_death, late_death in product(
        permutations(times.deaths_in_hospital_d),
        (0.0, times.conditioning_starts_d),
        (times.early_relapse_d + 1.0, late - 1.0),
        (late + 1.0, 2.0 * late),
    ):
        death = {i: day + origin for i, day in zip(dying, order, strict=True)}
        survivors = [i for i, kind in enumerate(people) if kind.fate == "alive at 24 months"]
        yield tuple(
            FollowUp(
                pseudonym=f"course-{i + 1}",
                events=_events(kind, death.get(i), i == survivors[0], early_death, late_death, times),
            )
            for i, kind in enumerate(people)
        )


def _events(
    kind: CourseClass,
    death: float | None,
    relapses_late: bool,
    early_death: float,
    late_death: float,
    times: CourseTimes,
) -> tuple[Event, ...]:
    if kind.fate == "palliative death":
        return (
            Event(day=times.progression_d, kind=EventKind.PROGRESSION),
            Event(day=max(death or 0.0, times.progression_d), kind=EventKind.DEATH),
        )
    if kind.fate == "intensive care death":
        return (Event(day=death or 0.0, kind=EventKind.DEATH),)
    if kind.fate == "early relapse":
        return (
            Event(day=times.early_relapse_d, kind=EventKind.RELAPSE),
            Event(day=early_death, kind=EventKind.DEATH),
        )
    if kind.fate == "alive at 24 months" and relapses_late:
        return (
            Event(day=times.late_relapse_d, kind=EventKind.RELAPSE),
            Event(day=late_death, kind=EventKind.DEATH),
        )
    if kind.fate == "alive at 24 months":
        return (Event(day=times.long_follow_up_d, kind=EventKind.LAST_CONTACT),)
    raise InputError("the day of this course is not printed", field="fate", value=kind.fate)
