"""Which voxels hold which compartment's activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.model import Anatomy
from hemadose.simulate.biokinetics import Biokinetics

Floats = npt.NDArray[np.float32]

SOURCES: dict[str, tuple[str, ...]] = {
    "kidney_left": ("kidneys",),
    "kidney_right": ("kidneys",),
    "liver": ("liver",),
    "spleen": ("spleen",),
    "red_marrow": ("red_marrow",),
    "remainder": ("central", "tissue"),
    "bladder": ("bladder",),
}
"""Source region -> compartments of the biokinetic model that live there.

A tissue called ``lesion_...`` is a source of its own with a compartment of the same name."""

_CONTENTS = ("bladder", "stomach_contents", "gallbladder_contents", "gut_gas")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMap:
    """The distribution of one source region, normalised to one becquerel.

    Attributes
    ----------
    name : str
        Source region.
    share : ndarray, shape of the anatomy
        Activity per voxel for unit activity in the region.
    compartment_share : float
        Part of its compartments' activity that lies here (left and right kidney by mass).
    """

    name: str
    share: Floats
    compartment_share: float


def source_maps(anatomy: Anatomy) -> tuple[SourceMap, ...]:
    """Distribute every source over an anatomy.

    Kidneys share by mass; marrow by the red-marrow fraction of the bones; the remainder by mass
    over everything that is neither a source nor bone nor a content of gut or bladder. Where only
    part of the body is imaged, all activity lies in that part.

    Raises
    ------
    RegionError
        If the anatomy lacks a kidney, liver, spleen, or red marrow.
    """
    density = anatomy.density_g_per_ml()
    labels = anatomy.labels.values
    names = {t.name: t for t in anatomy.tissues}
    missing = [n for n in ("kidney_left", "kidney_right", "liver", "spleen") if n not in names]
    if missing or not any(t.red_marrow_fraction > 0 for t in anatomy.tissues):
        raise RegionError(
            f"anatomy {anatomy.name} cannot carry the biokinetics",
            value=f"missing {', '.join(missing) or 'red marrow'}",
        )
    masses = {name: float(density[labels == names[name].label].sum()) for name in ("kidney_left", "kidney_right")}
    maps = []
    for name in (*SOURCES, *_lesions(anatomy)):
        weight = _weight(anatomy, name, density)
        total = float(weight.sum(dtype=np.float64))
        if total <= 0.0:
            continue  # a trunk-only anatomy may lack the bladder: its content is then outside
        share = masses[name] / sum(masses.values()) if name in masses else 1.0
        maps.append(SourceMap(name=name, share=(weight / total).astype(np.float32), compartment_share=share))
    return tuple(maps)


def _weight(anatomy: Anatomy, name: str, density: Floats) -> Floats:
    labels = anatomy.labels.values
    table = np.zeros(max(t.label for t in anatomy.tissues) + 1, dtype=np.float64)
    counts = np.bincount(labels.ravel(), minlength=len(table))
    for tissue in anatomy.tissues:
        if name == "red_marrow" and counts[tissue.label]:
            table[tissue.label] = tissue.red_marrow_fraction / counts[tissue.label]
        elif name == "remainder":
            source = tissue.name in SOURCES or tissue.name.startswith((*_CONTENTS, "lesion"))
            source = source or ("colon" in tissue.name and tissue.name.endswith("_contents"))
            bone = tissue.medium == "skeleton"
            table[tissue.label] = 0.0 if source or bone else tissue.density_g_per_ml
        elif tissue.name == name or (name == "bladder" and tissue.name == "bladder_contents"):
            table[tissue.label] = 1.0
    return np.asarray(table[labels], dtype=np.float32)


def activity_fraction(biokinetics: Biokinetics, source: SourceMap, time_s: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Activity in a source region per administered activity at times."""
    parts = [biokinetics.fraction(name, time_s) for name in compartments_of(source.name)]
    return np.asarray(source.compartment_share * np.sum(parts, axis=0))


def tia_h(biokinetics: Biokinetics, source: SourceMap) -> float:
    """Time-integrated activity coefficient of a source region, in hours."""
    return source.compartment_share * sum(biokinetics.tia_h(name) for name in compartments_of(source.name))


def compartments_of(source: str) -> tuple[str, ...]:
    """Compartments whose activity lies in a source region.

    Raises
    ------
    QuantityError
        If the name is neither a source nor a lesion.

    Examples
    --------
    >>> compartments_of("remainder"), compartments_of("lesion_2")
    (('central', 'tissue'), ('lesion_2',))
    """
    if source in SOURCES:
        return SOURCES[source]
    if source.startswith("lesion"):
        return (source,)
    raise QuantityError(f"{source} is not a source region", expected=", ".join((*SOURCES, "lesion_...")))


def _lesions(anatomy: Anatomy) -> list[str]:
    return [t.name for t in anatomy.tissues if t.name.startswith("lesion")]
