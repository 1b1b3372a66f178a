"""Dead time: known answers, both branches, refusal, and experiments whose truth is known."""

from __future__ import annotations

from math import e, exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import FitError, QuantityError
from hemadose.imaging.calibration.deadtime_fit import CountedRate, decaying_source_dead_time
from hemadose.imaging.calibration.deadtime_two_sources import two_source_dead_time
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.counts import true_rate_nonparalysable, true_rate_paralysable
from hemadose.model import Nuclide

LUTETIUM = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.9, photon_energy_kev=35.1)
TECHNETIUM = Nuclide(name="Tc-99m", half_life_s=6.0067 * 3600, electron_energy_kev=16.0, photon_energy_kev=126.0)
CAMERAS = {
    "paralysable": DeadTime(paralysable_s=2.4e-6),
    "non-paralysable": DeadTime(nonparalysable_s=3e-6),
    "hybrid": DeadTime(paralysable_s=2e-6, nonparalysable_s=1.5e-6),
}


def test_case_pl4():
    """check-cases.json PL4: 60000 /s, 2.4 us; and the functions that were here before."""
    assert DeadTime(paralysable_s=2.4e-6).true_per_s(60000.0) == pytest.approx(71176.97, rel=1e-7)
    assert DeadTime(nonparalysable_s=2.4e-6).true_per_s(60000.0) == pytest.approx(70093.46, rel=1e-7)
    for rate in (1.0, 1e4, 1.2e5):
        assert DeadTime(paralysable_s=2.4e-6).true_per_s(rate) == pytest.approx(
            true_rate_paralysable(rate, dead_time_s=2.4e-6), rel=1e-9
        )
        assert DeadTime(nonparalysable_s=2.4e-6).true_per_s(rate) == pytest.approx(
            true_rate_nonparalysable(rate, dead_time_s=2.4e-6), rel=1e-12
        )


@settings(deadline=None)
@given(st.floats(1e2, 5e5), st.floats(0.0, 4e-6), st.floats(0.0, 4e-6))
def test_inversion_gives_back_the_true_rate_on_its_branch(true, p, n):
    camera = DeadTime(paralysable_s=p, nonparalysable_s=n)
    shown = float(camera.observed_per_s(true))
    assert 0.0 < shown <= true
    if abs(true / camera.true_at_maximum_per_s - 1.0) < 1e-3:
        return  # flat top: the inverse is ill-defined to rounding
    branch = "below" if true < camera.true_at_maximum_per_s else "above"
    assert camera.true_per_s(shown, branch=branch) == pytest.approx(true, rel=1e-5)


def test_maximum():
    """1/(e tau), 1/tau, and the hybrid's by search over a fine grid."""
    assert CAMERAS["paralysable"].maximum_per_s == pytest.approx(1 / (e * 2.4e-6), rel=1e-12)
    assert CAMERAS["non-paralysable"].maximum_per_s == pytest.approx(1 / 3e-6)
    assert DeadTime().maximum_per_s == inf
    grid = np.linspace(1e3, 2e6, 400_001)
    shown = CAMERAS["hybrid"].observed_per_s(grid)
    assert CAMERAS["hybrid"].maximum_per_s == pytest.approx(shown.max(), rel=1e-9)
    assert CAMERAS["hybrid"].true_at_maximum_per_s == pytest.approx(grid[shown.argmax()], rel=1e-4)


@pytest.mark.parametrize("kind", CAMERAS)
def test_beyond_the_maximum_is_refused(kind):
    camera = CAMERAS[kind]
    assert camera.kind == kind
    assert camera.true_per_s(0.999 * camera.maximum_per_s) > 0.0
    with pytest.raises(QuantityError, match="saturated") as said:
        camera.true_per_s(1.001 * camera.maximum_per_s)
    assert "at most" in str(said.value)
    with pytest.raises(QuantityError, match="negative"):
        camera.true_per_s(-1.0)


def test_at_the_maximum_of_a_paralysable_camera_both_branches_meet():
    camera = CAMERAS["paralysable"]
    top = camera.maximum_per_s
    assert camera.true_per_s(top) == pytest.approx(1 / 2.4e-6, rel=1e-6)
    assert camera.true_per_s(top, branch="above") == pytest.approx(1 / 2.4e-6, rel=1e-6)
    with pytest.raises(QuantityError, match="branch"):
        CAMERAS["non-paralysable"].true_per_s(1e4, branch="above")


def test_nonsense_times_are_refused():
    with pytest.raises(QuantityError, match="microseconds"):
        DeadTime(paralysable_s=2.4)
    with pytest.raises(QuantityError, match="negative"):
        DeadTime(nonparalysable_s=-1e-6)


def test_correction_is_a_factor_for_every_window():
    camera = CAMERAS["hybrid"]
    shown = float(camera.observed_per_s(9e4))
    assert camera.correction(shown) * shown == pytest.approx(9e4, rel=1e-9)
    assert camera.correction(0.0) == 1.0


@pytest.mark.parametrize("kind", CAMERAS)
def test_amplification_and_uncertainty_against_draws(kind):
    """First order against 4000 drawn rates and dead times (1 % and 2 %) at 30 % loss."""
    camera, rng = CAMERAS[kind], np.random.default_rng(2)
    true = 1e5
    shown = float(camera.observed_per_s(true))
    slope = log(camera.true_per_s(1.001 * shown) / camera.true_per_s(0.999 * shown)) / log(1.001 / 0.999)
    assert camera.amplification(true) == pytest.approx(slope, rel=1e-4)
    drawn = [
        DeadTime(
            paralysable_s=camera.paralysable_s * (1 + 0.02 * rng.standard_normal()),
            nonparalysable_s=camera.nonparalysable_s * (1 + 0.02 * rng.standard_normal()),
        ).true_per_s(shown * (1 + 0.01 * rng.standard_normal()))
        for _ in range(4000)
    ]
    stated = camera.true_relative_sd(
        shown, observed_relative_sd=0.01, paralysable_relative_sd=0.02, nonparalysable_relative_sd=0.02
    )
    assert np.std(drawn) / true == pytest.approx(stated, rel=0.06)
    assert camera.amplification(1e12) == inf or kind == "non-paralysable"


# two sources


def counted(camera, true_per_s, *, duration=60.0, rng=None):
    mean = float(camera.observed_per_s(true_per_s)) * duration
    return CountedRate(counts=mean if rng is None else float(rng.poisson(mean)), duration_s=duration)


@pytest.mark.parametrize("kind", ["paralysable", "non-paralysable"])
def test_two_sources_solve_exactly(kind):
    camera = CAMERAS[kind]
    found = two_source_dead_time(
        counted(camera, 60e3 + 50.0),
        counted(camera, 80e3 + 50.0),
        counted(camera, 140e3 + 50.0),
        background=counted(camera, 50.0),
        kind=kind,
    )
    assert found.model.paralysable_s == pytest.approx(camera.paralysable_s, rel=1e-6, abs=1e-15)
    assert found.model.nonparalysable_s == pytest.approx(camera.nonparalysable_s, rel=1e-6, abs=1e-15)


def test_two_sources_against_the_textbook():
    """Equal sources, paralysable (Adams 1974): tau = 2 m12 / (m1 + m2)^2 ln((m1 + m2) / m12).
    Non-paralysable (Knoll eq. 4.32): tau = X (1 - sqrt(1 - Z)) / Y."""
    m1, m12 = 50e3, 85e3
    found = two_source_dead_time(
        *(CountedRate(counts=m * 60, duration_s=60) for m in (m1, m1, m12)), kind="paralysable"
    )
    assert found.model.paralysable_s == pytest.approx(2 * m12 / (2 * m1) ** 2 * log(2 * m1 / m12), rel=1e-9)
    m2, mb = 61e3, 200.0
    runs = [CountedRate(counts=m * 60, duration_s=60) for m in (m1, m2, 95e3, mb)]
    m12 = 95e3
    x, y = m1 * m2 - mb * m12, m1 * m2 * (m12 + mb) - mb * m12 * (m1 + m2)
    z = y * (m1 + m2 - m12 - mb) / x**2
    found = two_source_dead_time(*runs[:3], background=runs[3], kind="non-paralysable")
    assert found.model.nonparalysable_s == pytest.approx(x * (1 - sqrt(1 - z)) / y, rel=1e-9)


@pytest.mark.parametrize("kind", ["paralysable", "non-paralysable"])
def test_two_source_uncertainty_covers(kind):
    """200 drawn experiments of 10 s: the stated SD is that of the estimates, and 95 % intervals hold."""
    camera, rng = CAMERAS[kind], np.random.default_rng(7)
    taus, sds = [], []
    for _ in range(200):
        found = two_source_dead_time(
            *(counted(camera, n, duration=10.0, rng=rng) for n in (60e3, 80e3, 140e3)), kind=kind
        )
        taus.append(max(found.model.paralysable_s, found.model.nonparalysable_s))
        sds.append(max(found.paralysable_sd_s, found.nonparalysable_sd_s))
    true = max(camera.paralysable_s, camera.nonparalysable_s)
    assert np.std(taus) == pytest.approx(np.mean(sds), rel=0.15)
    assert np.mean(np.abs(np.array(taus) - true) < 1.96 * np.array(sds)) == pytest.approx(0.95, abs=0.045)


def test_two_sources_refuse():
    runs = [CountedRate(counts=c, duration_s=60) for c in (3e6, 3e6, 6.1e6)]
    with pytest.raises(FitError, match="as much as their sum"):
        two_source_dead_time(*runs, kind="paralysable")
    with pytest.raises(FitError, match="no paralysable dead time"):
        two_source_dead_time(*(CountedRate(counts=c, duration_s=60) for c in (3e6, 3e6, 1e5)), kind="paralysable")
    with pytest.raises(QuantityError, match="two sources give one"):
        two_source_dead_time(*runs, kind="hybrid")
    weak = [CountedRate(counts=c, duration_s=60) for c in (30000, 30000, 59700)]
    assert any("small difference" in n for n in two_source_dead_time(*weak, kind="paralysable").notes)


# decaying source


def decay_runs(camera, *, start=4e5, nuclide=TECHNETIUM, hours=(0, 2, 4, 8, 12, 18, 24, 30), duration=60.0, rng=None):
    """Counts integrated in 2000 steps over each run."""
    runs = []
    for h in hours:
        t = 3600.0 * h + duration * (np.arange(2000) + 0.5) / 2000
        mean = float(camera.observed_per_s(start * 2.0 ** (-t / nuclide.half_life_s)).mean()) * duration
        counts = mean if rng is None else float(rng.poisson(mean))
        runs.append(CountedRate(counts=counts, duration_s=duration, elapsed_s=3600.0 * h))
    return runs


@pytest.mark.parametrize("kind", CAMERAS)
def test_decaying_source_gives_back_the_truth(kind):
    found = decaying_source_dead_time(decay_runs(CAMERAS[kind]), TECHNETIUM, kind=kind)
    assert found.model.paralysable_s == pytest.approx(CAMERAS[kind].paralysable_s, rel=1e-4, abs=1e-14)
    assert found.model.nonparalysable_s == pytest.approx(CAMERAS[kind].nonparalysable_s, rel=1e-4, abs=1e-14)
    assert found.true_at_start_per_s == pytest.approx(4e5, rel=1e-4)


def test_points_beyond_the_maximum_are_told_apart():
    """First runs at 1.2 MHz true, beyond the maximum of the paralysable camera (0.42 MHz)."""
    camera = CAMERAS["paralysable"]
    found = decaying_source_dead_time(decay_runs(camera, start=1.2e6), TECHNETIUM, kind="paralysable")
    assert found.model.paralysable_s == pytest.approx(2.4e-6, rel=1e-4)


def test_decay_within_a_long_run_matters():
    """Runs of 2 h: without the integral the first rate would be off by a tenth."""
    runs = decay_runs(CAMERAS["paralysable"], duration=7200.0)
    found = decaying_source_dead_time(runs, TECHNETIUM, kind="paralysable")
    assert found.model.paralysable_s == pytest.approx(2.4e-6, rel=1e-4)


def test_decaying_source_uncertainty_covers():
    """80 drawn series: 95 % intervals of tau hold the truth."""
    rng, inside = np.random.default_rng(11), 0
    for _ in range(80):
        runs = decay_runs(CAMERAS["paralysable"], start=1.5e5, duration=10.0, rng=rng)
        found = decaying_source_dead_time(runs, TECHNETIUM, kind="paralysable")
        inside += abs(found.model.paralysable_s - 2.4e-6) < 1.96 * found.paralysable_sd_s
    assert 0.89 <= inside / 80 <= 1.0


def test_the_right_model_is_preferred():
    rng = np.random.default_rng(3)
    runs = decay_runs(CAMERAS["paralysable"], start=3e5, rng=rng)
    right, wrong = (decaying_source_dead_time(runs, TECHNETIUM, kind=k) for k in ("paralysable", "non-paralysable"))
    assert right.aicc < wrong.aicc - 10.0
    assert any("misses the runs" in n for n in wrong.notes)
    assert right.chi_square < 25.0


def test_background_is_part_of_the_true_rate():
    camera, bg = CAMERAS["paralysable"], 800.0
    runs = [
        CountedRate(
            counts=float(camera.observed_per_s(1e5 * exp(-h * log(2) / 6.0067) + bg)) * 1e-3,
            duration_s=1e-3,
            elapsed_s=3600.0 * h,
        )
        for h in (0, 6, 12, 24, 36, 48)
    ]
    runs = [CountedRate(counts=r.counts * 1e6, duration_s=r.duration_s * 1e6, elapsed_s=r.elapsed_s) for r in runs]
    static = Nuclide(name="X", half_life_s=6.0067 * 3600, electron_energy_kev=1.0, photon_energy_kev=1.0)
    short = [CountedRate(counts=r.per_s, duration_s=1.0, elapsed_s=r.elapsed_s) for r in runs]
    found = decaying_source_dead_time(short, static, kind="paralysable", background_per_s=bg)
    assert found.model.paralysable_s == pytest.approx(2.4e-6, rel=1e-3)
    ignored = decaying_source_dead_time(short, static, kind="paralysable")
    assert abs(ignored.model.paralysable_s / 2.4e-6 - 1.0) > 0.02


@pytest.mark.parametrize("seed", range(6))
def test_no_losses_give_no_dead_time(seed):
    runs = decay_runs(DeadTime(), start=500.0, rng=np.random.default_rng(seed))
    with pytest.raises(FitError, match="no dead time"):
        decaying_source_dead_time(runs, TECHNETIUM, kind="paralysable")


def test_a_hybrid_that_is_none_says_so():
    found = decaying_source_dead_time(decay_runs(CAMERAS["paralysable"]), TECHNETIUM, kind="hybrid")
    assert found.model.paralysable_s == pytest.approx(2.4e-6, rel=1e-2)
    assert found.model.nonparalysable_s < 1e-8
    assert found.nonparalysable_sd_s > 1e-9
    assert any("cannot be told from zero" in n for n in found.notes)


def test_decaying_source_refuses():
    runs = decay_runs(CAMERAS["paralysable"])
    with pytest.raises(FitError, match="too few"):
        decaying_source_dead_time(runs[:2], TECHNETIUM, kind="paralysable")
    with pytest.raises(QuantityError, match="unknown dead-time model"):
        decaying_source_dead_time(runs, TECHNETIUM, kind="semi")
