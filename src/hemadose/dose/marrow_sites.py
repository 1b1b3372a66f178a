"""Red marrow from images of any site of the skeleton, and from several sites at once.

The activity measured in a site over the site's share of the red marrow is the activity of the whole marrow. Several
sites of one study are averaged with the inverse variance of their integrals; a chi-square of their differences, whose
covariance the joint draws know (sites share the calibration), tells whether they agree. Where they do not, the
uncertainty of the average is widened by the Birge ratio.

References
----------
Birge R T. Phys Rev 40:207 (1932). Hindorf C et al. EJNMMI 37:1238 (2010) (activity of the marrow from a region of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.dose.sources import SourceCurve, scaled
from hemadose.errors import QuantityError
from hemadose.model import CurveEnsemble, ExponentialCurve
from hemadose.model.marrow import MarrowSite, SiteEstimate

Floats = npt.NDArray[np.float64]

RED_MARROW = "red_marrow"
LEAST_P = 0.05
"""Sites disagree below this probability of their chi-square."""

_VERTEBRAE = tuple(f"lumbar_l{n}" for n in range(1, 6))
_HIPS = ("hip_left", "hip_right", "iliac")
PARTS = {
    "lumbar_l1_l5": ("lumbar_l2_l4", *_VERTEBRAE),
    "lumbar_l2_l4": _VERTEBRAE[1:4],
    "pelvis": ("sacrum", "os_coxae", *_HIPS),
    "os_coxae": _HIPS,
}
"""Site to sites within it; the spongiosa of the skeleton holds all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedMarrow:
    """The whole red marrow from one site or several.

    Attributes
    ----------
    source : SourceCurve
        Named ``red_marrow``.
    estimates : tuple of SiteEstimate
        What each site says, and its weight.
    chi_square, probability : float or None
        Of the agreement of the sites; None with one site.
    """

    source: SourceCurve
    estimates: tuple[SiteEstimate, ...]
    chi_square: float | None = None
    probability: float | None = None


def marrow_from_site(region: SourceCurve, *, site: MarrowSite, normal: Floats) -> SourceCurve:
    """Scale the activity measured in a site to the whole red marrow.

    Parameters
    ----------
    region : SourceCurve
        Activity in the site.
    site : MarrowSite
        Its share of the red marrow.
    normal : ndarray, shape (draws,)
        Standard-normal draws for the share, independent between sites.

    Returns
    -------
    SourceCurve
        Named ``red_marrow``.

    Raises
    ------
    QuantityError
        If nothing was measured in the site.
    """
    if not region.tia_bq_s > 0.0:
        raise QuantityError(
            f"no activity in {site.title}: it tells nothing about the marrow",
            field=site.name,
            value=f"{region.tia_bq_s:g} Bq s",
            expected="> 0",
        )
    return scaled(region, 1.0 / site.fraction, name=RED_MARROW, relative_sd=site.relative_sd, normal=normal)


def combine_sites(regions: Sequence[SourceCurve], *, sites: Sequence[MarrowSite], seed: int) -> CombinedMarrow:
    """Average the whole marrow over the sites of one study.

    Parameters
    ----------
    regions : sequence of SourceCurve
        Activity in each site, with joint draws.
    sites : sequence of MarrowSite
        In the same order.
    seed : int
        Of the draws of the shares.

    Returns
    -------
    CombinedMarrow
        With one site: that site.

    Raises
    ------
    QuantityError
        If there is no site, one is named twice or lies in another, or one holds no activity.

    Notes
    -----
    Weights are those of independent estimates, 1/variance of each; the uncertainty of the average comes from the joint
    draws, so that what the sites share does not average out.
    """
    if not regions or len(regions) != len(sites):
        raise QuantityError("marrow needs one site or more, and a share for each")
    names = [site.name for site in sites]
    if len(set(names)) != len(names):
        raise QuantityError("a marrow site is named twice", value=", ".join(names))
    _require_apart(names)
    wholes = [
        marrow_from_site(region, site=site, normal=_normal(seed, site.name, region.ensemble.draws))
        for region, site in zip(regions, sites, strict=True)
    ]
    tias = np.array([whole.tia_bq_s for whole in wholes])
    draws = np.array([whole.ensemble.integral_bq_s() for whole in wholes])
    sds = np.std(draws, axis=1, ddof=1) if draws.shape[1] > 1 else np.zeros(len(tias))
    weights = _weights(sds)
    estimates = tuple(
        SiteEstimate(site=site, tia_bq_s=float(tia), sd_bq_s=float(sd), weight=float(weight))
        for site, tia, sd, weight in zip(sites, tias, sds, weights, strict=True)
    )
    if len(wholes) == 1:
        return CombinedMarrow(source=wholes[0], estimates=estimates)
    average = _average(wholes, weights)
    chi_square, probability = _agreement(tias, draws)
    if probability is not None and probability < LEAST_P:
        average = _widened(average, chi_square / (len(tias) - 1), names, tias, probability, seed)
    return CombinedMarrow(source=average, estimates=estimates, chi_square=chi_square, probability=probability)


def _require_apart(names: Sequence[str]) -> None:
    for outer in names:
        inner = [n for n in names if n != outer and (outer == "spongiosa" or n in PARTS.get(outer, ()))]
        if inner:
            raise QuantityError(
                f"{', '.join(inner)} lies in {outer}: the same activity would count twice",
                field="marrow.sites",
                value=", ".join(names),
                remedy="name sites that do not overlap",
            )


def _normal(seed: int, name: str, draws: int) -> Floats:
    """Draws of a site's share. Those of L2-L4 do not depend on which other sites there are."""
    if name == "lumbar_l2_l4":
        return np.random.default_rng([seed, 5]).standard_normal(draws)
    from zlib import crc32

    return np.random.default_rng([seed, 5, crc32(name.encode())]).standard_normal(draws)


def _weights(sds: Floats) -> Floats:
    """Inverse variance; equal where no uncertainty is known."""
    if (sds > 0.0).all():
        inverse = np.square(sds.min() / sds)
        return np.asarray(inverse / inverse.sum())
    return np.full(sds.size, 1.0 / sds.size)


def _average(wholes: Sequence[SourceCurve], weights: Floats) -> SourceCurve:
    parts = list(zip(weights, wholes, strict=True))
    return SourceCurve(
        name=RED_MARROW,
        curve=ExponentialCurve(
            amplitudes_bq=np.concatenate([w * s.curve.amplitudes_bq for w, s in parts]),
            rates_per_s=np.concatenate([s.curve.rates_per_s for s in wholes]),
        ),
        ensemble=CurveEnsemble(
            amplitudes_bq=np.concatenate([w * s.ensemble.amplitudes_bq for w, s in parts], axis=1),
            rates_per_s=np.concatenate([s.ensemble.rates_per_s for s in wholes], axis=1),
        ),
        notes=tuple(dict.fromkeys(note for s in wholes for note in s.notes)),
    )


def _agreement(tias: Floats, draws: Floats) -> tuple[float, float | None]:
    """Chi-square of the differences to the first site, with their covariance, and its probability."""
    from scipy.stats import chi2

    logs = np.log(np.maximum(draws, 1e-12 * tias[:, None]))
    spread = np.atleast_2d(np.cov(logs[1:] - logs[0]))
    if not np.linalg.eigvalsh(spread).min() > 0.0:
        return 0.0, None
    away = np.log(tias[1:]) - np.log(tias[0])
    chi_square = float(away @ np.linalg.solve(spread, away))
    return chi_square, float(chi2.sf(chi_square, tias.size - 1))


def _widened(
    average: SourceCurve, ratio: float, names: Sequence[str], tias: Floats, probability: float, seed: int
) -> SourceCurve:
    """Widen the draws of the average by the Birge ratio, and say so."""
    tia = average.ensemble.integral_bq_s()
    relative = float(np.std(tia, ddof=1) / np.mean(tia))
    extra = relative * float(np.sqrt(max(ratio - 1.0, 0.0)))
    normal = np.random.default_rng([seed, 6]).standard_normal(average.ensemble.draws)
    wider = scaled(average, 1.0, name=RED_MARROW, relative_sd=extra, normal=normal)
    said = ", ".join(f"{name} {tia / average.tia_bq_s:.2f}" for name, tia in zip(names, tias, strict=True))
    note = (
        f"the marrow sites disagree (whole marrow over its average: {said}; p = {probability:.1g}): the uncertainty of "
        f"their average was widened {np.sqrt(ratio):.1f} times; look for lesions, or marrow that lies elsewhere"
    )
    return SourceCurve(name=wider.name, curve=wider.curve, ensemble=wider.ensemble, notes=(*wider.notes, note))
