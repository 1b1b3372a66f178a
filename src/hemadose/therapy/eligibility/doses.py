"""Eligibility by numbers of dosimetry and dates (E7, E9), by radiation protection (E8), and all nine rules together."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2

from hemadose.errors import QuantityError
from hemadose.therapy.conditioning.rules import BRAITSCH
from hemadose.therapy.eligibility.facts import EligibilityFacts, PredictedDoses, Timeline
from hemadose.therapy.eligibility.values import Finding, RuleResult, Status, result, yes
from hemadose.therapy.eligibility.verdicts import discordance, graft, indication, infection, organs, target_expression
from hemadose.therapy.timing.residual import days_up

HALF_LIFE_D = {"177Lu": 159.528 / 24.0, "90Y": 64.10 / 24.0}
"""Physical half-lives by ICRP 107, as packaged in ``refdata/nuclides``."""

KIDNEY_ALPHA_BETA_GY, KIDNEY_REPAIR_HALF_LIFE_H = 2.5, 2.8


def eligibility(facts: EligibilityFacts) -> tuple[RuleResult, ...]:
    """Give the answers of all nine rules, never an approval.

    Parameters
    ----------
    facts : EligibilityFacts
        What is known.

    Returns
    -------
    tuple of RuleResult
        E1 to E9.

    Examples
    --------
    >>> [r.status.value for r in eligibility(EligibilityFacts())]
    ['missing', 'missing', 'missing', 'missing', 'missing', 'missing', 'missing', 'missing', 'missing']
    """
    return (
        indication(facts),
        target_expression(facts),
        discordance(facts),
        graft(facts),
        organs(facts),
        infection(facts),
        dosimetry(facts),
        protection(facts),
        timeline(facts),
    )


def summary(results: tuple[RuleResult, ...]) -> str:
    """Say what stands against the treatment and what is not known; never that it may be given.

    Parameters
    ----------
    results : tuple of RuleResult
        From `eligibility`.

    Examples
    --------
    >>> summary(eligibility(EligibilityFacts()))[:24]
    'Missing facts: E1, E2, E'
    """
    parts = []
    for status, words in (
        (Status.FAIL, "Rules failed"),
        (Status.MISSING, "Missing facts"),
        (Status.CAUTION, "Caution"),
    ):
        named = [
            r.rule
            for r in results
            if (any(f.status is status for f in r.findings) if status is Status.MISSING else r.status is status)
        ]
        if named:
            parts.append(f"{words}: {', '.join(named)}.")
    if not parts:
        parts.append("No rule speaks against it.")
    return " ".join([*parts, "Not an approval: the responsible physicians decide."])


def dosimetry(facts: EligibilityFacts) -> RuleResult:
    """E7: kidneys, marrow after the graft, cap; irradiation is added where its organ doses are known."""
    return result("E7", "Predicted doses", _dosimetry(facts.doses))


def _dosimetry(x: PredictedDoses) -> Iterator[Finding]:
    for value, limit, what in (
        (x.kidneys_gy, x.kidneys_limit_gy, "Kidneys"),
        (x.residual_marrow_gy, x.residual_marrow_limit_gy, "Marrow from day 0 on"),
    ):
        yield _below(value, limit, what=what, unit="Gy", source=f"{BRAITSCH}, Methods")
    if x.activity_cap_gbq is not None:
        yield _below(x.activity_gbq, x.activity_cap_gbq, what="Activity", unit="GBq", source="Cap of the site")
    if x.tbi_gy is None:
        text = "Total body irradiation: not stated."
        yield Finding(status=Status.MISSING, text=text, source=BRAITSCH)
        return
    yield from _with_irradiation(x)


def _with_irradiation(x: PredictedDoses) -> Iterator[Finding]:
    organ = x.tbi_kidneys_gy
    if x.kidneys_gy is not None and organ is not None and x.kidneys_effective_half_life_h is not None:
        eqd2 = kidneys_with_irradiation_eqd2_gy(
            x.kidneys_gy,
            effective_half_life_h=x.kidneys_effective_half_life_h,
            irradiation_gy=organ,
            fraction_gy=x.tbi_fraction_gy,
        )
        text = (
            f"Kidneys: {x.kidneys_gy:g} Gy of endoradiotherapy and {organ:g} Gy of irradiation, together "
            f"{eqd2:.1f} Gy EQD2 (alpha/beta {KIDNEY_ALPHA_BETA_GY:g} Gy, repair {KIDNEY_REPAIR_HALF_LIFE_H:g} h: "
            "assumptions); no limit is published for the sum."
        )
        yield Finding(status=Status.CAUTION, text=text, source=f"{BRAITSCH}: endoradiotherapy is added to irradiation")
    else:
        text = f"{x.tbi_gy:g} Gy of irradiation also reach the kidneys: the sum is not calculated, facts are missing."
        yield Finding(status=Status.CAUTION, text=text, source=BRAITSCH)
    lungs = "not stated" if x.tbi_lungs_gy is None else f"{x.tbi_lungs_gy:g} Gy"
    text = f"Lungs by irradiation: {lungs} (median 8 Gy in the cohort)."
    yield Finding(status=Status.CAUTION if x.tbi_lungs_gy is None else Status.PASS, text=text, source=BRAITSCH)


def kidneys_with_irradiation_eqd2_gy(
    dose_gy: float, *, effective_half_life_h: float, irradiation_gy: float, fraction_gy: float
) -> float:
    """EQD2 of endoradiotherapy and fractionated irradiation in the kidneys, in Gy.

    BED of a mono-exponential dose rate: D (1 + D/(a/b) l/(l + m)), l = ln 2 / T_eff, m = ln 2 / T_rep;
    of fractions d: D (1 + d/(a/b)); EQD2 = BED / (1 + 2/(a/b)), a/b 2.5 Gy, T_rep 2.8 h.

    Parameters
    ----------
    dose_gy : float
        Of endoradiotherapy.
    effective_half_life_h : float
        In the kidneys.
    irradiation_gy : float
        Of irradiation, in the kidneys.
    fraction_gy : float
        Of irradiation.

    Examples
    --------
    >>> round(kidneys_with_irradiation_eqd2_gy(20.74, effective_half_life_h=60.0,
    ...                                        irradiation_gy=10.0, fraction_gy=2.0), 1)
    25.8
    """
    if min(dose_gy, effective_half_life_h, fraction_gy) <= 0.0 or irradiation_gy < 0.0:
        raise QuantityError("doses and half-life must be positive", value=f"{dose_gy:g}, {effective_half_life_h:g}")
    ratio, repair = KIDNEY_ALPHA_BETA_GY, KIDNEY_REPAIR_HALF_LIFE_H
    radionuclide = dose_gy * (1.0 + dose_gy / ratio * repair / (repair + effective_half_life_h))
    fractions = irradiation_gy * (1.0 + fraction_gy / ratio)
    return (radionuclide + fractions) / (1.0 + 2.0 / ratio)


def _below(value: float | None, limit: float, *, what: str, unit: str, source: str) -> Finding:
    if value is None:
        return Finding(status=Status.MISSING, text=f"{what}: not predicted, limit {limit:g} {unit}.", source=source)
    if not 0.0 <= value < 1e4:
        raise QuantityError(f"implausible value: {what}", value=f"{value:g} {unit}")
    return Finding(
        status=Status.PASS if value <= limit else Status.FAIL,
        text=f"{what}: {value:.5g} {unit}, limit {limit:g} {unit}.",
        source=source,
    )


def protection(facts: EligibilityFacts) -> RuleResult:
    """E8: pregnancy, isolation, continence, tumour lysis, potassium, hydration."""
    return result("E8", "Radiation protection and supportive care", _protection(facts))


def _protection(facts: EligibilityFacts) -> Iterator[Finding]:
    x, general = facts.protection, "General practice of unsealed sources"
    if x.pregnancy is None:
        yield Finding(status=Status.MISSING, text="Pregnancy: not stated.", source=general)
    else:
        words = {"excluded": Status.PASS, "not applicable": Status.PASS, "pregnant": Status.FAIL}
        yield Finding(status=words.get(x.pregnancy, Status.MISSING), text=f"Pregnancy: {x.pregnancy}.", source=general)
    yield yes(x.isolation_possible, what="Isolation of at least 48 h possible", source=f"{BRAITSCH} (Germany)")
    yield yes(x.continent, what="Continent or catheterised", source=general, otherwise=Status.CAUTION)
    yield yes(x.lysis_prophylaxis, what="Prophylaxis of tumour lysis", source="Cairo and Bishop 2004")
    yield yes(
        x.hydration_possible, what="Hydration and amino acids tolerated", source=BRAITSCH, otherwise=Status.CAUTION
    )
    if x.potassium_mmol_per_l is None:
        yield Finding(
            status=Status.MISSING, text="Potassium before amino acids: not stated.", source="EJNMMI Res 2014;4:46"
        )
    else:
        high = x.potassium_mmol_per_l > 5.0
        text = f"Potassium {x.potassium_mmol_per_l:g} mmol/l before amino acids" + (
            ", which raise it further." if high else "."
        )
        yield Finding(status=Status.CAUTION if high else Status.PASS, text=text, source="EJNMMI Res 2014;4:46")


def timeline(facts: EligibilityFacts) -> RuleResult:
    """E9: the interval to day 0 against the one the marrow needs; what 90Y would change."""
    return result("E9", "Interval to the graft", _timeline(facts.timeline, facts.doses))


def least_interval_d(marrow_dose_gy: float, *, effective_half_life_d: float, limit_gy: float) -> float:
    """Days until the dose still to come meets the limit: T_eff log2(D / limit), 0 where it does at once.

    Parameters
    ----------
    marrow_dose_gy : float
        Total dose of a mono-exponential curve.
    effective_half_life_d : float
        In the marrow.
    limit_gy : float
        For the dose from day 0 on.

    Examples
    --------
    >>> round(least_interval_d(5.04, effective_half_life_d=6.0, limit_gy=1.0), 2)
    14.0
    """
    if min(marrow_dose_gy, effective_half_life_d, limit_gy) <= 0.0:
        raise QuantityError("dose, half-life and limit must be positive", value=f"{marrow_dose_gy:g}")
    return max(0.0, effective_half_life_d * log2(marrow_dose_gy / limit_gy))


def half_life_with_90y_d(effective_half_life_d: float) -> float:
    """Effective half-life with 90Y of what leaves the marrow as with 177Lu.

    Parameters
    ----------
    effective_half_life_d : float
        With 177Lu.

    Raises
    ------
    QuantityError
        If it is longer than the physical half-life of 177Lu.

    Examples
    --------
    >>> round(14.0 / 6.647 * half_life_with_90y_d(6.647), 2)
    5.63
    """
    lutetium, yttrium = HALF_LIFE_D["177Lu"], HALF_LIFE_D["90Y"]
    if not 0.0 < effective_half_life_d <= lutetium * (1.0 + 1e-6):
        raise QuantityError(
            "the effective half-life cannot exceed the physical one",
            field="marrow_effective_half_life_d",
            value=f"{effective_half_life_d:g} d",
            expected=f"<= {lutetium:g} d (177Lu)",
        )
    return 1.0 / (1.0 / effective_half_life_d - 1.0 / lutetium + 1.0 / yttrium)


def _timeline(x: Timeline, doses: PredictedDoses) -> Iterator[Finding]:
    limit_gy = doses.residual_marrow_limit_gy
    source = f"{BRAITSCH}, Methods (1 Gy from transplantation on)"
    interval = None
    if x.ert_on is None or x.day_zero_on is None:
        yield Finding(status=Status.MISSING, text="Dates of endoradiotherapy and day 0: not stated.", source=source)
    else:
        interval = (x.day_zero_on - x.ert_on).days
        if interval <= 0:
            text = f"Day 0 on {x.day_zero_on} does not follow endoradiotherapy on {x.ert_on}."
            yield Finding(status=Status.FAIL, text=text, source=source)
            return
    if x.marrow_dose_gy is None or x.marrow_effective_half_life_d is None:
        yield Finding(status=Status.MISSING, text="Marrow dose and its effective half-life: not stated.", source=source)
        return
    half_life = x.marrow_effective_half_life_d
    needed = least_interval_d(x.marrow_dose_gy, effective_half_life_d=half_life, limit_gy=limit_gy)
    yttrium = half_life_with_90y_d(half_life)
    hint = (
        f"At the same dose in the marrow 90Y would need {days_up(needed * yttrium / half_life)} d "
        f"(effective half-life {yttrium:.2f} d, same biology)."
    )
    if interval is None:
        yield Finding(status=Status.MISSING, text=f"At least {days_up(needed)} d are needed. {hint}", source=source)
        return
    left = x.marrow_dose_gy * 2.0 ** (-interval / half_life)
    kept = left <= limit_gy * (1.0 + 1e-9)
    text = (
        f"{interval} d planned, {days_up(needed)} d needed; {left:.2f} Gy remain from day 0 on, limit {limit_gy:g} Gy."
    )
    yield Finding(status=Status.PASS if kept else Status.FAIL, text=text if kept else f"{text} {hint}", source=source)
    stated = doses.residual_marrow_gy
    if stated is not None and abs(stated - left) > 0.1 * max(stated, left):
        text = f"{stated:g} Gy from day 0 on are stated, {left:.2f} Gy follow from dose, half-life and dates: clarify."
        yield Finding(status=Status.CAUTION, text=text, source="Facts of the file against each other")
