"""The truth behind a virtual study, for judging an analysis afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemadose.model import Anatomy
from hemadose.simulate.biokinetics import Biokinetics
from hemadose.simulate.camera import Camera
from hemadose.simulate.outlines import SPHERE_RADIUS_MM
from hemadose.simulate.projection import ProjectedAnatomy
from hemadose.simulate.sources import activity_fraction, tia_h
from hemadose.units import HOUR_S

LUMBAR = ("lumbar_l2", "lumbar_l3", "lumbar_l4")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTruth:
    """What the analysis never sees.

    Attributes
    ----------
    administered_activity_bq : float
        Net activity at injection.
    tia_bq_s : dict
        By source region, and ``kidneys``, ``whole_body``, ``lumbar_l2_l4``,
        ``marrow_sphere_l2`` ...
    activity_bq : dict
        Region to activities at `times_s`.
    times_s : tuple of float
        Middle of every planar scan.
    spect_activity_bq, spect_times_s : dict and tuple
        The same at the middle of every SPECT.
    mass_kg, volume_ml : dict
        Of the anatomy as voxelised, by tissue, and ``kidneys``, ``lumbar_l2_l4``,
        ``whole_body``.
    l2_l4_marrow_fraction : float
        Share of the red marrow in L2-L4.
    spect_counts_per_s_per_bq, planar_counts_per_s_per_bq : float
        True sensitivities; the stated ones differ by a drawn calibration error.
    """

    administered_activity_bq: float
    tia_bq_s: dict[str, float]
    activity_bq: dict[str, tuple[float, ...]]
    times_s: tuple[float, ...]
    spect_activity_bq: dict[str, tuple[float, ...]]
    spect_times_s: tuple[float, ...]
    mass_kg: dict[str, float]
    volume_ml: dict[str, float]
    l2_l4_marrow_fraction: float
    spect_counts_per_s_per_bq: float
    planar_counts_per_s_per_bq: float


def study_truth(
    *,
    projected: ProjectedAnatomy,
    camera: Camera,
    biokinetics: Biokinetics,
    administered_activity_bq: float,
    planar_times_s: tuple[float, ...],
    spect_times_s: tuple[float, ...],
) -> StudyTruth:
    """Compute activities and time-integrated activities from the model, analytically."""
    anatomy = projected.anatomy
    volume, mass = _volumes_ml(anatomy), _masses_kg(anatomy)
    fraction = l2_l4_marrow_fraction(anatomy)
    given = administered_activity_bq

    def with_parts(per_source: dict[str, float]) -> dict[str, float]:
        found = {name: given * value for name, value in per_source.items()}
        found["whole_body"] = sum(found.values())
        found["kidneys"] = found["kidney_left"] + found["kidney_right"]
        found["lumbar_l2_l4"] = fraction * found["red_marrow"]
        ball = 4.0 / 3.0 * np.pi * (SPHERE_RADIUS_MM / 10.0) ** 3
        for name in LUMBAR:
            share = fraction / len(LUMBAR) * min(ball / volume[name], 1.0)
            found[name.replace("lumbar_", "marrow_sphere_")] = share * found["red_marrow"]
        return found

    def over_time(times: tuple[float, ...]) -> dict[str, tuple[float, ...]]:
        columns = [
            with_parts({s.name: float(activity_fraction(biokinetics, s, t)) for s in projected.sources}) for t in times
        ]
        return {name: tuple(column[name] for column in columns) for name in columns[0]} if columns else {}

    return StudyTruth(
        administered_activity_bq=given,
        tia_bq_s=with_parts({s.name: tia_h(biokinetics, s) * HOUR_S for s in projected.sources}),
        activity_bq=over_time(planar_times_s),
        times_s=planar_times_s,
        spect_activity_bq=over_time(spect_times_s),
        spect_times_s=spect_times_s,
        mass_kg=mass,
        volume_ml=volume,
        l2_l4_marrow_fraction=fraction,
        spect_counts_per_s_per_bq=camera.spect_counts_per_s_per_bq,
        planar_counts_per_s_per_bq=camera.planar_counts_per_s_per_bq,
    )


def l2_l4_marrow_fraction(anatomy: Anatomy) -> float:
    """Share of the imaged red marrow that lies in L2-L4."""
    present = set(np.unique(anatomy.labels.values).tolist())
    total = sum(t.red_marrow_fraction for t in anatomy.tissues if t.label in present)
    return sum(anatomy.tissue(name).red_marrow_fraction for name in LUMBAR) / total


def _volumes_ml(anatomy: Anatomy) -> dict[str, float]:
    size = max(t.label for t in anatomy.tissues) + 1
    counts = np.bincount(anatomy.labels.values.ravel(), minlength=size)
    voxel = anatomy.labels.grid.voxel_volume_ml
    volumes = {t.name: float(counts[t.label] * voxel) for t in anatomy.tissues if t.label and counts[t.label]}
    return _with_sums(volumes)


def _masses_kg(anatomy: Anatomy) -> dict[str, float]:
    density = {t.name: t.density_g_per_ml for t in anatomy.tissues}
    volumes = _volumes_ml(anatomy)
    return _with_sums({name: volumes[name] * density[name] / 1000.0 for name in density if name in volumes})


def _with_sums(per_tissue: dict[str, float]) -> dict[str, float]:
    total = dict(per_tissue)
    total["whole_body"] = sum(per_tissue.values())
    total["kidneys"] = per_tissue["kidney_left"] + per_tissue["kidney_right"]
    total["lumbar_l2_l4"] = sum(per_tissue[name] for name in LUMBAR)
    return total
