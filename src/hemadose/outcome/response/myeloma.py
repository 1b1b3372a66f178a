"""Response of multiple myeloma by IMWG 2016.

Source: Kumar S et al. Lancet Oncol 2016;17:e328-e346, Table 4. Every category but stable disease needs two assessments
in a row; `confirmed_response` says what two assessments give together.
"""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.model._checks import require_non_negative
from hemadose.model.followup import Decision

SOURCE = "Kumar S et al. Lancet Oncol 2016;17:e328-e346, Table 4"
RULE = "IMWG 2016"
ORDER = ("sCR", "CR", "VGPR", "PR", "MR", "SD", "PD")


@dataclass(frozen=True, slots=True, kw_only=True)
class MyelomaAssessment:
    """What is known at one time; None is not known.

    Attributes
    ----------
    day : float
        Of the assessment.
    serum_m_g_per_dl, urine_m_mg_per_d : float or None
        M protein.
    involved_flc_mg_per_l, uninvolved_flc_mg_per_l : float or None
        Free light chains.
    flc_ratio_normal : bool or None
        Ratio within the limits of the laboratory.
    serum_immunofixation, urine_immunofixation : bool or None
        True if positive.
    marrow_plasma_cells_percent : float or None
        In the marrow.
    clonal_plasma_cells : bool or None
        Clonal cells by immunohistochemistry or flow.
    plasmacytoma_mm2 : float or None
        Sum of products; 0 if there is none.
    new_lesions : bool or None
        New bone lesions or plasmacytomas.
    """

    day: float
    serum_m_g_per_dl: float | None = None
    urine_m_mg_per_d: float | None = None
    involved_flc_mg_per_l: float | None = None
    uninvolved_flc_mg_per_l: float | None = None
    flc_ratio_normal: bool | None = None
    serum_immunofixation: bool | None = None
    urine_immunofixation: bool | None = None
    marrow_plasma_cells_percent: float | None = None
    clonal_plasma_cells: bool | None = None
    plasmacytoma_mm2: float | None = None
    new_lesions: bool | None = None

    def __post_init__(self) -> None:
        """Refuse negative numbers."""
        for name in (
            "serum_m_g_per_dl", "urine_m_mg_per_d", "involved_flc_mg_per_l", "uninvolved_flc_mg_per_l",
            "marrow_plasma_cells_percent", "plasmacytoma_mm2",
        ):  # fmt: skip
            if getattr(self, name) is not None:
                require_non_negative("assessment", **{name: getattr(self, name)})

    @property
    def flc_difference_mg_per_l(self) -> float | None:
        """Involved minus uninvolved."""
        if self.involved_flc_mg_per_l is None or self.uninvolved_flc_mg_per_l is None:
            return None
        return self.involved_flc_mg_per_l - self.uninvolved_flc_mg_per_l


def imwg_2016(baseline: MyelomaAssessment, nadir: MyelomaAssessment, now: MyelomaAssessment) -> Decision:
    """Classify one assessment, before confirmation.

    Parameters
    ----------
    baseline : MyelomaAssessment
        Before therapy.
    nadir : MyelomaAssessment
        Lowest values since; progression is measured from them.
    now : MyelomaAssessment
        What is classified.

    Returns
    -------
    Decision
        One of `ORDER`; open if nothing measurable is known.
    """
    progress = _progress(nadir, now)
    if progress:
        return _said("PD", now, progress)
    measurable = _measurable(baseline)
    if not measurable:
        wanted = (
            "serum >= 1 g/dL, urine >= 200 mg/24 h or involved light chain >= 100 mg/l with abnormal ratio at baseline",
        )
        return Decision(rule=RULE, outcome=None, day=now.day, missing=wanted, source=SOURCE)
    missing = tuple(m for m in measurable if _value(now, m) is None)
    if missing:
        return Decision(rule=RULE, outcome=None, day=now.day, missing=missing, source=SOURCE)
    deepest = _complete(now)
    if deepest is not None:
        return _said(deepest[0], now, deepest[1])
    drops = {m: 100.0 * (1.0 - (_value(now, m) or 0.0) / (_value(baseline, m) or 1.0)) for m in measurable}
    words = tuple(f"{m} {drop:+.0f} % fall" for m, drop in drops.items())
    return _said(_depth(baseline, now, drops), now, words)


def _said(outcome: str, now: MyelomaAssessment, criteria: tuple[str, ...]) -> Decision:
    note = () if outcome == "SD" else ("needs a second assessment to be confirmed",)
    return Decision(rule=RULE, outcome=outcome, day=now.day, criteria=criteria, source=SOURCE, notes=note)


def _measurable(a: MyelomaAssessment) -> tuple[str, ...]:
    """What was measurable before therapy; light chains count only where neither serum nor urine is."""
    found = []
    if a.serum_m_g_per_dl is not None and a.serum_m_g_per_dl >= 1.0:
        found.append("serum M protein")
    if a.urine_m_mg_per_d is not None and a.urine_m_mg_per_d >= 200.0:
        found.append("urine M protein")
    if not found and (a.involved_flc_mg_per_l or 0.0) >= 100.0 and a.flc_ratio_normal is False:
        found.append("light chain difference")
    return tuple(found)


def _value(a: MyelomaAssessment, name: str) -> float | None:
    return {
        "serum M protein": a.serum_m_g_per_dl,
        "urine M protein": a.urine_m_mg_per_d,
        "light chain difference": a.flc_difference_mg_per_l,
    }[name]


def _complete(now: MyelomaAssessment) -> tuple[str, tuple[str, ...]] | None:
    """Complete response, stringent or not; None if it is not one or cannot be shown to be one."""
    negative = now.serum_immunofixation is False and now.urine_immunofixation is False
    cells = now.marrow_plasma_cells_percent is not None and now.marrow_plasma_cells_percent < 5.0
    if not (negative and cells and now.plasmacytoma_mm2 == 0.0):
        return None
    base = ("immunofixation negative in serum and urine", "no plasmacytoma", "plasma cells < 5 %")
    if now.flc_ratio_normal and now.clonal_plasma_cells is False:
        return "sCR", (*base, "light chain ratio normal", "no clonal plasma cells")
    return "CR", base


def _depth(baseline: MyelomaAssessment, now: MyelomaAssessment, drops: dict[str, float]) -> str:
    serum, urine, chain = (drops.get(n) for n in ("serum M protein", "urine M protein", "light chain difference"))
    mass = _mass_fall(baseline, now)
    if chain is not None:
        level = "VGPR" if chain >= 90.0 else ("PR" if chain >= 50.0 else "SD")
        return level if mass is None or mass >= 50.0 or level == "SD" else "SD"
    urine_now = now.urine_m_mg_per_d
    if _very_good(now, serum, urine_now) and (mass is None or mass >= 90.0):
        return "VGPR"
    urine_partial = urine is None or urine >= 90.0 or (urine_now is not None and urine_now < 200.0)
    if (serum is None or serum >= 50.0) and urine_partial and (mass is None or mass >= 50.0):
        return "PR"
    urine_minor = urine is None or urine >= 50.0
    if (serum is None or serum >= 25.0) and urine_minor and (mass is None or mass >= 50.0):
        return "MR"
    return "SD"


def _very_good(now: MyelomaAssessment, serum: float | None, urine_now: float | None) -> bool:
    fixation = now.serum_immunofixation is True or now.urine_immunofixation is True
    only_fixation = fixation and (now.serum_m_g_per_dl or 0.0) == 0.0 and (urine_now or 0.0) == 0.0
    deep = (serum is None or serum >= 90.0) and urine_now is not None and urine_now < 100.0
    return only_fixation or deep


def _mass_fall(baseline: MyelomaAssessment, now: MyelomaAssessment) -> float | None:
    """Fall of plasmacytomas in per cent, None where there were none."""
    if not baseline.plasmacytoma_mm2 or now.plasmacytoma_mm2 is None:
        return None
    return 100.0 * (1.0 - now.plasmacytoma_mm2 / baseline.plasmacytoma_mm2)


def _progress(nadir: MyelomaAssessment, now: MyelomaAssessment) -> tuple[str, ...]:
    found = []
    if now.new_lesions:
        found.append("new lesions")
    for name, usual in (("serum M protein", 0.5), ("urine M protein", 200.0), ("light chain difference", 100.0)):
        low, value = _value(nadir, name), _value(now, name)
        if low is None or value is None:
            continue
        least = 1.0 if name == "serum M protein" and low >= 5.0 else usual
        if name == "light chain difference" and (_value(nadir, "serum M protein") or _value(nadir, "urine M protein")):
            continue
        if value - low >= least and (low <= 0.0 or value >= 1.25 * low):
            found.append(f"{name} {low:g} to {value:g}")
    low_mass, mass = nadir.plasmacytoma_mm2, now.plasmacytoma_mm2
    if low_mass and mass is not None and mass >= 1.5 * low_mass:
        found.append(f"plasmacytomas {low_mass:g} to {mass:g} mm2")
    cells_low, cells = nadir.marrow_plasma_cells_percent, now.marrow_plasma_cells_percent
    measured = any(_value(now, n) is not None for n in ("serum M protein", "urine M protein", "light chain difference"))
    if not measured and cells_low is not None and cells is not None and cells >= 10.0 and cells >= 1.25 * cells_low:
        found.append(f"plasma cells {cells_low:g} to {cells:g} %")
    return tuple(found)


def confirmed_response(first: Decision, second: Decision) -> Decision:
    """Give what two assessments in a row show together: the worse of the two; progression needs both."""
    if first.outcome is None or second.outcome is None:
        which = "first" if first.outcome is None else "second"
        return Decision(rule=RULE, outcome=None, missing=(f"the {which} assessment",), source=SOURCE)
    if "PD" in (first.outcome, second.outcome) and first.outcome != second.outcome:
        return Decision(rule=RULE, outcome=None, missing=("confirmation of progression",), source=SOURCE)
    worse = max((first, second), key=lambda d: ORDER.index(d.outcome or "SD"))
    return Decision(
        rule=RULE,
        outcome=worse.outcome,
        day=first.day,
        criteria=(f"{first.outcome}, then {second.outcome}",),
        source=SOURCE,
    )
