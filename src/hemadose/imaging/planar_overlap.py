"""How much of an organ others cover on planar images, and what is done about it.

Conjugate views count everything along a ray. A region with more than `COVERED_NOTE` under or over other organs is
noted; in a hybrid study a covered kidney may take the shape of its curve from the other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hemadose.errors import CaseError
from hemadose.imaging.geometry import PlanarGeometry
from hemadose.imaging.overlap import overlap_parts, shape_from_partner
from hemadose.imaging.planar import BODY, COVERED_NOTE
from hemadose.model import ActivitySeries, PlanarRegion

PARTNERS = {"kidney_left": "kidney_right", "kidney_right": "kidney_left"}


def covered_shares(
    regions: Sequence[PlanarRegion], geometry: Mapping[str, PlanarGeometry] | None = None
) -> dict[str, float]:
    """Share of every organ that other organs cover.

    Parameters
    ----------
    regions : sequence of PlanarRegion
        Outlines of one image size; the body and backgrounds do not count.
    geometry : Mapping, optional
        What CT says of the organs as they lie (`planar_geometry`). The larger of both shares is given: outlines are
        often drawn so that they only touch.

    Returns
    -------
    dict of str to float
        By volume where CT says it, by pixels otherwise.

    Raises
    ------
    GeometryError
        If outlines differ in size.
    """
    organs = [r for r in regions if r.name != BODY and not r.name.startswith("background_")]
    found = {}
    for organ in organs:
        rest = [r.mask for r in organs if r.name != organ.name]
        flat = 0.0
        if rest:
            others = PlanarRegion(name="others", mask=np.any(rest, axis=0))
            flat = overlap_parts(others, organ).covered_share
        place = (geometry or {}).get(organ.name)
        found[organ.name] = max(flat, 0.0 if place is None else place.covered_share)
    return found


def with_covered_note(series: ActivitySeries, share: float) -> ActivitySeries:
    """Say how much of an organ is covered, unless its notes say so already."""
    if share <= COVERED_NOTE or any("lies before or behind" in note for note in series.notes):
        return series
    said = (
        f"{series.region}: another organ lies before or behind {100 * share:.0f} % of its planar region; conjugate "
        "views count both and overstate it"
    )
    return replace(series, notes=(*series.notes, said))


def with_partner_shape(
    found: Mapping[str, ActivitySeries], shares: Mapping[str, float], *, shape_relative_sd: float
) -> dict[str, ActivitySeries]:
    """Give a covered kidney the shape of the other, for hybrid studies (`shape_from_partner`).

    Parameters
    ----------
    found : Mapping of str to ActivitySeries
        Planar series by region.
    shares : Mapping of str to float
        From `covered_shares`.
    shape_relative_sd : float
        By which two kidneys may differ in shape, per time.

    Returns
    -------
    dict of str to ActivitySeries
        All series; those of clear organs, and of covered ones without a partner, as they were.

    Raises
    ------
    CaseError
        If the partner was not drawn, or is covered too.
    """
    result = dict(found)
    for name in found:
        if name not in PARTNERS or shares.get(name, 0.0) <= COVERED_NOTE:
            continue
        partner = PARTNERS[name]
        if partner not in found:
            raise CaseError(
                f"{name} is covered and its partner {partner} is not drawn",
                field="quantification.overlap",
                value=f"{100 * shares[name]:.0f} % covered",
                remedy="draw it on the planar images, or choose planar_method = template_fit",
            )
        if shares.get(partner, 0.0) > COVERED_NOTE:
            raise CaseError(
                "both kidneys lie before or behind other organs: neither can lend its shape",
                field="quantification.overlap",
                value=f"{name} {100 * shares[name]:.0f} %, {partner} {100 * shares[partner]:.0f} %",
                expected=f"one of them at most {100 * COVERED_NOTE:.0f} %",
                remedy="choose planar_method = template_fit, or overlap = none",
            )
        result[name] = shape_from_partner(found[name], found[partner], shape_relative_sd=shape_relative_sd)
    return result
