"""The values every stage speaks: frozen, few, without files, plots or prints."""

from hemadose.model.activity import ActivitySample, ActivitySeries
from hemadose.model.anatomy import Anatomy, Tissue
from hemadose.model.course import (
    Course,
    CourseEvent,
    CourseWarning,
    Donor,
    Lane,
    Severity,
)
from hemadose.model.curve import CandidateFit, CurveEnsemble, ExponentialCurve, FittedCurve
from hemadose.model.dose import (
    DoseContribution,
    OrganDose,
    ResidualDose,
    StudyDoses,
    SValue,
    SValueTable,
)
from hemadose.model.image import (
    EnergyWindow,
    Grid,
    Image,
    PlanarFrame,
    PlanarScan,
    Quantity,
    TomographicScan,
    View,
)
from hemadose.model.nuclide import GammaLine, Nuclide
from hemadose.model.patient import Administration, Patient, Sex
from hemadose.model.prescription import Limit, LimitKind, LimitOutcome, Prescription
from hemadose.model.region import PlanarRegion, Region, require_disjoint

__all__ = [
    "ActivitySample",
    "ActivitySeries",
    "Administration",
    "Anatomy",
    "CandidateFit",
    "Course",
    "CourseEvent",
    "CourseWarning",
    "CurveEnsemble",
    "Donor",
    "DoseContribution",
    "EnergyWindow",
    "ExponentialCurve",
    "FittedCurve",
    "GammaLine",
    "Grid",
    "Image",
    "Lane",
    "Limit",
    "LimitKind",
    "LimitOutcome",
    "Nuclide",
    "OrganDose",
    "Patient",
    "PlanarFrame",
    "PlanarRegion",
    "PlanarScan",
    "Prescription",
    "Quantity",
    "Region",
    "ResidualDose",
    "SValue",
    "SValueTable",
    "Severity",
    "Sex",
    "StudyDoses",
    "Tissue",
    "TomographicScan",
    "View",
    "require_disjoint",
]
