"""The marrow dose split at a clinical event: what was delivered before, what is still to come, and the rate at it."""

from __future__ import annotations

import numpy as np

from hemadose.errors import QuantityError
from hemadose.model import ResidualDose
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.model.marrow import MarrowEvent
from hemadose.units import HOUR_S


def marrow_event(residual: ResidualDose, *, name: str, at_s: float, activity_bq: float) -> MarrowEvent:
    """Split the marrow dose of an activity at a time after its administration.

    Parameters
    ----------
    residual : ResidualDose
        Dose rate of the marrow per activity, with draws.
    name : str
        Of the event.
    at_s : float
        After the administration; not before it.
    activity_bq : float
        Administered.

    Returns
    -------
    MarrowEvent
        Best estimates; standard uncertainties are those of the draws about them.

    Raises
    ------
    QuantityError
        If the event precedes the administration or nothing is administered.

    Notes
    -----
    One exponential: after = D 2^(-t/T), before = D - after, rate = after ln 2 / T.
    """
    require_non_negative(name, at_s=at_s)
    require_positive(name, activity_bq=activity_bq)
    whole, after = residual.gy_per_bq(from_s=0.0), residual.gy_per_bq(from_s=at_s)
    rate = residual.rate_gy_per_bq_s(at_s=at_s)
    whole_draws, after_draws = residual.gy_per_bq_draws(from_s=0.0), residual.gy_per_bq_draws(from_s=at_s)
    rate_draws = residual.rate_gy_per_bq_s_draws(at_s=at_s)
    if not whole > 0.0:
        raise QuantityError("there is no marrow dose to split", value=f"{whole:g} Gy/Bq")
    per_hour = activity_bq * HOUR_S
    return MarrowEvent(
        name=name,
        at_s=at_s,
        activity_bq=activity_bq,
        before_gy=activity_bq * (whole - after),
        before_sd_gy=activity_bq * _spread(whole_draws - after_draws),
        after_gy=activity_bq * after,
        after_sd_gy=activity_bq * _spread(after_draws),
        rate_gy_per_h=per_hour * rate,
        rate_sd_gy_per_h=per_hour * _spread(rate_draws),
    )


def _spread(draws: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float(np.std(draws, ddof=1)) if draws.size > 1 else 0.0
