"""A CT that agrees with the matter of an anatomy: Hounsfield units from composition and density.

Attenuation at the gamma line and CT numbers come from the same media here, so that whoever converts one into the other
is judged by the conversion and not by two tables that disagree.
"""

from __future__ import annotations

import numpy as np

from hemadose.errors import QuantityError
from hemadose.model import Anatomy, Image, Quantity
from hemadose.physics.matter import medium, photon_table
from hemadose.simulate.photon_tables import attenuation_by_label

EFFECTIVE_KEV = 71.0
"""Of the beam behind the patient; a scanner at 120 kV lies near 73 keV (Carney 2006, see `imaging.attenuation`)."""
NOISE_HU = 12.0


def virtual_ct(
    anatomy: Anatomy,
    *,
    rng: np.random.Generator | None,
    effective_kev: float = EFFECTIVE_KEV,
    noise_hu: float = NOISE_HU,
) -> Image:
    """Make the CT of an anatomy on its own voxels.

    Parameters
    ----------
    anatomy : Anatomy
        Labels, media and densities.
    rng : Generator or None
        None gives a CT without noise.
    effective_kev : float
        Photon energy that stands for the beam.
    noise_hu : float
        Standard deviation inside the body.

    Returns
    -------
    Image
        HU, whole numbers from -1000.

    Raises
    ------
    QuantityError
        If the energy is not that of a CT.
    """
    if not 40.0 <= effective_kev <= 120.0:
        raise QuantityError(
            "no CT has this effective energy",
            field="effective_kev",
            value=f"{effective_kev:g} keV",
            expected="40 to 120 keV",
        )
    water = medium("water")
    reference = water.density_g_per_ml * float(photon_table(water, np.array([effective_kev])).total[0])
    by_label = 1000.0 * (attenuation_by_label(anatomy, effective_kev, coherent=True) / reference - 1.0)
    labels = np.asarray(anatomy.labels.values)
    values = by_label.astype(np.float32)[labels]
    if rng is not None:
        noise = noise_hu * rng.standard_normal(values.shape, dtype=np.float32)
        values = np.where(labels > 0, values + noise, values)
    return Image(
        values=np.maximum(np.rint(values), -1000.0).astype(np.int16),
        grid=anatomy.labels.grid,
        quantity=Quantity.HOUNSFIELD,
    )
