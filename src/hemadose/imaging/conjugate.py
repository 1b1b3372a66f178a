"""Conjugate views: geometric mean, attenuation, self-attenuation, background.

References
----------
MIRD Pamphlet 16 (Siegel 1999): A = sqrt(Ia Ip exp(mu T)) f / C, f = (mu d/2) / sinh(mu d/2).
Buijs W. et al., Eur J Nucl Med 1998;25:1552: background scaled with 1 - d/T.
"""

from __future__ import annotations

from math import exp, sinh, sqrt

from hemadose.errors import QuantityError


def geometric_mean(anterior: float, posterior: float) -> float:
    """Square root of the product; zero if a background subtraction left nothing."""
    return sqrt(max(anterior, 0.0) * max(posterior, 0.0))


def self_attenuation(*, attenuation_per_mm: float, organ_mm: float) -> float:
    """Factor f = (mu d/2) / sinh(mu d/2), 1 for a thin source.

    >>> round(self_attenuation(attenuation_per_mm=0.0112, organ_mm=60.0), 6)
    0.981429
    """
    half = attenuation_per_mm * organ_mm / 2.0
    return 1.0 if half < 1e-9 else half / sinh(half)


def conjugate_view_activity_bq(
    *,
    anterior_per_s: float,
    posterior_per_s: float,
    attenuation_per_mm: float,
    body_mm: float,
    organ_mm: float,
    counts_per_s_per_bq: float,
) -> float:
    """Activity of one organ from two opposed views (MIRD 16).

    Raises
    ------
    QuantityError
        If the sensitivity is not positive or the organ is thicker than the body.

    Examples
    --------
    >>> round(conjugate_view_activity_bq(anterior_per_s=18200 / 60, posterior_per_s=26300 / 60,
    ...     attenuation_per_mm=0.0112, body_mm=240.0, organ_mm=60.0,
    ...     counts_per_s_per_bq=11.5e-6) / 1e6, 2)
    119.32
    """
    if counts_per_s_per_bq <= 0.0:
        raise QuantityError("camera sensitivity must be positive", value=f"{counts_per_s_per_bq:g}")
    if organ_mm > body_mm:
        raise QuantityError("an organ cannot be thicker than the body", value=f"{organ_mm:g} > {body_mm:g} mm")
    return (
        geometric_mean(anterior_per_s, posterior_per_s)
        * exp(attenuation_per_mm * body_mm / 2.0)
        * self_attenuation(attenuation_per_mm=attenuation_per_mm, organ_mm=organ_mm)
        / counts_per_s_per_bq
    )


def background_scale(*, organ_mm: float, body_mm: float) -> float:
    """Share of the background counts that lies before and behind the organ, 1 - d/T.

    Raises
    ------
    QuantityError
        If the organ is thicker than the body.
    """
    if not 0.0 <= organ_mm <= body_mm:
        raise QuantityError("an organ cannot be thicker than the body", value=f"{organ_mm:g} > {body_mm:g} mm")
    return 1.0 - organ_mm / body_mm
