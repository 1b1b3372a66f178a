"""Dose to people near a patient: retained activity, distance and time spent there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Nuclide
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.therapy.timing.tail import require_physical
from hemadose.units import DAY_S, HOUR_S, LN2

Floats: TypeAlias = npt.NDArray[np.float64]

LONGEST_S = 3650.0 * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeBodyCurve:
    """Share of the administered activity in the body: sum of f_i 2^(-t/T_i).

    Attributes
    ----------
    nuclide : Nuclide
        No phase is slower than its decay.
    fractions : tuple of float
        Positive; they add up to 1, or less if something left before the first measurement.
    half_lives_s : tuple of float
        Effective.

    Examples
    --------
    >>> lu = Nuclide(name="Lu-177", half_life_s=159.528 * 3600, electron_energy_kev=147.9, photon_energy_kev=35)
    >>> body = WholeBodyCurve(nuclide=lu, fractions=(0.5, 0.5), half_lives_s=(3600.0, 100 * 3600.0))
    >>> round(float(body.retained(3600.0)), 4)
    0.7465
    """

    nuclide: Nuclide
    fractions: tuple[float, ...]
    half_lives_s: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check shares and half-lives."""
        if not self.fractions or len(self.fractions) != len(self.half_lives_s):
            raise QuantityError("a whole-body curve needs one share per half-life", field="fractions")
        for share, half_life in zip(self.fractions, self.half_lives_s, strict=True):
            require_positive("whole-body curve", share=share)
            require_physical(half_life, nuclide=self.nuclide)
        if sum(self.fractions) > 1.0 + 1e-6:
            raise QuantityError(
                "more than the administered activity is in the body",
                field="fractions",
                value=f"{sum(self.fractions):g}",
                expected="<= 1",
            )

    @property
    def rates_per_s(self) -> Floats:
        """Effective rate of each phase."""
        return np.asarray(LN2 / np.array(self.half_lives_s))

    def retained(self, time_s: npt.ArrayLike) -> Floats:
        """Share of the administered activity in the body at times, decay included."""
        times = np.asarray(time_s, dtype=np.float64)
        if (times < 0.0).any():
            raise QuantityError("nothing is retained before the administration", value=f"{times.min():g} s")
        terms = np.array(self.fractions) * np.exp(-np.multiply.outer(times, self.rates_per_s))
        return np.asarray(terms.sum(axis=-1))

    def integral_s(self, *, from_s: float, to_s: float = math.inf) -> float:
        """Time integral of the retained share."""
        if not 0.0 <= from_s <= to_s:
            raise QuantityError("an interval runs backwards or starts too early", value=f"{from_s:g} ... {to_s:g} s")
        rates = self.rates_per_s
        late = np.zeros(len(rates)) if math.isinf(to_s) else np.exp(-rates * to_s)
        return float(np.sum(np.array(self.fractions) / rates * (np.exp(-rates * from_s) - late)))

    @classmethod
    def physical(cls, nuclide: Nuclide) -> WholeBodyCurve:
        """Nothing leaves the body but by decay: the cautious curve."""
        return cls(nuclide=nuclide, fractions=(1.0,), half_lives_s=(nuclide.half_life_s,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A patient as a source of radiation.

    Attributes
    ----------
    body : WholeBodyCurve
        What stays in the body.
    activity_bq : float
        Administered.
    sv_per_s_bq_at_1m : float
        Dose rate at 1 m per activity in the body.
    length_m : float
        0 for a point; otherwise a line seen from its middle, scaled to the same dose rate at 1 m.
    """

    body: WholeBodyCurve
    activity_bq: float
    sv_per_s_bq_at_1m: float
    length_m: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive("source", activity_bq=self.activity_bq, sv_per_s_bq_at_1m=self.sv_per_s_bq_at_1m)
        require_non_negative("source", length_m=self.length_m)

    def rate_sv_per_s(self, time_s: npt.ArrayLike, *, distance_m: float) -> Floats:
        """Dose rate at times after administration, same shape."""
        scale = self.activity_bq * self.sv_per_s_bq_at_1m * relative_to_1m(distance_m, length_m=self.length_m)
        return np.asarray(scale * self.body.retained(time_s))

    def dose_sv(self, *, distance_m: float, from_s: float, to_s: float = math.inf) -> float:
        """Dose to somebody who stays at a distance all the time."""
        scale = self.activity_bq * self.sv_per_s_bq_at_1m * relative_to_1m(distance_m, length_m=self.length_m)
        return scale * self.body.integral_s(from_s=from_s, to_s=to_s)

    def time_to_rate_s(self, limit_sv_per_s: float, *, distance_m: float) -> float:
        """First time with no more than a dose rate; T log2(rate / limit) for one phase.

        Raises
        ------
        PlanningError
            If ten years are not enough.
        """
        require_positive("limit", limit_sv_per_s=limit_sv_per_s)
        return first_time_s(
            lambda t: float(self.rate_sv_per_s(t, distance_m=distance_m)) / limit_sv_per_s - 1.0, what="dose rate"
        )

    def time_to_dose_s(self, limit_sv: float, *, distance_m: float, occupancy: float = 1.0) -> float:
        """First time from which somebody there for a share of the time receives no more than a dose.

        Raises
        ------
        PlanningError
            If ten years are not enough.
        """
        require_positive("limit", limit_sv=limit_sv, occupancy=occupancy)
        return first_time_s(
            lambda t: occupancy * self.dose_sv(distance_m=distance_m, from_s=t) / limit_sv - 1.0, what="dose"
        )


def first_time_s(excess: Callable[[float], float], *, what: str) -> float:
    """First time at which a falling function is no longer positive, to 1 s.

    Raises
    ------
    PlanningError
        If ten years are not enough.
    """
    if excess(0.0) <= 0.0:
        return 0.0
    if excess(LONGEST_S) > 0.0:
        raise PlanningError(f"the {what} does not fall to its limit within ten years", remedy="check limit and curve")
    from scipy.optimize import brentq

    return float(brentq(excess, 0.0, LONGEST_S, xtol=1e-3, rtol=1e-12))


def relative_to_1m(distance_m: float, *, length_m: float = 0.0) -> float:
    """Dose rate at a distance over that at 1 m, in air without scatter and attenuation.

    Point: 1/d^2. Line of length L seen from its middle: atan(L / 2d) / d, over the same at 1 m.

    Parameters
    ----------
    distance_m : float
        From the middle of the source, 0.1 m or more.
    length_m : float
        0 for a point.

    Returns
    -------
    float

    Raises
    ------
    QuantityError
        Below 0.1 m: neither form holds near the body.

    Examples
    --------
    >>> relative_to_1m(2.0), round(relative_to_1m(2.0, length_m=1.7), 3)
    (0.25, 0.285)
    """
    if not (math.isfinite(distance_m) and distance_m >= 0.1):
        raise QuantityError(
            "the dose rate near the body is not known from that at 1 m",
            field="distance",
            value=f"{distance_m:g} m",
            expected=">= 0.1 m",
        )
    if length_m == 0.0:
        return 1.0 / distance_m**2
    half = 0.5 * length_m
    return math.atan(half / distance_m) / distance_m / math.atan(half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Time at a distance on days counted from the release.

    Attributes
    ----------
    from_day, to_day : float
        Since release; `to_day` may be infinite.
    distance_m : float
        Between middle of the body and the person.
    hours_per_day : float
        On each of these days.
    """

    from_day: float
    to_day: float
    distance_m: float
    hours_per_day: float

    def __post_init__(self) -> None:
        """Check days and hours."""
        require_non_negative("contact", from_day=self.from_day, hours_per_day=self.hours_per_day)
        relative_to_1m(self.distance_m)
        if not self.from_day < self.to_day or self.hours_per_day > 24.0:
            raise QuantityError(
                "a contact needs days in order and at most 24 h a day",
                field="contact",
                value=f"day {self.from_day:g} to {self.to_day:g}, {self.hours_per_day:g} h",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPattern:
    """What one person does near the patient after the release.

    Attributes
    ----------
    id, title : str
        Identifier and words.
    contacts : tuple of Contact
        They add up; together no day has more than 24 h.
    limit_sv : float or None
        Dose that should not be passed, by whom it concerns.
    source : str
        Where the pattern comes from.
    """

    id: str
    title: str
    contacts: tuple[Contact, ...]
    limit_sv: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Check that no day is longer than a day."""
        if not self.contacts:
            raise QuantityError(f"the pattern {self.id} has no contact", field="contacts")
        for start in {c.from_day for c in self.contacts}:
            hours = sum(c.hours_per_day for c in self.contacts if c.from_day <= start < c.to_day)
            if hours > 24.0 + 1e-9:
                raise QuantityError(f"a day of {self.id} has more than 24 h", value=f"{hours:g} h on day {start:g}")


def contact_dose_sv(source: Source, pattern: ContactPattern, *, release_s: float) -> float:
    """Dose to a person from the release on.

    Time at a distance counts as spread evenly over its days.

    Raises
    ------
    QuantityError
        If the release precedes the administration.
    """
    require_non_negative("release", release_s=release_s)
    total = 0.0
    for contact in pattern.contacts:
        share = contact.hours_per_day * HOUR_S / DAY_S
        start, end = (release_s + day * DAY_S for day in (contact.from_day, contact.to_day))
        total += share * source.dose_sv(distance_m=contact.distance_m, from_s=start, to_s=end)
    return total
