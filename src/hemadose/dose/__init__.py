"""Time-integrated activity into absorbed dose."""

from hemadose.dose.bioeffect import fractionated_bed_gy, protraction_factor, radionuclide_bed_gy
from hemadose.dose.marrow import (
    RMECFF,
    marrow_from_lumbar,
    marrow_tia_from_blood_bq_s,
    marrow_to_blood_ratio,
    require_image_based,
)
from hemadose.dose.organ import organ_doses
from hemadose.dose.sources import SourceCurve, remainder, scaled, source_from_fits

__all__ = [
    "RMECFF",
    "SourceCurve",
    "fractionated_bed_gy",
    "marrow_from_lumbar",
    "marrow_tia_from_blood_bq_s",
    "marrow_to_blood_ratio",
    "organ_doses",
    "protraction_factor",
    "radionuclide_bed_gy",
    "remainder",
    "require_image_based",
    "scaled",
    "source_from_fits",
]
