"""A virtual patient and scanner: anatomy and biokinetics into images with a known truth."""

from hemadose.simulate.biokinetics import Biokinetics, Compartment, pentixather_biokinetics
from hemadose.simulate.camera import Camera
from hemadose.simulate.labelled import labelled_anatomy
from hemadose.simulate.projection import PlanarPlane, ProjectedAnatomy, planar_counts, project
from hemadose.simulate.study import ProbeReading, Schedule, VirtualStudy, virtual_study
from hemadose.simulate.truth import StudyTruth

__all__ = [
    "Biokinetics",
    "Camera",
    "Compartment",
    "PlanarPlane",
    "ProbeReading",
    "ProjectedAnatomy",
    "Schedule",
    "StudyTruth",
    "VirtualStudy",
    "labelled_anatomy",
    "pentixather_biokinetics",
    "planar_counts",
    "project",
    "virtual_study",
]
