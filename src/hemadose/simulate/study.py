"""A virtual tracer or therapy study: what a clinic would measure, and the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from hemadose.errors import TimingError
from hemadose.model import (
    Administration,
    Image,
    PlanarFrame,
    PlanarRegion,
    PlanarScan,
    Quantity,
    Region,
    TomographicScan,
    View,
)
from hemadose.simulate.biokinetics import Biokinetics
from hemadose.simulate.camera import LOWER_SCATTER, PHOTOPEAK, UPPER_SCATTER, Camera
from hemadose.simulate.outlines import planar_outlines, spect_regions
from hemadose.simulate.projection import PlanarPlane, ProjectedAnatomy, planar_counts
from hemadose.simulate.sources import activity_fraction
from hemadose.simulate.tomography import reconstructed_counts
from hemadose.simulate.truth import StudyTruth, study_truth
from hemadose.units import HOUR_S

Floats = npt.NDArray[np.float64]


PROBE_COUNTS_PER_S_PER_BQ = 2.0e-5
PROBE_BACKGROUND_PER_S = 1.5
PROBE_DURATION_S = 60.0
PROBE_FIRST_H = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When the patient is imaged: hours after injection (Braitsch 2025: 1, 4, 24, 48 h, 7 d).

    Attributes
    ----------
    planar_h : tuple of float
        Start of each whole-body sweep.
    spect_h : tuple of float
        Start of each SPECT.
    """

    planar_h: tuple[float, ...] = (1.0, 4.0, 24.0, 48.0, 168.0)
    spect_h: tuple[float, ...] = (24.6,)

    def __post_init__(self) -> None:
        """Refuse times before the injection and an empty study."""
        times = (*self.planar_h, *self.spect_h)
        if not times or min(times) < 0.0:
            raise TimingError(
                "a study needs imaging times after the injection",
                value=", ".join(f"{t:g} h" for t in times) or "none",
            )

    @classmethod
    def spect_at_every_time(cls) -> Schedule:
        """Planar and SPECT at all five times, the SPECT right after the sweep.

        >>> Schedule.spect_at_every_time().spect_h
        (1.6, 4.6, 24.6, 48.6, 168.6)
        """
        planar = (1.0, 4.0, 24.0, 48.0, 168.0)
        return cls(planar_h=planar, spect_h=tuple(round(t + 0.6, 1) for t in planar))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReading:
    """One whole-body count with the probe."""

    measured_at: datetime
    counts: float
    duration_s: float
    background_counts_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualStudy:
    """Everything a clinic would have, with the truth beside it.

    Attributes
    ----------
    administration : Administration
        Syringe measurements.
    ct : Image
        Low-dose CT of the anatomy, HU.
    planar_scans, spect_scans : tuple
        Acquisitions in order of time.
    regions : tuple of Region
        On the SPECT grid.
    planar_regions : tuple of PlanarRegion
        On the planar pixels, backgrounds included.
    probe_readings : tuple of ProbeReading
        The first right after injection (100 %).
    stated_planar_counts_per_s_per_bq, stated_spect_counts_per_s_per_bq : float
        Sensitivities as calibrated, each off by its own drawn error.
    calibration_relative_sd : float
        Standard deviation of that error.
    spect_fwhm_mm : float
        Resolution of the reconstruction.
    planar_plane : PlanarPlane
        Where the planar pixels lie in the patient, mm.
    truth : StudyTruth
        What the analysis never sees.
    notes : tuple of str
        Limits of this virtual patient in plain words.
    """

    administration: Administration
    ct: Image
    planar_scans: tuple[PlanarScan, ...]
    spect_scans: tuple[TomographicScan, ...]
    regions: tuple[Region, ...]
    planar_regions: tuple[PlanarRegion, ...]
    probe_readings: tuple[ProbeReading, ...]
    stated_planar_counts_per_s_per_bq: float
    stated_spect_counts_per_s_per_bq: float
    calibration_relative_sd: float
    spect_fwhm_mm: float
    planar_plane: PlanarPlane
    truth: StudyTruth
    notes: tuple[str, ...] = ()

    @property
    def planar_origin_mm(self) -> tuple[float, float]:
        """Patient coordinates (z, x) of the centre of planar pixel (0, 0)."""
        return self.planar_plane.rows.first_mm, self.planar_plane.columns.first_mm


def virtual_study(
    *,
    projected: ProjectedAnatomy,
    camera: Camera,
    administration: Administration,
    biokinetics: Biokinetics,
    schedule: Schedule,
    seed: int,
    calibration_relative_sd: float = 0.02,
) -> VirtualStudy:
    """Acquire one noise realisation of a study.

    Parameters
    ----------
    projected : ProjectedAnatomy
        From `project`; shared by all realisations.
    camera : Camera
        The same camera.
    administration : Administration
        Syringe and residual as measured.
    biokinetics : Biokinetics
        The patient's.
    schedule : Schedule
        Imaging times.
    seed : int
        Of all noise, the calibration error included.
    calibration_relative_sd : float
        The stated calibration factors are off by a normal error of this size.

    Returns
    -------
    VirtualStudy
    """
    rng = np.random.default_rng(seed)
    errors = 1.0 + calibration_relative_sd * rng.standard_normal(2)
    scene = _Scene(projected=projected, camera=camera, administration=administration, biokinetics=biokinetics)
    planar = tuple(_planar_scan(scene, hours, rng) for hours in schedule.planar_h)
    spect = tuple(_spect_scan(scene, hours, rng) for hours in schedule.spect_h)
    return VirtualStudy(
        administration=administration,
        ct=_ct(projected, rng),
        planar_scans=planar,
        spect_scans=spect,
        regions=spect_regions(projected.anatomy, projected.spect_grid),
        planar_regions=planar_outlines(projected),
        probe_readings=_probe(scene, schedule, rng),
        stated_planar_counts_per_s_per_bq=camera.planar_counts_per_s_per_bq * float(errors[0]),
        stated_spect_counts_per_s_per_bq=camera.spect_counts_per_s_per_bq * float(errors[1]),
        calibration_relative_sd=calibration_relative_sd,
        spect_fwhm_mm=camera.spect_fwhm_mm,
        planar_plane=projected.plane,
        truth=study_truth(
            projected=projected,
            camera=camera,
            biokinetics=biokinetics,
            administered_activity_bq=administration.administered_activity_bq,
            planar_times_s=tuple(_middle_s(administration, scan) for scan in planar),
            spect_times_s=tuple(_middle_s(administration, scan) for scan in spect),
        ),
        notes=_notes(projected),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    projected: ProjectedAnatomy
    camera: Camera
    administration: Administration
    biokinetics: Biokinetics

    def activity_bq(self, time_s: npt.ArrayLike) -> dict[str, Floats]:
        """Activity of every source at times after injection."""
        given = self.administration.administered_activity_bq
        return {
            source.name: given * activity_fraction(self.biokinetics, source, time_s)
            for source in self.projected.sources
        }

    def starts_at(self, hours: float) -> datetime:
        return self.administration.administered_at + timedelta(seconds=round(hours * HOUR_S))


def _middle_s(administration: Administration, scan: PlanarScan | TomographicScan) -> float:
    return administration.time_since_s(scan.started_at) + scan.duration_s / 2.0


def _planar_scan(scene: _Scene, hours: float, rng: np.random.Generator) -> PlanarScan:
    """Sweep from head to feet: every row is seen at its own time."""
    camera, projected = scene.camera, scene.projected
    rows, _ = projected.plane.shape
    pixel = projected.pixel_mm
    duration = (rows * pixel + camera.field_length_mm) / camera.scan_speed_mm_per_s
    passing = ((np.arange(rows) + 0.5) * pixel + camera.field_length_mm / 2.0) / camera.scan_speed_mm_per_s
    activity = scene.activity_bq(round(hours * HOUR_S) + passing)
    counts = planar_counts(projected, camera, activity_bq=activity, rng=rng)
    windows = {w.name: w for w in (PHOTOPEAK, LOWER_SCATTER, UPPER_SCATTER)}
    return PlanarScan(
        frames=tuple(
            PlanarFrame(counts=image, view=View(view), window=windows[name]) for (view, name), image in counts.items()
        ),
        pixel_spacing_mm=(pixel, pixel),
        pixel_dwell_s=camera.dwell_s,
        started_at=scene.starts_at(hours),
        duration_s=duration,
    )


def _spect_scan(scene: _Scene, hours: float, rng: np.random.Generator) -> TomographicScan:
    """Counts as collected: the mean activity of the acquisition (Simpson's rule over it)."""
    camera, projected = scene.camera, scene.projected
    begin, length = round(hours * HOUR_S), camera.spect_duration_s
    at = scene.activity_bq(begin + np.array([0.0, 0.5, 1.0]) * length)
    mean = {name: float(np.dot(values, (1.0, 4.0, 1.0)) / 6.0) for name, values in at.items()}
    counts = reconstructed_counts(projected.spect, projected.spect_detected, camera, activity_bq=mean, rng=rng)
    started = scene.starts_at(hours)
    return TomographicScan(
        image=Image(values=counts, grid=projected.spect_grid, quantity=Quantity.COUNTS),
        started_at=started,
        duration_s=length,
        decay_reference_at=started,
        corrections=frozenset({"ATTN", "SCAT"}),
    )


def _ct(projected: ProjectedAnatomy, rng: np.random.Generator) -> Image:
    """Low-dose CT on the voxels of the anatomy, noise of 12 HU inside the body."""
    anatomy = projected.anatomy
    table = np.full(max(t.label for t in anatomy.tissues) + 1, -1000.0, dtype=np.float32)
    for tissue in anatomy.tissues:
        table[tissue.label] = tissue.hounsfield
    values = table[anatomy.labels.values]
    noise = 12.0 * rng.standard_normal(values.shape, dtype=np.float32)
    noisy = np.where(anatomy.labels.values > 0, values + noise, values)
    return Image(
        values=np.maximum(np.rint(noisy), -1000.0).astype(np.int16),
        grid=anatomy.labels.grid,
        quantity=Quantity.HOUNSFIELD,
    )


def _probe(scene: _Scene, schedule: Schedule, rng: np.random.Generator) -> tuple[ProbeReading, ...]:
    """Read the probe right after injection, and before each planar scan (no void in between)."""
    kinetics, given = scene.biokinetics, scene.administration.administered_activity_bq
    readings = []
    for hours in (PROBE_FIRST_H, *schedule.planar_h):
        time_s = hours * HOUR_S
        inside = kinetics.nuclide.decay_factor(time_s) - float(kinetics.fraction("excreta", time_s))
        rate = given * inside * PROBE_COUNTS_PER_S_PER_BQ + PROBE_BACKGROUND_PER_S
        background = rng.poisson(PROBE_BACKGROUND_PER_S * PROBE_DURATION_S) / PROBE_DURATION_S
        readings.append(
            ProbeReading(
                measured_at=scene.administration.administered_at + timedelta(hours=hours),
                counts=float(rng.poisson(rate * PROBE_DURATION_S)),
                duration_s=PROBE_DURATION_S,
                background_counts_per_s=float(background),
            )
        )
    return tuple(readings)


def _notes(projected: ProjectedAnatomy) -> tuple[str, ...]:
    notes = ["Virtual patient: no breathing, no motion, no collimator penetration, no dead time."]
    if not any(source.name == "bladder" for source in projected.sources):
        notes.append("The anatomy has no bladder: urine is counted by the probe but lies outside the images.")
    z = projected.plane.rows
    if abs(z.pitch_mm) * z.count < 1200.0:
        notes.append(
            "Only the trunk is imaged: all activity lies in it, and the kidney background is taken "
            "from soft tissue low in the trunk instead of the thigh."
        )
    return tuple(notes)
