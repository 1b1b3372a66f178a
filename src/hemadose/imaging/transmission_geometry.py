"""Correction factors of a planar region from its measured transmission, in place of those of a CT."""

from __future__ import annotations

from math import log

from hemadose.errors import QuantityError
from hemadose.imaging.conjugate import self_attenuation
from hemadose.imaging.geometry import PlanarGeometry
from hemadose.imaging.transmission import transmission_factor
from hemadose.model._checks import require_non_negative, require_positive


def transmission_geometry(
    *,
    open_per_s: float,
    through_per_s: float,
    attenuation_ratio: float,
    water_per_mm: float,
    organ_mm: float = 0.0,
) -> PlanarGeometry:
    """Turn a transmission through a region into its correction (MIRD Pamphlet 16).

    Parameters
    ----------
    open_per_s, through_per_s, attenuation_ratio
        As in `transmission_factor`; a narrow beam.
    water_per_mm : float
        Attenuation of water at the imaged line: gives the water-equivalent thickness T = ln(open / through) ratio / mu.
    organ_mm : float
        Thickness of the organ for self-attenuation f = (mu d/2) / sinh(mu d/2) and background 1 - d/T; 0 takes it
        as thin.

    Returns
    -------
    PlanarGeometry
        Attenuation factor sqrt(open / through)^ratio f. What other organs cover is not known from it.

    Raises
    ------
    QuantityError
        If more comes through than is sent, or the organ is thicker than the body.

    Examples
    --------
    >>> found = transmission_geometry(open_per_s=1000.0, through_per_s=25.0, attenuation_ratio=1.0,
    ...     water_per_mm=0.01357)
    >>> round(found.attenuation_factor, 4), round(found.body_mm, 1)
    (6.3246, 271.8)
    """
    require_positive("transmission", water_per_mm=water_per_mm)
    require_non_negative("transmission", organ_mm=organ_mm)
    through = transmission_factor(
        open_per_s=open_per_s, through_per_s=through_per_s, attenuation_ratio=attenuation_ratio
    )
    body_mm = 2.0 * log(through) / water_per_mm
    if organ_mm > body_mm:
        raise QuantityError(
            "an organ cannot be thicker than the body",
            field="organ_mm",
            value=f"{organ_mm:g} mm",
            expected=f"at most {body_mm:.0f} mm of water, by its transmission",
        )
    return PlanarGeometry(
        attenuation_factor=through * self_attenuation(attenuation_per_mm=water_per_mm, organ_mm=organ_mm),
        overlap_factor=1.0,
        background_share=1.0 - organ_mm / body_mm if organ_mm > 0.0 else 1.0,
        body_mm=body_mm,
        organ_mm=organ_mm,
    )
