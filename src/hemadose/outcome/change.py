"""Change of one quantity from its baseline, in per cent, for lesions, blasts and proteins.

The baseline is the last value up to the start of therapy. A baseline of zero has no per cent: nothing is made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.model.followup import Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Change of one quantity.

    Attributes
    ----------
    day : array (n,)
        Days after the baseline.
    percent : array (n,)
        Change from baseline.
    baseline, baseline_day : float
        Value and day from day 0.
    notes : tuple of str
        What to doubt.
    """

    day: Floats
    percent: Floats
    baseline: float
    baseline_day: float
    notes: tuple[str, ...] = ()

    @property
    def best_percent(self) -> float:
        """Deepest fall, or smallest rise."""
        return float(self.percent.min())


def change_from_baseline(series: Series, *, therapy_day: float, until_day: float = np.inf) -> Change | None:
    """Give the change of every later value.

    Parameters
    ----------
    series : Series
        One quantity at one site.
    therapy_day : float
        The baseline is the last value on or before it.
    until_day : float
        Later values are not used.

    Returns
    -------
    Change or None
        None without a baseline above zero, or without a later value.

    Examples
    --------
    >>> s = Series(quantity="marrow_blasts", unit="%", day=[-20.0, 28.0, 100.0], value=[40.0, 4.0, 60.0])
    >>> change_from_baseline(s, therapy_day=-14.0).percent.tolist()
    [-90.0, 50.0]
    """
    before, after = series.between(-np.inf, therapy_day), series.between(np.nextafter(therapy_day, np.inf), until_day)
    if len(before) == 0 or len(after) == 0 or before.value[-1] <= 0.0:
        return None
    baseline, day = float(before.value[-1]), float(before.day[-1])
    bounds = int(np.count_nonzero(np.asarray(after.bound))) + int(np.asarray(before.bound)[-1] != 0)
    return Change(
        day=after.day - day,
        percent=100.0 * (after.value / baseline - 1.0),
        baseline=baseline,
        baseline_day=day,
        notes=(f"{bounds} values are limits of detection, taken at the limit",) if bounds else (),
    )
