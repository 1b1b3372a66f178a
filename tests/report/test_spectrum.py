"""The figure of a spectrum: what is drawn is what the value holds."""

import matplotlib as mpl
import numpy as np
import pytest

from hemadose.errors import ReportError
from hemadose.model.emissions import BetaSpectrum, EmissionLine, Emissions, LineKind
from hemadose.report import style
from hemadose.report.figures.spectrum import spectrum_caption, spectrum_figure


def triangle(*, charge=-1, number=1.0, end=300.0):
    """Density falling linearly to the end point: mean end / 3."""
    energy = np.linspace(0.0, end, 301)
    return BetaSpectrum(charge=charge, energy_kev=energy, density_per_kev=2.0 * number / end * (1.0 - energy / end))


def made(*, betas=(), lines=(), notes=()):
    return Emissions(
        nuclide="Lu-177", half_life_s=6.647 * 86400.0, lines=tuple(lines), betas=tuple(betas), source="made by hand",
        notes=tuple(notes),
    )  # fmt: skip


def line(kind, energy, number):
    return EmissionLine(kind=kind, energy_kev=energy, yield_per_decay=number)


def words(figure):
    return " ".join(" ".join(t.get_text().split()) for t in figure.findobj(mpl.text.Text) if t.get_text())


LINES = [
    line(LineKind.GAMMA, 200.0, 0.1),
    line(LineKind.GAMMA, 100.0, 5e-5),
    line(LineKind.CONVERSION, 50.0, 0.2),
    line(LineKind.ALPHA, 6000.0, 0.5),
]


def test_units_means_and_sums_are_written():
    text = words(spectrum_figure(made(betas=[triangle()], lines=LINES)))
    for part in (
        "half-life 6.647 d",
        "kinetic energy / keV",
        "particles per decay and keV",
        "yield per decay",
        "1 per decay, mean 100 keV, end point 300 keV",
        "gamma, 20.0 keV",  # 0.1 * 200 keV and 5 eV of the line that is not drawn
        "conversion electron, 10.0 keV",
        "alpha, 3000 keV",
        "electrons 110.0 keV, photons 20.0 keV, alpha particles 3000 keV. made by hand.",
        "Not drawn: 1 lines below 0.0001 per decay",
    ):
        assert part in text, part
    assert "daughters" not in text


def test_area_of_the_continuum_is_the_yield():
    axes = spectrum_figure(made(betas=[triangle(number=0.4)], lines=LINES)).axes[0]
    (curve,) = axes.get_lines()
    assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(0.4)
    filled = axes.collections[0].get_paths()[0].vertices
    x, y = filled[:, 0], filled[:, 1]
    assert abs(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) == pytest.approx(0.4, rel=1e-6)


def test_stems_stand_at_the_lines_above_the_smallest_yield():
    figure = spectrum_figure(made(lines=LINES), min_yield=1e-3)
    (axes,) = figure.axes
    drawn = {(x, y) for one in axes.get_lines() for x, y in zip(*one.get_data(), strict=True)}
    assert drawn == {(200.0, 0.1), (50.0, 0.2), (6000.0, 0.5)}
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_positrons_are_told_from_electrons():
    figure = spectrum_figure(made(betas=[triangle(), triangle(charge=1, number=0.5, end=600.0)]))
    (axes,) = figure.axes
    electrons, positrons = axes.get_lines()
    assert "beta^-" in electrons.get_label()
    assert "beta^+" in positrons.get_label()
    assert electrons.get_color() != positrons.get_color()
    assert "electrons and positrons" in words(figure)


def test_very_unlike_continua_get_a_logarithmic_axis_and_faint_ones_are_left_out():
    figure = spectrum_figure(made(betas=[triangle(end=10.0), triangle(end=900.0), triangle(number=0.01, end=2000.0)]))
    assert figure.axes[0].get_yscale() == "log"
    assert len(figure.axes[0].get_lines()) == 2
    assert spectrum_figure(made(betas=[triangle()])).axes[0].get_yscale() == "linear"


def test_a_chain_is_said_in_the_title():
    figure = spectrum_figure(made(lines=LINES, notes=["daughters summed, decays per decay of Lu-177: X-1 1"]))
    assert "with its daughters" in words(figure)


def test_nothing_to_draw_is_an_error():
    with pytest.raises(ReportError, match=r"no emission of Lu-177.*0\.5 per decay"):
        spectrum_figure(made(lines=[line(LineKind.GAMMA, 10.0, 0.1)]), min_yield=0.5)


def test_caption_leaves_out_what_is_not_emitted():
    assert spectrum_caption(made(lines=[line(LineKind.ALPHA, 27481.0, 1.0)])) == (
        "Mean energy per decay: alpha particles 27.48 MeV. made by hand."
    )


@pytest.mark.parametrize("name", ["Lu-177", "Pb-212", "At-211"])
def test_real_nuclides_are_drawn_without_overlap(name):
    """Legends, titles and captions of real spectra stay on the page and off one another."""
    from hemadose.refdata.emissions import emissions

    figure = spectrum_figure(emissions(name, chain=True))
    svg = style.to_svg(figure)
    assert svg.startswith(b"<?xml")
    assert svg == style.to_svg(spectrum_figure(emissions(name, chain=True)))
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    legends = [axes.get_legend().get_window_extent(renderer) for axes in figure.axes]
    title = figure._suptitle.get_window_extent(renderer)
    caption = figure._supxlabel.get_window_extent(renderer)
    boxes = [title, *legends, caption]
    for i, one in enumerate(boxes):
        assert one.x0 >= 0.0
        assert one.x1 <= figure.bbox.x1
        for other in boxes[i + 1 :]:
            assert not one.overlaps(other)
