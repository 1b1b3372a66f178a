"""Figures: axes with units, the right numbers drawn, regions only where they belong."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest

from hemadose.errors import ReportError
from hemadose.model import Limit, LimitKind
from hemadose.report import FigureAsset, StudyImages, draw_figures, style
from hemadose.report.figures.comparison import comparison_figure
from hemadose.report.figures.curves import fit_figure
from hemadose.report.figures.doses import dose_figure, split_by_source
from hemadose.report.figures.images import fused_figure, projection_figure, same_frame
from hemadose.report.figures.marrow import residual_marrow_figure
from hemadose.report.figures.planar import planar_figure, planar_series_figure, views

ACTIVITY_BQ = 14.2e9


def words(figure):
    return " | ".join(t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_text())


def line(axes, label_start):
    return next(one for one in axes.get_lines() if str(one.get_label()).startswith(label_start))


@pytest.fixture
def kidney(report):
    fit = report.fits[0]
    return {
        "series": report.series_of(fit.region),
        "fit": fit,
        "nuclide": report.administration.nuclide,
        "administered_activity_bq": report.administration.administered_activity_bq,
    }


def test_fit_figure_names_units_model_and_extrapolated_share(kidney):
    text = words(fit_figure(**kidney))
    for part in (
        "activity / MBq",
        "time after administration / h",
        "residual / SD",
        "mono-exponential",
        "41.0 h",
        "extrapolated, 5.8 % of TIA",  # 2^(-168/41) = 5.84 %
        "physical decay (159.5 h)",
        "Left kidney: 231 ±",  # 3.9 MBq * 41 h / ln 2 = 230.7 MBq h
    ):
        assert part in text, part


def test_fit_figure_draws_samples_curve_and_residuals(kidney):
    figure = fit_figure(**kidney)
    linear, logarithmic, residuals = figure.axes[0], figure.axes[1], figure.axes[2]
    assert (linear.get_yscale(), logarithmic.get_yscale()) == ("linear", "log")
    curve = line(linear, "mono")
    at_start = np.interp(0.0, *curve.get_data())
    assert at_start == pytest.approx(3.9, rel=1e-6)
    drawn = residuals.get_lines()[-1].get_ydata()
    series, fit = kidney["series"], kidney["fit"]
    expected = (series.activities_bq - fit.curve.activity_bq(series.times_s)) / series.sds_bq
    np.testing.assert_allclose(drawn, expected)


def test_fit_figure_without_uncertainty_gives_residuals_in_percent(kidney):
    samples = tuple(dataclasses.replace(s, sd_bq=None) for s in kidney["series"].samples)
    kidney["series"] = dataclasses.replace(kidney["series"], samples=samples)
    text = words(fit_figure(**kidney, scales=("log",)))
    assert "residual / %" in text
    assert "residual / SD" not in text


def test_dose_figure_shows_dose_limit_and_probability(report):
    figure = dose_figure(doses=report.doses, activity_bq=ACTIVITY_BQ, prescription=report.prescription)
    text = words(figure)
    for part in (
        "absorbed dose / Gy",
        "share of the limit / %",
        "22.0 ± 2.6 Gy",
        "P(exceeds) 34 %",
        "activity cap\n16.5 GBq",
    ):
        assert part in text, part


def test_dose_contributions_add_up(report):
    for organ in report.doses.organs:
        own, others, rest = split_by_source(organ)
        assert own + others + rest == pytest.approx(organ.gy_per_bq)
        assert own > rest > 0.0


def test_marrow_figure_marks_both_days_and_activities(report):
    figure = residual_marrow_figure(residual=report.doses.marrow_residual, prescription=report.prescription)
    text = words(figure)
    for part in (
        "marrow dose still to come / Gy",
        "administered activity / GBq",
        "administration to infusion of stem cells / d",
        "earliest: 9.9 d",
        "chosen: 14.0 d, 0.47 ±",
        "proposed: 14.2 GBq",
        "marrow alone: 29.9 GBq",
        "limit 1 Gy",
    ):
        assert part in text, part


def test_marrow_curves_cross_the_limit_at_the_earliest_day(report):
    figure = residual_marrow_figure(residual=report.doses.marrow_residual, prescription=report.prescription)
    left, right = figure.axes
    earliest_d = report.prescription.earliest_infusion_s / 86400.0
    dose_gy = np.interp(earliest_d, *line(left, "marrow").get_data())
    allowed_gbq = np.interp(earliest_d, *line(right, "marrow, 1 Gy").get_data())
    assert dose_gy == pytest.approx(1.0, rel=2e-3)
    assert allowed_gbq == pytest.approx(ACTIVITY_BQ / 1e9, rel=2e-3)


def test_marrow_figure_needs_its_limit(report):
    outcomes = tuple(o for o in report.prescription.outcomes if o.limit.kind is not LimitKind.RESIDUAL_DOSE)
    without = dataclasses.replace(report.prescription, outcomes=outcomes)
    with pytest.raises(ReportError, match="no limit on the marrow dose"):
        residual_marrow_figure(residual=report.doses.marrow_residual, prescription=without)
    figures = draw_figures(dataclasses.replace(report, prescription=without))
    assert "residual_marrow" not in {figure.name for figure in figures}


def test_marrow_figure_without_draws_or_dates(report):
    residual = report.doses.marrow_residual
    bare = dataclasses.replace(
        residual,
        draw_amplitudes_gy_per_bq_s=residual.amplitudes_gy_per_bq_s[None, :],
        draw_rates_per_s=residual.rates_per_s[None, :],
    )
    plain = dataclasses.replace(
        report.prescription,
        interval_to_infusion_s=None,
        earliest_infusion_s=None,
        activity_for_interval_bq=None,
    )
    text = words(residual_marrow_figure(residual=bare, prescription=plain))
    assert "earliest" not in text
    assert "chosen" not in text


def test_unlimited_activity_can_be_drawn_and_printed(report):
    from hemadose.report.printed import limit_table

    free = dataclasses.replace(report.prescription.outcomes[0], max_activity_bq=float("inf"))
    prescription = dataclasses.replace(report.prescription, outcomes=(*report.prescription.outcomes, free))
    figure = residual_marrow_figure(residual=report.doses.marrow_residual, prescription=prescription)
    assert np.isfinite(figure.axes[1].get_ylim()).all()
    table = limit_table(dataclasses.replace(report, prescription=prescription))
    assert table.rows[-1][3] == "unlimited GBq"


def test_slices_show_orientation_scale_and_regions(study_images):
    text = words(fused_figure(scan=study_images.spect[0], ct=study_images.ct, regions=study_images.regions))
    for part in ("coronal", "axial", "sagittal", "counts per voxel", "10 cm", "kidneys", "spleen"):
        assert part in text, part


def test_patient_left_is_on_the_image_right(study_images):
    """The left kidney (x > 0 in LPS) must be drawn in the right half of coronal and axial cuts."""
    left = tuple(r for r in study_images.regions if r.name == "kidney_left")
    figure = fused_figure(scan=study_images.spect[0], ct=None, regions=left)
    for axes in figure.axes[:2]:
        left_mm, right_mm = axes.get_xlim()
        assert left_mm < right_mm
        vertices = np.concatenate([c.get_paths()[0].vertices for c in axes.collections])
        assert vertices[:, 0].mean() == pytest.approx(62.0, abs=8.0)
        texts = {t.get_text(): t.get_position()[0] for t in axes.texts}
        assert texts["R"] < texts["L"]


def test_anterior_is_up_in_axial_and_left_in_sagittal_cuts(study_images):
    figure = fused_figure(scan=study_images.spect[0], ct=None, regions=study_images.regions)
    axial, sagittal = figure.axes[1], figure.axes[2]
    bottom, top = axial.get_ylim()
    assert bottom > top, "posterior (+y) is at the bottom"
    texts = {t.get_text(): t.get_position()[0] for t in sagittal.texts}
    assert texts["A"] < texts["P"]


def test_regions_of_another_frame_are_not_drawn(study_images):
    scan = study_images.spect[0]
    grid = dataclasses.replace(scan.image.grid, frame_of_reference_uid="9.9.9")
    scan = dataclasses.replace(scan, image=dataclasses.replace(scan.image, grid=grid))
    assert same_frame(scan.image, study_images.regions) == ()
    with pytest.raises(ReportError, match="frame of reference"):
        fused_figure(scan=scan, ct=study_images.ct, regions=study_images.regions)


def test_projection_keeps_the_maximum(report, study_images):
    figure = projection_figure(
        scans=study_images.spect, regions=study_images.regions, administration=report.administration
    )
    shown = figure.axes[0].get_images()[0].get_array()
    assert shown.max() == pytest.approx(float(study_images.spect[0].image.values.max()), rel=0.10)
    assert "24.7 h" in words(figure)


def test_planar_figure_names_every_region(study_images):
    figure = planar_figure(scan=study_images.planar[2], regions=study_images.planar_regions)
    text = words(figure)
    for part in ("anterior", "posterior", "geometric mean", "left kidney", "background liver"):
        assert part in text, part
    assert "counts per pixel\n(square-root scale)" in text


def test_geometric_mean(study_images):
    anterior, posterior, mean = views(study_images.planar[0], "photopeak")
    np.testing.assert_allclose(mean**2, anterior * posterior)


def test_planar_regions_of_another_size_are_left_out(study_images):
    small = tuple(dataclasses.replace(region, mask=region.mask[:150]) for region in study_images.planar_regions)
    text = words(planar_figure(scan=study_images.planar[2], regions=small))
    assert "left kidney" not in text


def test_planar_series_gives_times_and_one_scale(report, study_images):
    figure = planar_series_figure(scans=study_images.planar, administration=report.administration)
    text = words(figure)
    assert "counts/s per pixel" in text
    assert "168 h" in text
    tops = {axes.get_images()[0].norm.vmax for axes in figure.axes[:5]}
    assert len(tops) == 1


def test_comparison_figure_gives_the_ratio(comparison):
    # 0.62 * 14.0 / 14.2 = 61 %
    assert "61 % of planned" in words(comparison_figure(comparison))
    strangers = dataclasses.replace(comparison, delivered=dataclasses.replace(comparison.delivered, organs=()))
    with pytest.raises(ReportError, match="no organ in common"):
        comparison_figure(strangers)


def test_all_figures_of_a_study(report, study_images, comparison):
    full = dataclasses.replace(report, comparison=comparison)
    names = [figure.name for figure in draw_figures(full, images=study_images)]
    for name in (
        "spect_ct",
        "spect_mip",
        "planar_regions",
        "planar_series",
        "fit_kidney_left",
        "doses",
        "residual_marrow",
        "lane_chart",
        "comparison",
    ):
        assert name in names, name
    without = [figure.name for figure in draw_figures(report, images=StudyImages())]
    assert "spect_ct" not in without
    assert "comparison" not in without


def test_figures_are_small_deterministic_and_leave_the_users_settings_alone(report, study_images):
    mpl.rcParams["font.size"] = 13.0
    try:
        first = draw_figures(report, images=study_images)
        assert mpl.rcParams["font.size"] == 13.0
        mpl.rcParams["font.size"] = 4.0
        second = draw_figures(report, images=study_images)
    finally:
        mpl.rcdefaults()
    assert [f.data for f in first] == [f.data for f in second]
    assert all(len(figure.data) < 500_000 for figure in first)
    assert b"<dc:date>" not in first[0].data


def test_shortened_paths_keep_transforms_exact():
    with style.house_style():
        figure = style.new_figure(width_mm=30.0, height_mm=30.0)
        figure.text(0.5, 0.5, "a")
        svg = style.to_svg(figure)
    assert b"scale(0.07" in svg or b"scale(0.0" in svg
    assert b"scale(0.0)" not in svg


def test_figure_without_a_place_is_refused():
    with pytest.raises(ReportError, match="no section"):
        FigureAsset(name="x", section="cover", caption="", data=b"", width_mm=1.0, height_mm=1.0)
    with pytest.raises(ReportError, match="type"):
        FigureAsset(
            name="x", section="doses", caption="", data=b"", width_mm=1.0, height_mm=1.0,
            media_type="image/gif",
        )  # fmt: skip


def test_limit_on_an_organ_without_dose_is_drawn(report):
    lungs = dataclasses.replace(
        report.prescription.outcomes[0],
        limit=Limit(name="lungs", kind=LimitKind.TOTAL_DOSE, target="lungs", value=8.0),
        active=False,
    )
    prescription = dataclasses.replace(report.prescription, outcomes=(lungs,))
    text = words(dose_figure(doses=report.doses, activity_bq=ACTIVITY_BQ, prescription=prescription))
    assert "lungs\n8 Gy" in text
