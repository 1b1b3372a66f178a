"""Scatter of the virtual camera against the transport engine, and against what must hold."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.imaging.camera.response import DetectorResponse
from hemadose.model import EnergyWindow, GammaLine
from hemadose.physics.matter import medium, photon_table
from hemadose.simulate.gamma_camera import GammaCamera, TomoProtocol
from hemadose.simulate.photon_tables import klein_nishina_shape, photon_tables
from hemadose.simulate.primary_views import primary_views
from hemadose.simulate.scatter_views import scatter_views
from hemadose.simulate.sources import SourceMap
from hemadose.simulate.tomo_scene import tomo_scene

SHARP = DetectorResponse(intrinsic_fwhm_mm=0.0, at_face_mm=1e-3, per_mm=0.0)
CAMERA = GammaCamera(response=SHARP, geometric_efficiency=((150.0, 2e-4), (330.0, 2e-4)))
PROTOCOL = TomoProtocol(views=16, heads=1, bins=44, slices=44, bin_mm=5.0, slice_mm=5.0, orbit="circular")


def _probe():
    path = Path(__file__).with_name("scatter_probe.py")
    spec = importlib.util.spec_from_file_location("scatter_probe", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ball():
    probe = _probe()
    anatomy, source = probe.ball_of_water()
    scene = tomo_scene(anatomy, PROTOCOL, main_kev=probe.MAIN_KEV, centre_z_mm=0.0)
    return scene, [SourceMap(name="s", share=source, compartment_share=1.0)]


def line(kev=208.366, per_decay=1.0):
    return GammaLine(energy_kev=kev, photons_per_decay=per_decay)


def test_counts_by_window_are_those_of_the_transport_engine(ball):
    """Scatter per decay and view in the windows 174.72-195.52, 195.52-220.48, 220.48-251.68 keV, from four million
    photons of `hemadose.physics.transport` (0.10, 0.12, 0.23 % s.e.; the slow test makes them again)."""
    scene, sources = ball
    seen = scatter_views(scene, sources, CAMERA, [line()], histories=300_000, seed=3, smoothing_fwhm_mm=0.0)["s"]
    engine = np.array([1.29749e-5, 7.8945e-6, 8.230e-8])
    np.testing.assert_allclose(seen.sum(axis=(1, 2, 3)) / PROTOCOL.views, engine, rtol=0.02)


@pytest.mark.slow
def test_scatter_against_the_transport_engine(ball):
    """Counts of each window within 1 %, and their radial shape within 4 % out to 75 mm."""
    probe = _probe()
    scene, sources = ball
    escaped, error = probe.engine_escape(scene.anatomy, sources[0].share, photons=2_000_000)
    kev = probe.LOWEST_KEV + 0.5 + np.arange(probe.ENERGIES - 1)
    expected = CAMERA.counts_per_photon(kev) @ escaped[:-1]
    noise = np.sqrt(CAMERA.counts_per_photon(kev) ** 2 @ error[:-1] ** 2)
    found = scatter_views(scene, sources, CAMERA, [line()], histories=2_000_000, seed=3, smoothing_fwhm_mm=0.0)["s"]
    mean = found.sum(axis=1) / PROTOCOL.views
    np.testing.assert_allclose(mean.sum(axis=(1, 2)), expected.sum(axis=1), rtol=0.01)
    radial = by_radius(mean, probe.RADII)
    for window in (0, 1):
        assert noise[window, :15].max() < 0.02 * expected[window, :15].max()
        np.testing.assert_allclose(radial[window, :15], expected[window, :15], rtol=0.04)
    unscattered = primary_views(scene, sources, SHARP)["s"].sum() / PROTOCOL.views
    assert unscattered == pytest.approx(escaped[-1].sum(), rel=0.006)  # with coherent scatter going straight on


def by_radius(planes, radii):
    """Counts in rings of 5 mm; pixels are divided into 10 x 10 points."""
    place = (np.arange(44) - 21.5)[:, None] * 5.0 + (np.arange(10) - 4.5)[None] * 0.5
    radius = np.hypot(place[:, :, None, None], place[None, None]).transpose(0, 2, 1, 3)
    ring = np.minimum((radius / 5.0).astype(int), radii - 1)
    weight = np.broadcast_to(planes[..., None, None] / 100.0, (*planes.shape, 10, 10))
    return np.stack([np.bincount(ring.ravel(), weights=w.ravel(), minlength=radii) for w in weight])


def test_nothing_scatters_in_air(ball):
    scene, sources = ball
    thin = replace(scene.anatomy, tissues=tuple(replace(t, medium="air", density_g_per_ml=0.0012)
                                                for t in scene.anatomy.tissues))  # fmt: skip
    air = tomo_scene(thin, PROTOCOL, main_kev=208.366, centre_z_mm=0.0)
    there, here = (
        scatter_views(s, sources, CAMERA, [line()], histories=20_000, seed=1)["s"].sum() for s in (scene, air)
    )
    assert here < 0.01 * there


def test_unscattered_photons_of_a_minor_line_follow_the_closed_form(ball):
    """A window of 4 keV and a crystal of almost perfect energy resolution see 250 keV photons that did not scatter:
    exp(-mu r), averaged over a source of radius 25 mm in a ball of 100 mm; in air, all of them. The window is wider
    than the 1 keV steps that the simulation tabulates counts in."""
    scene, sources = ball
    sharp = replace(CAMERA, energy_fwhm_140kev=1e-3,
                    windows=(EnergyWindow(name="line", lower_kev=248.0, upper_kev=252.0),
                             EnergyWindow(name="low", lower_kev=150.0, upper_kev=170.0)))  # fmt: skip
    lines = [line(), line(249.674, 0.01)]
    every = 0.01 * PROTOCOL.views * sharp.counts_per_photon(249.674)[0, 0]
    seen = scatter_views(scene, sources, sharp, lines, histories=200_000, seed=2, smoothing_fwhm_mm=0.0)["s"][0].sum()
    table = photon_table(medium("water"), np.array([249.674]))
    mu = float(table.total[0] - table.coherent[0])
    points = np.random.default_rng(1).normal(size=(40000, 3))
    points *= 2.5 * np.random.default_rng(2).random((40000, 1)) ** (1 / 3) / np.linalg.norm(points, axis=1)[:, None]
    chord = np.sqrt(100.0 - points[:, 0] ** 2 - points[:, 1] ** 2) - points[:, 2]
    assert seen / every == pytest.approx(np.exp(-mu * chord).mean(), rel=0.03)
    thin = tuple(replace(t, medium="air", density_g_per_ml=0.0012) for t in scene.anatomy.tissues)
    air = tomo_scene(replace(scene.anatomy, tissues=thin), PROTOCOL, main_kev=208.366, centre_z_mm=0.0)
    seen = scatter_views(air, sources, sharp, lines, histories=200_000, seed=2, smoothing_fwhm_mm=0.0)["s"][0].sum()
    assert seen / every == pytest.approx(1.0, rel=0.02)


def test_the_answer_does_not_depend_on_threads_and_repeats(ball):
    scene, sources = ball
    runs = [scatter_views(scene, sources, CAMERA, [line()], histories=8000, seed=s, threads=n)["s"]
            for s, n in ((5, 1), (5, 3), (6, 1))]  # fmt: skip
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_smoothing_keeps_counts(ball):
    scene, sources = ball
    raw, smooth = (scatter_views(scene, sources, CAMERA, [line()], histories=8000, seed=5, smoothing_fwhm_mm=w)["s"].sum()
                   for w in (0.0, 12.0))  # fmt: skip
    assert smooth == pytest.approx(raw, rel=0.01)


def test_klein_nishina_integrates_to_the_cross_section():
    """Integral of the shape times r_e^2 is sigma: 0.4065 barn at 200 keV per electron (Klein-Nishina)."""
    c = np.linspace(-1.0, 1.0, 20001)
    area = 2.0 * np.pi * np.trapezoid(klein_nishina_shape(200.0, c), c) * 2.8179403**2 * 1e-2
    assert area == pytest.approx(0.4065, rel=2e-3)


def test_windows_out_of_reach_and_too_few_histories_are_refused(ball):
    scene, sources = ball
    high = replace(CAMERA, windows=(EnergyWindow(name="far", lower_kev=400.0, upper_kev=440.0),))
    with pytest.raises(QuantityError, match="do not reach"):
        scatter_views(scene, sources, high, [line()], histories=8000, seed=1)
    with pytest.raises(QuantityError, match="too few"):
        scatter_views(scene, sources, CAMERA, [line()], histories=10, seed=1)
    with pytest.raises(QuantityError, match="must rise"):
        photon_tables(scene.anatomy, lowest_kev=300.0, highest_kev=310.0, main_kev=208.0)
