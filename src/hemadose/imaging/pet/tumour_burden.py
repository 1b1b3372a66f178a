"""All tumour of a PET: connected voxels above a threshold that are not physiological uptake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemadose.errors import InputError
from hemadose.imaging.pet.basins import basins
from hemadose.imaging.pet.contours import ALL_NEIGHBOURS, connected_to_peak, grown
from hemadose.imaging.pet.lesions import BurdenOptions, Lesion, TumourBurden
from hemadose.imaging.pet.uptake import Uptake, measure_uptake
from hemadose.imaging.pet.uptake_thresholds import ThresholdKind
from hemadose.model.pet import SuvImage
from hemadose.model.region import Region
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    mask: Mask
    level: float
    name: str = ""
    leaked: bool = False


def find_lesions(
    suv: SuvImage,
    *,
    options: BurdenOptions,
    exclude: Sequence[Region] = (),
    references: Mapping[str, Uptake] | None = None,
    within: Sequence[Region] = (),
    places: Sequence[Region] = (),
) -> TumourBurden:
    """Segment all lesions.

    Fixed and reference thresholds give the connected (26 neighbours) parts above them. A share of the maximum
    is taken lesion by lesion: parts above the detection level are split into peaks that a valley below 80 % of
    the lower peak separates; each is cut at its share of its own maximum, growing below the detection level
    where that does not leak. A part whose maximum touches excluded uptake is taken for the edge of that, with
    a note.

    Parameters
    ----------
    suv : SuvImage
        Uptake values.
    options : BurdenOptions
        Thresholds and sizes.
    exclude : sequence of Region
        Physiological uptake: organs and urine.
    references : Mapping of str to Uptake, optional
        ``liver``, ``blood_pool``.
    within : sequence of Region
        Lesions drawn by hand: the threshold is applied inside each, and nowhere else.
    places : sequence of Region
        Labelled structures that name where a lesion lies.

    Returns
    -------
    TumourBurden

    Raises
    ------
    GeometryError
        If a region lies on another grid.
    InputError
        If a relative threshold lacks its detection level, or a reference was not measured.
    """
    for region in (*exclude, *within, *places):
        suv.grid.require_match(region.grid, what=f"PET and region {region.name}")
    known = references or {}
    allowed = _allowed(suv, exclude, options.margin_mm)
    notes: list[str] = []
    pieces = _drawn(suv, options, known, within, notes) if within else _searched(suv, options, known, allowed, notes)
    kept = [p for p in pieces if within or _is_large(suv, options, int(np.count_nonzero(p.mask)))]
    _tell_left_out(len(pieces) - len(kept), options, notes)
    if exclude and not within:
        kept = _without_edges(suv, kept, allowed, notes)
    leaks = sum(p.leaked for p in kept)
    if leaks and options.detection is not None:
        notes.append(
            f"{leaks} of {len(kept)} lesions: the contour at {options.threshold.words} runs into the surroundings; "
            f"cut at the detection level ({options.detection.words}) instead"
        )
    return TumourBurden(
        lesions=tuple(_lesions(suv, kept, places)),
        threshold=options.threshold.words,
        notes=tuple(notes),
        provenance=Provenance(
            step="imaging.find_lesions",
            parameters={
                "measure": suv.measure.value,
                "threshold": options.threshold.words,
                "detection": None if options.detection is None else options.detection.words,
                "minimum_ml": options.minimum_ml,
                "margin_mm": options.margin_mm,
                "growth_mm": options.growth_mm,
                "connectivity": 26,
                "excluded": ", ".join(r.name for r in exclude),
                "drawn": ", ".join(r.name for r in within),
            },
        ),
    )


def lesions_as_drawn(suv: SuvImage, drawn: Sequence[Region], *, places: Sequence[Region] = ()) -> TumourBurden:
    """Measure lesions whose outline was drawn by hand, without any threshold.

    Parameters
    ----------
    suv : SuvImage
        Uptake values.
    drawn : sequence of Region
        On its grid.
    places : sequence of Region
        Labelled structures that name where a lesion lies.

    Returns
    -------
    TumourBurden

    Raises
    ------
    GeometryError
        If a region lies on another grid.
    """
    for region in (*drawn, *places):
        suv.grid.require_match(region.grid, what=f"PET and region {region.name}")
    pieces = [_Piece(mask=r.mask, level=float(suv.values[r.mask].min()), name=r.name) for r in drawn]
    return TumourBurden(
        lesions=tuple(_lesions(suv, pieces, places)),
        threshold="as drawn",
        provenance=Provenance(
            step="imaging.lesions_as_drawn",
            parameters={"measure": suv.measure.value, "drawn": ", ".join(r.name for r in drawn)},
        ),
    )


def _allowed(suv: SuvImage, exclude: Sequence[Region], margin_mm: float) -> Mask:
    from scipy.ndimage import distance_transform_edt

    if not exclude:
        return np.ones(suv.grid.shape, dtype=np.bool_)
    outside = ~np.logical_or.reduce([region.mask for region in exclude])
    if margin_mm <= 0.0:
        return np.asarray(outside)
    return np.asarray(distance_transform_edt(outside, sampling=suv.grid.spacing_mm) > margin_mm)


def _drawn(
    suv: SuvImage,
    options: BurdenOptions,
    references: Mapping[str, Uptake],
    within: Sequence[Region],
    notes: list[str],
) -> list[_Piece]:
    """Apply the threshold inside every drawn lesion."""
    pieces = []
    for region in within:
        if options.threshold.kind is ThresholdKind.FRACTION_OF_MAX:
            level = options.threshold.value * float(suv.values[region.mask].max())
        else:
            level = options.threshold.level(references)
        mask = region.mask & (suv.values >= level)
        if mask.any():
            pieces.append(_Piece(mask=mask, level=level, name=region.name))
        else:
            notes.append(f"{region.name}: no voxel reaches the threshold of SUV {level:.2f}")
    return pieces


def _searched(
    suv: SuvImage,
    options: BurdenOptions,
    references: Mapping[str, Uptake],
    allowed: Mask,
    notes: list[str],
) -> list[_Piece]:
    """Search the whole image."""
    from scipy.ndimage import label

    relative = options.threshold.kind is ThresholdKind.FRACTION_OF_MAX
    if relative and options.detection is None:
        raise InputError(
            "a share of each lesion's maximum needs to know what a lesion is",
            field="--detect",
            expected="a detection threshold, e.g. 4 or liver",
            remedy="give --detect, or regions named lesion_1 ...",
        )
    start = options.detection if relative and options.detection is not None else options.threshold
    level = start.level(references)
    parts, _ = label((suv.values >= level) & allowed, structure=ALL_NEIGHBOURS)
    if relative:
        found = [_cut_at_own_maximum(suv, options, parts == n, level, allowed) for n in range(1, int(parts.max()) + 1)]
        return _without_overlap(suv, [piece for cut in found for piece in cut])
    sizes = np.bincount(parts.ravel())[1:]
    large = [n for n, size in enumerate(sizes, start=1) if _is_large(suv, options, int(size))]
    _tell_left_out(len(sizes) - len(large), options, notes)
    return [_Piece(mask=parts == n, level=level) for n in large]


def _tell_left_out(count: int, options: BurdenOptions, notes: list[str]) -> None:
    if count:
        notes.append(f"left out as smaller than {options.minimum_ml:g} ml: {count} parts above the threshold")


def _is_large(suv: SuvImage, options: BurdenOptions, voxels: int) -> bool:
    return voxels * suv.grid.voxel_volume_ml >= options.minimum_ml


def _cut_at_own_maximum(
    suv: SuvImage, options: BurdenOptions, candidate: Mask, detection: float, allowed: Mask
) -> list[_Piece]:
    """Split a candidate into peaks, and cut each at its share of its own maximum."""
    found = []
    owners = basins(suv.values, candidate)
    for owner in range(1, int(owners.max()) + 1):
        basin = owners == owner
        level = options.threshold.value * float(suv.values[basin].max())
        if level >= detection:
            found.append(_Piece(mask=connected_to_peak(suv.values, basin & (suv.values >= level)), level=level))
            continue
        wider = grown(
            suv.values,
            basin,
            others=candidate & ~basin,
            allowed=allowed,
            level=level,
            growth_mm=options.growth_mm,
            spacing_mm=suv.grid.spacing_mm,
        )
        if wider is None:
            found.append(_Piece(mask=basin, level=detection, leaked=True))
        else:
            found.append(_Piece(mask=wider, level=level))
    return found


def _without_overlap(suv: SuvImage, pieces: list[_Piece]) -> list[_Piece]:
    """Give a voxel that two grown contours share to the hotter lesion."""
    taken = np.zeros(suv.grid.shape, dtype=np.bool_)
    kept = []
    for piece in sorted(pieces, key=lambda p: -float(suv.values[p.mask].max())):
        mask = piece.mask & ~taken
        if mask.any():
            taken |= mask
            kept.append(replace(piece, mask=mask))
    return kept


def _without_edges(suv: SuvImage, pieces: Sequence[_Piece], allowed: Mask, notes: list[str]) -> list[_Piece]:
    """Leave out what is hottest where it touches physiological uptake: the blurred edge of that, not a lesion."""
    from scipy.ndimage import binary_dilation

    beside = binary_dilation(~allowed, structure=ALL_NEIGHBOURS) & allowed
    kept = []
    for piece in pieces:
        hottest = np.unravel_index(int(np.where(piece.mask, suv.values, -np.inf).argmax()), piece.mask.shape)
        if not beside[hottest]:
            kept.append(piece)
            continue
        x, y, z = suv.grid.index_to_mm(np.array(hottest))
        notes.append(
            f"left out as the edge of physiological uptake: "
            f"{np.count_nonzero(piece.mask) * suv.grid.voxel_volume_ml:.1f} ml with SUVmax "
            f"{suv.values[hottest]:.1f} at {x:.0f}, {y:.0f}, {z:.0f} mm"
        )
    return kept


def _lesions(suv: SuvImage, pieces: Sequence[_Piece], places: Sequence[Region]) -> list[Lesion]:
    """Measure and number the lesions from head to feet."""
    regions = [(piece, Region(name="lesion", mask=piece.mask, grid=suv.grid)) for piece in pieces]
    regions.sort(key=lambda found: -found[1].centroid_mm[2])
    lesions = []
    for number, (piece, region) in enumerate(regions, start=1):
        named = replace(region, name=piece.name or f"lesion_{number}")
        lesions.append(
            Lesion(
                region=named,
                uptake=measure_uptake(suv, named),
                level_suv=piece.level,
                located_in=_place(region, places),
            )
        )
    return lesions


def _place(region: Region, places: Sequence[Region]) -> str:
    shared = [(int(np.count_nonzero(region.mask & place.mask)), place.name) for place in places]
    most = max(shared, default=(0, ""))
    return most[1] if most[0] else ""
