"""Effect of dose and its time: protraction, BED, EQD2, several therapies on one timeline."""

from hemadose.dose.radiobiology.distribution import equivalent_uniform_bed_gy, equivalent_uniform_dose_gy, voxel_bed_gy
from hemadose.dose.radiobiology.effect import TotalEffect, total_effect
from hemadose.dose.radiobiology.equivalent import bed_gy, dose_from_bed_gy, eqd2_gy, equivalent_dose_gy
from hemadose.dose.radiobiology.protraction import lea_catcheside, sampled_lea_catcheside
from hemadose.dose.radiobiology.repair import Repair
from hemadose.dose.radiobiology.timeline import Component, DoseRate, Fractions, daily_times_s
from hemadose.dose.radiobiology.tissue import Evidence, TissueResponse

__all__ = [
    "Component",
    "DoseRate",
    "Evidence",
    "Fractions",
    "Repair",
    "TissueResponse",
    "TotalEffect",
    "bed_gy",
    "daily_times_s",
    "dose_from_bed_gy",
    "eqd2_gy",
    "equivalent_dose_gy",
    "equivalent_uniform_bed_gy",
    "equivalent_uniform_dose_gy",
    "lea_catcheside",
    "sampled_lea_catcheside",
    "total_effect",
    "voxel_bed_gy",
]
