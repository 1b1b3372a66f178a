"""Whose blood it is: categories of chimerism.

Source: Kharfan-Dabaja MA et al. Transplant Cell Ther 2021;27:642-649 (ASTCT): full above 95 % donor, mixed 5 to 95 %,
loss below 5 %.
"""

from __future__ import annotations

import numpy as np

from hemadose.model.followup import Decision, FollowUp

SOURCE = "Kharfan-Dabaja MA et al. Transplant Cell Ther 2021;27:642-649"


def chimerism(patient: FollowUp, *, day: float, within_days: float = 7.0) -> Decision:
    """Give the category of chimerism nearest to a day.

    Parameters
    ----------
    patient : FollowUp
        With ``recipient_chimerism`` in per cent.
    day : float
        Day of interest, e.g. 28.
    within_days : float
        Largest distance of the measurement that is used.

    Returns
    -------
    Decision
        ``"full donor"``, ``"mixed"`` or ``"loss of donor"``; open without a measurement.
    """
    series = patient.of("recipient_chimerism")
    if series is None or len(series) == 0 or np.abs(series.day - day).min() > within_days:
        wanted = f"recipient chimerism within {within_days:g} days of day {day:g}"
        return Decision(rule="chimerism, ASTCT", outcome=None, missing=(wanted,), source=SOURCE)
    i = int(np.argmin(np.abs(series.day - day)))
    recipient = float(series.value[i])
    donor = 100.0 - recipient
    outcome = "full donor" if donor > 95.0 else ("mixed" if donor >= 5.0 else "loss of donor")
    below = int(np.asarray(series.bound)[i]) < 0
    return Decision(
        rule="chimerism, ASTCT",
        outcome=outcome,
        day=float(series.day[i]),
        criteria=(f"donor {'>' if below else ''}{donor:g} %",),
        used=(f"recipient {'<' if below else ''}{recipient:g} % on day {series.day[i]:g}",),
        source=SOURCE,
    )
