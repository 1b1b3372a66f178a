"""Activity samples into a time-activity curve and its integral, with uncertainty."""

from hemadose.kinetics.fit import fit_series
from hemadose.kinetics.models import DEFAULT_MODELS, MODELS, ModelFunction, model_function
from hemadose.kinetics.options import FitOptions
from hemadose.kinetics.single import (
    TrapezoidIntegral,
    haenscheid_tia_bq_s,
    madsen_tia_bq_s,
    relative_tia_sd,
    single_time_point,
    trapezoid,
)

__all__ = [
    "DEFAULT_MODELS",
    "MODELS",
    "FitOptions",
    "ModelFunction",
    "TrapezoidIntegral",
    "fit_series",
    "haenscheid_tia_bq_s",
    "madsen_tia_bq_s",
    "model_function",
    "relative_tia_sd",
    "single_time_point",
    "trapezoid",
]
