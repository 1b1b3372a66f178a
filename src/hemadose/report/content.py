"""What a report holds: the values of a study, and the figures drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.errors import ReportError
from hemadose.model import (
    ActivitySeries,
    Administration,
    Course,
    FittedCurve,
    Image,
    Patient,
    PlanarRegion,
    PlanarScan,
    Prescription,
    Region,
    StudyDoses,
    TomographicScan,
)
from hemadose.model.budget import Budget
from hemadose.model.convention import ConventionDose
from hemadose.model.marrow import MarrowFindings
from hemadose.provenance import Provenance

MEDIA_TYPES = ("image/svg+xml", "image/png")
SECTIONS = ("images", "curves", "doses", "marrow", "budget", "calendar", "comparison")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingRow:
    """One acquisition, as the imaging table prints it.

    Attributes
    ----------
    time_s : float
        Seconds after administration, at the middle of the acquisition.
    modality : str
        E.g. ``"whole-body planar"``, ``"SPECT/CT"``.
    system : str
        Camera and collimator, or ``""`` where the file does not say.
    duration_s : float
        Length of the acquisition.
    corrections : str
        Corrections found in the file, in words.
    """

    time_s: float
    modality: str
    system: str = ""
    duration_s: float
    corrections: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyImages:
    """Images and regions that the report draws.

    Attributes
    ----------
    ct : Image or None
        CT in HU; drawn under a SPECT of the same frame of reference only.
    spect : tuple of TomographicScan
        In order of time.
    regions : tuple of Region
        Volumes of interest; drawn on scans of the same frame of reference.
    planar : tuple of PlanarScan
        In order of time.
    planar_regions : tuple of PlanarRegion
        Regions of interest on the planar images.
    photopeak : str
        Name of the energy window that is drawn.
    """

    ct: Image | None = None
    spect: tuple[TomographicScan, ...] = ()
    regions: tuple[Region, ...] = ()
    planar: tuple[PlanarScan, ...] = ()
    planar_regions: tuple[PlanarRegion, ...] = ()
    photopeak: str = "photopeak"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureAsset:
    """One drawn figure.

    Attributes
    ----------
    name : str
        File stem, e.g. ``"fit_kidney_left"``.
    section : str
        One of ``images``, ``curves``, ``doses``, ``marrow``, ``budget``, ``calendar``, ``comparison``.
    caption : str
        What is seen, in one or two sentences.
    data : bytes
        The file.
    width_mm, height_mm : float
        Size on paper.
    media_type : str
        ``"image/svg+xml"`` or ``"image/png"``.
    """

    name: str
    section: str
    caption: str
    data: bytes
    width_mm: float
    height_mm: float
    media_type: str = "image/svg+xml"

    def __post_init__(self) -> None:
        """Check section and type."""
        if self.section not in SECTIONS:
            raise ReportError(
                f"figure {self.name} belongs to no section of the report",
                value=self.section,
                expected=", ".join(SECTIONS),
            )
        if self.media_type not in MEDIA_TYPES:
            raise ReportError(
                f"figure {self.name} has a type that a report cannot hold",
                value=self.media_type,
                expected=" or ".join(MEDIA_TYPES),
            )

    @property
    def suffix(self) -> str:
        """File name ending."""
        return ".svg" if self.media_type == "image/svg+xml" else ".png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was planned and what was delivered, of one patient.

    Attributes
    ----------
    planned, delivered : StudyDoses
        Of the tracer study and of the study after therapy.
    planned_activity_bq, delivered_activity_bq : float
        Activity proposed, and activity given.
    """

    planned: StudyDoses
    delivered: StudyDoses
    planned_activity_bq: float
    delivered_activity_bq: float

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets that both studies hold, in the order of the planned one."""
        delivered = {dose.target for dose in self.delivered.organs}
        return tuple(d.target for d in self.planned.organs if d.target in delivered)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """Everything a report prints.

    Attributes
    ----------
    study : str
        What kind of study, e.g. ``"pre-therapeutic tracer study"``.
    patient : Patient
        By pseudonym.
    administration : Administration
        The imaged injection.
    imaging : tuple of ImagingRow
        Acquisitions in order of time.
    series : tuple of ActivitySeries
        Measured activities by region.
    fits : tuple of FittedCurve
        Fitted curves by region.
    doses : StudyDoses
        Dose coefficients.
    prescription : Prescription or None
        Proposed activity; None for a study that only measures.
    course : Course or None
        The calendar.
    comparison : Comparison or None
        Planned and delivered.
    budget : Budget or None
        What the uncertainty is made of.
    marrow : MarrowFindings or None
        Sites, masses by rule, and dose before and after events.
    conventions : tuple of ConventionDose
        Doses by the masses of other programs.
    methods : tuple of str
        Method text, one sentence or paragraph per entry.
    notes : tuple of str
        Doubts that belong to the whole study (those of curves and doses travel with them).
    provenance : tuple of Provenance
        How each result was made, in order.
    figures : tuple of FigureAsset
        Drawn figures (see `hemadose.report.with_figures`).
    title : str
        Head line.
    """

    study: str
    patient: Patient
    administration: Administration
    imaging: tuple[ImagingRow, ...]
    series: tuple[ActivitySeries, ...]
    fits: tuple[FittedCurve, ...]
    doses: StudyDoses
    prescription: Prescription | None = None
    course: Course | None = None
    comparison: Comparison | None = None
    marrow: MarrowFindings | None = None
    budget: Budget | None = None
    conventions: tuple[ConventionDose, ...] = ()
    methods: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    figures: tuple[FigureAsset, ...] = ()
    title: str = "Dosimetry and prescription report"

    @property
    def reference_activity_bq(self) -> float:
        """Activity that doses in Gy refer to: proposed, else delivered, else administered."""
        if self.prescription is not None:
            return self.prescription.activity_bq
        if self.comparison is not None:
            return self.comparison.delivered_activity_bq
        return self.administration.administered_activity_bq

    def series_of(self, region: str) -> ActivitySeries | None:
        """Give the measured series of a region, or None."""
        return next((s for s in self.series if s.region == region), None)

    def figures_of(self, section: str) -> tuple[FigureAsset, ...]:
        """Give the figures of one section."""
        return tuple(figure for figure in self.figures if figure.section == section)
