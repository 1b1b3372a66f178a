"""Make SPECT projections of a virtual patient as a camera would write them, with CT, outlines, and the truth beside."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.io.dicom import DicomIdentity, write_ct_series, write_rtstruct, write_segmentation
from hemadose.io.dicom.tomo_header import HeaderStyle
from hemadose.io.dicom.write_tomo import write_tomo
from hemadose.io.files import write_text_atomic
from hemadose.model import Administration, Anatomy, GammaLine, Region, Sex
from hemadose.model.emissions import LineKind
from hemadose.model.projections import ProjectionSet
from hemadose.refdata.collimators import collimator
from hemadose.refdata.emissions import emissions
from hemadose.refdata.nuclides import nuclide
from hemadose.simulate.gamma_camera import GammaCamera, TomoProtocol
from hemadose.simulate.lesions import with_lesion
from hemadose.simulate.outlines import spect_regions
from hemadose.simulate.sources import SourceMap, activity_fraction, source_maps
from hemadose.simulate.tomo_scene import tomo_scene
from hemadose.simulate.tomo_views import HISTORIES, TomoViews, acquire, tomo_views
from hemadose.simulate.truth import l2_l4_marrow_fraction
from hemadose.simulate.virtual_ct import virtual_ct
from hemadose.units import HOUR_S, MBQ
from hemadose.workflow.simulate import INJECTED_AT, SIZES, SimulationOptions, administration_of, anatomy_of, kinetics_of
from hemadose.workflow.stages import Progress, Silent

LUTETIUM = nuclide("Lu-177")
TRUTH_FILE = "projections.json"
MAIN_KEV = 208.366
LOWEST_LINE_KEV = 140.0
OVERLAP_MM = 48.0
"""Between two beds."""
_CAMERAS = {
    "siemens": (HeaderStyle.SIEMENS, "siemens-symbia-melp", "MELP", "SIEMENS NM"),
    "ge": (HeaderStyle.GE, "ge-megp", "MEGP", "GE MEDICAL SYSTEMS"),
}
_US_TO_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionOptions:
    """What to simulate.

    Attributes
    ----------
    study : SimulationOptions
        Anatomy, seed, activity and uptake.
    camera : {"siemens", "ge"}
        Collimator (MELP or MEGP) and header habits.
    hours : tuple of float
        Start of each acquisition after the injection.
    protocol : TomoProtocol
        Views, pixels, time, orbit.
    beds : int
        1 about kidneys and L2-L4, or more above it that overlap by 48 mm.
    lesion_ml : float
        Volume of a lesion added to a stylised anatomy; 0 for none.
    dead_time_us : float
        Paralysable, on the counts of all windows of a head.
    histories : int
        Of each source, for scatter.
    """

    study: SimulationOptions
    camera: Literal["siemens", "ge"] = "siemens"
    hours: tuple[float, ...] = (24.6,)
    protocol: TomoProtocol = field(default_factory=TomoProtocol)
    beds: int = 1
    lesion_ml: float = 30.0
    dead_time_us: float = 0.0
    histories: int = HISTORIES

    def __post_init__(self) -> None:
        """Check what can be checked at once."""
        if self.camera not in _CAMERAS:
            raise InputError("no such virtual camera", field="camera", value=self.camera, expected="siemens or ge")
        if not self.hours or min(self.hours) < 0.0:
            raise QuantityError("acquisitions follow the injection", field="hours", value=str(self.hours))
        if not 1 <= self.beds <= 4:
            raise QuantityError("a study has 1 to 4 beds", field="beds", value=str(self.beds))
        if self.lesion_ml < 0.0:
            raise QuantityError("a lesion has a volume", field="lesion_ml", value=f"{self.lesion_ml:g} ml")


def virtual_camera(
    collimator_id: str, *, label: str = "MELP", maker: str = "SIEMENS NM", dead_time_us: float = 0.0
) -> GammaCamera:
    """Build a camera with a collimator of the tables, for the 208 keV of Lu-177.

    Parameters
    ----------
    collimator_id : str
        As in `hemadose.refdata.collimators`.
    label, maker : str
        Written to files.
    dead_time_us : float
        Paralysable.
    """
    holes = collimator(collimator_id)
    return GammaCamera(
        response=holes.response(MAIN_KEV),
        geometric_efficiency=tuple((kev, holes.geometric_efficiency(kev)) for kev in (150.0, 200.0, 250.0, 325.0)),
        dead_time=DeadTime(paralysable_s=dead_time_us * _US_TO_S),
        collimator=label,
        name=maker,
    )


def camera_of(options: ProjectionOptions) -> GammaCamera:
    """Give the camera that the options name."""
    _, collimator_id, label, maker = _CAMERAS[options.camera]
    return virtual_camera(collimator_id, label=label, maker=maker, dead_time_us=options.dead_time_us)


def imaged_lines(name: str) -> list[GammaLine]:
    """Gamma lines of a nuclide above 140 keV, the most abundant one first (ICRP 107)."""
    lines = [
        GammaLine(energy_kev=line.energy_kev, photons_per_decay=line.yield_per_decay)
        for line in emissions(name).lines
        if line.kind is LineKind.GAMMA and line.energy_kev > LOWEST_LINE_KEV
    ]
    return sorted(lines, key=lambda line: -line.photons_per_decay)


def bed_centres_mm(anatomy: Anatomy, protocol: TomoProtocol, *, beds: int) -> tuple[float, ...]:
    """Give z of the middle of each bed, from the feet: the lowest about kidneys and L2-L4."""
    kidneys = anatomy.region("kidney_left", "kidney_right").centroid_mm[2]
    lowest = (kidneys + anatomy.region("lumbar_l3").centroid_mm[2]) / 2.0
    step = protocol.slices * protocol.slice_mm - OVERLAP_MM
    step = round(step / protocol.slice_mm) * protocol.slice_mm
    return tuple(float(lowest + k * step) for k in range(beds))


def simulate_projections(folder: Path, options: ProjectionOptions, *, progress: Progress | None = None) -> list[Path]:
    """Write the projections of a virtual patient.

    Parameters
    ----------
    folder : Path
        New or empty, or an earlier study of this kind; gets ``tomo``, ``ct``, ``regions`` and, in ``truth``, what
        the analysis never opens.
    options : ProjectionOptions
        What to simulate.
    progress : Progress, optional
        The screen.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If the folder holds something else already.
    """
    screen = progress or Silent()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "truth" / TRUTH_FILE).exists():
            raise InputError("the folder is not empty and holds no simulated projections", source=str(folder))
        shutil.rmtree(folder)
    screen.begin("anatomy")
    anatomy, sex = anatomy_of(options.study)
    centres = bed_centres_mm(anatomy, options.protocol, beds=options.beds)
    if options.lesion_ml and not any(t.name.startswith("lesion_") for t in anatomy.tissues):
        room = options.protocol.slices * options.protocol.slice_mm / 2.0 - 40.0
        anatomy = with_lesion(anatomy, volume_ml=options.lesion_ml, between_z_mm=(centres[0] - room, centres[0] + room))
    screen.end("anatomy", reused=False)
    screen.begin("camera")
    beds = _beds(anatomy, options, centres)
    screen.end("camera", reused=False)
    screen.begin("files")
    written = _write(folder, options, sex, anatomy, beds)
    screen.end("files", reused=False)
    return written


def _beds(anatomy: Anatomy, options: ProjectionOptions, centres: tuple[float, ...]) -> list[TomoViews]:
    camera = camera_of(options)
    lines = imaged_lines(LUTETIUM.name)
    sources = source_maps(anatomy)
    found: list[TomoViews] = []
    axis = None
    for centre in centres:
        scene = tomo_scene(anatomy, options.protocol, main_kev=lines[0].energy_kev, centre_z_mm=centre, axis_mm=axis)
        axis = scene.axis_mm
        found.append(
            tomo_views(
                scene, sources, camera, lines, histories=options.histories, seed=options.study.seed,
                threads=os.cpu_count() or 1,
            )
        )  # fmt: skip
    return found


def _write(folder: Path, options: ProjectionOptions, sex: Sex, anatomy: Anatomy, beds: list[TomoViews]) -> list[Path]:
    identity = _identity(options, sex)
    given = administration_of(options.study)
    rng = np.random.default_rng([options.study.seed, 4])
    ct_at = INJECTED_AT + timedelta(hours=options.hours[0]) - timedelta(minutes=3)
    write_ct_series(virtual_ct(anatomy, rng=rng), folder / "ct", identity=identity, acquired_at=ct_at)
    written = []
    truths = []
    style = _CAMERAS[options.camera][0]
    for number, hours in enumerate(options.hours):
        for place, views in enumerate(beds):
            later = hours * HOUR_S + place * options.protocol.duration_s
            bed, truth = _acquired(views, anatomy, options, given, later, rng)
            name = f"tomo/t{hours:05.1f}h" + (f"-bed{place + 1}" if len(beds) > 1 else "") + ".dcm"
            write_tomo(
                bed, folder / name, identity=identity, administration=given, series_number=50 + 10 * number + place,
                style=style, detectors=options.protocol.heads,
            )  # fmt: skip
            written.append(folder / name)
            truths.append({"file": name, "started_after_injection_h": later / HOUR_S, "activity_MBq": truth})
    regions = spect_regions(anatomy, beds[0].grid())
    _write_regions(regions, folder, identity, ct_at)
    write_text_atomic(folder / "truth" / TRUTH_FILE, _truth(anatomy, beds[0], truths))
    return [*written, folder / "ct", folder / "regions", folder / "truth"]


def _identity(options: ProjectionOptions, sex: Sex) -> DicomIdentity:
    height, weight = SIZES[sex]
    study = options.study
    label = study.anatomy if isinstance(study.anatomy, str) else "patient"
    return DicomIdentity(
        pseudonym=f"VP-{label.upper()[:6]}-{study.seed:03d}", sex=sex, height_cm=height, weight_kg=weight,
        study_at=INJECTED_AT, seed=f"{label}-{study.seed}-{study.study}-{study.activity_bq:g}-projections",
    )  # fmt: skip


def _write_regions(regions: tuple[Region, ...], folder: Path, identity: DicomIdentity, drawn_at: object) -> None:
    from datetime import datetime

    assert isinstance(drawn_at, datetime)
    source = [folder / "ct/ct0001.dcm"]
    write_segmentation(
        regions, folder / "regions/seg.dcm", identity=identity, source_files=source, drawn_at=drawn_at
    )  # fmt: skip
    write_rtstruct(
        regions, folder / "regions/rtstruct.dcm", identity=identity, reference_series_uid=identity.uid("ct"),
        drawn_at=drawn_at,
    )  # fmt: skip


def _acquired(
    views: TomoViews,
    anatomy: Anatomy,
    options: ProjectionOptions,
    given: Administration,
    later_s: float,
    rng: np.random.Generator,
) -> tuple[ProjectionSet, dict[str, float]]:
    """One bed, and the true activities (MBq) at its start."""
    kinetics = kinetics_of(anatomy, given, options.study)
    protocol = views.scene.protocol
    middle = later_s + protocol.frame_start_s + protocol.frame_s / 2.0
    amount = given.administered_activity_bq
    sources: tuple[SourceMap, ...] = source_maps(anatomy)
    bed = acquire(
        views,
        activity_bq={s.name: amount * activity_fraction(kinetics, s, middle) for s in sources},
        started_at=given.administered_at + timedelta(seconds=later_s),
        nuclide=LUTETIUM.name,
        rng=rng,
    )
    at_start = {s.name: amount * float(activity_fraction(kinetics, s, later_s)) / MBQ for s in sources}
    at_start["kidneys"] = at_start["kidney_left"] + at_start["kidney_right"]
    at_start["lumbar_l2_l4"] = l2_l4_marrow_fraction(anatomy) * at_start["red_marrow"]
    return bed, at_start


def _truth(anatomy: Anatomy, views: TomoViews, scans: list[dict[str, object]]) -> str:
    payload = {
        "note": "Truth of a virtual patient. No analysis may open this file.",
        "anatomy": anatomy.name,
        "scans": scans,
        "cps_per_MBq_of_one_head_in_air": views.counts_per_s_per_bq * MBQ,
        "volume_ml": {t.name: anatomy.region(t.name).volume_ml for t in anatomy.tissues if t.label},
        "l2_l4_marrow_fraction": l2_l4_marrow_fraction(anatomy),
        "limits_of_the_simulation": list(views.notes),
    }
    return json.dumps(payload, indent=1) + "\n"
