"""Figures of outcome: one module a figure; all take values and give a matplotlib figure."""

from hemadose.report.figures.outcome.incidence import incidence_figure
from hemadose.report.figures.outcome.ldh import ldh_figure
from hemadose.report.figures.outcome.paired import PairedDoses, paired_dose_figure
from hemadose.report.figures.outcome.spider import spider_figure
from hemadose.report.figures.outcome.survival import survival_figure
from hemadose.report.figures.outcome.swimmer import swimmer_figure
from hemadose.report.figures.outcome.timeline import timeline_figure
from hemadose.report.figures.outcome.uptake import EntityUptake, uptake_by_entity_figure
from hemadose.report.figures.outcome.waterfall import Bar, waterfall_figure

__all__ = [
    "Bar",
    "EntityUptake",
    "PairedDoses",
    "incidence_figure",
    "ldh_figure",
    "paired_dose_figure",
    "spider_figure",
    "survival_figure",
    "swimmer_figure",
    "timeline_figure",
    "uptake_by_entity_figure",
    "waterfall_figure",
]
