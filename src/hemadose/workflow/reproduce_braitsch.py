"""Braitsch 2025 recomputed: Table 2, limits, agreement, uptake by site, courses and endpoints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemadose.dose.bioeffect import fractionated_bed_gy, protraction_factor, radionuclide_bed_gy
from hemadose.outcome import CohortDosimetry, DosimetryCohort, Verdict, analyse_cohort
from hemadose.outcome.evidence import EvidenceRow, evidence_rows
from hemadose.outcome.papers import (
    Paper,
    PaperInputs,
    Recomputed,
    SolvedSites,
    sd_bounds,
    solve_sites,
)
from hemadose.outcome.statistics.small_samples import least_p_two_groups
from hemadose.refdata import cohort
from hemadose.refdata.comorbidity import comorbidity_index
from hemadose.refdata.evidence import studies
from hemadose.refdata.nuclides import nuclide
from hemadose.refdata.regimens import regimen
from hemadose.units import DAY_S, GBQ, HOUR_S
from hemadose.workflow.reproduce_courses import course_counts, course_quantities
from hemadose.workflow.reproduce_regimens import HAPLO, beta_range_mm, isotopes_accepted, regimen_quantities

SITES = ("skull_base", "c4", "t5", "l5", "ilium_left", "ilium_right")
_TARGETS = ("kidneys", "liver", "red_marrow")
_MARROW_HALF_LIFE_H = 92.0
"""Median of Haenscheid 2022; enters no claim, only the cohort analysis that is shared with `hemadose cohort`."""

Quantities = dict[str, Recomputed]


def braitsch_quantities(paper: Paper) -> Quantities:
    """Recompute everything that the checklist of Braitsch 2025 compares.

    Parameters
    ----------
    paper : Paper
        With its printed numbers.

    Returns
    -------
    dict of str to Recomputed
        By name of quantity.
    """
    inputs, table = paper.inputs, cohort("braitsch-2025")
    found = analyse_cohort(
        table,
        physical_half_life_s=nuclide("Lu-177").half_life_s,
        marrow_half_life_s=_MARROW_HALF_LIFE_H * HOUR_S,
        interval_s=inputs.values("ert_to_graft_d")[0] * DAY_S,
    )
    return {
        "patients": _of(len(table.patients)),
        **_sums(inputs),
        **_limits(inputs, table, found),
        **_table_2(table, found),
        **_pairs(table, found),
        "kidneys.bed": _kidney_effect(inputs, found),
        **_uptake(inputs),
        **_imaging(inputs, table),
        **course_quantities(inputs),
        **_elsewhere(inputs),
        **regimen_quantities(inputs),
    }


def solved_patient_5(inputs: PaperInputs) -> SolvedSites:
    """Give the uptake of patient 5 by site, as it follows from the ranges of the sites."""
    return solve_sites({site: inputs.summary(f"suv_{site}") for site in SITES}, inputs.summary("suv_patient_5"))


def _of(*values: float, note: str = "") -> Recomputed:
    return Recomputed(values=tuple(float(v) for v in values), note=note)


def _sums(inputs: PaperInputs) -> Quantities:
    parts = {
        "disease": ("de_novo", "secondary"),
        "state": ("primary_refractory", "relapsed"),
        "activity": ("leukaemia_free_before", "active_before"),
        "tbi": ("tbi_8_gy", "tbi_10_gy"),
        "response": ("remission", "leukaemia_free", "refractory"),
        "bilirubin": ("hyperbilirubinaemia_1_2", "hyperbilirubinaemia_3"),
    }
    sums = {f"sum.{name}": _of(sum(inputs.count(part) for part in names)) for name, names in parts.items()}
    donors = inputs.values("donors_mud_mrd_hid_mmud")
    points = next(i.weight for i in comorbidity_index().items if "infection" in i.name)
    n, infected = int(sum(donors)), inputs.count("infection_before")
    least = float(np.median([0] * (n - infected) + [points] * infected))
    return {
        **sums,
        "sum.donors": _of(sum(donors)),
        "sum.matched": _of(sum(donors[:2])),
        "hct_ci.least_median": _of(least, note=f"{infected} of {n} have {points} at least for infection"),
    }


def _limits(inputs: PaperInputs, table: DosimetryCohort, found: CohortDosimetry) -> Quantities:
    physical = nuclide("Lu-177").half_life_s
    near = inputs.number("near_limit")
    longest = [
        analyse_cohort(
            table, physical_half_life_s=physical, marrow_half_life_s=_MARROW_HALF_LIFE_H * HOUR_S, interval_s=d * DAY_S
        )
        for d in inputs.values("ert_to_graft_d")
    ]
    bound = [
        _of(*(p.max_marrow_half_life_s / DAY_S for p in study.patients if p.max_marrow_half_life_s is not None))
        for study in longest
    ]
    limit = table.residual_marrow_limit_gy
    above = sum(p.red_marrow_gy > limit for p in found.patients)
    reached = [i for i, p in enumerate(found.patients, 1) if p.given_over_limit >= inputs.number("at_limit")]
    unexplained = [
        i
        for i, p in enumerate(found.patients, 1)
        if p.given_over_limit < near and p.residual_red_marrow_physical_gy < limit
    ]
    return {
        "limit.activity": _of(*(p.max_activity_bq / GBQ for p in found.patients)),
        "limit.share": _of(*(p.given_over_limit for p in found.patients)),
        "limit.reached": _of(*reached),
        "limit.unexplained": _of(
            *unexplained, note=f"below {near:.0%} of the kidney limit, and within 1 Gy even with physical decay"
        ),
        "marrow.total": _of(
            *(p.red_marrow_gy for p in found.patients),
            note=f"above {limit:g} Gy in {above} of {len(found.patients)}: the limit must mean the dose from day 0 on",
        ),
        "marrow.residual": _of(*(p.residual_red_marrow_physical_gy for p in found.patients)),
        "marrow.half_life_14": bound[0],
        "marrow.half_life_15": bound[1],
    }


def _table_2(table: DosimetryCohort, found: CohortDosimetry) -> Quantities:
    answer: Quantities = {}
    printed_sd = {(v.quantity, v.phase): v.printed for v in found.verdicts if v.statistic == "sd"}
    for statement in table.statements:
        verdicts = [v for v in found.verdicts if (v.quantity, v.phase) == (statement.quantity, statement.phase)]
        name = f"table2.{statement.quantity}.{statement.phase}"
        answer[name] = _of(*(v.recomputed for v in verdicts if v.statistic != "sd"))
        sd = next(v for v in verdicts if v.statistic == "sd")
        note = sd.note
        if sd.verdict is Verdict.NOT_REPRODUCIBLE and printed_sd.get((sd.quantity, "post")) == sd.printed:
            note += f"; the SD after therapy is printed as {sd.printed:g}, too"
        answer[f"{name}.sd"] = _of(sd.recomputed, note=note)
    marrow = next(c for c in found.columns if (c.quantity, c.phase) == ("red_marrow", "pre"))
    after = {c.quantity: c for c in found.columns if c.phase == "post"}
    without = replace(table, patients=table.patients[:-1]).column("red_marrow", "pre")
    return {
        **answer,
        "table2.marrow_sample_sd": _of(marrow.sd_sample * GBQ),
        "table2.post_sample_sd": _of(*(after[t].sd_sample * GBQ for t in _TARGETS)),
        "table2.marrow_without_p7": _of(float(np.median(without)) * GBQ, float(np.std(without, ddof=1)) * GBQ),
    }


def _pairs(table: DosimetryCohort, found: CohortDosimetry) -> Quantities:
    agreement = dict(found.agreement)
    answer: Quantities = {
        "pairs.wilcoxon": _of(
            *(agreement[t].wilcoxon_p for t in _TARGETS),
            note=f"{agreement['kidneys'].wilcoxon_least_p:g} is the least p of four pairs",
        ),
        "pairs.t": _of(*(agreement[t].paired_t_p for t in _TARGETS)),
    }
    activity = {p.id: p.activity_bq for p in table.patients}
    for target in _TARGETS:
        a = agreement[target]
        answer[f"ratio.{target}"] = _of(a.geometric_mean_ratio, a.ratio_low, a.ratio_high)
        answer[f"limits.{target}"] = _of(a.bias * GBQ, a.limit_low * GBQ, a.limit_high * GBQ)
        pairs = table.pairs(target)
        answer[f"predicted.{target}"] = _of(*(pre * activity[id] for id, pre, _ in pairs))
        answer[f"delivered.{target}"] = _of(*(post * activity[id] for id, _, post in pairs))
    return answer


def _kidney_effect(inputs: PaperInputs, found: CohortDosimetry) -> Recomputed:
    """BED of the kidneys of patient 2 from 177Lu and from irradiation, and EQD2 of both."""
    ratio, tbi = inputs.number("kidney_alpha_beta_Gy"), regimen(HAPLO).tbi
    share = protraction_factor(
        effective_half_life_s=inputs.number("kidney_half_life_d") * DAY_S,
        repair_half_life_s=inputs.number("kidney_repair_h") * HOUR_S,
    )
    dose = next(p.kidneys_gy for p in found.patients if p.id == "P2")
    inside = radionuclide_bed_gy(absorbed_dose_gy=dose, alpha_beta_gy=ratio, protraction=share)
    count = sum(k for _, k in tbi.fractions(max(tbi.permitted_gy)))
    outside = fractionated_bed_gy(fractions=count, dose_per_fraction_gy=tbi.fraction_gy, alpha_beta_gy=ratio)
    return _of(inside, outside, (inside + outside) / (1.0 + 2.0 / ratio))


def _uptake(inputs: PaperInputs) -> Quantities:
    found = solved_patient_5(inputs)
    low, n = list(found.low.values()), inputs.summary("suv_c4").n
    sites = ", ".join(name.replace("_", " ") for name in found.impossible)
    return {
        "suv.p5": _of(
            found.mean, min(low), max(low),
            note=f"sum {found.total:.2f}; {sites} not possible for this patient",
        ),
        "suv.p5_sites": _of(*low, note=f"each at most {found.slack:.3f} higher; all sites but one taken as measured"),
        "suv.p5_slack": _of(found.slack, note="printed minima taken as exact"),
        "suv.skull_base_n": _of(n - inputs.count("skull_base_not_available")),
    }  # fmt: skip


def _imaging(inputs: PaperInputs, table: DosimetryCohort) -> Quantities:
    activity = inputs.number("figure_3_activity_GBq")
    who = [i for i, p in enumerate(table.patients, 1) if round(p.activity_bq / GBQ, 1) == activity]
    tracer = inputs.summary("tracer_activity")
    low, high = sd_bounds(tracer)
    answer = {
        "figure3.patient": _of(*who),
        "tracer.sd": _of(min(max(float(tracer.sd), low), high), note=f"possible from {low:.2f} to {high:.2f} (n-1)"),
    }
    protocol = inputs.values("protocol_times_h")
    for phase in ("pre", "post"):
        times = inputs.values(f"figure_3_{phase}_times_h")
        nearest = [min(protocol, key=lambda p, t=t: abs(np.log(p / t))) for t in times]  # type: ignore[misc]
        left_out = sorted(set(protocol) - set(nearest))
        answer[f"times.{phase}"] = _of(*times, note=f"no image at {', '.join(f'{t:g}' for t in left_out)} h")
    return answer


def _elsewhere(inputs: PaperInputs) -> Quantities:
    rows = evidence_rows(studies(), endpoint="durable complete response")
    by_arm = {row.result.arm: row for row in rows if row.study.id == "sierra-final"}
    hazard, low, high = inputs.values("sierra_survival_hr")
    alive, rest = inputs.count("alive_at_24_months"), course_counts(inputs).n - inputs.count("alive_at_24_months")
    accepted = isotopes_accepted("I-anti-CD45", range(120, 136))
    return {
        "marker.least_p": _of(least_p_two_groups(alive, rest, two_sided=False)),
        "beta.range": _of(beta_range_mm("Lu-177"), beta_range_mm("Y-90"), note="CSDA in water at the end point"),
        "anti_cd45.isotope": _of(*accepted),
        "sierra.survival": _of(high, note=f"overall survival HR {hazard:g} ({low:.2f}-{high:g})"),
        "sierra.treated": share_of(by_arm["131I-apamistamab"], interval=True),
        "sierra.control": share_of(by_arm["conventional care"], interval=True),
        "sierra.crossover": share_of(by_arm["crossed over"]),
    }


def share_of(row: EvidenceRow, *, interval: bool = False) -> Recomputed:
    """Give a share in per cent (with its interval) of one result of the evidence table."""
    estimate, low, high = (float("nan") if v is None else 100.0 * v for v in (row.estimate, row.low, row.high))
    values = (estimate, low, high) if interval else (estimate,)
    return Recomputed(values=values, note="; ".join(part for part in (row.count_words, *row.notes) if part))
