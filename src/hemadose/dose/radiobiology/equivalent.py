"""BED, and the dose in 2 Gy fractions that has the same.

References
----------
Fowler J., Br J Radiol 1989;62:679 (BED). Bentzen S. et al., Radiother Oncol 2012;105:266 (EQD2).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.model._checks import require_non_negative, require_positive

Floats: TypeAlias = npt.NDArray[np.float64]


def bed_gy(*, dose_gy: npt.ArrayLike, protraction: npt.ArrayLike, alpha_beta_gy: float) -> Floats:
    """BED = D (1 + G D / (alpha/beta)), numbers or maps.

    >>> round(float(bed_gy(dose_gy=23.0, protraction=0.063927, alpha_beta_gy=2.6)), 3)
    36.007
    """
    require_positive("tissue", alpha_beta_gy=alpha_beta_gy)
    dose = np.asarray(dose_gy, dtype=np.float64)
    return np.asarray(dose * (1.0 + np.asarray(protraction) * dose / alpha_beta_gy))


def equivalent_dose_gy(*, bed: npt.ArrayLike, alpha_beta_gy: float, fraction_gy: float) -> Floats:
    """Dose in well separated fractions of `fraction_gy` that has this BED.

    >>> round(float(equivalent_dose_gy(bed=36.0, alpha_beta_gy=3.0, fraction_gy=3.0)), 3)
    18.0
    """
    require_positive("tissue", alpha_beta_gy=alpha_beta_gy)
    require_non_negative("fraction", fraction_gy=fraction_gy)
    return np.asarray(np.asarray(bed, dtype=np.float64) / (1.0 + fraction_gy / alpha_beta_gy))


def eqd2_gy(*, bed: npt.ArrayLike, alpha_beta_gy: float) -> Floats:
    """EQD2 = BED / (1 + 2 Gy / (alpha/beta)).

    >>> round(float(eqd2_gy(bed=17.692, alpha_beta_gy=2.6)), 3)
    10.0
    """
    return equivalent_dose_gy(bed=bed, alpha_beta_gy=alpha_beta_gy, fraction_gy=2.0)


def dose_from_bed_gy(*, bed: npt.ArrayLike, protraction: npt.ArrayLike, alpha_beta_gy: float) -> Floats:
    """Dose of known protraction that makes a BED: the positive root of D + G D^2 / (alpha/beta) = BED.

    >>> round(float(dose_from_bed_gy(bed=36.007, protraction=0.063927, alpha_beta_gy=2.6)), 3)
    23.0
    """
    require_positive("tissue", alpha_beta_gy=alpha_beta_gy)
    effect, share = np.asarray(bed, dtype=np.float64), np.asarray(protraction, dtype=np.float64) / alpha_beta_gy
    return np.asarray(2.0 * effect / (1.0 + np.sqrt(1.0 + 4.0 * share * effect)))
