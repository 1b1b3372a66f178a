"""Dose per activity and how far it may be off: of a patient, or of a published series as a log-normal population."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log, sqrt

from hemadose.errors import QuantityError
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.model.agent import Coefficient
from hemadose.units import GBQ

_CENTRAL_95 = 2.0 * 1.959963984540054
_LARGEST_RELATIVE_SD = 2.0
_ODD_RATIO = 2.5
_ODD_BEYOND_RANGE = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DosePerActivity:
    """Absorbed dose per administered activity with a log-normal spread.

    Attributes
    ----------
    target : str
        Organ.
    gy_per_bq : float
        Best estimate.
    log_sd : float or None
        Standard deviation of its natural logarithm; None where no spread is known.
    log_median : float or None
        Natural logarithm of the median (Gy/Bq); that of the best estimate if not given.
    assumption : str
        Where the spread comes from, in words.
    of_patient : bool
        Measured in the patient, not taken from a series.
    """

    target: str
    gy_per_bq: float
    log_sd: float | None = None
    log_median: float | None = None
    assumption: str = ""
    of_patient: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive(f"dose coefficient of {self.target}", gy_per_bq=self.gy_per_bq)
        if self.log_sd is not None:
            require_non_negative(f"dose coefficient of {self.target}", log_sd=self.log_sd)

    @property
    def _median(self) -> float:
        return log(self.gy_per_bq) if self.log_median is None else self.log_median

    def probability_above(self, gy_per_bq: float) -> float | None:
        """Probability that the true coefficient is above a value; None where no spread is known."""
        from scipy.special import ndtr

        if self.log_sd is None or self.log_sd == 0.0:
            return None
        return float(ndtr((self._median - log(gy_per_bq)) / self.log_sd))

    def part(self, fraction: float, *, target: str) -> DosePerActivity:
        """Give a constant part of the dose with the same spread and origin, e.g. what comes after infusion.

        >>> whole = patient_coefficient("red_marrow", 0.5e-9, relative_sd=0.2)
        >>> part = whole.part(0.1, target="red_marrow_after_infusion")
        >>> round(part.gy_per_bq * 1e9, 3), part.log_sd == whole.log_sd, part.of_patient
        (0.05, True, True)
        """
        median = None if self.log_median is None else self.log_median + log(fraction)
        return replace(self, target=target, gy_per_bq=fraction * self.gy_per_bq, log_median=median)

    def quantile_gy_per_bq(self, probability: float) -> float:
        """Coefficient that is not exceeded with a probability."""
        from scipy.special import ndtri

        return exp(self._median + (self.log_sd or 0.0) * float(ndtri(probability)))


def patient_coefficient(target: str, gy_per_bq: float, *, relative_sd: float = 0.0) -> DosePerActivity:
    """Give a coefficient measured in the patient; the estimate is taken as the median.

    Raises
    ------
    QuantityError
        If the coefficient is not positive or the uncertainty negative.
    """
    require_non_negative(f"dose coefficient of {target}", relative_sd=relative_sd)
    if relative_sd > _LARGEST_RELATIVE_SD:
        raise QuantityError(
            "implausible relative uncertainty",
            field="relative_sd",
            value=f"{relative_sd:g}",
            expected=f"<= {_LARGEST_RELATIVE_SD:g}",
            remedy="20 % is 0.2",
        )
    return DosePerActivity(
        target=target,
        gy_per_bq=gy_per_bq,
        log_sd=sqrt(log(1.0 + relative_sd**2)) if relative_sd > 0.0 else None,
        of_patient=True,
    )


def published_coefficient(c: Coefficient) -> DosePerActivity:
    """Give a published coefficient as a log-normal population of patients.

    Parameters
    ----------
    c : Coefficient
        With standard deviation, or range and number of patients, where published.

    Notes
    -----
    From a standard deviation: log_sd^2 = ln(1 + (SD/value)^2). From the range of n patients: ln(high/low) over the
    expected range of n standard-normal numbers (d2 of statistical process control); without n the range counts as the
    central 95 %. A mean m lies at the median m exp(-log_sd^2 / 2).
    """
    words = f"{c.statistic} of a published series, not of this patient ({c.source})"
    log_sd, origin = None, "no spread was published"
    if c.sd_gy_per_bq:
        log_sd, origin = sqrt(log(1.0 + (c.sd_gy_per_bq / c.best_gy_per_bq) ** 2)), "log-normal from the published SD"
    elif c.low_gy_per_bq and c.high_gy_per_bq:
        span = expected_normal_range(c.n) if c.n else _CENTRAL_95
        log_sd = log(c.high_gy_per_bq / c.low_gy_per_bq) / span
        origin = f"log-normal from the published range{f' of {c.n} patients' if c.n else ', taken as the central 95 %'}"
    mean = c.statistic == "mean" and log_sd is not None
    return DosePerActivity(
        target=c.target,
        gy_per_bq=c.best_gy_per_bq,
        log_sd=log_sd,
        log_median=log(c.best_gy_per_bq) - 0.5 * (log_sd or 0.0) ** 2 if mean else None,
        assumption=f"{words}; spread between patients: {origin}",
    )


def oddity(own: DosePerActivity, published: Coefficient) -> str:
    """Say that a patient's coefficient is far from the published ones; empty if it is not.

    Far is more than 1.5 times beyond the published range, or 2.5 times off a value without range.

    Examples
    --------
    >>> from hemadose.model.agent import Evidence
    >>> liver = Coefficient(target="liver", best_gy_per_bq=0.757e-9, low_gy_per_bq=None, high_gy_per_bq=None,
    ...     sd_gy_per_bq=None, statistic="mean", n=None, source="Matthews 1999", evidence=Evidence.PUBLICATION)
    >>> oddity(patient_coefficient("liver", 2.8e-9), liver)
    'liver: 2.8 Gy/GBq is 3.7 times the published 0.757 Gy/GBq: check the unit (1 cGy/mCi is 0.27 Gy/GBq)'
    >>> oddity(patient_coefficient("liver", 0.9e-9), liver)
    ''
    """
    low, high = published.low_gy_per_bq, published.high_gy_per_bq
    if low and high:
        far = not low / _ODD_BEYOND_RANGE <= own.gy_per_bq <= high * _ODD_BEYOND_RANGE
    else:
        far = not 1.0 / _ODD_RATIO <= own.gy_per_bq / published.best_gy_per_bq <= _ODD_RATIO
    if not far:
        return ""
    times = own.gy_per_bq / published.best_gy_per_bq
    return (
        f"{own.target.replace('_', ' ')}: {own.gy_per_bq * GBQ:.3g} Gy/GBq is {times:.2g} times the published "
        f"{published.best_gy_per_bq * GBQ:.3g} Gy/GBq: check the unit (1 cGy/mCi is 0.27 Gy/GBq)"
    )


def expected_normal_range(n: int) -> float:
    """Expected range of n independent standard-normal numbers.

    >>> round(expected_normal_range(2), 3), round(expected_normal_range(5), 3)
    (1.128, 2.326)
    """
    import numpy as np
    from scipy.special import ndtr

    require_positive("sample", n_minus_1=float(n - 1))
    x = np.linspace(-9.0, 9.0, 7201)
    below = ndtr(x)
    return float(np.trapezoid(1.0 - below**n - (1.0 - below) ** n, x))
