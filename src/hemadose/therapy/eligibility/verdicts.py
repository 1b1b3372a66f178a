"""Nine rules before endoradiotherapy: each passes, fails, needs caution or misses facts, with reason and source.

No number of passes makes an approval: the answer is a list to discuss. Rules E1 and E3-E6 here, the others in
`eligibility_doses`.
"""

from __future__ import annotations

from collections.abc import Iterator

from hemadose.model import Donor
from hemadose.therapy.conditioning.anthropometry import creatinine_clearance_ml_per_min
from hemadose.therapy.conditioning.rules import BRAITSCH, FLUDARABINE_LABEL
from hemadose.therapy.eligibility.discordance import BUCK, Quadrant, read_lesion, suv_class, tbr_class
from hemadose.therapy.eligibility.facts import DISEASES, EligibilityFacts, SiteLimit
from hemadose.therapy.eligibility.values import Finding, RuleResult, Status, result, yes

AUTOLOGOUS_CD34_PER_KG = 2e6
COHORT_HCT_CI = (0, 5)
_WORDS = {
    "creatinine_mg_per_dl": ("Creatinine", " mg/dl"),
    "bilirubin_mg_per_dl": ("Bilirubin", " mg/dl"),
    "creatinine_clearance_ml_per_min": ("Creatinine clearance", " ml/min"),
    "platelets_per_nl": ("Platelets", " x 10^9/l"),
    "dlco_percent": ("DLCO", " %"),
    "lvef_percent": ("Ejection fraction", " %"),
    "hct_ci": ("Comorbidity index", ""),
}


def indication(facts: EligibilityFacts) -> RuleResult:
    """E1: disease, no alternative, compassionate use, consent, ethics."""
    return result("E1", "Indication", _indication(facts))


def _indication(facts: EligibilityFacts) -> Iterator[Finding]:
    x, source = facts.indication, f"{BRAITSCH}; {BUCK}"
    if x.disease is None:
        yield Finding(status=Status.MISSING, text="Disease: not stated.", source=source)
    elif x.disease not in DISEASES:
        text = f"{x.disease}: not among the published uses ({', '.join(DISEASES)})."
        yield Finding(status=Status.CAUTION, text=text, source=source)
    elif x.disease == "MM" and x.extramedullary is not True:
        status = Status.MISSING if x.extramedullary is None else Status.CAUTION
        yield Finding(status=status, text="Myeloma was treated with extramedullary disease.", source=BUCK)
    else:
        yield Finding(status=Status.PASS, text=f"{x.disease}: treated in published series.", source=source)
    yield yes(x.relapsed_or_refractory, what="Relapsed or refractory disease", source=source)
    yield yes(x.alternatives_exhausted, what="No alternative left", source=source, otherwise=Status.CAUTION)
    yield yes(x.compassionate_use, what="Frame of an individual treatment or a trial", source=BRAITSCH)
    yield yes(x.consent, what="Written consent", source=BRAITSCH)
    yield yes(x.ethics, what="Vote of the ethics committee, where asked for", source=BRAITSCH, otherwise=Status.CAUTION)


def target_expression(facts: EligibilityFacts) -> RuleResult:
    """E2: uptake above normal tissue by a certified reader; numbers describe and decide nothing."""
    return result("E2", "CXCR4 PET", _target_expression(facts))


def _target_expression(facts: EligibilityFacts) -> Iterator[Finding]:
    x = facts.pet
    yield yes(
        x.visually_above_normal,
        what="Uptake visually above normal tissue",
        source=BRAITSCH,
        negative="No uptake above normal tissue: the agent has no target.",
    )
    yield yes(x.certified_reader, what="Read by a certified reader", source=BRAITSCH)
    if x.target is None:
        yield Finding(
            status=Status.MISSING,
            text="Intended target (marrow, lesions or both): not recorded.",
            source=f"{BRAITSCH} (a patient with extramedullary disease was treated at marrow SUVmax 1.9)",
        )
    else:
        yield Finding(status=Status.PASS, text=f"Intended target: {x.target}.", source=BRAITSCH)
    if x.suv_max is not None:
        text = f"SUVmax {x.suv_max:g}: {suv_class(x.suv_max)} (lines of a figure, no cut-off)."
        yield Finding(status=Status.PASS, text=text, source=f"{BUCK}, Figure 3A")
        if x.blood_pool_suv_mean is not None:
            ratio, words = tbr_class(x.suv_max, x.blood_pool_suv_mean)
            text = f"Target-to-background ratio {ratio:.1f}: {words} (lines of a figure, no cut-off)."
            yield Finding(status=Status.PASS, text=text, source=f"{BUCK}, Figure 3B")


def discordance(facts: EligibilityFacts) -> RuleResult:
    """E3: lesions that FDG shows and CXCR4 does not."""
    return result("E3", "FDG and CXCR4", _discordance(facts))


def _discordance(facts: EligibilityFacts) -> Iterator[Finding]:
    if not facts.lesions:
        text = "No pair of FDG and CXCR4 scans: lesions without target would go unseen."
        yield Finding(status=Status.MISSING, text=text, source=BUCK)
    for lesion in facts.lesions:
        read = read_lesion(lesion)
        if read.now is Quadrant.INCOMPLETE:
            status = Status.MISSING
        elif read.now is Quadrant.FDG_ONLY or lesion.after_car_t:
            status = Status.CAUTION
        else:
            status = Status.PASS
        text = f"{read.lesion}: {' then '.join(read.course)}; {read.reading}. Options: {', '.join(read.options)}."
        yield Finding(status=status, text=text, source=read.source)


def graft(facts: EligibilityFacts) -> RuleResult:
    """E4: the graft is there before a myeloablative agent is given; a hard stop."""
    return result("E4", "Donor and graft", _graft(facts))


def _graft(facts: EligibilityFacts) -> Iterator[Finding]:
    x, source = facts.graft, f"Endoradiotherapy is myeloablative; {BRAITSCH}"
    if x.kind not in ("allogeneic", "autologous"):
        yield Finding(status=Status.MISSING, text="Allogeneic or autologous graft: not stated.", source=source)
    if x.kind == "allogeneic":
        if x.donor is None or x.donor is Donor.AUTOLOGOUS:
            yield Finding(status=Status.MISSING, text="Donor type: not stated.", source=source)
        yield yes(x.donor_confirmed, what="Donor confirmed", source=source, negative="Donor not confirmed: hard stop.")
    yield yes(
        x.graft_confirmed,
        what="Graft confirmed for day 0",
        source=source,
        negative="Graft not confirmed for day 0: hard stop.",
    )
    if facts.timeline.day_zero_on is None:
        yield Finding(status=Status.MISSING, text="Day 0 is not booked.", source=source)
    if x.kind == "autologous":
        yield _cells(x.cd34_per_kg)


def _cells(cd34_per_kg: float | None) -> Finding:
    source = "General practice (2 x 10^6 CD34+ cells per kg, unverified)"
    if cd34_per_kg is None:
        return Finding(
            status=Status.MISSING, text="CD34+ cells per kg of the autologous graft: not stated.", source=source
        )
    if not 1e4 <= cd34_per_kg <= 1e8:
        text = f"{cd34_per_kg:g} CD34+ cells per kg is implausible: give the number, e.g. 5.4e6."
        return Finding(status=Status.MISSING, text=text, source=source)
    enough = cd34_per_kg >= AUTOLOGOUS_CD34_PER_KG
    return Finding(
        status=Status.PASS if enough else Status.FAIL,
        text=f"{cd34_per_kg / 1e6:g} x 10^6 CD34+ cells per kg {'stored' if enough else 'are too few'}.",
        source=source,
    )


def organs(facts: EligibilityFacts) -> RuleResult:
    """E5: organ function against the limits of the site; publications give no minimum."""
    return result("E5", "Organ function", _organs(facts))


def _organs(facts: EligibilityFacts) -> Iterator[Finding]:
    clearance = _clearance(facts)
    yield from _fludarabine(facts, clearance)
    values = {
        name: getattr(facts.organs, name)
        for name in ("creatinine_mg_per_dl", "bilirubin_mg_per_dl", "dlco_percent", "lvef_percent", "hct_ci")
    } | {"platelets_per_nl": facts.organs.platelets_per_nl, "creatinine_clearance_ml_per_min": clearance}
    limited = {limit.quantity for limit in facts.site_limits}
    for limit in facts.site_limits:
        yield _against(limit, values.get(limit.quantity))
    for name, value in values.items():
        if name not in limited and (value is not None or name != "platelets_per_nl"):
            words, unit = _WORDS[name]
            if value is None:
                yield Finding(
                    status=Status.MISSING, text=f"{words}: not stated.", source="Organ function before therapy"
                )
            else:
                text = f"{words} {value:.3g}{unit}: no limit of the site; publications give none."
                yield Finding(status=Status.CAUTION, text=text, source="Site configuration")
    score = facts.organs.hct_ci
    if score is not None and not COHORT_HCT_CI[0] <= score <= COHORT_HCT_CI[1]:
        text = f"Comorbidity index {score}: outside the published cohort ({COHORT_HCT_CI[0]}-{COHORT_HCT_CI[1]})."
        yield Finding(status=Status.CAUTION, text=text, source=BRAITSCH)


def _clearance(facts: EligibilityFacts) -> float | None:
    x = facts.organs
    if x.age_years is None or x.weight_kg is None or x.creatinine_mg_per_dl is None or x.sex is None:
        return None
    return creatinine_clearance_ml_per_min(
        age_years=x.age_years, weight_kg=x.weight_kg, creatinine_mg_per_dl=x.creatinine_mg_per_dl, sex=x.sex
    )


def _fludarabine(facts: EligibilityFacts, clearance: float | None) -> Iterator[Finding]:
    planned = facts.organs.fludarabine_planned
    if planned is None:
        text = "Fludarabine planned or not: not stated."
        yield Finding(status=Status.MISSING, text=text, source=FLUDARABINE_LABEL)
    elif planned and clearance is not None:
        low = clearance < 30.0
        yield Finding(
            status=Status.FAIL if low else Status.PASS if clearance >= 80.0 else Status.CAUTION,
            text=f"Creatinine clearance {clearance:.4g} ml/min: fludarabine "
            + ("must not be given." if low else "at the full dose." if clearance >= 80.0 else "at a reduced dose."),
            source=FLUDARABINE_LABEL,
        )


def _against(limit: SiteLimit, value: float | None) -> Finding:
    words, unit = _WORDS[limit.quantity]
    bounds = " and ".join(
        text
        for text in (
            "" if limit.least is None else f"at least {limit.least:g}",
            "" if limit.most is None else f"at most {limit.most:g}",
        )
        if text
    )
    source = f"Site: {limit.source}"
    if value is None:
        return Finding(status=Status.MISSING, text=f"{words}: not stated, {bounds} asked for.", source=source)
    kept = (limit.least is None or value >= limit.least) and (limit.most is None or value <= limit.most)
    return Finding(
        status=Status.PASS if kept else Status.FAIL, text=f"{words} {value:.3g}{unit}, {bounds}.", source=source
    )


def infection(facts: EligibilityFacts) -> RuleResult:
    """E6: infection is a caution, as in the published cohort."""
    return result("E6", "Infection", _infection(facts))


def _infection(facts: EligibilityFacts) -> Iterator[Finding]:
    x = facts.infection
    source = f"{BRAITSCH}: 4 of 7 on antibiotics for uncontrolled infection, 4 of 7 in intensive care later"
    for value, what in (
        (x.uncontrolled, "Uncontrolled infection"),
        (x.broad_spectrum_antibiotics, "Broad-spectrum antibiotics"),
    ):
        if value is None:
            yield Finding(status=Status.MISSING, text=f"{what}: not stated.", source=source)
        else:
            status = Status.CAUTION if value else Status.PASS
            yield Finding(status=status, text=f"{what}: {'yes' if value else 'no'}.", source=source)
