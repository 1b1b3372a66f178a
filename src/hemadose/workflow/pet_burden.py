"""Which uptake of a PET is tumour: the request's choices, with physiological uptake never counted in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hemadose.errors import InputError
from hemadose.imaging.pet.lesions import BurdenOptions, TumourBurden
from hemadose.imaging.pet.tumour_burden import find_lesions, lesions_as_drawn
from hemadose.imaging.pet.uptake import Uptake
from hemadose.imaging.pet.uptake_thresholds import ThresholdKind, parse_threshold
from hemadose.model import Region
from hemadose.model.pet import SuvImage, SuvMeasure
from hemadose.refdata.pet import PHYSIOLOGICAL
from hemadose.workflow.pet_inputs import canonical

if TYPE_CHECKING:
    from hemadose.workflow.pet import SuvRequest

NO_EXCLUSION = ("none",)


def asked_burden(
    request: SuvRequest,
    suv: SuvImage,
    tracer: str,
    regions: tuple[Region, ...],
    references: Mapping[str, Uptake],
) -> TumourBurden | None:
    """Segment what the request asks for; None if it asks for nothing.

    Parameters
    ----------
    request : SuvRequest
        Thresholds and exclusions.
    suv : SuvImage
        Uptake values.
    tracer : str
        Key of its physiological uptake.
    regions : tuple of Region
        Organs, bones, drawn lesions.
    references : Mapping of str to Uptake
        Liver and blood pool.

    Returns
    -------
    TumourBurden or None

    Raises
    ------
    InputError
        If physiological uptake would be counted as tumour, or a reference is missing.
    """
    drawn = [r for r in regions if r.name.startswith("lesion")]
    places = [r for r in regions if not r.name.startswith(("lesion", "blood_pool", "whole_body"))]
    if request.threshold is None:
        return lesions_as_drawn(suv, drawn, places=places) if drawn else None
    options = BurdenOptions(
        threshold=parse_threshold(request.threshold),
        detection=None if request.detection is None else parse_threshold(request.detection),
        minimum_ml=request.minimum_ml,
        margin_mm=request.margin_mm,
    )
    exclude = [] if drawn else _excluded(request, tracer, regions)
    return find_lesions(suv, options=options, exclude=exclude, references=references, within=drawn, places=places)


def _excluded(request: SuvRequest, tracer: str, regions: tuple[Region, ...]) -> list[Region]:
    """Give the regions of physiological uptake; what is missing is refused, never counted as tumour."""
    if request.exclude == NO_EXCLUSION:
        return []
    wanted = PHYSIOLOGICAL.get(tracer) if request.exclude is None else tuple(canonical(n) for n in request.exclude)
    if wanted is None:
        raise InputError(
            "which uptake is physiological is not known for this tracer",
            field="--exclude",
            value=tracer or "no tracer in the file",
            expected=", ".join(PHYSIOLOGICAL),
            remedy="name the organs to leave out, or none",
        )
    named = {r.name: r for r in regions}
    missing = [name for name in wanted if name not in named]
    if missing:
        raise InputError(
            "physiological uptake would be counted as tumour: regions are missing",
            field="--regions",
            value=", ".join(missing),
            expected=", ".join(wanted),
            remedy="add them, or name those in the field of view with --exclude (none: all uptake counts)",
        )
    return [named[name] for name in wanted]


def percist_note(request: SuvRequest, tracer: str) -> tuple[str, ...]:
    """Doubt about thresholds on liver and blood pool for anything but FDG and lean body mass."""
    chosen = [parse_threshold(text) for text in (request.threshold, request.detection) if text is not None]
    relative = any(t.kind in (ThresholdKind.LIVER, ThresholdKind.BLOOD) for t in chosen)
    lean = request.measure in (SuvMeasure.LBM_JAMES, SuvMeasure.LBM_JANMAHASATIAN)
    if not relative or (tracer == "fdg" and lean):
        return ()
    return ("thresholds on liver and blood pool come from PERCIST, made for FDG and lean body mass: a convention here",)
