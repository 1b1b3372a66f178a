"""Dose by voxel: convolution against sums and spheres, all methods against full Monte Carlo, energy accounted for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.physics.kernels import ellipsoid_self_dose, point_kernel, voxel_kernel
from hemadose.physics.matter.media import medium
from hemadose.physics.voxel_dose.convolution import EvenConvolver, bounding_box, convolve_direct
from hemadose.physics.voxel_dose.deterministic import convolved_dose, local_dose
from hemadose.physics.voxel_dose.hybrid import HybridKernels, HybridOptions, hybrid_dose, plain_decays, pooled
from hemadose.physics.voxel_dose.kernels import electron_kernel, electron_range_cm, photon_kernel, split_point_kernel
from hemadose.physics.voxel_dose.matter import patient_matter
from hemadose.physics.voxel_dose.sampled import SampledEnergy, monte_carlo_dose
from hemadose.refdata.emissions import emissions
from hemadose.units import KEV_J

LU = emissions("Lu-177")
SIDE = (4.8, 4.8, 4.8)


@pytest.fixture(scope="module")
def point():
    """Lu-177 in soft tissue of 1 g/ml."""
    return point_kernel(medium("soft-tissue"), LU, electrons=60_000, photons=200_000, seed=7)


def kernels_of(point, voxel_mm, shape):
    """Electrons and photons."""
    electrons, photons = split_point_kernel(point, range_cm=electron_range_cm(LU, density_g_per_ml=1.0))
    return electron_kernel(electrons, voxel_mm=voxel_mm), photon_kernel(photons, voxel_mm=voxel_mm, shape=shape)


# --- kernels ---


def test_kernels_hold_all_energy(point):
    """The electrons' kernel ends where electrons end; the photons' all but what lies beyond 61 cm."""
    electrons, photons = kernels_of(point, SIDE, (128, 128, 128))
    parts = split_point_kernel(point, range_cm=electron_range_cm(LU, density_g_per_ml=1.0))
    assert electrons.total_kev == pytest.approx(parts[0].energy_kev.mean(axis=0).sum(), rel=1e-4)
    assert sum(p.energy_kev.mean(axis=0).sum() for p in parts) == pytest.approx(point.energy_kev.mean(axis=0).sum())
    assert photons.total_kev == pytest.approx(parts[1].energy_kev.mean(axis=0).sum(), rel=0.005)


def test_the_far_kernel_agrees_with_the_exact_mean(point):
    """Beyond three voxels points stand for the mean over both voxels; `voxel_kernel` takes it in full."""
    photons = split_point_kernel(point, range_cm=electron_range_cm(LU, density_g_per_ml=1.0))[1]
    found = photon_kernel(photons, voxel_mm=(4.0, 3.0, 5.0), shape=(9, 9, 9)).octant_kev
    exact = voxel_kernel(photons, voxel_mm=(4.0, 3.0, 5.0), half_width=(8, 8, 8)).s_gy_per_bq_s[8:, 8:, 8:]
    exact = exact * 0.06e-3 / KEV_J
    # shell by shell the Monte Carlo noise of the point kernel is sampled otherwise: compare sums over surfaces
    for n in (4, 6, 8):
        surface = np.maximum.reduce(np.indices((9, 9, 9))) == n
        assert found[surface].sum() == pytest.approx(exact[surface].sum(), rel=0.01)


@pytest.mark.parametrize(("mev", "cm"), [(0.5, 0.1766), (1.0, 0.4367), (2.0, 0.9785)])
def test_no_electron_passes_its_range(mev, cm):
    """CSDA range in water, ESTAR (NIST): 0.1766, 0.4367, 0.9785 g/cm2; the range taken is above it, by 20 % at most."""
    from hemadose.model.saf import Radiation
    from hemadose.physics.anatomy_transport import mono_energetic

    found = electron_range_cm(mono_energetic(Radiation.ELECTRON, 1000.0 * mev), density_g_per_ml=1.0)
    assert cm < found < 1.2 * cm


# --- convolution ---


@pytest.mark.parametrize("reach", [1, 4, 12, 13, 30])
def test_convolution_equals_the_sum_over_pairs(reach):
    """Even kernels of any width, summed or transformed along slices, wider than the volume too; nothing wraps round."""
    rng = np.random.default_rng(3)
    source, octant = rng.random((11, 8, 13)), rng.random((reach, reach + 1, reach + 2))
    found = EvenConvolver(octant)(source)
    assert np.allclose(found, convolve_direct(source, octant), rtol=2e-5)


def test_a_kept_transform_is_that_of_its_shape():
    """The same convolver serves boxes of several sizes."""
    convolver = EvenConvolver(np.random.default_rng(1).random((3, 3, 3)))
    for shape in ((4, 5, 6), (9, 4, 5), (4, 5, 6)):
        source = np.ones(shape)
        assert np.allclose(convolver(source), convolve_direct(source, convolver.octant), rtol=1e-5)


def test_sphere_in_uniform_tissue_has_the_dose_of_the_sphere_formula(point):
    """16 mm radius in 2 mm voxels of 1 g/ml against Berger's geometric factor: within 1 %."""
    x = (np.arange(24) - 11.5) * 2.0
    inside = x[:, None, None] ** 2 + x[:, None] ** 2 + x**2 < 16.0**2
    matter = patient_matter(np.ones((24,) * 3), voxel_mm=(2.0,) * 3)
    electrons, photons = kernels_of(point, (2.0,) * 3, (24,) * 3)
    found = convolved_dose(inside * 1e6, matter, electrons=electrons, photons=photons, emissions=LU)
    mass_kg = np.count_nonzero(inside) * 8e-6
    s = ellipsoid_self_dose(point, mass_kg=mass_kg).s_gy_per_bq_s
    assert found.dose_gy[inside].mean() == pytest.approx(s * 1e6 * np.count_nonzero(inside), rel=0.01)


def test_photons_keep_their_dose_and_electrons_their_energy_where_density_changes(point):
    """Half the density: twice the dose of electrons, the same of photons."""
    electrons, photons = kernels_of(point, SIDE, (9, 9, 9))
    tia = np.zeros((9, 9, 9))
    tia[4, 4, 4] = 1e9
    doses = []
    for density in (1.0, 0.5):
        matter = patient_matter(np.full((9, 9, 9), density), voxel_mm=SIDE)
        doses.append(convolved_dose(tia, matter, electrons=electrons, photons=photons, emissions=LU).dose_gy)
    assert doses[1][4, 4, 8] == pytest.approx(doses[0][4, 4, 8], rel=1e-4)
    light = 1e9 * photons.octant_kev[0, 0, 0] * KEV_J / 0.110592e-3
    assert doses[1][4, 4, 4] - light == pytest.approx(2.0 * (doses[0][4, 4, 4] - light), rel=1e-4)


def test_convolution_agrees_with_monte_carlo_in_a_uniform_box(point):
    """Dose in the middle of a box of soft tissue, electrons and photons of Lu-177."""
    matter = patient_matter(np.ones((16,) * 3), voxel_mm=SIDE)
    tia = np.zeros((16,) * 3)
    tia[4:12, 4:12, 4:12] = 1e8
    electrons, photons = kernels_of(point, SIDE, (16,) * 3)
    found = convolved_dose(tia, matter, electrons=electrons, photons=photons, emissions=LU)
    followed = monte_carlo_dose(tia, matter, LU, decays=500_000, seed=5, masks={"source": tia > 0})
    mean = float(followed.dose_gy[tia > 0].mean())
    tolerance = 4.0 * followed.region_sd_gy["source"] + 0.006 * mean
    assert found.dose_gy[tia > 0].mean() == pytest.approx(mean, abs=tolerance)


# --- local ---


def test_local_energy_is_conserved_and_divided_by_mass():
    """One decay in lung of 0.3 g/ml: the electrons' energy by the mass of the voxel."""
    matter = patient_matter(np.array([[[0.3, 1.0, 0.0]]]), voxel_mm=(10.0,) * 3)
    found = local_dose(np.array([[[1e9, 1e9, 1e9]]]), matter, LU)
    kev = LU.electron_energy_kev
    assert found.dose_gy[0, 0].tolist() == pytest.approx([kev * KEV_J * 1e9 / 0.3e-3, kev * KEV_J * 1e9 / 1e-3, 0.0])
    assert found.deposited_j == pytest.approx(2.0 * found.in_air_j)
    assert found.deposited_j + found.in_air_j == pytest.approx(3e9 * kev * KEV_J)
    assert any("33.3 % of the decays lie in voxels of air" in note for note in found.notes)
    assert any("photons, 19 % of the emitted energy" in note for note in found.notes)


# --- hybrid ---


def slabs():
    """Lung, soft tissue and bone side by side, active throughout, less in lung."""
    density = np.full((14, 14, 18), 1.04, np.float32)
    density[:, :, :6] = 0.3
    density[:, :, 12:] = 1.6
    tia = np.zeros(density.shape)
    tia[2:12, 2:12, 2:16] = 1e9
    tia[:, :, :6] *= 0.5
    return density, tia


def test_decays_beside_unlike_matter_are_not_plain():
    """Only the voxels at the two borders, for a reach below a voxel; 20 mm in lung are four voxels, 6 mm in tissue one."""
    density, _ = slabs()
    plain = plain_decays(patient_matter(density, voxel_mm=SIDE), reach_cm=0.09)
    assert plain[7, 7].tolist() == [x not in (5, 6, 11, 12) for x in range(18)]
    wide = plain_decays(patient_matter(density, voxel_mm=SIDE), reach_cm=0.6)
    assert not wide[7, 7, 2:7].any()
    assert wide[7, 7, 1]


@pytest.mark.slow
@pytest.mark.parametrize("electrons", ["rays", "followed"])
def test_hybrid_agrees_with_monte_carlo_across_lung_and_bone(point, electrons):
    """Regions within 1 %, layers at the borders within 2 %, plus three standard deviations."""
    density, tia = slabs()
    matter = patient_matter(density, voxel_mm=SIDE)
    layer = np.arange(18)
    masks = {name: (tia > 0) & np.isin(layer, where) for name, where in {
        "lung": range(6), "soft": range(6, 12), "bone": range(12, 18),
        "lung border": [5], "soft border": [6, 11], "bone border": [12]}.items()}  # fmt: skip
    kernels = HybridKernels(point, LU, voxel_mm=SIDE)
    options = HybridOptions(photon_decays=400_000, electron_decays=400_000, target_sd=None, electrons=electrons)
    found = hybrid_dose(tia, matter, LU, kernels, options=options, masks=masks)
    followed = monte_carlo_dose(tia, matter, LU, decays=2_000_000, seed=11, masks=masks)
    for name, mask in masks.items():
        mean = float(followed.dose_gy[mask].mean())
        sd = np.hypot(found.region_sd_gy[name], followed.region_sd_gy[name])
        limit = 0.02 if "border" in name else 0.01
        assert found.dose_gy[mask].mean() == pytest.approx(mean, abs=limit * mean + 3.0 * sd), name
    lost = followed.emitted_j - followed.deposited_j - followed.in_air_j
    assert found.emitted_j - found.deposited_j - found.in_air_j == pytest.approx(lost, rel=0.03)
    assert (found.electrons_followed > 0) == (electrons == "followed")


@pytest.mark.parametrize("electrons", ["rays", "followed"])
def test_alpha_particles_count_once(electrons):
    """At-211 in the middle of soft tissue: of 2458 keV of alpha particles and electrons all stay, of 37 keV of photons some."""
    emitted = emissions("At-211")
    kernel = point_kernel(medium("soft-tissue"), emitted, electrons=4_000, photons=4_000)
    density = np.ones((9, 9, 9))
    density[:, :, 5:] = 0.3  # unlike matter beside the decays: no plain kernel there
    matter, tia = patient_matter(density, voxel_mm=SIDE), np.zeros((9, 9, 9))
    tia[4, 4, 3:5] = 1e9
    options = HybridOptions(photon_decays=1_000, electron_decays=1_000, target_sd=None, electrons=electrons)
    found = hybrid_dose(tia, matter, emitted, HybridKernels(kernel, emitted, voxel_mm=SIDE), options=options)
    assert 0.985 < found.deposited_j / found.emitted_j < 1.0
    local = local_dose(tia, matter, emitted).dose_gy
    assert found.dose_gy[4, 4, 3:5] == pytest.approx(local[4, 4, 3:5], rel=0.02)


def test_more_decays_are_followed_until_the_uncertainty_is_reached(point):
    """95 % of the voxels with activity, within the scatter of an estimate from 16 batches."""
    density, tia = slabs()
    matter = patient_matter(density, voxel_mm=SIDE)
    kernels = HybridKernels(point, LU, voxel_mm=SIDE)
    start = HybridOptions(photon_decays=4_000, electron_decays=20_000)
    held = tia > 0.0
    for electrons, target in (("rays", 0.003), ("followed", 0.08)):
        options = replace(start, electrons=electrons, target_sd=target)
        found = hybrid_dose(tia, matter, LU, kernels, options=options)
        assert max(found.electrons_followed / 20_000, found.photons_followed / 4_000) > 1.5
        assert np.quantile(found.sd_gy[held] / found.dose_gy[held], 0.95) < 1.2 * target
    capped = hybrid_dose(tia, matter, LU, kernels, options=replace(options, most_decays=20_000))
    assert any("allow more decays" in note for note in capped.notes)


@pytest.mark.parametrize("width", [0, 1])
def test_stated_uncertainties_are_those_of_repeats(point, width):
    """Ten runs with other seeds: their scatter in voxels and regions against what each run says of itself."""
    density, tia = slabs()
    matter = patient_matter(density, voxel_mm=SIDE)
    kernels = HybridKernels(point, LU, voxel_mm=SIDE)
    masks = {"soft": (tia > 0) & (np.arange(18) > 6) & (np.arange(18) < 11)}
    runs = [
        hybrid_dose(tia, matter, LU, kernels, masks=masks, options=HybridOptions(
            photon_decays=8_000, target_sd=None, seed=1000 + i, photon_width=width))
        for i in range(10)
    ]  # fmt: skip
    held = tia > 0.0
    scatter = np.var([r.dose_gy[held] for r in runs], axis=0, ddof=1).mean()
    stated = np.mean([r.sd_gy[held].astype(float) ** 2 for r in runs])
    assert scatter == pytest.approx(stated, rel=0.15)
    means = [float(r.dose_gy[masks["soft"]].mean()) for r in runs]
    chi2 = np.var(means, ddof=1) * 9.0 / np.mean([r.region_sd_gy["soft"] ** 2 for r in runs])
    assert 1.7 < chi2 < 23.6  # 99 % of chi-squared with 9 degrees of freedom


def test_neighbours_make_photons_quiet_and_leave_their_mean(point):
    """The same decays: a third of the scatter or less in a voxel, the mean of each region within 1 % of all dose."""
    density, tia = slabs()
    matter = patient_matter(density, voxel_mm=SIDE)
    kernels = HybridKernels(point, LU, voxel_mm=SIDE)
    raw, quiet = (
        hybrid_dose(tia, matter, LU, kernels, options=HybridOptions(
            photon_decays=100_000, target_sd=None, photon_width=width)) for width in (0, 1)
    )  # fmt: skip
    held = tia > 0.0
    assert quiet.sd_gy[held].mean() < 0.4 * raw.sd_gy[held].mean()
    for here in (slice(0, 6), slice(6, 12), slice(12, 18)):
        one, two = (r.dose_gy[..., here][held[..., here]].mean() for r in (raw, quiet))
        assert two == pytest.approx(one, rel=0.01)


def test_pooled_runs_weigh_by_their_decays():
    """Three to one."""
    one, two = (
        SampledEnergy(energy_kev=np.array([e]), variance_kev2=np.array([4.0]), region_sd_gy={"r": 2.0}, decays=n)
        for e, n in ((1.0, 3), (5.0, 1))
    )
    both = pooled(one, two)
    assert both.energy_kev.tolist() == [2.0]
    assert both.variance_kev2.tolist() == [pytest.approx(4.0 * (9 + 1) / 16)]
    assert both.decays == 4


# --- bad input ---


def test_bad_activity_is_refused():
    """Negative, missing, empty, or of another shape."""
    matter = patient_matter(np.ones((2, 2, 2)), voxel_mm=SIDE)
    good = np.ones((2, 2, 2))
    for bad, message in (
        (-good, "negative or missing"),
        (good * np.nan, "negative or missing"),
        (0.0 * good, "no activity"),
        (np.ones((3, 2, 2)), "do not share one grid"),
    ):
        with pytest.raises(QuantityError, match=message):
            local_dose(bad, matter, LU)


def test_bad_matter_is_refused():
    """Negative density, nothing but air, too dense."""
    for bad, message in ((-1.0, "negative"), (0.001, "nothing but air"), (30.0, "implausible")):
        with pytest.raises(QuantityError, match=message):
            patient_matter(np.full((2, 2, 2), bad), voxel_mm=SIDE)


def test_kernels_of_other_voxels_and_positrons_are_refused(point):
    """A kernel belongs to its voxel size; positron emitters have no hybrid."""
    matter = patient_matter(np.ones((3, 3, 3)), voxel_mm=SIDE)
    electrons, photons = kernels_of(point, (2.0, 2.0, 2.0), (3, 3, 3))
    with pytest.raises(QuantityError, match="other voxels"):
        convolved_dose(np.ones((3, 3, 3)), matter, electrons=electrons, photons=photons, emissions=LU)
    kernels = HybridKernels(point, LU, voxel_mm=(2.0, 2.0, 2.0))
    with pytest.raises(QuantityError, match="other voxels"):
        hybrid_dose(np.ones((3, 3, 3)), matter, LU, kernels)
    kernels = HybridKernels(point, LU, voxel_mm=SIDE)
    with pytest.raises(QuantityError, match="rays or followed"):
        hybrid_dose(np.ones((3, 3, 3)), matter, LU, kernels, options=HybridOptions(electrons="guessed"))
    with pytest.raises(QuantityError, match="positrons"):
        hybrid_dose(np.ones((3, 3, 3)), matter, emissions("F-18"), HybridKernels(point, LU, voxel_mm=SIDE))


def test_the_box_of_nothing_is_empty():
    """No voxel, no box."""
    assert bounding_box(np.zeros((2, 2, 2), dtype=bool)) == (slice(0, 0),) * 3


def test_only_media_that_occur_are_kept():
    """Tables of cross sections are made for these alone; the class of each density stays."""
    matter = patient_matter(np.array([[[0.3, 1.02, 1.9, 1.02]]]), voxel_mm=SIDE)
    names = [m.name for m in matter.geometry.media]
    assert names == ["lung", "soft-tissue", "cortical-bone"]
    assert matter.geometry.medium_index.ravel().tolist() == [0, 1, 2, 1]
