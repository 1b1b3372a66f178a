"""Which energy window is the photopeak, and which windows beside it measure its scatter."""

from __future__ import annotations

from collections.abc import Sequence

from hemadose.errors import QuantityError
from hemadose.model import EnergyWindow, GammaLine

WIDEST_GAP = 0.35
"""A scatter window may lie apart from the peak by this share of the peak's width."""
_TOUCHING_KEV = 1.0


def photopeak_window(
    windows: Sequence[EnergyWindow], lines: Sequence[GammaLine], *, energy_kev: float | None = None
) -> tuple[EnergyWindow, float]:
    """Find the photopeak window and the energy of its line.

    Parameters
    ----------
    windows : sequence of EnergyWindow
        As acquired.
    lines : sequence of GammaLine
        Of the nuclide.
    energy_kev : float, optional
        Line to use; without it the most abundant line that a window holds near its middle.

    Returns
    -------
    window : EnergyWindow
        Where several hold the line, the one centred best on it.
    energy_kev : float
        Energy of the line.

    Raises
    ------
    QuantityError
        If no window holds the line (wrong radionuclide, or windows missing).

    Examples
    --------
    >>> low = EnergyWindow(name="scatter", lower_kev=166.4, upper_kev=187.2)
    >>> peak = EnergyWindow(name="peak", lower_kev=187.2, upper_kev=228.8)
    >>> photopeak_window([low, peak], [GammaLine(energy_kev=208.37, photons_per_decay=0.1)])[0].name
    'peak'
    """
    wanted = (
        [energy_kev]
        if energy_kev is not None
        else [line.energy_kev for line in sorted(lines, key=lambda line: -line.photons_per_decay)]
    )
    for energy in wanted:
        held = [w for w in windows if _holds_as_peak(w, energy)]
        if held:
            return min(held, key=lambda w: abs((w.lower_kev + w.upper_kev) / 2.0 - energy)), energy
    raise QuantityError(
        "no energy window lies on a gamma line of the nuclide",
        field="EnergyWindowRangeSequence",
        value="; ".join(f"{w.name} {w.lower_kev:g}-{w.upper_kev:g} keV" for w in windows),
        expected=", ".join(f"{energy:g} keV" for energy in wanted) or "a nuclide with gamma lines",
        remedy="check the radionuclide, or export the photopeak window",
    )


def _holds_as_peak(window: EnergyWindow, energy_kev: float) -> bool:
    """Whether a line lies in the middle half of a window: a line at its rim is not its peak."""
    middle = (window.lower_kev + window.upper_kev) / 2.0
    return abs(energy_kev - middle) <= window.width_kev / 4.0


def scatter_windows(
    windows: Sequence[EnergyWindow], peak: EnergyWindow
) -> tuple[EnergyWindow | None, EnergyWindow | None]:
    """Find the windows right below and right above a photopeak.

    Parameters
    ----------
    windows : sequence of EnergyWindow
        As acquired.
    peak : EnergyWindow
        The photopeak.

    Returns
    -------
    lower, upper : EnergyWindow or None
        The nearest on each side, at most 0.35 peak widths away; None if there is none.

    Examples
    --------
    >>> peak = EnergyWindow(name="peak", lower_kev=187.2, upper_kev=228.8)
    >>> low = EnergyWindow(name="low", lower_kev=166.4, upper_kev=187.2)
    >>> far = EnergyWindow(name="113 keV", lower_kev=101.7, upper_kev=124.3)
    >>> lower, upper = scatter_windows([far, low, peak], peak)
    >>> lower.name, upper
    ('low', None)
    """
    reach = WIDEST_GAP * peak.width_kev
    below = [w for w in windows if -_TOUCHING_KEV <= peak.lower_kev - w.upper_kev <= reach]
    above = [w for w in windows if -_TOUCHING_KEV <= w.lower_kev - peak.upper_kev <= reach]
    lower = max(below, key=lambda w: w.upper_kev, default=None)
    upper = min(above, key=lambda w: w.lower_kev, default=None)
    return lower, upper
