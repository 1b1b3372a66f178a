"""Biologically effective dose of a decaying dose rate and of fractions.

References
----------
Dale R., Br J Radiol 1985;58:515; Barone R. et al., J Nucl Med 2005;46:99S (kidney: repair 2.8 h).
"""

from __future__ import annotations

from math import exp, log

from hemadose.model._checks import require_positive


def protraction_factor(*, effective_half_life_s: float, repair_half_life_s: float) -> float:
    """Lea-Catcheside G of a mono-exponential dose rate, T_rep / (T_rep + T_eff).

    >>> round(protraction_factor(effective_half_life_s=41.0, repair_half_life_s=2.8), 6)
    0.063927
    """
    require_positive("half-lives", effective_half_life_s=effective_half_life_s, repair_half_life_s=repair_half_life_s)
    return repair_half_life_s / (repair_half_life_s + effective_half_life_s)


def radionuclide_bed_gy(*, absorbed_dose_gy: float, alpha_beta_gy: float, protraction: float) -> float:
    """BED = D (1 + G D / (alpha/beta)).

    >>> g = protraction_factor(effective_half_life_s=41.0, repair_half_life_s=2.8)
    >>> round(radionuclide_bed_gy(absorbed_dose_gy=23.0, alpha_beta_gy=2.6, protraction=g), 3)
    36.007
    """
    require_positive("tissue", alpha_beta_gy=alpha_beta_gy)
    return absorbed_dose_gy * (1.0 + protraction * absorbed_dose_gy / alpha_beta_gy)


def fractionated_bed_gy(
    *,
    fractions: int,
    dose_per_fraction_gy: float,
    alpha_beta_gy: float,
    same_day: int = 1,
    gap_s: float | None = None,
    repair_half_life_s: float | None = None,
) -> float:
    """BED = n d (1 + (1 + h_m) d / (alpha/beta)), h_m for incomplete repair within a day.

    Parameters
    ----------
    fractions, dose_per_fraction_gy, alpha_beta_gy
        The schedule and tissue.
    same_day : int
        Fractions a day; with `gap_s` and `repair_half_life_s` repair between them is incomplete
        (Thames 1985).

    Examples
    --------
    >>> round(fractionated_bed_gy(fractions=5, dose_per_fraction_gy=2.0, alpha_beta_gy=2.6), 3)
    17.692
    """
    require_positive("schedule", fractions=fractions, alpha_beta_gy=alpha_beta_gy)
    unrepaired = 0.0
    if same_day > 1 and gap_s is not None and repair_half_life_s is not None:
        phi = exp(-log(2.0) * gap_s / repair_half_life_s)
        unrepaired = 2.0 / same_day * phi / (1.0 - phi) * (same_day - (1.0 - phi**same_day) / (1.0 - phi))
    return fractions * dose_per_fraction_gy * (1.0 + (1.0 + unrepaired) * dose_per_fraction_gy / alpha_beta_gy)
