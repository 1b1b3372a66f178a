"""Safety rules of a conditioning calendar: each has a code, a severity and a source.

A warning of severity ``stop`` may be overridden with a reason, which is printed; some may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hemadose.errors import PlanningError
from hemadose.model import CourseWarning, Severity

BRAITSCH = "Braitsch 2025, Theranostics 15:19-29"
FLUDARABINE_LABEL = "Fludarabine label (US, intravenous)"
TWO_LABELS = "Fludarabine labels: US intravenous; US tablets (Oforta, NDA 22-273)"
PARENT_HAPLO = "srl.org.nz, regimen 496571000210107"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a warning code stands for."""

    severity: Severity
    source: str
    overridable: bool = True


_STOP, _CAUTION, _INFO = Severity.STOP, Severity.CAUTION, Severity.INFO

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "GRAFT-UNCONFIRMED": Rule(
            severity=_STOP, source="Endoradiotherapy is myeloablative; " + BRAITSCH, overridable=False
        ),
        "RESIDUAL-MARROW": Rule(severity=_STOP, source=BRAITSCH + ", Methods (1 Gy to the marrow)"),
        "INTERVAL-MISMATCH": Rule(severity=_STOP, source="Prescription and calendar must agree"),
        "ERT-TBI-INTERVAL": Rule(severity=_STOP, source=BRAITSCH + ", Figure 1 (d-14 to d-9)"),
        "ERT-CHEMO-INTERVAL": Rule(severity=_CAUTION, source="By analogy with the interval to irradiation"),
        "ERT-UNPUBLISHED": Rule(severity=_CAUTION, source="Data of the regimen"),
        "CLOCK-CHANGE": Rule(severity=_INFO, source="Calendar"),
        "AGENT-NAME": Rule(severity=_CAUTION, source="The radionuclide decides between pentixather and pentixafor"),
        "OVERRIDE-UNUSED": Rule(severity=_INFO, source="Choices of the course"),
        "WEEKEND": Rule(severity=_INFO, source="Calendar"),
        "ERT-DAY": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (d-15 or d-14)"),
        "CNI-BEFORE-PTCY": Rule(severity=_STOP, source=PARENT_HAPLO),
        "FIG1-IMMUNOSUPPRESSION": Rule(severity=_CAUTION, source=BRAITSCH + ", legend of Figure 1"),
        "IMMUNOSUPPRESSION-START": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods"),
        "CNI-PRODUCT": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (no product named)"),
        "MMF-DOSE": Rule(severity=_CAUTION, source="General practice: 1 g per dose; not in " + PARENT_HAPLO),
        "FLU-CONTRAINDICATED": Rule(severity=_STOP, source=FLUDARABINE_LABEL),
        "FLU-REDUCED": Rule(severity=_CAUTION, source=FLUDARABINE_LABEL),
        "FLU-RENAL-UNKNOWN": Rule(severity=_STOP, source=FLUDARABINE_LABEL),
        "RENAL-WEIGHT": Rule(severity=_CAUTION, source="General practice with Cockcroft-Gault in obesity"),
        "FLU-RECHECK": Rule(severity=_CAUTION, source="Kidney dose of endoradiotherapy; " + FLUDARABINE_LABEL),
        "FLU-DAILY-CAP": Rule(severity=_CAUTION, source=FLUDARABINE_LABEL + ", neurotoxicity at 96 mg/m2/d"),
        "FLU-NEUROTOXIC": Rule(
            severity=_STOP, source=FLUDARABINE_LABEL + ", 36 % severe neurotoxicity", overridable=False
        ),
        "FLU-TOTAL": Rule(severity=_CAUTION, source="Largest total of the packaged regimens (5 x 30 mg/m2)"),
        "FLU-LABEL": Rule(severity=_CAUTION, source=TWO_LABELS),
        "FLU-BELOW-30": Rule(severity=_STOP, source=TWO_LABELS),
        "FLU-ON-TBI-DAY": Rule(severity=_CAUTION, source=BRAITSCH + ", Figure 1 (never on one day)"),
        "CY-TOTAL": Rule(severity=_CAUTION, source="General practice: 200 mg/kg in all (unverified)"),
        "UNIT-REASON": Rule(severity=_CAUTION, source="Data of the regimen"),
        "UNVERIFIED": Rule(severity=_CAUTION, source="Data of the regimen"),
        "WEIGHT-CHANGE": Rule(severity=_CAUTION, source="General practice: recalculate from 10 % on (unverified)"),
        "BODY-SIZE": Rule(severity=_CAUTION, source="Plausibility of the measurements"),
        "UNIT-CORRECTED": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods"),
        "ALTERNATIVE": Rule(severity=_INFO, source=BRAITSCH + ", Methods"),
        "ATG-BASIS": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (product and basis not printed)"),
        "ATG-TOTAL": Rule(severity=_STOP, source="Blood 2001;98:2942 (lethal infections 30 vs 7 %)"),
        "ATG-RANGE": Rule(severity=_CAUTION, source="Usual totals: Thymoglobulin 6-10, Grafalon 20-40 mg/kg"),
        "OBESITY-WEIGHT": Rule(
            severity=_CAUTION, source="Biol Blood Marrow Transplant 2016;22:571; ASBMT 2014: no standard"
        ),
        "WEIGHT-ABOVE-ACTUAL": Rule(severity=_CAUTION, source="Arithmetic of the chosen weight rule"),
        "POTASSIUM": Rule(severity=_CAUTION, source="EJNMMI Res 2014;4:46 (K+ > 5.0 mmol/l in 20 of 22)"),
        "AMINO-ACID-AMOUNT": Rule(severity=_CAUTION, source=BRAITSCH + ", Methods (2 % not resolved)"),
        "TLS": Rule(severity=_CAUTION, source="Cairo and Bishop, Br J Haematol 2004;127:3 (3 d before to 7 d after)"),
        "TBI-FRACTIONS": Rule(severity=_INFO, source=BRAITSCH + ", Methods (days of single fractions not printed)"),
        "PTCY-STEROID-DAY": Rule(severity=_STOP, source="General practice with post-transplant cyclophosphamide"),
        "PTCY-STEROIDS": Rule(severity=_CAUTION, source="General practice with post-transplant cyclophosphamide"),
    }
)


def warning(code: str, text: str) -> CourseWarning:
    """Give the warning of one rule."""
    rule = RULES[code]
    return CourseWarning(code=code, severity=rule.severity, text=text, source=rule.source)


def with_overrides(found: Sequence[CourseWarning], overrides: Mapping[str, str]) -> tuple[CourseWarning, ...]:
    """Apply overrides and put the gravest warnings first.

    Raises
    ------
    PlanningError
        For an override of an unknown or not overridable rule, or without a reason.
    """
    for code, reason in overrides.items():
        if code not in RULES:
            raise PlanningError(
                "an override names an unknown rule", field="overrides", value=code, expected=", ".join(RULES)
            )
        if not RULES[code].overridable:
            raise PlanningError("this rule cannot be overridden", field="overrides", value=code)
        if not reason.strip():
            raise PlanningError("an override needs a reason", field="overrides", value=code)
    settled = [
        CourseWarning(
            code=w.code,
            severity=Severity.CAUTION if w.severity is Severity.STOP else w.severity,
            text=f"{w.text} Overridden: {overrides[w.code].strip()}",
            source=w.source,
        )
        if w.code in overrides
        else w
        for w in found
    ]
    for code in sorted(set(overrides) - {w.code for w in found}):
        settled.append(warning("OVERRIDE-UNUSED", f"{code} was overridden without having occurred."))
    order = list(reversed(Severity))
    return tuple(sorted(settled, key=lambda w: order.index(w.severity)))
