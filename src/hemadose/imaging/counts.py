"""Counts made right: scatter windows and dead time.

References
----------
TEW: Ogawa K. et al., IEEE Trans Med Imaging 1991;10:408. DEW: Jaszczak R. et al. 1984.
"""

from __future__ import annotations

from math import exp

import numpy as np

from hemadose.errors import QuantityError
from hemadose.model import EnergyWindow


def tew_scatter(*, lower: float, upper: float, lower_kev: float, upper_kev: float, peak_kev: float) -> float:
    """Scatter counts in the photopeak from two adjacent windows: (Cl/Wl + Cu/Wu) Wp / 2.

    Parameters
    ----------
    lower, upper : float
        Counts of the scatter windows.
    lower_kev, upper_kev, peak_kev : float
        Window widths.

    Examples
    --------
    >>> round(tew_scatter(lower=260, upper=40, lower_kev=20.8, upper_kev=31.2, peak_kev=24.96), 9)
    172.0
    """
    return (lower / lower_kev + upper / upper_kev) * peak_kev / 2.0


def tew_weights(*, lower: EnergyWindow, upper: EnergyWindow, peak: EnergyWindow) -> tuple[float, float]:
    """Factors of the lower and upper window counts in the TEW estimate."""
    return peak.width_kev / lower.width_kev / 2.0, peak.width_kev / upper.width_kev / 2.0


def dew_weight(*, lower: EnergyWindow, peak: EnergyWindow, k: float = 0.5) -> float:
    """Factor of the lower window counts in the dual-window estimate, k Wp/Wl."""
    return k * peak.width_kev / lower.width_kev


def _require_rate(measured_per_s: float, dead_time_s: float) -> None:
    if measured_per_s < 0.0 or dead_time_s < 0.0:
        raise QuantityError(
            "count rate and dead time cannot be negative", value=f"{measured_per_s:g}/s, {dead_time_s:g} s"
        )


def true_rate_nonparalysable(measured_per_s: float, *, dead_time_s: float) -> float:
    """True count rate n = m / (1 - m tau).

    Raises
    ------
    QuantityError
        If the camera would be saturated, or rate or dead time are negative.

    Examples
    --------
    >>> round(true_rate_nonparalysable(60000.0, dead_time_s=2.4e-6), 2)
    70093.46
    """
    _require_rate(measured_per_s, dead_time_s)
    busy = measured_per_s * dead_time_s
    if busy >= 1.0:
        raise QuantityError(
            "the count rate exceeds what the dead time allows", value=f"{measured_per_s:g}/s", field="dead_time"
        )
    return measured_per_s / (1.0 - busy)


def true_rate_paralysable(measured_per_s: float, *, dead_time_s: float) -> float:
    """True count rate n with m = n exp(-n tau), the branch below saturation.

    Raises
    ------
    QuantityError
        If no true rate gives the measured one (above 1/(e tau)), or rate or dead time are negative.

    Examples
    --------
    >>> round(true_rate_paralysable(60000.0, dead_time_s=2.4e-6), 2)
    71176.97
    """
    from scipy.optimize import brentq

    _require_rate(measured_per_s, dead_time_s)
    if dead_time_s == 0.0 or measured_per_s == 0.0:
        return measured_per_s
    top = 1.0 / dead_time_s
    if measured_per_s > top * exp(-1.0):
        raise QuantityError(
            "the camera is saturated: no true rate gives this count rate", value=f"{measured_per_s:g}/s"
        )
    return float(brentq(lambda n: n * np.exp(-n * dead_time_s) - measured_per_s, 0.0, top, xtol=1e-6))
