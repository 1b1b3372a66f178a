"""The figures of a recomputed publication."""

from __future__ import annotations

from hemadose.outcome.evidence import EvidenceRow, Role, evidence_rows
from hemadose.outcome.papers import Paper, PaperInputs
from hemadose.refdata.evidence import studies
from hemadose.refdata.regimens import regimen
from hemadose.report import style
from hemadose.report.donor_chart import donor_chart
from hemadose.report.figures.forest import forest_figure
from hemadose.report.figures.response_bars import ResponseBar, response_bars_figure
from hemadose.report.figures.suv_sites import SiteRange, suv_sites_figure
from hemadose.report.paper_report import PaperFigure
from hemadose.workflow.reproduce_braitsch import SITES, solved_patient_5
from hemadose.workflow.reproduce_buck import FIGURE_2C, result_row
from hemadose.workflow.reproduce_regimens import HAPLO, MATCHED_CY, MATCHED_FLU

_SITE_WORDS = {"skull_base": "skull base", "c4": "C4", "t5": "T5", "l5": "L5"}


def paper_figures(paper: Paper) -> tuple[PaperFigure, ...]:
    """Draw the figures that belong to a packaged publication.

    Parameters
    ----------
    paper : Paper
        Braitsch 2025 or Buck 2023.

    Returns
    -------
    tuple of PaperFigure
        As SVG, the same bytes on every run.
    """
    if paper.id == "braitsch-2025":
        return _braitsch(paper.inputs)
    return _buck()


def cohort_sites(inputs: PaperInputs) -> tuple[SiteRange, ...]:
    """Give uptake by site of Braitsch 2025: printed ranges, and the values of patient 5 as they follow from them."""
    solved = solved_patient_5(inputs)
    found = []
    for site in SITES:
        printed = inputs.summary(f"suv_{site}")
        side = site.removeprefix("ilium_")
        found.append(
            SiteRange(
                name=_SITE_WORDS.get(site, f"{side} ilium"),
                n=printed.n,
                low=float(printed.low),
                high=float(printed.high),
                centre=float(printed.centre),
                values={"patient 5 (deduced)": solved.low[site]} if site in solved.low else {},
            )
        )
    return tuple(found)


def _braitsch(inputs: PaperInputs) -> tuple[PaperFigure, ...]:
    sites = suv_sites_figure(
        cohort_sites(inputs), centre_words="average (kind not stated)", title="SUVmax of [68Ga]Pentixafor by site"
    )
    chart = donor_chart([regimen(name) for name in (MATCHED_FLU, MATCHED_CY, HAPLO)])
    rows = [row for row in evidence_rows(studies(), disease="AML") if row.result.role is not Role.IMAGING]
    return (
        PaperFigure(
            name="suv_sites", svg=style.to_svg(sites),
            caption="Figure 2C: range and average as printed, patient 5 deduced; other values are not published.",
        ),
        PaperFigure(
            name="schedule", svg=style.to_svg(chart), caption="Figure 1: conditioning by donor, corrected units."
        ),
        PaperFigure(
            name="evidence_aml", svg=style.to_svg(forest_figure(rows)),
            caption="Radioligands in AML and MDS: shares with exact 95 % intervals, endpoints apart.",
        ),
    )  # fmt: skip


def _buck() -> tuple[PaperFigure, ...]:
    bars = response_bars_figure([_bar(result_row(*which)) for which in FIGURE_2C])
    rows = evidence_rows(studies())
    therapy = [row for row in rows if row.result.role is not Role.IMAGING and "68Ga-pentixafor" not in row.study.agents]
    imaging = [row for row in rows if "68Ga-pentixafor" in row.study.agents]
    return (
        PaperFigure(
            name="response_bars", svg=style.to_svg(bars),
            caption="Figure 2C: response in three trials of 90Y-ibritumomab tiuxetan; each has its own definition.",
        ),
        PaperFigure(
            name="evidence_therapy", svg=style.to_svg(forest_figure(therapy)),
            caption="Therapy: shares with exact 95 % intervals, endpoints apart, nothing pooled.",
        ),
        PaperFigure(
            name="evidence_imaging", svg=style.to_svg(forest_figure(imaging)),
            caption="Imaging with [68Ga]pentixafor: shares with exact 95 % intervals.",
        ),
    )  # fmt: skip


def _bar(row: EvidenceRow) -> ResponseBar:
    what = "complete" if row.result.endpoint.startswith("complete") else "overall"
    return ResponseBar(
        name=f"{row.study.citation.split(' ')[0]} {row.study.year}\n{row.study.disease}\n({what} response)",
        share=row.estimate or 0.0,
        low=row.low,
        high=row.high,
        count=row.count_words,
    )
