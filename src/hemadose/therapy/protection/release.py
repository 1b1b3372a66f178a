"""When a patient may leave the ward: rules as values, thresholds derived from yearly doses, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hemadose.errors import QuantityError
from hemadose.model import Nuclide
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.therapy.protection.exposure import Source, WholeBodyCurve
from hemadose.units import LN2


class RuleKind(StrEnum):
    """What a rule bounds.

    ``stay``: least time on the ward. ``rate``: dose rate at a distance. ``dose``: dose of a person from the release
    on, at a distance for a share of the time. ``activity``: activity in the body.
    """

    STAY = "stay"
    RATE = "rate"
    DOSE = "dose"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule:
    """One condition for the release.

    Attributes
    ----------
    id, title : str
        Identifier and words.
    kind : RuleKind
        What is bounded.
    value : float
        s, Sv/s, Sv or Bq by kind.
    distance_m : float or None
        For ``rate`` and ``dose``.
    occupancy : float
        For ``dose``: share of the time that the person is there.
    physical_decay : bool
        For ``dose``: take physical decay after the release instead of the patient's own curve.
    per_year : bool
        For ``dose``: the value is for a year and is divided by the therapies of that year.
    nuclides : tuple of str
        For which it holds; empty for all.
    source, evidence : str
        Publication; ``"publication"`` or ``"unverified"``.
    """

    id: str
    title: str
    kind: RuleKind
    value: float
    distance_m: float | None = None
    occupancy: float = 1.0
    physical_decay: bool = False
    per_year: bool = False
    nuclides: tuple[str, ...] = ()
    source: str = ""
    evidence: str = "unverified"

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(f"rule {self.id}", value=self.value, occupancy=self.occupancy)
        if self.kind in (RuleKind.RATE, RuleKind.DOSE) and self.distance_m is None:
            raise QuantityError(f"rule {self.id} needs a distance", field="distance_m")
        if self.occupancy > 1.0:
            raise QuantityError(f"rule {self.id}: nobody is there longer than always", value=f"{self.occupancy:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseVerdict:
    """What one rule says.

    Attributes
    ----------
    rule : ReleaseRule
        Which.
    time_s : float
        Earliest release after administration.
    threshold_sv_per_s : float or None
        Dose rate at the rule's distance that goes with it.
    """

    rule: ReleaseRule
    time_s: float
    threshold_sv_per_s: float | None


def threshold_rate_sv_per_s(
    *, yearly_sv: float, half_life_s: float, therapies_per_year: float = 1.0, occupancy: float = 1.0
) -> float:
    """Dose rate at release that gives a dose until all has decayed: D ln 2 / (n T E).

    Parameters
    ----------
    yearly_sv : float
        For one year.
    half_life_s : float
        After the release; the physical one to be cautious.
    therapies_per_year : float
        That share the year.
    occupancy : float
        Share of the time that somebody is there.

    Returns
    -------
    float
        Sv/s, at the distance at which the dose is meant.

    Examples
    --------
    1 mSv and physical decay: 3.6 uSv/h for 131I (192.5 h), as in Germany; 4.3 uSv/h for 177Lu (159.5 h).

    >>> [round(threshold_rate_sv_per_s(yearly_sv=1e-3, half_life_s=h * 3600.0) * 3.6e9, 3) for h in (192.4968, 159.528)]
    [3.601, 4.345]
    """
    require_positive(
        "threshold",
        yearly_sv=yearly_sv,
        half_life_s=half_life_s,
        therapies_per_year=therapies_per_year,
        occupancy=occupancy,
    )
    return yearly_sv * LN2 / (half_life_s * therapies_per_year * occupancy)


def activity_for_rate_bq(limit_sv_per_s: float, *, sv_per_s_bq_at_1m: float, distance_m: float) -> float:
    """Activity in the body that gives a dose rate at a distance from a point.

    >>> round(activity_for_rate_bq(3.5e-6 / 3600, sv_per_s_bq_at_1m=3.7e-15 / 3600, distance_m=2.0) / 1e9, 3)
    3.784
    """
    require_positive("threshold", limit_sv_per_s=limit_sv_per_s, constant=sv_per_s_bq_at_1m, distance_m=distance_m)
    return limit_sv_per_s * distance_m**2 / sv_per_s_bq_at_1m


def release_verdicts(
    source: Source, rules: Sequence[ReleaseRule], *, therapies_per_year: float = 1.0, already_sv: float = 0.0
) -> tuple[ReleaseVerdict, ...]:
    """Judge the rules that hold for the nuclide.

    Parameters
    ----------
    source : Source
        The patient.
    rules : sequence of ReleaseRule
        Of a country or site; all must be met.
    therapies_per_year : float
        That share a yearly dose, this one included.
    already_sv : float
        Dose that other people received in the year from earlier therapies, taken off a yearly dose first.

    Returns
    -------
    tuple of ReleaseVerdict
        The latest first: it governs.

    Raises
    ------
    QuantityError
        If no rule holds for the nuclide, or nothing of a yearly dose is left.
    """
    require_non_negative("release", already_sv=already_sv)
    name = source.body.nuclide.name
    known = [r for r in rules if not r.nuclides or name in r.nuclides]
    if not known:
        raise QuantityError(f"no rule of release holds for {name}", field="rules", remedy="give one of your own")
    found = [_verdict(source, rule, therapies_per_year, already_sv) for rule in known]
    return tuple(sorted(found, key=lambda v: -v.time_s))


def _verdict(source: Source, rule: ReleaseRule, therapies: float, already_sv: float) -> ReleaseVerdict:
    if rule.kind is RuleKind.STAY:
        return ReleaseVerdict(rule=rule, time_s=rule.value, threshold_sv_per_s=None)
    if rule.kind is RuleKind.ACTIVITY:
        time = _time_to_activity_s(source, rule.value)
        return ReleaseVerdict(rule=rule, time_s=time, threshold_sv_per_s=None)
    assert rule.distance_m is not None
    if rule.kind is RuleKind.RATE:
        time = source.time_to_rate_s(rule.value, distance_m=rule.distance_m)
        return ReleaseVerdict(rule=rule, time_s=time, threshold_sv_per_s=rule.value)
    left = _left_sv(rule, therapies, already_sv)
    nuclide: Nuclide = source.body.nuclide
    if rule.physical_decay:
        limit = threshold_rate_sv_per_s(yearly_sv=left, half_life_s=nuclide.half_life_s, occupancy=rule.occupancy)
        time = source.time_to_rate_s(limit, distance_m=rule.distance_m)
        return ReleaseVerdict(rule=rule, time_s=time, threshold_sv_per_s=limit)
    time = source.time_to_dose_s(left, distance_m=rule.distance_m, occupancy=rule.occupancy)
    rate = float(source.rate_sv_per_s(time, distance_m=rule.distance_m))
    dose = rule.occupancy * source.dose_sv(distance_m=rule.distance_m, from_s=time)
    return ReleaseVerdict(rule=rule, time_s=time, threshold_sv_per_s=rate * left / dose)


def _left_sv(rule: ReleaseRule, therapies: float, already_sv: float) -> float:
    if not rule.per_year:
        return rule.value
    if therapies < 1.0:
        raise QuantityError("at least this therapy counts in the year", field="therapies", value=f"{therapies:g}")
    left = (rule.value - already_sv) / therapies
    if left <= 0.0:
        raise QuantityError("nothing of the yearly dose is left", field="already", value=f"{already_sv * 1e3:g} mSv")
    return left


def _time_to_activity_s(source: Source, limit_bq: float) -> float:
    body = Source(body=source.body, activity_bq=source.activity_bq, sv_per_s_bq_at_1m=1.0)
    return body.time_to_rate_s(limit_bq, distance_m=1.0)


def cautious(source: Source) -> Source:
    """Same patient, but nothing leaves the body except by decay."""
    return Source(
        body=WholeBodyCurve.physical(source.body.nuclide),
        activity_bq=source.activity_bq,
        sv_per_s_bq_at_1m=source.sv_per_s_bq_at_1m,
        length_m=source.length_m,
    )
