"""Regions made from an image, or read and turned into marrow spheres; measured and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError, RegionError
from hemadose.imaging.regions.density import SCHNEIDER_2000
from hemadose.imaging.regions.marrow_room import iliac_part
from hemadose.imaging.regions.marrow_spheres import (
    LUMBAR,
    MarrowSphere,
    SphereRule,
    place_spheres,
    spheres_at_landmarks,
)
from hemadose.imaging.regions.segmentation import (
    adaptive_threshold,
    closed,
    components,
    fill_holes,
    fixed_threshold,
    grow_region,
    largest_component,
    percent_threshold,
    split_neighbours,
)
from hemadose.io.dicom.write_regions import write_regions_for_series
from hemadose.io.files import write_bytes_atomic
from hemadose.io.label_maps import write_label_regions
from hemadose.model import Image, Quantity, Region
from hemadose.workflow.image_files import LoadedImage, is_nifti, load_image, load_regions
from hemadose.workflow.region_rows import measured_region, read_density_curve, sphere_row
from hemadose.workflow.totalsegmentator import read_totalsegmentator, run_totalsegmentator

Point = tuple[float, float, float]

METHODS = ("threshold", "percent", "adaptive_fwhm_mm", "grow", "totalsegmentator_labels", "totalsegmentator_weights",
           "marrow_spheres", "landmarks")  # fmt: skip
FORMATS = ("nifti", "seg", "rtstruct")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest:
    """What `hemadose segment` was asked; every field is the option of its name."""

    image: Path
    quantity: str | None = None
    name: str = "lesion"
    threshold: float | None = None
    percent: float | None = None
    adaptive_fwhm_mm: float | None = None
    background: float | None = None
    grow: tuple[Point, ...] = ()
    lower: float | None = None
    upper: float | None = None
    largest_ml: float | None = None
    within: Path | None = None
    within_name: str | None = None
    totalsegmentator_labels: Path | None = None
    totalsegmentator_weights: Path | None = None
    totalsegmentator_program: str | None = None
    speed: str = "fast"
    device: str = "cpu"
    classes: tuple[str, ...] = ()
    join_lumbar: bool = False
    marrow_spheres: Path | None = None
    landmarks: dict[str, Point] = field(default_factory=dict)
    sites: tuple[str, ...] = LUMBAR
    bodies: Path | None = None
    radius_mm: float = 10.0
    margin_mm: float = 3.0
    ct: Path | None = None
    density_curve: Path | None = None
    largest: bool = False
    fill: bool = False
    close_mm: float | None = None
    split_mm: float | None = None
    least_ml: float | None = None
    out: Path | None = None
    out_format: str | None = None
    figure: Path | None = None

    def method(self) -> str:
        """Give the one method that was chosen.

        Raises
        ------
        InputError
            If none or several were.
        """
        chosen = [m for m in METHODS if getattr(self, m) not in (None, (), {})]
        if len(chosen) != 1:
            raise InputError(
                "choose one way to make regions",
                value=", ".join(f"--{m.replace('_', '-')}" for m in chosen) or "none",
                expected="one of " + ", ".join(f"--{m.replace('_', '-')}" for m in METHODS),
            )
        return chosen[0]


def segment(request: SegmentRequest, *, now: datetime | None = None) -> dict[str, Any]:
    """Make regions, measure them, write them.

    Parameters
    ----------
    request : SegmentRequest
        Options.
    now : datetime, optional
        Time written into DICOM objects.

    Returns
    -------
    dict
        ``method``, ``regions`` (volume, mass, values), ``spheres``, ``written``, ``notes``.

    Raises
    ------
    HemadoseError
        For anything that cannot be read, made or written.
    """
    method = request.method()
    loaded = load_image(request.image, quantity=request.quantity)
    _check_output(request, loaded)
    ct = _ct(request, loaded)
    curve = read_density_curve(request.density_curve) if request.density_curve else SCHNEIDER_2000
    spheres: tuple[MarrowSphere, ...] = ()
    around: tuple[Region, ...] = ()
    notes: list[str] = []
    if method in ("marrow_spheres", "landmarks"):
        spheres, around = _spheres(request, loaded.image, ct)
        regions = tuple(s.region(loaded.image.grid) for s in spheres)
    elif method.startswith("totalsegmentator"):
        regions = _organs(request, loaded.image)
    else:
        regions = _tidied(request, _drawn(request, method, loaded.image, notes))
    rows = [measured_region(r, loaded.image, ct, curve, notes) for r in regions]
    written = _write(request, regions, loaded, now or datetime.now(UTC))
    if request.figure is not None:
        _draw(request.figure, ct if ct is not None and spheres else loaded.image, regions, around, bool(spheres))
        written.append(str(request.figure))
    return {
        "method": method,
        "regions": rows,
        "spheres": [sphere_row(s) for s in spheres],
        "density_curve": curve.source if ct is not None else None,
        "written": written,
        "notes": list(dict.fromkeys([*notes, *(n for s in spheres for n in s.notes)])),
    }


def _ct(request: SegmentRequest, loaded: LoadedImage) -> Image | None:
    if request.ct is not None:
        frame = loaded.image.grid.frame_of_reference_uid
        return load_image(request.ct, quantity="HU", frame_uid=frame).image
    return loaded.image if loaded.image.quantity is Quantity.HOUNSFIELD else None


def _drawn(request: SegmentRequest, method: str, image: Image, notes: list[str]) -> Region:
    within = None
    if request.within is not None:
        names = [request.within_name] if request.within_name else None
        found = load_regions(request.within, reference=image.grid, names=names)
        if len(found) != 1:
            raise InputError(
                "name the one region to search in", field="--within-name", value=", ".join(r.name for r in found)
            )
        within = found[0]
    if method == "threshold":
        return fixed_threshold(image, at_least=float(request.threshold or 0.0), name=request.name, within=within)
    if method == "percent":
        return percent_threshold(
            image, percent=float(request.percent or 0.0), name=request.name, within=within,
            background=request.background or 0.0,
        )  # fmt: skip
    if method == "adaptive_fwhm_mm":
        region, level = adaptive_threshold(
            image, fwhm_mm=float(request.adaptive_fwhm_mm or 0.0), name=request.name, within=within,
            background=request.background,
        )  # fmt: skip
        notes.append(f"{request.name}: adaptive threshold at {100 * level:.0f} % of (peak - background)")
        return region
    if request.lower is None:
        raise InputError("region growing needs a lower limit", field="--lower")
    upper = np.inf if request.upper is None else request.upper
    return grow_region(
        image, seeds_mm=request.grow, lower=request.lower, upper=upper, name=request.name, within=within,
        largest_ml=request.largest_ml,
    )  # fmt: skip


def _tidied(request: SegmentRequest, region: Region) -> tuple[Region, ...]:
    if request.largest:
        region = largest_component(region)
    if request.close_mm is not None:
        region = closed(region, radius_mm=request.close_mm)
    if request.fill:
        region = fill_holes(region)
    if request.split_mm is not None:
        parts = [p for part in components(region) for p in split_neighbours(part, apart_mm=request.split_mm)]
        kept = [p for p in parts if p.volume_ml >= (request.least_ml or 0.0)]
        if not kept:
            raise RegionError("no part is as large as asked", field="--least-ml", value=f"{request.least_ml:g}")
        kept.sort(key=lambda r: -r.volume_ml)
        return tuple(
            Region(name=f"{request.name}_{n}", mask=r.mask, grid=r.grid) for n, r in enumerate(kept, start=1)
        )  # fmt: skip
    if request.least_ml is not None:
        return components(region, least_ml=request.least_ml)
    return (region,)


def _organs(request: SegmentRequest, image: Image) -> tuple[Region, ...]:
    classes = request.classes or None
    if request.totalsegmentator_labels is not None:
        return read_totalsegmentator(
            request.totalsegmentator_labels, reference=image.grid, classes=classes, join_lumbar=request.join_lumbar
        )
    if request.totalsegmentator_weights is None:
        raise InputError("the folder of weights is needed", field="--totalsegmentator-weights")
    return run_totalsegmentator(
        image, weights=request.totalsegmentator_weights, speed=request.speed, device=request.device,
        program=request.totalsegmentator_program, classes=classes,
    )  # fmt: skip


def _spheres(
    request: SegmentRequest, image: Image, ct: Image | None
) -> tuple[tuple[MarrowSphere, ...], tuple[Region, ...]]:
    rule = SphereRule(
        largest_mm=request.radius_mm, smallest_mm=min(5.0, request.radius_mm), margin_mm=request.margin_mm
    )  # fmt: skip
    if request.landmarks:
        if ct is None:
            raise InputError("spheres at landmarks need a CT", field="--ct")
        return spheres_at_landmarks(request.landmarks, ct=ct, rule=rule), ()
    if request.marrow_spheres is None:
        raise InputError("spheres need the labels of the bones", field="--marrow-spheres")
    grid = ct.grid if ct is not None else image.grid
    everything = load_regions(request.marrow_spheres, reference=grid)
    known = {r.name: r for r in everything}
    missing = [s for s in request.sites if s not in known]
    if missing:
        raise RegionError(
            "the labels do not hold these bones", source=str(request.marrow_spheres), value=", ".join(missing),
            expected=", ".join(sorted(known)), remedy="choose other sites (--site), or use landmarks",
        )  # fmt: skip
    bodies = load_regions(request.bodies, reference=grid)[0] if request.bodies else None
    bones = [
        iliac_part(known[s], sacrum=known.get("sacrum")) if s.startswith("hip_") else known[s] for s in request.sites
    ]
    avoid = [r for r in everything if r.name not in request.sites and not _holds_bones(r.name)]
    return place_spheres(bones, ct=ct, bodies=bodies, avoid=avoid, rule=rule), tuple(bones)


def _holds_bones(name: str) -> bool:
    """Regions that contain the sites, and so are nothing to stay clear of."""
    return name in ("whole_body", "vertebral_bodies", "lumbar_l2_l4") or name.startswith("marrow_sphere")


def _format(request: SegmentRequest) -> str:
    if request.out_format is None and request.out is not None:
        return "nifti" if is_nifti(request.out) else "seg"
    return str(request.out_format)


def _check_output(request: SegmentRequest, loaded: LoadedImage) -> None:
    if request.out is None:
        return
    chosen = _format(request)
    if chosen not in FORMATS:
        raise InputError("unknown format of regions", field="--format", value=chosen, expected=", ".join(FORMATS))
    if chosen != "nifti" and not loaded.files:
        raise InputError(
            "SEG and RTSTRUCT belong to a DICOM series, and the image is NIfTI",
            field="--out",
            value=request.out.name,
            remedy="give the DICOM series as IMAGE, or write .nii.gz",
        )


def _write(request: SegmentRequest, regions: tuple[Region, ...], loaded: LoadedImage, now: datetime) -> list[str]:
    if request.out is None:
        return []
    chosen = _format(request)
    if chosen == "nifti":
        return [str(p) for p in write_label_regions(regions, request.out)]
    write_regions_for_series(regions, request.out, source_files=loaded.files, kind=chosen, drawn_at=now)
    return [str(request.out)]


def _draw(path: Path, image: Image, regions: tuple[Region, ...], around: tuple[Region, ...], bone: bool) -> None:
    from hemadose.report.figures.regions import region_figure
    from hemadose.workflow.figure_files import figure_bytes

    data = figure_bytes(region_figure(image=image, regions=regions, around=around, bone=bone), path)
    write_bytes_atomic(path, data)
