"""Response of acute myeloid leukaemia by ELN 2022.

Source: Doehner H et al. Blood 2022;140:1345-1377, Table 8. Criteria are tried from complete remission down; each needs
its data, and a question that only missing data could answer stays open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hemadose.errors import QuantityError
from hemadose.model._checks import require_non_negative
from hemadose.model.followup import Decision

SOURCE = "Doehner H et al. Blood 2022;140:1345-1377, Table 8"
RULE = "ELN 2022 AML"
Answer = Callable[..., Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmlAssessment:
    """What is known at one assessment; None is not known.

    Attributes
    ----------
    day : float
        Of the marrow.
    marrow_adequate : bool or None
        At least 200 nucleated cells counted, or a biopsy of at least 10 % cellularity.
    marrow_blasts_percent, blood_blasts_percent : float or None
        Blasts.
    auer_rods, extramedullary : bool or None
        Blasts with Auer rods; disease outside the marrow.
    neutrophils, platelets : float or None
        10^9/l, without transfusion and growth factor as far as known.
    baseline_marrow_blasts_percent : float or None
        Before therapy, for partial remission.
    mrd_percent, mrd_threshold_percent : float or None
        Measurable residual disease, and the limit below which it counts as negative.
    """

    day: float
    marrow_adequate: bool | None = None
    marrow_blasts_percent: float | None = None
    blood_blasts_percent: float | None = None
    auer_rods: bool | None = None
    extramedullary: bool | None = None
    neutrophils: float | None = None
    platelets: float | None = None
    baseline_marrow_blasts_percent: float | None = None
    mrd_percent: float | None = None
    mrd_threshold_percent: float | None = None

    def __post_init__(self) -> None:
        """Refuse negative numbers and more than all."""
        for name in ("marrow_blasts_percent", "blood_blasts_percent", "baseline_marrow_blasts_percent", "mrd_percent"):
            value = getattr(self, name)
            if value is not None:
                require_non_negative("assessment", **{name: value})
                if value > 100.0:
                    raise QuantityError("a share is above 100 %", field=name, value=f"{value:g}", expected="0 to 100")
        for name in ("neutrophils", "platelets"):
            if getattr(self, name) is not None:
                require_non_negative("assessment", **{name: getattr(self, name)})


def eln_2022(a: AmlAssessment, *, with_crh: bool = True) -> Decision:
    """Classify one assessment.

    Parameters
    ----------
    a : AmlAssessment
        Findings.
    with_crh : bool
        Use the category CRh; CRi then holds what CRh does not.

    Returns
    -------
    Decision
        ``"CR"``, ``"CRh"``, ``"CRi"``, ``"MLFS"``, ``"PR"``, ``"NR"`` (with ``" MRD-"`` where shown), ``"NE"`` for a
        marrow that cannot be judged; open if data are missing.

    Examples
    --------
    >>> eln_2022(
    ...     AmlAssessment(
    ...         day=28.0, marrow_adequate=True, marrow_blasts_percent=2.0, blood_blasts_percent=0.0,
    ...         extramedullary=False, auer_rods=False, neutrophils=1.2, platelets=60.0,
    ...     )
    ... ).outcome
    'CRh'
    """
    used = tuple(
        f"{n.replace('_', ' ')} {getattr(a, n)}"
        for n in ("marrow_blasts_percent", "blood_blasts_percent", "extramedullary", "neutrophils", "platelets")
        if getattr(a, n) is not None
    )
    notes = ("independence of transfusion and growth factor is not checked here",)

    def answer(outcome: str | None, criteria: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> Decision:
        return Decision(
            rule=RULE, outcome=outcome, day=a.day, criteria=criteria, used=used, missing=missing, source=SOURCE,
            notes=notes if outcome in ("CR", "CRh", "CRi", "CR MRD-", "CRh MRD-", "CRi MRD-") else (),
        )  # fmt: skip

    disease = _disease(a)
    if disease is None:
        if a.marrow_adequate is False:
            return answer("NE", ("the marrow cannot be judged",))
        return answer(None, missing=_unknown(a))
    if disease == "":
        return _remission(a, with_crh, answer)
    return _partial(a, disease, answer)


def _disease(a: AmlAssessment) -> str | None:
    """Evidence of leukaemia in words, ``""`` for none, None if not known."""
    if a.blood_blasts_percent is not None and a.blood_blasts_percent > 0.0:
        return f"blasts in blood {a.blood_blasts_percent:g} %"
    if a.extramedullary:
        return "extramedullary disease"
    if a.marrow_adequate is False:
        return None
    if a.marrow_blasts_percent is not None and a.marrow_blasts_percent >= 5.0:
        return f"marrow blasts {a.marrow_blasts_percent:g} %"
    if a.auer_rods:
        return "blasts with Auer rods"
    return None if _unknown(a) else ""


def _unknown(a: AmlAssessment) -> tuple[str, ...]:
    asked = {
        "adequacy of the marrow": a.marrow_adequate,
        "marrow blasts": a.marrow_blasts_percent,
        "blood blasts": a.blood_blasts_percent,
        "extramedullary disease": a.extramedullary,
    }
    return tuple(name for name, value in asked.items() if value is None)


def _remission(a: AmlAssessment, with_crh: bool, answer: Answer) -> Decision:
    """Marrow below 5 % and no disease: which remission the counts allow."""
    base = f"marrow blasts {a.marrow_blasts_percent:g} % < 5 %, no blasts in blood, no extramedullary disease"
    n, p = a.neutrophils, a.platelets
    mark = " MRD-" if _mrd_negative(a) else ""
    if n is None or p is None:
        missing = tuple(name for name, value in (("neutrophils", n), ("platelets", p)) if value is None)
        return answer(None, (base,), missing)
    counts = f"neutrophils {n:g}, platelets {p:g} x 10^9/l"
    if n >= 1.0 and p >= 100.0:
        return answer("CR" + mark, (base, counts))
    if with_crh and n >= 0.5 and p >= 50.0:
        return answer("CRh" + mark, (base, counts))
    if n >= 1.0 or p >= 100.0:
        return answer("CRi" + mark, (base, counts))
    return answer("MLFS", (base, f"{counts}: neither recovered (some read the text as CRi)"))


def _mrd_negative(a: AmlAssessment) -> bool:
    return a.mrd_percent is not None and a.mrd_threshold_percent is not None and a.mrd_percent < a.mrd_threshold_percent


def _partial(a: AmlAssessment, disease: str, answer: Answer) -> Decision:
    """Partial remission or none."""
    blasts, before, n, p = a.marrow_blasts_percent, a.baseline_marrow_blasts_percent, a.neutrophils, a.platelets
    outside = disease.startswith("blasts in blood") or disease.startswith("extramedullary")
    if outside or blasts is None or blasts > 25.0 or (n is not None and n < 1.0) or (p is not None and p < 100.0):
        return answer("NR", (disease,))
    asked = {"marrow blasts before therapy": before, "neutrophils": n, "platelets": p}
    missing = tuple(name for name, value in asked.items() if value is None)
    if missing:
        return answer(None, (disease,), missing)
    if before is not None and blasts <= 0.5 * before and (5.0 <= blasts <= 25.0 or a.auer_rods):
        return answer("PR", (f"marrow blasts {before:g} to {blasts:g} %, counts of a complete remission",))
    return answer("NR", (disease, f"from {before:g} %"))


def relapse_after_remission(a: AmlAssessment, *, blood_confirmed: bool | None = None) -> Decision:
    """Say whether leukaemia came back after CR, CRh or CRi.

    Parameters
    ----------
    a : AmlAssessment
        Findings.
    blood_confirmed : bool or None
        Blasts in blood were found in a second sample at least a week later.
    """
    if a.extramedullary:
        return Decision(rule=RULE, outcome="relapse", day=a.day, criteria=("extramedullary disease",), source=SOURCE)
    if a.marrow_adequate is not False and a.marrow_blasts_percent is not None and a.marrow_blasts_percent >= 5.0:
        said = (f"marrow blasts {a.marrow_blasts_percent:g} %",)
        return Decision(rule=RULE, outcome="relapse", day=a.day, criteria=said, source=SOURCE)
    if a.blood_blasts_percent:
        if blood_confirmed is None:
            wanted = ("a second blood sample at least a week later",)
            return Decision(rule=RULE, outcome=None, day=a.day, missing=wanted, source=SOURCE)
        if blood_confirmed:
            said = ("blasts in blood, confirmed",)
            return Decision(rule=RULE, outcome="relapse", day=a.day, criteria=said, source=SOURCE)
    unknown = tuple(u for u in _unknown(a) if u != "adequacy of the marrow")
    if unknown:
        return Decision(rule=RULE, outcome=None, day=a.day, missing=unknown, source=SOURCE)
    return Decision(rule=RULE, outcome="no relapse", day=a.day, criteria=("no criterion met",), source=SOURCE)
