"""Buck 2023 recomputed: shares from the evidence table, kidney limit, half-lives, staging, accuracy, names."""

from __future__ import annotations

from hemadose.errors import InputError
from hemadose.outcome.evidence import (
    EvidenceRow,
    counts_of_percent,
    row_of,
    shared_counts,
    twice_rounded_counts,
)
from hemadose.outcome.papers import Paper, PaperInputs, Recomputed
from hemadose.outcome.statistics.diagnostic import diagnostic_accuracy
from hemadose.outcome.statistics.paired import mcnemar_test
from hemadose.outcome.statistics.proportions import Proportion
from hemadose.refdata.evidence import studies
from hemadose.refdata.nuclides import nuclide
from hemadose.therapy.activity.naming import normalised_agent
from hemadose.therapy.timing.comparison import equal_fraction_interval_s, residual_fraction
from hemadose.therapy.timing.tail import exponential_residual
from hemadose.units import DAY_S
from hemadose.workflow.reproduce_braitsch import share_of

Quantities = dict[str, Recomputed]

FIGURE_2C = (
    ("witzig-2002-randomised", "overall response", "90Y-ibritumomab"),
    ("witzig-2002-refractory", "overall response", ""),
    ("morschhauser-2008", "complete response", "consolidation"),
)
_THERAPY_PHRASES = ("177Lu-pentixafor", "90Y-pentixafor")
_MISPRINTS = ("90Y-ibratumab tiuxetan", "131I lomab-B")


def buck_quantities(paper: Paper) -> Quantities:
    """Recompute everything that the checklist of Buck 2023 compares.

    Parameters
    ----------
    paper : Paper
        With its printed numbers.

    Returns
    -------
    dict of str to Recomputed
        By name of quantity.
    """
    inputs = paper.inputs
    return {
        **_shares(inputs),
        **_sierra(),
        **_doses(inputs),
        **_names(),
        **_myeloma(inputs),
        **_staging(inputs),
        **_gastric(inputs),
        **_series(),
    }


def result_row(study: str, endpoint: str, arm: str = "") -> EvidenceRow:
    """Give one result of the evidence table.

    Raises
    ------
    InputError
        If there is none.
    """
    for known in studies():
        for result in known.results:
            if (known.id, result.endpoint, result.arm) == (study, endpoint, arm):
                return row_of(known, result)
    raise InputError("the evidence table has no such result", field=study, value=f"{endpoint} {arm}".strip())


def nearest_share(row: EvidenceRow) -> Recomputed:
    """Give the share in per cent that whole patients allow next to the printed one.

    Where one count (or several) rounds to the print, it is the share next to it; otherwise the count that gives the
    print when rounded twice, or simply the nearest count.
    """
    result = row.result
    if result.n is None or not result.percent:
        return share_of(row)
    allowed = counts_of_percent(result.percent, result.n) or twice_rounded_counts(result.percent, result.n)
    counts = (result.k,) if result.k is not None else allowed or tuple(range(result.n + 1))
    best = min(counts, key=lambda k: abs(100.0 * k / result.n - float(result.percent)))  # type: ignore[operator]
    note = "; ".join(part for part in (row.count_words, row.label.value, *row.notes) if part)
    return Recomputed(values=(100.0 * best / result.n,), note=note)


def _of(*values: float, note: str = "") -> Recomputed:
    return Recomputed(values=tuple(float(v) for v in values), note=note)


def _joined(*parts: Recomputed) -> Recomputed:
    return Recomputed(
        values=tuple(v for part in parts for v in part.values), note="; ".join(part.note for part in parts if part.note)
    )


def _shares(inputs: PaperInputs) -> Quantities:
    def share(study: str, endpoint: str, arm: str = "") -> Recomputed:
        return nearest_share(result_row(study, endpoint, arm))

    randomised, refractory = "witzig-2002-randomised", "witzig-2002-refractory"
    printed = [r.percent for s in studies() if s.id == refractory for r in s.results]
    tried = [inputs.count("refractory_treated"), inputs.count("refractory_follicular")]
    possible = [n for n in tried if all(counts_of_percent(p, n) for p in printed)]
    return {
        "share.denardo.cr": share("denardo-1998", "complete response"),
        "lym_1.duration": _of(inputs.number("lym_1_duration_months") / 12.0),
        "share.refractory": _joined(
            *(share(refractory, f"{kind} response") for kind in ("complete", "partial", "overall"))
        ),
        "refractory.denominator": _of(
            *possible, note=f"of {tried[0]} treated, no count rounds to all of {', '.join(printed)} %"
        ),
        "share.randomised.or": share(randomised, "overall response", "90Y-ibritumomab"),
        "share.rituximab.or": share(randomised, "overall response", "rituximab"),
        "share.randomised.cr": _joined(
            *(share(randomised, "complete response", arm) for arm in ("90Y-ibritumomab", "rituximab"))
        ),
        "share.kaminski": _joined(
            *(share("kaminski-2001", "overall response", arm) for arm in ("131I-tositumomab", "last chemotherapy"))
        ),
        "share.horning": _joined(*(share("horning-2005", f"{kind} response") for kind in ("overall", "complete"))),
        "share.morschhauser": share("morschhauser-2008", "complete response", "consolidation"),
        "share.pagel": share("pagel-2009", "complete response"),
    }


def _sierra() -> Quantities:
    care = result_row("sierra-interim", "complete response", "conventional care")
    failed = result_row("sierra-interim", "no response to conventional care", "conventional care")
    return {
        "share.sierra.care": nearest_share(care),
        "share.sierra.failed": nearest_share(failed),
        "sierra.failed": _of((care.result.n or 0) - (care.result.k or 0)),
        "sierra.engrafted": _counted(result_row("sierra-interim", "engraftment", "randomised"), interval=True),
        "sierra.crossed": _counted(result_row("sierra-interim", "engraftment", "crossed over"), interval=True),
    }


def _counted(row: EvidenceRow, *, interval: bool = False) -> Recomputed:
    limits = share_of(row, interval=True).values[1:] if interval else ()
    return Recomputed(
        values=(float(row.k or 0), float(row.result.n or 0), *limits), note="; ".join((row.label.value, *row.notes))
    )


def _doses(inputs: PaperInputs) -> Quantities:
    limit = inputs.number("kidney_limit_Gy")
    lu, y = nuclide("Lu-177"), nuclide("Y-90")
    tails = [exponential_residual(gy_per_bq=1e-9, half_lives_s=(n.half_life_s,)) for n in (lu, y)]
    interval_s = inputs.number("interval_d") * DAY_S
    positive = inputs.count("scans") - inputs.count("scans_without_uptake")
    reached = {}
    for name in ("lu", "y"):
        activity = limit / inputs.number(f"kidneys_{name}_Gy_per_GBq")
        low, high = inputs.values(f"{name}_reached_GBq")
        where = "inside" if low <= activity <= high else "outside"
        reached[f"limit.{name}"] = _of(activity, note=f"{where} the printed {low:g}-{high:g} GBq")
    return {
        **reached,
        "half_life.lu": _of(lu.half_life_s / DAY_S, note=lu.source),
        "half_life.y": _of(y.half_life_s / DAY_S, note=y.source),
        "left": _of(*(100.0 * residual_fraction(tail, from_s=interval_s) for tail in tails)),
        "equal_interval": _of(equal_fraction_interval_s(tails[0], tails[1], interval_s=interval_s) / DAY_S),
        "scans.positive": _of(positive),
        "scans.share": _of(100.0 * positive / inputs.count("scans"), note="scans, not patients"),
    }


def _names() -> Quantities:
    found = {text: normalised_agent(text) for text in (*_THERAPY_PHRASES, *_MISPRINTS)}

    def changed(texts: tuple[str, ...]) -> Recomputed:
        notes = [f"{text} -> {found[text].title}" for text in texts if found[text].notes]
        return _of(len(notes), note=", ".join(notes))

    return {"names.changed": changed(_THERAPY_PHRASES), "names.misprints": changed(_MISPRINTS)}


def _myeloma(inputs: PaperInputs) -> Quantities:
    rows = [
        result_row("lapa-2017-imaging", endpoint)
        for endpoint in (
            "pentixafor shows more than FDG",
            "pentixafor and FDG show the same",
            "FDG shows more than pentixafor",
        )
    ]
    most = inputs.count("myeloma_patients")
    solutions = shared_counts([row.result.percent for row in rows], n_max=most)
    first = solutions[0]
    courses = inputs.values("myeloma_courses")
    return {
        "myeloma.counts": _of(*first, note=f"{len(solutions)} division of up to {most} patients: n = {sum(first)}"),
        "myeloma.first": _counted(result_row("herrmann-2016", "overall response")),
        "myeloma.sum": _of(sum(courses)),
        "myeloma.response": _counted(result_row("lapa-2017-myeloma", "overall response"), interval=True),
    }


def _staging(inputs: PaperInputs) -> Quantities:
    new, old = (int(v) for v in inputs.values("staging_correct"))
    test = mcnemar_test(first_only=0, second_only=new - old)
    note = f"{new - old} discordant patients, all in favour of pentixafor; least p for so few {test.least_p:g}"
    return {
        "mzl.upstaged": nearest_share(result_row("duell-2021", "upstaged")),
        "mzl.changed": nearest_share(result_row("duell-2021", "treatment changed")),
        "mzl.intensified": nearest_share(result_row("duell-2021", "treatment intensified where changed")),
        "mzl.mcnemar": _of(test.p, note=note),
        "mzl.published_p": _of(test.p),
        "mzl.later": nearest_share(result_row("duell-2023", "upstaged from I/II to III/IV where changed")),
    }


def _gastric(inputs: PaperInputs) -> Quantities:
    follow_ups, controls = inputs.count("gastric_follow_ups"), inputs.count("gastric_controls")
    negative = controls + inputs.count("gastric_complete_responses")
    positive = follow_ups + controls - negative
    persons = inputs.count("gastric_patients") + controls
    printed = {e: result_row("mayerhoefer-2022", e).result.percent for e in ("sensitivity", "specificity")}
    hits = counts_of_percent(printed["sensitivity"], positive)
    clear = counts_of_percent(printed["specificity"], negative)
    if len(hits) != 1 or len(clear) != 1:
        raise InputError("the table is not determined by the printed shares", field="gastric MALT")
    found = diagnostic_accuracy(
        tp=hits[0], fn=positive - hits[0], tn=clear[0], fp=negative - clear[0], patients=persons
    )
    low, high = found.worst_case["accuracy"]
    impossible = not counts_of_percent("97", inputs.count("gastric_patients"))
    examinations = positive + negative
    return {
        "gastric.printed": _of(*(100.0 * p.estimate for p in (found.sensitivity, found.specificity, found.accuracy))),
        "gastric.examinations": _of(
            examinations,
            note=f"{follow_ups} follow-ups of {inputs.count('gastric_patients')} patients and {controls} controls"
            + (f"; no count of {inputs.count('gastric_patients')} rounds to 97 %" if impossible else ""),
        ),
        "gastric.table": _of(found.tp, found.fn, found.tn, found.fp),
        "gastric.sensitivity": _interval(found.sensitivity),
        "gastric.specificity": _interval(found.specificity),
        "gastric.accuracy": _interval(
            found.accuracy,
            note=f"examinations taken as independent; as few as {persons} independent ones: "
            f"{100 * low:.1f} to {100 * high:.1f} %",
        ),
        "gastric.ppv": _of(100.0 * found.ppv.estimate),
        "gastric.npv": _interval(found.npv),
    }


def _series() -> Quantities:
    return {
        "aml.positive": share_of(result_row("herhaus-2016", "PET positive"), interval=True),
        "tcell.control": _counted(result_row("buck-2023-tcell", "disease control")),
        "tcell.died": _counted(result_row("buck-2023-tcell", "death before engraftment")),
        "dlbcl.died": _counted(result_row("lapa-2019-dlbcl", "death before engraftment")),
        "leukaemia.lasting": _counted(result_row("habringer-2018", "lasting complete response")),
    }


def _interval(found: Proportion, *, note: str = "") -> Recomputed:
    return _of(
        100.0 * found.estimate, 100.0 * found.low, 100.0 * found.high, note=note or f"{found.successes}/{found.n}"
    )
