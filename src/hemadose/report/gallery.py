"""All figures of a report, drawn in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hemadose.model import Administration, LimitKind
from hemadose.report import names, numbers, style
from hemadose.report.content import FigureAsset, PlanReport, StudyImages
from hemadose.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hemadose.model import TomographicScan

_ONE_DAY_S = DAY_S


def with_figures(report: PlanReport, *, images: StudyImages | None = None) -> PlanReport:
    """Give the report with all its figures drawn."""
    return dataclasses.replace(report, figures=draw_figures(report, images=images))


def draw_figures(report: PlanReport, *, images: StudyImages | None = None) -> tuple[FigureAsset, ...]:
    """Draw every figure the values of a report allow.

    Parameters
    ----------
    report : PlanReport
        Values; its own figures are ignored.
    images : StudyImages or None
        Images and regions; None leaves the image section empty.

    Returns
    -------
    tuple of FigureAsset
        In the order of the report.
    """
    figures = [
        *(() if images is None else image_figures(report.administration, images)),
        *_curve_figures(report),
        *_dose_figures(report),
    ]
    return tuple(figures)


def _asset(figure: Figure, *, name: str, section: str, caption: str) -> FigureAsset:
    width, height = style.size_mm(figure)
    return FigureAsset(
        name=name,
        section=section,
        caption=caption,
        data=style.to_svg(figure),
        width_mm=width,
        height_mm=height,
    )


def image_figures(administration: Administration, images: StudyImages) -> tuple[FigureAsset, ...]:
    """Draw the images with their regions: they need nothing that is computed from them."""
    return tuple(_image_figures(administration, images))


def _image_figures(administration: Administration, images: StudyImages) -> Iterator[FigureAsset]:
    if images.spect:
        yield from _spect_figures(administration, images)
    if images.planar:
        from hemadose.report.figures.marks import middle_s
        from hemadose.report.figures.planar import planar_figure, planar_series_figure

        times = [middle_s(scan, administration) for scan in images.planar]
        chosen = _nearest_to_one_day(times)
        yield _asset(
            planar_figure(
                scan=images.planar[chosen],
                regions=images.planar_regions,
                photopeak=images.photopeak,
            ),
            name="planar_regions",
            section="images",
            caption=f"Planar whole-body images {numbers.hours(times[chosen])} h after "
            "administration with the regions of interest; dashed: background. Both views are "
            "shown with the patient's right on the left.",
        )
        if len(images.planar) > 1:
            yield _asset(
                planar_series_figure(
                    scans=images.planar,
                    administration=administration,
                    photopeak=images.photopeak,
                ),
                name="planar_series",
                section="images",
                caption="Geometric mean of anterior and posterior view at all times, on one "
                "scale, not decay-corrected. Times are hours after administration.",
            )


def _spect_figures(administration: Administration, images: StudyImages) -> Iterator[FigureAsset]:
    from hemadose.report.figures.images import fused_figure, projection_figure, same_frame
    from hemadose.report.figures.marks import middle_s

    usable = [scan for scan in images.spect if same_frame(scan.image, images.regions)]
    if usable:
        times = [middle_s(scan, administration) for scan in usable]
        chosen = _nearest_to_one_day(times)
        yield _asset(
            fused_figure(scan=usable[chosen], ct=images.ct, regions=images.regions),
            name="spect_ct",
            section="images",
            caption=f"{_kind(usable[chosen], images)} through the kidneys, "
            f"{numbers.hours(times[chosen])} h after administration, with the volumes of "
            "interest. CT window 400 HU, level 40 HU; patient's right on the image left.",
        )
    yield _asset(
        projection_figure(scans=images.spect, regions=images.regions, administration=administration),
        name="spect_mip",
        section="images",
        caption="Coronal maximum-intensity projections of the SPECT on one scale, not "
        "decay-corrected, with the outlines of the volumes of interest. Times are hours after "
        "administration.",
    )


def _kind(scan: TomographicScan, images: StudyImages) -> str:
    uid = scan.image.grid.frame_of_reference_uid
    fused = images.ct is not None and images.ct.grid.frame_of_reference_uid == uid
    return "SPECT/CT slices" if fused else "SPECT slices"


def _nearest_to_one_day(times_s: list[float]) -> int:
    return min(range(len(times_s)), key=lambda index: abs(times_s[index] - _ONE_DAY_S))


def _curve_figures(report: PlanReport) -> Iterator[FigureAsset]:
    from hemadose.report.figures.curves import fit_figure

    for fit in sorted(report.fits, key=lambda fit: names.rank(fit.region)):
        series = report.series_of(fit.region)
        if series is None:
            continue
        yield _asset(
            fit_figure(
                series=series,
                fit=fit,
                nuclide=report.administration.nuclide,
                administered_activity_bq=report.administration.administered_activity_bq,
            ),
            name=f"fit_{fit.region}",
            section="curves",
            caption=f"{names.sentence(names.label(fit.region))}: samples, "
            f"{names.model_label(fit.model)} curve and residuals; last sample at "
            f"{series.times_s[-1] / HOUR_S:.0f} h.",
        )


def _dose_figures(report: PlanReport) -> Iterator[FigureAsset]:
    from hemadose.report.figures.doses import dose_figure

    prescription, comparison = report.prescription, report.comparison
    activity = report.reference_activity_bq
    if report.doses.organs:
        yield _asset(
            dose_figure(doses=report.doses, activity_bq=activity, prescription=prescription),
            name="doses",
            section="doses",
            caption="Absorbed doses by source of the radiation, and the share of each limit that "
            "the activity uses, with the probability of exceeding it.",
        )
    residual = report.doses.marrow_residual
    if prescription is not None and residual is not None and _limits_residual(report):
        from hemadose.report.figures.marrow import residual_marrow_figure

        yield _asset(
            residual_marrow_figure(residual=residual, prescription=prescription),
            name="residual_marrow",
            section="marrow",
            caption="Left: marrow dose still to come after infusion of stem cells. Right: "
            "activity allowed by each limit. Green: earliest day of transplantation for the "
            "proposed activity; orange: chosen day.",
        )
    if report.budget is not None and report.budget.quantities:
        from hemadose.report.figures.budget import budget_figure

        yield _asset(
            budget_figure(report.budget),
            name="budget",
            section="budget",
            caption="How sure every dose and activity is, and why: the length of a bar is the relative standard "
            "uncertainty, its parts are the shares of the variance.",
        )
    if report.course is not None:
        from hemadose.report.lanechart import lane_chart

        yield _asset(
            lane_chart(report.course),
            name="lane_chart",
            section="calendar",
            caption="Course of treatment by responsible unit; day 0 is the infusion of stem "
            f"cells ({report.course.day_zero_on.isoformat()}).",
        )
    if comparison is not None and comparison.targets:
        from hemadose.report.figures.comparison import comparison_figure

        yield _asset(
            comparison_figure(comparison),
            name="comparison",
            section="comparison",
            caption="Absorbed doses planned from the tracer study and delivered by the therapy.",
        )


def _limits_residual(report: PlanReport) -> bool:
    outcomes = () if report.prescription is None else report.prescription.outcomes
    return any(outcome.limit.kind is LimitKind.RESIDUAL_DOSE for outcome in outcomes)
