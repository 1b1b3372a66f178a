"""Attenuation of 208 keV photons by the media of an anatomy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Anatomy

MASS_ATTENUATION_208_CM2_PER_G: Mapping[str, float] = MappingProxyType(
    {
        "water": 0.1351,
        "soft_tissue": 0.1341,
        "lung": 0.1338,
        "skeleton": 0.1319,
        "adipose": 0.1349,
        "air": 0.1218,
    }
)
"""Total mass attenuation with coherent scatter at 208 keV, cm2/g.

Elemental coefficients of Hubbell & Seltzer, NISTIR 5632 (200 and 300 keV, log-log
interpolated), with the phantoms' compositions; water 0.1370 at 200 keV, 0.1186 at 300 keV."""


def attenuation_per_cm(anatomy: Anatomy) -> npt.NDArray[np.float32]:
    """Linear attenuation coefficient of every voxel at 208 keV.

    Raises
    ------
    QuantityError
        If a tissue is made of an unknown medium.
    """
    table = np.zeros(max(t.label for t in anatomy.tissues) + 1, dtype=np.float32)
    for tissue in anatomy.tissues:
        if tissue.medium not in MASS_ATTENUATION_208_CM2_PER_G:
            raise QuantityError(
                f"no attenuation is known for the medium of {tissue.name}",
                field="medium",
                value=tissue.medium,
                expected=", ".join(MASS_ATTENUATION_208_CM2_PER_G),
            )
        table[tissue.label] = MASS_ATTENUATION_208_CM2_PER_G[tissue.medium] * tissue.density_g_per_ml
    return np.asarray(table[anatomy.labels.values])
