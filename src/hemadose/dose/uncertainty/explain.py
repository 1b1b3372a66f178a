"""Sentences of a budget: what dominates, what would help, and why two ways of propagation differ."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from hemadose.model.budget import Component, VarianceShare

REMEDIES: dict[Component, str] = {
    Component.CALIBRATION: "a calibration of the camera against a traceable source, repeated",
    Component.RECOVERY: "more phantom spheres near the volume of the organ, or a better known resolution",
    Component.VOLUME: "an outline on images of finer resolution, or the mean of several observers",
    Component.SCALE: "more counts in the SPECT that scales the planar images, or a second SPECT",
    Component.SHARED: "calibration and recovery, whose parts were not told apart",
    Component.COUNTING: "longer acquisitions, above all of the late scans",
    Component.SCATTER: "further time points, or sample uncertainties that are known",
    Component.MODEL: "a further time point where the candidate curves part, as a rule a late one",
    Component.MASS: "the mass of the organ from a segmentation of the patient's own CT",
    Component.S_VALUE: "S values by transport in the patient's own anatomy",
    Component.MARROW_FRACTION: "marrow activity from more of the skeleton than the lumbar vertebrae",
}

AGREE = 0.05
"""Relative difference of the two standard uncertainties below which they count as equal."""


MARROW_MASS = "the mass of the red marrow from the spongiosa of the patient's own CT"


def dominance(shares: Sequence[VarianceShare], *, relative_sd: float, marrow: bool = False) -> str:
    """Say what dominates and how far the uncertainty would fall without it.

    >>> dominance((), relative_sd=0.0)
    'no uncertainty is known'
    """
    known = [s for s in shares if s.first_order > 0.0]
    if not known or relative_sd <= 0.0:
        return "no uncertainty is known"
    top = max(known, key=lambda s: s.first_order)
    left = relative_sd * sqrt(max(1.0 - top.total, 0.0))
    half = relative_sd * sqrt(max(1.0 - 0.75 * top.first_order, 0.0))
    remedy = MARROW_MASS if marrow and top.component is Component.MASS else REMEDIES[top.component]
    return (
        f"{top.component} gives {100.0 * top.first_order:.0f} % of the variance; without it "
        f"{100.0 * relative_sd:.1f} % would be {100.0 * left:.1f} %, with half of it {100.0 * half:.1f} %. "
        f"What would help most: {remedy}"
    )


def difference(
    *,
    analytic_sd: float,
    drawn_sd: float,
    excess: dict[Component, float],
    inverse: bool,
    other_limit: float,
    product: float,
) -> str:
    """Say why the draws spread otherwise than to first order; empty where they agree.

    Parameters
    ----------
    analytic_sd, drawn_sd : float
        The two standard uncertainties.
    excess : dict
        Variance with one cause alone, less its first-order variance, over the first-order variance of all.
    inverse : bool
        The quantity is a limit over a dose.
    other_limit : float
        Share of draws in which another limit is the smallest.
    product : float
        Drawn variance less the sum of those of single causes, over the first-order variance.
    """
    if analytic_sd <= 0.0 or abs(drawn_sd / analytic_sd - 1.0) <= AGREE:
        return ""
    side = "wider" if drawn_sd > analytic_sd else "narrower"
    told = f"the draws are {100.0 * abs(drawn_sd / analytic_sd - 1.0):.0f} % {side} than the first order"
    if other_limit > 0.01:
        return f"{told}: another limit is the smallest in {100.0 * other_limit:.0f} % of the draws"
    parts = []
    bent = {c: v for c, v in excess.items() if abs(v) > 0.02}
    for component in sorted(bent, key=lambda c: -abs(bent[c])):
        more = "more" if bent[component] > 0.0 else "less"
        parts.append(f"{component} alone spreads {more} than to first order ({_REASONS[component]})")
    if inverse:
        parts.append("one over an uncertain dose is skewed")
    if abs(product) > 0.02:
        parts.append("large factors multiply" if product > 0.0 else "causes cancel in part")
    return f"{told}: {'; '.join(parts)}" if parts else told


_LOG_NORMAL = "a log-normal factor is skewed"
_BENT = "the integral is not linear in the samples: slow rates stop at physical decay, tails are skewed"
_REASONS: dict[Component, str] = dict.fromkeys(Component, _LOG_NORMAL) | {
    Component.COUNTING: _BENT,
    Component.SCATTER: _BENT,
    Component.MODEL: "few models far apart",
}
