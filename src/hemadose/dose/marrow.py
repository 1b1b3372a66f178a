"""Red marrow: activity from lumbar vertebrae or from blood, never one in place of the other.

Other sites of the skeleton, and several at once: `hemadose.dose.marrow_sites`.

References
----------
Hindorf C. et al., EANM guideline, EJNMMI 2010;37:1238 (L2-L4 scaled to the whole marrow).
Sgouros G., J Nucl Med 1993;34:689 (RMBLR = RMECFF / (1 - haematocrit), RMECFF 0.19).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.dose.sources import SourceCurve, scaled
from hemadose.errors import PlanningError, QuantityError

RMECFF = 0.19
"""Extracellular fluid fraction of red marrow (Sgouros 1993)."""


def marrow_from_lumbar(
    lumbar: SourceCurve,
    *,
    fraction: float,
    fraction_relative_sd: float,
    normal: npt.NDArray[np.float64],
) -> SourceCurve:
    """Scale the activity in L2-L4 to the whole red marrow.

    Parameters
    ----------
    lumbar : SourceCurve
        Activity in the three vertebrae.
    fraction : float
        Share of red marrow that lies in L2-L4; 0.067 is customary, ICRP 70 implies 0.074.
    fraction_relative_sd : float
        Its relative standard uncertainty between patients.
    normal : ndarray, shape (draws,)
        Standard-normal draws for it.

    Raises
    ------
    QuantityError
        If the fraction does not lie between 0 and 1.
    """
    if not 0.0 < fraction <= 1.0:
        raise QuantityError("the L2-L4 fraction lies between 0 and 1", field="l2_l4_fraction", value=f"{fraction:g}")
    return scaled(lumbar, 1.0 / fraction, name="red_marrow", relative_sd=fraction_relative_sd, normal=normal)


def marrow_to_blood_ratio(*, haematocrit: float, rmecff: float = RMECFF) -> float:
    """Red-marrow to blood concentration ratio of an agent that stays in extracellular fluid.

    Raises
    ------
    QuantityError
        If the haematocrit does not lie between 0 and 1.

    Examples
    --------
    >>> round(marrow_to_blood_ratio(haematocrit=0.47), 4)
    0.3585
    """
    if not 0.0 < haematocrit < 1.0:
        raise QuantityError("haematocrit is a fraction", field="haematocrit", value=f"{haematocrit:g}", expected="0-1")
    return rmecff / (1.0 - haematocrit)


def marrow_tia_from_blood_bq_s(*, blood_tia_bq_s_per_ml: float, marrow_to_blood: float, marrow_mass_kg: float) -> float:
    """Time-integrated activity in marrow from that in blood; one ml of marrow is taken as one gram.

    The marrow mass cancels in the self-dose, since S scales with its inverse.
    """
    return blood_tia_bq_s_per_ml * marrow_to_blood * marrow_mass_kg * 1000.0


def require_image_based(*, agent: str, marrow_targeting: bool, has_image: bool) -> None:
    """Refuse to stand on blood alone for an agent that binds in the marrow.

    Raises
    ------
    PlanningError
        If the agent targets marrow and no image-based marrow activity is at hand.
    """
    if marrow_targeting and not has_image:
        raise PlanningError(
            f"{agent} binds in the marrow: blood activity says nothing about its marrow dose",
            field="regions",
            expected="lumbar_l2_l4, another marrow site or marrow spheres on SPECT or planar images",
            remedy="draw L2-L4 or another site; blood samples are reported beside it, never instead",
        )
