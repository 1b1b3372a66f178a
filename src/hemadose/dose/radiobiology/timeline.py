"""What irradiates an organ, on one clock: dose rates that decay, and fractions.

Times are seconds on a clock of the course, e.g. with the transplant at 0; times before it are negative.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.dose.radiobiology.overlap import Floats
from hemadose.errors import QuantityError
from hemadose.model import ResidualDose
from hemadose.model._checks import frozen_array, require_finite, require_positive
from hemadose.units import DAY_S, LN2


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRate:
    """Dose rate of one administration in one organ: a sum of exponentials from `start_s` on.

    Attributes
    ----------
    name : str
        E.g. ``"177Lu-pentixather"``.
    start_s : float
        Time of administration.
    amplitudes_gy_per_s, rates_per_s : ndarray, shape (terms,)
        Best curve; amplitudes may be negative (uptake).
    draw_amplitudes_gy_per_s, draw_rates_per_s : ndarray, shape (draws, terms)
        Its uncertainty; empty for none.
    """

    name: str
    start_s: float
    amplitudes_gy_per_s: Floats
    rates_per_s: Floats
    draw_amplitudes_gy_per_s: Floats = field(default_factory=lambda: np.empty((0, 0)))
    draw_rates_per_s: Floats = field(default_factory=lambda: np.empty((0, 0)))

    def __post_init__(self) -> None:
        """Freeze the arrays and check that every curve decays and gives dose."""
        require_finite(self.name, start_s=self.start_s)
        for name, ndim in (
            ("amplitudes_gy_per_s", 1),
            ("rates_per_s", 1),
            ("draw_amplitudes_gy_per_s", 2),
            ("draw_rates_per_s", 2),
        ):
            array = frozen_array(getattr(self, name), np.float64)
            if array.ndim != ndim or not np.isfinite(array).all():
                raise QuantityError(f"{name} of {self.name} needs finite numbers in {ndim} dimension(s)")
            object.__setattr__(self, name, array)
        same = self.amplitudes_gy_per_s.shape == self.rates_per_s.shape
        if not same or self.draw_amplitudes_gy_per_s.shape != self.draw_rates_per_s.shape:
            raise QuantityError(f"the dose rate of {self.name} needs one rate per amplitude")
        if (self.rates_per_s <= 0.0).any() or (self.draw_rates_per_s <= 0.0).any():
            raise QuantityError(f"the dose rate of {self.name} must decay", field="rates_per_s", expected="> 0")
        if self.dose_gy < 0.0:
            raise QuantityError(f"the dose of {self.name} is negative", value=f"{self.dose_gy:g} Gy")

    @property
    def dose_gy(self) -> float:
        """Dose to infinity."""
        return float(np.sum(self.amplitudes_gy_per_s / self.rates_per_s))

    @property
    def draws(self) -> int:
        """Number of draws; 0 if none."""
        return int(self.draw_amplitudes_gy_per_s.shape[0])

    def rate_gy_per_s(self, time_s: npt.ArrayLike) -> Floats:
        """Dose rate at times of the clock, same shape."""
        since = np.asarray(time_s, dtype=np.float64) - self.start_s
        terms = self.amplitudes_gy_per_s * np.exp(-np.multiply.outer(np.maximum(since, 0.0), self.rates_per_s))
        return np.where(since >= 0.0, terms.sum(axis=-1), 0.0)

    def given_gy(self, time_s: npt.ArrayLike) -> Floats:
        """Dose up to times of the clock, same shape."""
        since = np.maximum(np.asarray(time_s, dtype=np.float64) - self.start_s, 0.0)
        done = -np.expm1(-np.multiply.outer(since, self.rates_per_s))
        return np.asarray((self.amplitudes_gy_per_s / self.rates_per_s * done).sum(axis=-1))

    def left_gy(self, time_s: npt.ArrayLike) -> Floats:
        """Dose still to come at times of the clock, same shape; exact however little it is."""
        since = np.maximum(np.asarray(time_s, dtype=np.float64) - self.start_s, 0.0)
        still = np.exp(-np.multiply.outer(since, self.rates_per_s))
        return np.asarray((self.amplitudes_gy_per_s / self.rates_per_s * still).sum(axis=-1))

    @classmethod
    def from_dose(
        cls,
        name: str,
        *,
        start_s: float,
        dose_gy: float,
        half_lives_s: tuple[float, ...],
        shares: tuple[float, ...] = (1.0,),
        dose_relative_sd: float = 0.0,
        half_life_relative_sd: float = 0.0,
        draws: int = 0,
        rng: np.random.Generator | None = None,
    ) -> DoseRate:
        """Make a dose rate of a known dose and shape.

        Parameters
        ----------
        name, start_s
            As the attributes.
        dose_gy : float
            To infinity.
        half_lives_s : tuple of float
            Effective half-life of each term.
        shares : tuple of float
            Amplitudes relative to each other; ``(1, -1)`` with a short second half-life is uptake.
        dose_relative_sd, half_life_relative_sd : float
            Standard uncertainties, log-normal; one factor on all half-lives, independent of the dose.
        draws, rng
            Number and stream of draws.

        Returns
        -------
        DoseRate
        """
        if len(half_lives_s) != len(shares) or not shares:
            raise QuantityError(f"{name} needs one share per half-life", field="shares", value=str(list(shares)))
        for half_life in half_lives_s:
            require_positive(name, half_life_s=half_life)
        rates, parts = LN2 / np.array(half_lives_s), np.array(shares, dtype=np.float64)
        per_share = float(np.sum(parts / rates))
        if per_share <= 0.0:
            raise QuantityError(f"the shares of {name} make no positive dose", field="shares", value=str(list(shares)))
        amplitudes = dose_gy * parts / per_share
        if draws == 0:
            return cls(name=name, start_s=start_s, amplitudes_gy_per_s=amplitudes, rates_per_s=rates)
        stream = np.random.default_rng(0) if rng is None else rng
        scale = log_normal(dose_relative_sd, draws, stream)[:, None]
        slower = log_normal(half_life_relative_sd, draws, stream)[:, None]
        return cls(
            name=name,
            start_s=start_s,
            amplitudes_gy_per_s=amplitudes,
            rates_per_s=rates,
            draw_amplitudes_gy_per_s=scale * amplitudes / slower,
            draw_rates_per_s=np.broadcast_to(rates, (draws, len(rates))) / slower,
        )

    @classmethod
    def from_residual(cls, name: str, residual: ResidualDose, *, activity_bq: float, start_s: float) -> DoseRate:
        """Take the dose-rate curve of a target as the dose room gives it, times an activity."""
        require_positive(name, activity_bq=activity_bq)
        return cls(
            name=name,
            start_s=start_s,
            amplitudes_gy_per_s=activity_bq * residual.amplitudes_gy_per_bq_s,
            rates_per_s=residual.rates_per_s,
            draw_amplitudes_gy_per_s=activity_bq * residual.draw_amplitudes_gy_per_bq_s,
            draw_rates_per_s=residual.draw_rates_per_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fractions:
    """Fractions of external radiation in one organ, each as an instant.

    Attributes
    ----------
    name : str
        E.g. ``"TBI"``.
    times_s, doses_gy : ndarray, shape (n,)
        Of the clock; dose in the organ.
    relative_sd : float
        Standard uncertainty of all doses together (one log-normal factor).
    """

    name: str
    times_s: Floats
    doses_gy: Floats
    relative_sd: float = 0.0

    def __post_init__(self) -> None:
        """Freeze the arrays and check times and doses."""
        times, doses = frozen_array(self.times_s, np.float64), frozen_array(self.doses_gy, np.float64)
        if times.ndim != 1 or times.shape != doses.shape or not times.size:
            raise QuantityError(f"{self.name} needs one time per fraction", field="times_s")
        if not (np.isfinite(times).all() and np.isfinite(doses).all()) or (doses < 0.0).any():
            raise QuantityError(f"a fraction of {self.name} is negative or not finite", field="doses_gy")
        if (np.diff(times) <= 0.0).any():
            raise QuantityError(f"the fractions of {self.name} are not in order of time", field="times_s")
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "doses_gy", doses)

    @property
    def dose_gy(self) -> float:
        """Sum of the fractions."""
        return float(self.doses_gy.sum())

    def given_gy(self, time_s: npt.ArrayLike) -> Floats:
        """Dose up to times of the clock, same shape."""
        sums = np.concatenate([[0.0], np.cumsum(self.doses_gy)])
        return np.asarray(sums[np.searchsorted(self.times_s, np.asarray(time_s), side="right")])


Component: TypeAlias = DoseRate | Fractions


def log_normal(relative_sd: float, draws: int, rng: np.random.Generator) -> Floats:
    """Draw factors with mean 1 and a relative standard deviation, shape (draws,)."""
    sigma = np.sqrt(np.log1p(relative_sd**2))
    return np.asarray(np.exp(sigma * rng.standard_normal(draws) - sigma**2 / 2.0))


def daily_times_s(*, fractions: int, per_day: int, gap_s: float, first_s: float) -> Floats:
    """Times of fractions that fill one day after the other.

    Parameters
    ----------
    fractions : int
        In all.
    per_day : int
        On each day but perhaps the last.
    gap_s : float
        Between fractions of a day.
    first_s : float
        Time of the first.

    Returns
    -------
    ndarray, shape (fractions,)

    Raises
    ------
    QuantityError
        If the fractions of a day do not fit into it.

    Examples
    --------
    >>> (daily_times_s(fractions=5, per_day=2, gap_s=8 * 3600.0, first_s=0.0) / 3600).tolist()
    [0.0, 8.0, 24.0, 32.0, 48.0]
    """
    require_positive("fractions", fractions=fractions, per_day=per_day)
    if per_day > 1:
        require_positive("fractions", gap_s=gap_s)
        if (per_day - 1) * gap_s >= DAY_S:
            raise QuantityError(
                "the fractions of a day do not fit into it",
                field="gap",
                value=f"{gap_s / 3600:g} h",
                expected=f"less than {24 / (per_day - 1):g} h for {per_day} a day",
            )
    index = np.arange(fractions)
    return np.asarray(first_s + index // per_day * DAY_S + index % per_day * gap_s)
