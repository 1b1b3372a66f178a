"""Liver over the right kidney on planar images: named ways out.

`neighbour`: the covering organ's counts per pixel, measured clear of the other and scaled by thickness, are taken off
where both project, and given back to the covering organ. `clear_part`: only the uncovered part of the organ is counted
and scaled by its share of the volume. `partner`: the curve of the paired organ gives the shape (hybrid studies, where
SPECT gives the scale). A template fit (`templates`) needs none of them.

References
----------
MIRD Pamphlet 16 (Siegel J. et al., J Nucl Med 1999;40:37S): overlapping organs.
Sandström M. et al. and others use the left kidney or the clear lower pole for the right kidney in 177Lu therapy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp

import numpy as np

from hemadose.errors import CaseError, GeometryError, QuantityError, RegionError
from hemadose.imaging.conjugate import geometric_mean
from hemadose.model import ActivitySample, ActivitySeries, PlanarRegion
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapParts:
    """Pixels of two organs on planar images.

    Attributes
    ----------
    both : PlanarRegion or None
        Where they overlap.
    first_clear, second_clear : PlanarRegion or None
        What is left of each.
    """

    both: PlanarRegion | None
    first_clear: PlanarRegion | None
    second_clear: PlanarRegion | None

    @property
    def covered_share(self) -> float:
        """Share of the second organ's pixels that the first one covers."""
        hidden = 0 if self.both is None else self.both.pixels
        clear = 0 if self.second_clear is None else self.second_clear.pixels
        return hidden / (hidden + clear)


def overlap_parts(first: PlanarRegion, second: PlanarRegion) -> OverlapParts:
    """Take two regions apart.

    Raises
    ------
    GeometryError
        If they do not belong to one image size.
    """
    if first.mask.shape != second.mask.shape:
        raise GeometryError("two planar regions differ in size", value=f"{first.mask.shape}, {second.mask.shape}")

    def made(name: str, mask: np.ndarray) -> PlanarRegion | None:
        return PlanarRegion(name=name, mask=mask) if mask.any() else None

    return OverlapParts(
        both=made(f"{first.name}_and_{second.name}", first.mask & second.mask),
        first_clear=made(f"{first.name}_clear", first.mask & ~second.mask),
        second_clear=made(f"{second.name}_clear", second.mask & ~first.mask),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCounts:
    """Counts of two overlapping organs after they have been told apart, in one view.

    Attributes
    ----------
    covering, covered : float
        Net counts of the whole organs.
    covered_variance : float
        Of the covered one, from counting.
    given_back : float
        Counts in the overlap that belong to the covering organ.
    """

    covering: float
    covered: float
    covered_variance: float
    given_back: float


def split_by_neighbour(
    *,
    clear_covering: float,
    clear_covering_pixels: int,
    overlap: float,
    overlap_pixels: int,
    clear_covered: float,
    thickness_ratio: float,
) -> SharedCounts:
    """Tell overlapping organs apart by what the covering one shows beside the overlap.

    Parameters
    ----------
    clear_covering, clear_covering_pixels : float, int
        Background-corrected counts and pixels of the covering organ clear of the other.
    overlap, overlap_pixels : float, int
        Where both project.
    clear_covered : float
        Counts of the covered organ clear of the covering one.
    thickness_ratio : float
        Mean attenuated thickness of the covering organ in the overlap over that beside it, in this view (from CT:
        `attenuated_thickness`); 1 takes it as equally thick.

    Raises
    ------
    RegionError
        If nothing of the covering organ is clear.
    """
    require_non_negative("overlap", thickness_ratio=thickness_ratio, overlap_pixels=float(overlap_pixels))
    if clear_covering_pixels <= 0:
        raise RegionError("nothing of the covering organ is seen clear of the other", remedy="use the template fit")
    scale = thickness_ratio * overlap_pixels / clear_covering_pixels
    given = min(max(scale * clear_covering, 0.0), max(overlap, 0.0))
    covered = clear_covered + overlap - given
    return SharedCounts(
        covering=clear_covering + given,
        covered=max(covered, 0.0),
        covered_variance=max(clear_covered, 0.0) + max(overlap, 0.0) + scale**2 * max(clear_covering, 0.0),
        given_back=given,
    )


def attenuated_thickness(*, thickness_mm: float, depth_mm: float, attenuation_per_mm: float) -> float:
    """Thickness of unattenuated organ that would show the same counts: exp(-mu d) (1 - exp(-mu t)) / mu.

    Parameters
    ----------
    thickness_mm, depth_mm : float
        Of the organ along the ray, and of tissue between it and the camera.
    attenuation_per_mm : float
        Of soft tissue.

    Examples
    --------
    >>> round(attenuated_thickness(thickness_mm=100.0, depth_mm=20.0, attenuation_per_mm=0.01357), 3)
    41.715
    """
    require_non_negative("organ", thickness_mm=thickness_mm, depth_mm=depth_mm, attenuation_per_mm=attenuation_per_mm)
    if attenuation_per_mm == 0.0:
        return thickness_mm
    seen = (1.0 - exp(-attenuation_per_mm * thickness_mm)) / attenuation_per_mm
    return exp(-attenuation_per_mm * depth_mm) * seen


def clear_part_counts(*, anterior: float, posterior: float, clear_volume_share: float) -> float:
    """Geometric mean of a whole organ from its clear part, which is taken as alike.

    Parameters
    ----------
    anterior, posterior : float
        Net counts of the clear part.
    clear_volume_share : float
        Share of the organ's volume that projects into it (CT).

    Raises
    ------
    QuantityError
        If the share is not above 0.1: a tenth of an organ does not stand for it.
    """
    if not 0.1 < clear_volume_share <= 1.0:
        raise QuantityError(
            "too little of the organ is seen clear of others",
            field="clear_volume_share",
            value=f"{clear_volume_share:.2f}",
            expected="0.1 to 1",
        )
    return geometric_mean(anterior, posterior) / clear_volume_share


def shape_from_partner(covered: ActivitySeries, partner: ActivitySeries, *, shape_relative_sd: float) -> ActivitySeries:
    """Give a covered organ the shape over time of its partner, for hybrid studies.

    Parameters
    ----------
    covered : ActivitySeries
        Planar series of the covered organ: its name stays, its values are dropped.
    partner : ActivitySeries
        Of the other kidney, at the same scans.
    shape_relative_sd : float
        By which two kidneys of one patient may differ in shape, per time; added to each sample.

    Returns
    -------
    ActivitySeries
        Fit for `scale_to_spect` only: its scale is the partner's.

    Raises
    ------
    CaseError
        If both are one region.
    """
    require_positive("shape", shape_relative_sd=shape_relative_sd)
    if covered.region == partner.region:
        raise CaseError("an organ cannot lend its shape to itself", value=covered.region)
    samples = tuple(
        ActivitySample(
            region=covered.region,
            time_s=s.time_s,
            activity_bq=s.activity_bq,
            sd_bq=float(np.hypot(s.sd_bq or 0.0, shape_relative_sd * s.activity_bq)),
            method=s.method,
        )
        for s in partner.samples
    )
    return replace(
        covered,
        samples=samples,
        notes=(*covered.notes, f"{covered.region}: shape over time taken from {partner.region}, scale from SPECT only"),
        provenance=Provenance(
            step="imaging.shape_from_partner",
            parameters={"partner": partner.region, "shape_relative_sd": shape_relative_sd},
        ),
    )
