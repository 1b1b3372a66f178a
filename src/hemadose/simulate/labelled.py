"""An anatomy from a CT with labelled organs, marrow regions added."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.model import Anatomy, Image, Quantity, Tissue
from hemadose.physics.phantoms import red_marrow_fraction
from hemadose.simulate.projection import anatomy_axes
from hemadose.simulate.resample import Axis

Mask = npt.NDArray[np.bool_]

BED_HOUNSFIELD = 1900.0
"""At and above it a voxel is table, not body (no bone of a low-dose CT at 4 mm reaches it)."""

VERTEBRA_HEIGHT_MM = 35.0
"""A lumbar vertebra with its disc."""

L2_BELOW_KIDNEYS_MM = 20.0
"""From the centre of the kidneys, which lies near L1, down to the upper end of L2."""

CLASSES: tuple[tuple[str, str, float, float, float], ...] = (
    ("gut_gas", "air", 0.0012, -1025.0, -780.0),
    ("adipose", "adipose", 0.95, -780.0, -50.0),
    ("muscle", "soft_tissue", 1.05, -50.0, 130.0),
    ("bone", "skeleton", 1.40, 130.0, BED_HOUNSFIELD),
)
"""Tissue, medium, density in g/ml and CT range in HU of voxels that are neither organ nor lung.

Ranges after the publisher of the lu177-patient data (CT number + 1000: lung to 500, adipose to
950, bone from 1120); soft tissue ends at 130 HU so that enhanced organs do not turn to bone."""

BONE_LABEL = len(CLASSES)

LUNG_MINIMUM_ML = 100.0
"""Gas below -500 HU in one piece larger than this is lung, smaller pieces are gas in the gut."""

_ORGAN_DENSITY = 1.05


def labelled_anatomy(
    *,
    ct: Image,
    labels: Image,
    organs: Mapping[int, str],
    name: str = "labelled patient",
    source: str = "",
    bed_hounsfield: float = BED_HOUNSFIELD,
) -> Anatomy:
    """Build an anatomy for the virtual camera.

    The body is the largest object of the CT, table removed. Voxels without an organ label become
    lung, adipose, muscle or bone by CT number. The vertebral column is the bone of the midline in
    the back half of the body, closed over its marrow. No vertebra is labelled, so the place of
    L2-L4 is a choice of this project: L2 begins 20 mm below the kidneys' centre and each vertebra
    with its disc is 35 mm tall.

    Marrow: L2-L4 hold their published share (7.39 %); the rest is spread evenly over all other
    bone of the volume, since the volume is taken for the whole body.

    Parameters
    ----------
    ct : Image
        HU, axial (slices to the head, rows to the back, columns to the left).
    labels : Image
        Integers on the same grid.
    organs : Mapping of int to str
        Label value to tissue name: ``liver``, ``spleen``, ``kidney_left``, ``kidney_right``,
        ``lesion_1`` ... Other values are ignored.
    name, source : str
        Recorded in the anatomy.
    bed_hounsfield : float
        Table threshold.

    Returns
    -------
    Anatomy

    Raises
    ------
    QuantityError
        If the images are not HU and labels.
    GeometryError
        If they do not share an axial grid.
    RegionError
        If an organ is missing or no vertebral column is found at the level of the kidneys.
    """
    if ct.quantity is not Quantity.HOUNSFIELD or labels.quantity is not Quantity.LABEL:
        raise QuantityError(
            "an anatomy is built from a CT in HU and a label image",
            value=f"{ct.quantity} and {labels.quantity}",
        )
    ct.grid.require_match(labels.grid, what="CT and label image")
    z, y, x = anatomy_axes(ct.grid)
    hounsfield = np.asarray(ct.values, dtype=np.float32)
    body = _body(hounsfield, bed_hounsfield)
    found = np.zeros(ct.grid.shape, dtype=np.uint8)
    tissues = [_air()]
    for label, (tissue, medium, density, low, high) in enumerate(CLASSES, start=1):
        found[body & (hounsfield > low) & (hounsfield <= high)] = label
        middle = (max(low, -1000.0) + min(high, 600.0)) / 2.0 if tissue != "adipose" else -100.0
        tissues.append(_tissue(label, tissue, medium, density, middle))
    found[_lungs(hounsfield, body, ct.grid.voxel_volume_ml)] = len(tissues)
    tissues.append(_tissue(len(tissues), "lungs", "lung", 0.296, -710.0))
    drawn = np.zeros(ct.grid.shape, dtype=np.bool_)
    for value, tissue in organs.items():
        mask = labels.values == value
        if not mask.any():
            raise RegionError(f"the label image holds no voxel of {tissue}", value=str(value))
        found[mask] = len(tissues)
        tissues.append(_tissue(len(tissues), tissue, "soft_tissue", _ORGAN_DENSITY, 45.0))
        drawn |= mask
    column = _column(found == BONE_LABEL, drawn, body, (z, y, x))
    top = _kidney_height_mm(found, tissues, z) - L2_BELOW_KIDNEYS_MM
    return Anatomy(
        name=name,
        labels=Image(values=_with_vertebrae(found, column, tissues, z, top), grid=ct.grid, quantity=Quantity.LABEL),
        tissues=_with_marrow(tissues),
        source=source,
    )


def _air() -> Tissue:
    return Tissue(label=0, name="air", medium="air", density_g_per_ml=0.0012, hounsfield=-1000.0)


def _tissue(label: int, name: str, medium: str, density: float, hounsfield: float) -> Tissue:
    return Tissue(label=label, name=name, medium=medium, density_g_per_ml=density, hounsfield=hounsfield)


def _body(hounsfield: npt.NDArray[np.float32], bed_hounsfield: float) -> Mask:
    """Largest object denser than lung, holes (lungs, gas) filled slice by slice."""
    from scipy.ndimage import binary_fill_holes, binary_opening, label

    dense = (hounsfield > -500.0) & (hounsfield < bed_hounsfield)
    opened = binary_opening(dense, structure=np.ones((1, 3, 3), dtype=np.bool_))
    parts, count = label(opened)
    if not count:
        raise RegionError("no body in the CT", expected="voxels above -500 HU")
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    body = parts == int(sizes.argmax())
    filled = [binary_fill_holes(plane) for plane in body]
    return np.asarray(np.stack(filled) & (hounsfield < bed_hounsfield))


def _lungs(hounsfield: npt.NDArray[np.float32], body: Mask, voxel_ml: float) -> Mask:
    from scipy.ndimage import label

    parts, _ = label(body & (hounsfield <= -500.0))
    sizes = np.bincount(parts.ravel()) * voxel_ml
    sizes[0] = 0.0
    return np.asarray((sizes >= LUNG_MINIMUM_ML)[parts])


def _column(bone: Mask, drawn: Mask, body: Mask, axes: tuple[Axis, Axis, Axis]) -> Mask:
    """The vertebral bodies: midline bone in the back half, closed over the marrow."""
    from scipy.ndimage import binary_closing, binary_fill_holes, label

    _, y, x = axes
    window = np.zeros_like(bone)
    for index, plane in enumerate(body):
        rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
        if not rows.size:
            continue
        middle = x.centres_mm[columns].mean()
        near = np.abs(x.centres_mm - middle) <= 28.0
        back = y.centres_mm > y.centres_mm[rows].mean()
        window[index] = back[:, None] & near[None, :]
    bone = bone & window & ~drawn
    closed = binary_closing(np.pad(bone, 3), structure=np.ones((3, 3, 3), dtype=np.bool_), iterations=2)
    closed = closed[3:-3, 3:-3, 3:-3] & window & ~drawn
    filled = np.stack([binary_fill_holes(plane) for plane in closed]) & window & ~drawn
    parts, count = label(filled)
    if not count:
        raise RegionError("no vertebral column in the CT", expected="bone in the midline of the back half of the body")
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == int(sizes.argmax()))


def _kidney_height_mm(found: npt.NDArray[np.uint8], tissues: list[Tissue], z: Axis) -> float:
    kidneys = [t.label for t in tissues if t.name in ("kidney_left", "kidney_right")]
    if len(kidneys) != 2:
        raise RegionError("both kidneys are needed to place L2-L4", value=f"{len(kidneys)} found")
    return float(np.mean([z.centres_mm[np.nonzero(found == k)[0]].mean() for k in kidneys]))


def _with_vertebrae(
    found: npt.NDArray[np.uint8], column: Mask, tissues: list[Tissue], z: Axis, top_mm: float
) -> npt.NDArray[np.uint8]:
    labels = found.copy()
    parts = {"vertebrae": column}
    for step, name in enumerate(("lumbar_l2", "lumbar_l3", "lumbar_l4")):
        high = top_mm - step * VERTEBRA_HEIGHT_MM
        inside = (z.centres_mm <= high) & (z.centres_mm > high - VERTEBRA_HEIGHT_MM)
        parts[name] = column & inside[:, None, None]
        if np.unique(np.nonzero(parts[name])[0]).size < 0.7 * VERTEBRA_HEIGHT_MM / z.pitch_mm:
            raise RegionError(
                f"the vertebral column does not reach {name}",
                value=f"{high - VERTEBRA_HEIGHT_MM:.0f} to {high:.0f} mm",
                expected=f"bone in the volume from {z.edges_mm[0]:.0f} to {z.edges_mm[-1]:.0f} mm",
                remedy="use a CT that reaches below the kidneys, or label the vertebrae",
            )
    for name, mask in parts.items():
        labels[mask] = len(tissues)
        tissues.append(_tissue(len(tissues), name, "skeleton", 1.20, 250.0))
    return labels


def _with_marrow(tissues: list[Tissue]) -> tuple[Tissue, ...]:
    """Published share in L2-L4; the other bones take the rest (`sources` spreads it evenly)."""
    lumbar = {name: red_marrow_fraction(name) for name in ("lumbar_l2", "lumbar_l3", "lumbar_l4")}
    rest = 1.0 - sum(lumbar.values())
    shares = {**lumbar, "vertebrae": 0.4 * rest, "bone": 0.6 * rest}
    return tuple(
        Tissue(
            label=t.label,
            name=t.name,
            medium=t.medium,
            density_g_per_ml=t.density_g_per_ml,
            hounsfield=t.hounsfield,
            red_marrow_fraction=shares.get(t.name, 0.0),
        )
        for t in tissues
    )
