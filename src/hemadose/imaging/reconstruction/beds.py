"""Several beds into one volume: beds meet in a linear ramp over their overlap."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hemadose.errors import GeometryError
from hemadose.model import Grid, Image

Floats = npt.NDArray[np.float64]

_ON_LATTICE = 1e-3


def join_beds(images: Sequence[Image]) -> tuple[Image, tuple[str, ...]]:
    """Join reconstructions of neighbouring beds into one volume.

    In the overlap of two beds the weight of each falls linearly to zero at its own end: the outermost slices
    of a bed see activity beyond its field of view blurred in, which its reconstruction cannot model. Beds that
    touch without overlap are set side by side. A bed whose slices lie between those of the lowest one is
    interpolated linearly along z.

    Parameters
    ----------
    images : sequence of Image
        Axial, of one quantity, pixel size and frame of reference, with the same rows and columns.

    Returns
    -------
    image : Image
        From the lowest slice of all to the highest, on the slices of the lowest bed.
    notes : tuple of str
        What was joined and how.

    Raises
    ------
    GeometryError
        If the beds differ in more than z, or leave more than 1.5 slices between them.

    Examples
    --------
    >>> def bed(z, value):
    ...     grid = Grid.axial(shape=(4, 1, 1), spacing_mm=(5, 4, 4), origin_mm=(0, 0, z), frame_of_reference_uid="1.2")
    ...     return Image(values=np.full((4, 1, 1), value), grid=grid, quantity=Quantity.COUNTS)
    >>> from hemadose.model import Quantity
    >>> joined, _ = join_beds([bed(0.0, 1.0), bed(10.0, 3.0)])
    >>> joined.values[:, 0, 0].tolist()
    [1.0, 1.0, 1.5, 2.5, 3.0, 3.0]
    """
    beds = sorted(images, key=_lowest_mm)
    if len(beds) == 1:
        return beds[0], ()
    for bed in beds[1:]:
        _require_column(beds[0], bed)
    pitch, start = beds[0].grid.spacing_mm[0], _lowest_mm(beds[0])
    ends = [(_lowest_mm(bed) - pitch / 2, _lowest_mm(bed) + (bed.grid.shape[0] - 0.5) * pitch) for bed in beds]
    notes = [_overlap_note(low, high, pitch) for low, high in pairwise(ends)]
    count = round((max(top for _, top in ends) - ends[0][0]) / pitch)
    at_mm = np.asarray(start + pitch * np.arange(count), dtype=np.float64)
    weights = _weights(at_mm, ends, pitch)
    total = np.zeros((count, *beds[0].grid.shape[1:]))
    for number, bed in enumerate(beds):
        values, moved = _on_slices(bed, at_mm)
        total += weights[number][:, None, None] * values
        if moved:
            notes.append(f"bed {number + 1} was interpolated along z: its slices lie between those of bed 1")
    grid = Grid(
        shape=total.shape, affine=beds[0].grid.affine, frame_of_reference_uid=beds[0].grid.frame_of_reference_uid
    )
    return Image(values=total.astype(np.float32), grid=grid, quantity=beds[0].quantity), tuple(notes)


def _lowest_mm(image: Image) -> float:
    return float(image.grid.affine[2, 3])


def _require_column(one: Image, other: Image) -> None:
    """Refuse beds that differ in anything but z and the number of slices."""
    first, second = np.array(one.grid.affine), np.array(other.grid.affine)
    first[2, 3] = second[2, 3] = 0.0
    axial = bool(np.allclose(first[:3, 0], [0.0, 0.0, first[2, 0]]) and first[2, 0] > 0.0)
    alike = (
        np.allclose(first, second, atol=1e-3)
        and one.grid.shape[1:] == other.grid.shape[1:]
        and one.quantity == other.quantity
        and one.grid.frame_of_reference_uid == other.grid.frame_of_reference_uid
    )
    if not (axial and alike):
        raise GeometryError(
            "these volumes are not beds of one study",
            field="grid",
            value=f"{other.grid.shape} at {other.grid.spacing_mm} mm",
            expected=f"{one.grid.shape} at {one.grid.spacing_mm} mm, apart along z only",
        )


def _overlap_note(low: tuple[float, float], high: tuple[float, float], pitch: float) -> str:
    overlap = low[1] - high[0]
    if overlap < -0.5 * pitch - _ON_LATTICE:
        raise GeometryError("there is a gap between two beds", field="z", value=f"{-overlap:.1f} mm", expected="none")
    if overlap < 0.5 * pitch:
        return "two beds touch without overlap: a step may show between them"
    return f"two beds were joined over {overlap:.1f} mm with linear weights"


def _weights(at_mm: Floats, ends: list[tuple[float, float]], pitch: float) -> Floats:
    """Weights of the beds at each z, shape (beds, slices), adding up to one.

    A bed weighs its distance to the nearer of its ends that has a neighbour, and nothing beyond its outermost
    slices; where none reaches, the nearest bed counts alone.
    """
    found = np.zeros((len(ends), at_mm.size))
    for number, (low, high) in enumerate(ends):
        below = at_mm - low if number > 0 else np.full(at_mm.shape, np.inf)
        above = high - at_mm if number + 1 < len(ends) else np.full(at_mm.shape, np.inf)
        inside = (at_mm > low + (0.5 - _ON_LATTICE) * pitch) & (at_mm < high - (0.5 - _ON_LATTICE) * pitch)
        found[number] = np.where(inside, np.minimum(np.maximum(np.minimum(below, above), 0.0), high - low), 0.0)
    lonely = found.sum(axis=0) <= 0.0
    middles = np.array([(low + high) / 2.0 for low, high in ends])
    nearest = np.argmin(np.abs(at_mm[None, :] - middles[:, None]), axis=0)
    found[nearest[lonely], np.flatnonzero(lonely)] = 1.0
    return np.asarray(found / found.sum(axis=0))


def _on_slices(bed: Image, at_mm: Floats) -> tuple[Floats, bool]:
    """Values of a bed at given z (its end slices beyond its ends), and whether that took interpolation."""
    place = (at_mm - _lowest_mm(bed)) / bed.grid.spacing_mm[0]
    last = bed.grid.shape[0] - 1
    place = np.clip(place, 0.0, last)
    lower = np.minimum(np.floor(place + _ON_LATTICE).astype(int), last)
    upper, part = np.minimum(lower + 1, last), np.clip(place - lower, 0.0, 1.0)
    part = np.where(part < _ON_LATTICE, 0.0, part)
    values = np.asarray(bed.values, dtype=np.float64)
    mixed = (1.0 - part)[:, None, None] * values[lower] + part[:, None, None] * values[upper]
    return mixed, bool((part > 0.0).any())
