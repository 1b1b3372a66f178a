"""Counts into activity in regions."""

from hemadose.imaging.conjugate import (
    background_scale,
    conjugate_view_activity_bq,
    geometric_mean,
    self_attenuation,
)
from hemadose.imaging.counts import tew_scatter, true_rate_nonparalysable, true_rate_paralysable
from hemadose.imaging.geometry import PlanarGeometry, bone_regions, planar_geometry
from hemadose.imaging.hybrid import scale_to_spect
from hemadose.imaging.planar import (
    BRAITSCH_BACKGROUND,
    PlanarProtocol,
    ProbePoint,
    quantify_planar,
)
from hemadose.imaging.recovery import RecoveryCurve, sphere_recovery, transfer_matrix
from hemadose.imaging.spect import SpectCalibration, quantify_spect, sphere_concentration
from hemadose.imaging.templates import PlanarTemplates, project_templates, quantify_by_templates

__all__ = [
    "BRAITSCH_BACKGROUND",
    "PlanarGeometry",
    "PlanarProtocol",
    "PlanarTemplates",
    "ProbePoint",
    "RecoveryCurve",
    "SpectCalibration",
    "background_scale",
    "bone_regions",
    "conjugate_view_activity_bq",
    "geometric_mean",
    "planar_geometry",
    "project_templates",
    "quantify_by_templates",
    "quantify_planar",
    "quantify_spect",
    "scale_to_spect",
    "self_attenuation",
    "sphere_concentration",
    "sphere_recovery",
    "tew_scatter",
    "transfer_matrix",
    "true_rate_nonparalysable",
    "true_rate_paralysable",
]
