"""DICOM objects to values and back: one module per object family."""

from hemadose.io.dicom.ct import read_ct_series, write_ct_series
from hemadose.io.dicom.headers import StudyFacts, study_facts
from hemadose.io.dicom.identity import DicomIdentity
from hemadose.io.dicom.planar import merge_planar, read_planar, write_planar
from hemadose.io.dicom.regions import read_regions, region_name, write_rtstruct, write_segmentation
from hemadose.io.dicom.spect import read_spect, write_spect

__all__ = [
    "DicomIdentity",
    "StudyFacts",
    "merge_planar",
    "read_ct_series",
    "read_planar",
    "read_regions",
    "read_spect",
    "region_name",
    "study_facts",
    "write_ct_series",
    "write_planar",
    "write_rtstruct",
    "write_segmentation",
    "write_spect",
]
