"""Response of lymphoma by Lugano: metabolic on FDG PET, or by size on CT.

The five-point scale is defined for FDG. CXCR4 tracers bind to healthy marrow and spleen as well; for them there is a
scale of its own, which is descriptive and is never called Deauville.

Source: Cheson BD et al. J Clin Oncol 2014;32:3059-3068, Table 3; Barrington SF et al. J Clin Oncol 2014;32:3048-3058.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.model.followup import Decision

SOURCE = "Cheson BD et al. J Clin Oncol 2014;32:3059-3068, Table 3"
MODERATE, MARKED = 1.0, 2.0
Change = Literal["reduced", "unchanged", "increased"]


def five_point_scale(
    *, tracer: str, lesion_suv: float, mediastinum_suv: float, liver_suv: float, new_lesions: bool = False
) -> Decision:
    """Give the score of the hottest lesion.

    Parameters
    ----------
    tracer : str
        ``"FDG"``; any other tracer is refused.
    lesion_suv, mediastinum_suv, liver_suv : float
        SUVmax of the lesion; of mediastinal blood pool and liver. A lesion that is not seen is given as 0.
    new_lesions : bool
        Makes the score 5.

    Raises
    ------
    InputError
        For another tracer than FDG.
    """
    if tracer.upper().replace("[18F]", "").replace("18F-", "") != "FDG":
        raise InputError(
            "the five-point scale is defined for FDG only", field="tracer", value=tracer, expected="FDG",
            remedy="use cxcr4_scale for CXCR4 tracers",
        )  # fmt: skip
    require_non_negative("five-point scale", lesion_suv=lesion_suv)
    require_positive("five-point scale", mediastinum_suv=mediastinum_suv, liver_suv=liver_suv)
    if new_lesions or lesion_suv > MARKED * liver_suv:
        score, why = 5, "new lesions" if new_lesions else f"more than {MARKED:g} times liver"
    elif lesion_suv > liver_suv:
        score, why = 4, "above liver"
    elif lesion_suv > mediastinum_suv:
        score, why = 3, "above mediastinum, not above liver"
    elif lesion_suv > 0.0:
        score, why = 2, "not above mediastinum"
    else:
        score, why = 1, "no uptake"
    return Decision(
        rule="Deauville five-point scale", outcome=str(score), grade=None, criteria=(why,), source=SOURCE,
        used=(f"lesion {lesion_suv:g}, mediastinum {mediastinum_suv:g}, liver {liver_suv:g}",),
        notes=(f"'markedly' above liver is read as more than {MARKED:g} times, as many groups do",),
    )  # fmt: skip


def cxcr4_scale(*, lesion_suv: float, blood_pool_suv: float, marrow_suv: float) -> Decision:
    """Describe uptake of a CXCR4 tracer; not a response score.

    Parameters
    ----------
    lesion_suv : float
        SUVmax of the hottest lesion.
    blood_pool_suv, marrow_suv : float
        Mean SUV of blood pool and of marrow that looks healthy.
    """
    require_non_negative("CXCR4 scale", lesion_suv=lesion_suv)
    require_positive("CXCR4 scale", blood_pool_suv=blood_pool_suv, marrow_suv=marrow_suv)
    level = sum(lesion_suv > x for x in (0.0, blood_pool_suv, marrow_suv, MARKED * max(marrow_suv, blood_pool_suv)))
    words = (
        "no uptake",
        "not above blood pool",
        "above blood pool, not above marrow",
        "above marrow",
        "markedly above marrow",
    )
    return Decision(
        rule="CXCR4 uptake (descriptive, of this program)", outcome=words[level], source="none: not a published score",
        used=(f"lesion {lesion_suv:g}, blood pool {blood_pool_suv:g}, marrow {marrow_suv:g}",),
        notes=("not a response criterion and not the five-point scale, which is defined for FDG only",),
    )  # fmt: skip


def metabolic_response(*, score: int, change: Change, new_lesions: bool = False, marrow_new: bool = False) -> Decision:
    """Give the metabolic response on FDG PET.

    Parameters
    ----------
    score : int
        Five-point scale, 1 to 5.
    change : str
        Uptake against baseline: ``"reduced"``, ``"unchanged"``, ``"increased"``.
    new_lesions : bool
        New FDG-avid foci consistent with lymphoma.
    marrow_new : bool
        New or recurrent FDG-avid foci in the marrow.

    Raises
    ------
    QuantityError
        If the score is not on the scale.
    """
    if score not in (1, 2, 3, 4, 5):
        raise QuantityError("not on the five-point scale", field="score", value=str(score), expected="1 to 5")
    if new_lesions or marrow_new:
        outcome, why = "PMD", "new FDG-avid foci"
    elif score <= 3:
        outcome, why = "CMR", f"score {score}, with or without a residual mass"
    elif change == "reduced":
        outcome, why = "PMR", f"score {score}, reduced from baseline"
    elif change == "unchanged":
        outcome, why = "NMR", f"score {score}, no significant change"
    else:
        outcome, why = "PMD", f"score {score}, increased from baseline"
    notes = ("infection and inflammation after cellular therapy look alike: biopsy",) if outcome == "PMD" else ()
    return Decision(rule="Lugano 2014 metabolic", outcome=outcome, criteria=(why,), source=SOURCE, notes=notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One target lesion at one time, mm.

    Attributes
    ----------
    longest_mm, shortest_mm : float
        Longest diameter, and the longest one across it.
    extranodal : bool
        Outside lymph nodes.
    """

    longest_mm: float
    shortest_mm: float
    extranodal: bool = False

    def __post_init__(self) -> None:
        """The longest diameter is the longer one."""
        require_non_negative("node", longest_mm=self.longest_mm, shortest_mm=self.shortest_mm)
        if self.shortest_mm > self.longest_mm:
            raise QuantityError(
                "the longest diameter is the shorter one", field="longest_mm", value=str(self.longest_mm)
            )

    @property
    def product_mm2(self) -> float:
        """Product of the diameters."""
        return self.longest_mm * self.shortest_mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Spleen:
    """Length of the spleen, mm; above 130 it is enlarged."""

    length_mm: float

    @property
    def excess_mm(self) -> float:
        """Beyond 130 mm."""
        return max(self.length_mm - 130.0, 0.0)


def ct_response(
    baseline: tuple[Node, ...],
    nadir: tuple[Node, ...],
    now: tuple[Node, ...],
    *,
    spleen: tuple[Spleen, Spleen, Spleen] | None = None,
    new_node_longest_mm: float | None = None,
    new_extranodal_longest_mm: float | None = None,
) -> Decision:
    """Give the response by size.

    Parameters
    ----------
    baseline, nadir, now : tuple of Node
        The same target lesions, at most six, at the three times; a lesion that is gone has zero diameters.
    spleen : tuple of 3 Spleen, optional
        At the three times.
    new_node_longest_mm, new_extranodal_longest_mm : float, optional
        Longest diameter of the largest new lesion.

    Returns
    -------
    Decision
        ``"CR"``, ``"PR"``, ``"SD"`` or ``"PD"``.

    Raises
    ------
    InputError
        If the lists do not match, or hold none or more than six lesions.
    """
    if not 0 < len(baseline) <= 6 or not len(baseline) == len(nadir) == len(now):
        raise InputError(
            "the target lesions do not match", field="now", value=f"{len(baseline)}, {len(nadir)}, {len(now)}",
            expected="the same one to six lesions at each time",
        )  # fmt: skip
    progress = _progress(nadir, now, spleen, new_node_longest_mm, new_extranodal_longest_mm)
    if progress:
        return Decision(rule="Lugano 2014 CT", outcome="PD", criteria=progress, source=SOURCE)
    before, after = (sum(n.product_mm2 for n in nodes) for nodes in (baseline, now))
    if before == 0.0:
        raise InputError("no target lesion is measurable at baseline", field="baseline", remedy="give their diameters")
    normal = all(n.longest_mm == 0.0 if n.extranodal else n.longest_mm <= 15.0 for n in now)
    spleen_normal = spleen is None or spleen[2].excess_mm == 0.0
    change = 100.0 * (after / before - 1.0)
    said = f"sum of products {before:g} to {after:g} mm2 ({change:+.0f} %)"
    if normal and spleen_normal:
        return Decision(rule="Lugano 2014 CT", outcome="CR", criteria=("all nodes <= 15 mm", said), source=SOURCE)
    smaller = spleen is None or spleen[0].excess_mm == 0.0 or spleen[2].excess_mm < 0.5 * spleen[0].excess_mm
    if change <= -50.0 and smaller:
        return Decision(rule="Lugano 2014 CT", outcome="PR", criteria=(said,), source=SOURCE)
    return Decision(rule="Lugano 2014 CT", outcome="SD", criteria=(said,), source=SOURCE)


def _progress(
    nadir: tuple[Node, ...],
    now: tuple[Node, ...],
    spleen: tuple[Spleen, Spleen, Spleen] | None,
    new_node: float | None,
    new_extranodal: float | None,
) -> tuple[str, ...]:
    found = []
    for i, (low, node) in enumerate(zip(nadir, now, strict=True), start=1):
        grown = low.product_mm2 == 0.0 or node.product_mm2 >= 1.5 * low.product_mm2
        step = 5.0 if node.longest_mm <= 20.0 else 10.0
        rise = max(node.longest_mm - low.longest_mm, node.shortest_mm - low.shortest_mm)
        if node.longest_mm > 15.0 and grown and rise >= step:
            found.append(
                f"lesion {i}: {low.longest_mm:g} x {low.shortest_mm:g} to {node.longest_mm:g} x {node.shortest_mm:g} mm"
            )
    if spleen is not None:
        _, low_spleen, spleen_now = spleen
        rise = spleen_now.length_mm - low_spleen.length_mm
        if low_spleen.excess_mm > 0.0:
            if rise > 0.5 * low_spleen.excess_mm:
                found.append("spleen: more than half of its former excess")
        elif rise >= 20.0:
            found.append("spleen: 20 mm or more")
    if new_node is not None and new_node > 15.0:
        found.append(f"new node of {new_node:g} mm")
    if new_extranodal is not None and new_extranodal > 10.0:
        found.append(f"new extranodal lesion of {new_extranodal:g} mm")
    return tuple(found)


def size_change_percent(before: tuple[Node, ...], after: tuple[Node, ...]) -> float:
    """Give the change of the sum of products, per cent, for waterfall and spider figures."""
    first = sum(n.product_mm2 for n in before)
    return float(np.nan) if first == 0.0 else 100.0 * (sum(n.product_mm2 for n in after) / first - 1.0)
