"""The virtual PET against its own truth: activity, resolution, noise, decay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.imaging.pet.ball import ball_weights
from hemadose.imaging.pet.suv import standardised_uptake
from hemadose.imaging.recovery import sphere_recovery
from hemadose.model import Anatomy, Grid, Image, Nuclide, Quantity, Sex, Tissue
from hemadose.model.pet import DecayReference
from hemadose.physics.phantoms import stylised_adult
from hemadose.simulate.pet import organ_regions, pet_grid, virtual_pet
from hemadose.simulate.pet_scanner import PetScanner
from hemadose.simulate.pet_uptake import (
    FDG,
    PENTIXAFOR,
    UptakePattern,
    VirtualLesion,
    site_landmarks,
    uptake_map,
)

START = datetime(2025, 3, 3, 10, tzinfo=UTC)
GALLIUM = Nuclide(name="Ga-68", half_life_s=67.71 * 60.0, electron_energy_kev=738.0, photon_energy_kev=949.0)
PATTERN = UptakePattern(tracer="test", organs={"liver": 1.6})
QUIET = PetScanner(cov=0.0)


@pytest.fixture(scope="module")
def water() -> Anatomy:
    """A box of 24 x 24 x 36 cm, its upper half liver, in 6 mm voxels."""
    labels = np.zeros((62, 42, 42), dtype=np.uint8)
    labels[1:61, 1:41, 1:41] = 1
    labels[31:61, 1:41, 1:41] = 2
    tissues = tuple(
        Tissue(
            label=i,
            name=name,
            medium="air" if i == 0 else "soft_tissue",
            density_g_per_ml=float(i > 0),
            hounsfield=0.0,
        )
        for i, name in enumerate(("air", "remaining_tissue", "liver"))
    )
    grid = Grid.axial(
        shape=labels.shape, spacing_mm=(6.0,) * 3, origin_mm=(-123.0, -123.0, 3.0), frame_of_reference_uid="1.2.3"
    )
    return Anatomy(name="box", labels=Image(values=labels, grid=grid, quantity=Quantity.LABEL), tissues=tissues)


@pytest.fixture(scope="module")
def adult() -> Anatomy:
    return stylised_adult(sex=Sex.MALE, voxel_mm=8.0, frame_of_reference_uid="1.2.4")


def scan(anatomy, *, scanner=QUIET, pattern=PATTERN, **more):
    facts = {
        "nuclide": GALLIUM,
        "injected_activity_bq": 150e6,
        "injected_at": START - timedelta(minutes=60),
        "started_at": START,
    }
    return virtual_pet(anatomy, scanner=scanner, pattern=pattern, **(facts | more))


def uptake(pet) -> np.ndarray:
    return np.asarray(standardised_uptake(pet.scan).values, dtype=np.float64)


def test_activity_is_conserved(water):
    """The mean SUV of a body of density 1 is 1, whatever liver and lesion hold; half the box at 1.6 leaves 0.4."""
    lesion = VirtualLesion(name="l", centre_mm=(0.0, 0.0, 60.0), radius_mm=20.0, suv=15.0)
    for lesions in ((), (lesion,)):
        pet = scan(water, lesions=lesions)
        assert uptake(pet).sum() * pet.scan.grid.voxel_volume_ml == pytest.approx(1e3 * pet.truth.weight_kg, rel=3e-3)
    assert scan(water).truth.remainder_suv == pytest.approx(0.4, rel=1e-6)
    assert pet.truth.remainder_suv == pytest.approx(0.4 - 15.0 * lesion.volume_ml / 10368.0, rel=1e-3)


def test_more_than_was_injected_is_refused(water):
    with pytest.raises(QuantityError, match="more activity than was injected"):
        uptake_map(water, pattern=UptakePattern(tracer="t", organs={"liver": 2.1}))
    with pytest.raises(QuantityError, match="impossible lesion"):
        VirtualLesion(name="l", centre_mm=(0, 0, 0), radius_mm=0.0, suv=1.0)
    with pytest.raises(QuantityError, match="filter is part"):
        PetScanner(fwhm_mm=4.0, filter_fwhm_mm=5.0)


def test_uniform_tissue_shows_its_uptake(water):
    pet = scan(water)
    inside = uptake(pet)
    z = pet.scan.grid.index_to_mm(np.array([[k, 30, 30] for k in range(inside.shape[0])]))[:, 2]
    middle = inside[:, 25:35, 25:35].mean(axis=(1, 2))
    assert middle[(z > 220) & (z < 330)] == pytest.approx(1.6, rel=1e-4)
    assert middle[(z > 40) & (z < 150)] == pytest.approx(0.4, rel=1e-4)


@pytest.mark.parametrize("radius", [8.0, 12.4, 18.0])
def test_lesion_keeps_what_theory_says(water, radius):
    """Closed form of a blurred sphere (docs/methods/imaging.md) on 2 mm voxels; voxel blur added; 1 %."""
    scanner = PetScanner(cov=0.0, voxel_mm=2.0, slice_mm=2.0, fwhm_mm=7.0)
    lesion = VirtualLesion(name="l", centre_mm=(0.0, 0.0, 91.0), radius_mm=radius, suv=10.0)
    pet = scan(water, lesions=(lesion,), scanner=scanner, between_mm=(50.0, 130.0))
    grid, background = pet.scan.grid, pet.truth.remainder_suv
    index = np.rint(grid.mm_to_index(lesion.centre_mm)).astype(int)
    offset = grid.mm_to_index(lesion.centre_mm) - index
    weights, first = ball_weights(radius_mm=radius, spacing_mm=(2.0,) * 3, offset_mm=tuple(2.0 * offset))
    part = tuple(slice(i + f, i + f + n) for i, f, n in zip(index, first, weights.shape, strict=True))
    mean = float((weights * uptake(pet)[part]).sum())
    voxel = 2.3548 * 2.0 / np.sqrt(12.0)  # averaged over the voxel once when made, once when measured
    expected = sphere_recovery(radius_mm=radius, fwhm_mm=float(np.sqrt(7.0**2 + 2 * voxel**2)))
    assert (mean - background) / (10.0 - background) == pytest.approx(expected, rel=1e-2)


def test_noise_has_the_stated_size_and_correlation(water):
    """COV 10 % at SUV 1.6, scaling as 1 / sqrt(SUV); neighbours of a Gaussian filter keep exp(-d^2 / 4 s^2)."""
    scanner = PetScanner(cov=0.10, cov_suv=1.6, bed_mm=1e4)
    pet, quiet = scan(water, scanner=scanner, seed=7), scan(water)
    noise = uptake(pet) - uptake(quiet)
    liver, rest = noise[50:82, 12:48, 12:48], noise[10:38, 12:48, 12:48]
    assert liver.std() / 1.6 == pytest.approx(0.10, rel=0.03)
    assert rest.std() / 0.4 == pytest.approx(0.10 * np.sqrt(1.6 / 0.4), rel=0.03)
    assert abs(liver.mean()) < 0.005
    fine = {"voxel_mm": 2.0, "slice_mm": 2.0, "bed_mm": 1e4}
    more = {"between_mm": (230.0, 310.0)}
    noise = uptake(scan(water, scanner=PetScanner(**fine), seed=7, **more))
    liver = (noise - uptake(scan(water, scanner=PetScanner(cov=0.0, **fine), **more)))[5:-5, 20:-20, 20:-20]
    sigma = 4.0 / 2.3548
    for steps in (1, 2, 3):
        kept = float((liver[:, :, steps:] * liver[:, :, :-steps]).mean() / liver.var())
        assert kept == pytest.approx(np.exp(-((2.0 * steps) ** 2) / (4 * sigma**2)), abs=0.02)


def test_later_beds_are_noisier(water):
    """Beds of 9 cm and 20 min: the fourth has 2^(-60/67.71) of the activity left and sqrt of it more noise."""
    scanner = PetScanner(cov=0.10, cov_suv=1.0, bed_mm=90.0, frame_s=1200.0)
    pattern = UptakePattern(tracer="t", organs={"liver": 1.0})
    noise = uptake(scan(water, scanner=scanner, pattern=pattern, seed=3)) - uptake(scan(water, pattern=pattern))
    first, last = noise[4:20, 12:48, 12:48].std(), noise[72:88, 12:48, 12:48].std()
    assert last / first == pytest.approx(np.sqrt(2.0 ** (60.0 / 67.71)), rel=0.05)


def test_noise_is_reproducible(water):
    scanner = PetScanner()
    assert (uptake(scan(water, scanner=scanner, seed=1)) == uptake(scan(water, scanner=scanner, seed=1))).all()
    assert (uptake(scan(water, scanner=scanner, seed=1)) != uptake(scan(water, scanner=scanner, seed=2))).any()


def test_decay_reference_changes_activity_and_not_uptake(water):
    scanner = PetScanner(cov=0.0, bed_mm=90.0)
    by = {decay: scan(water, scanner=scanner, decay=decay) for decay in DecayReference}
    expected = uptake(by[DecayReference.START])
    for pet in by.values():
        assert np.allclose(uptake(pet), expected, rtol=1e-5, atol=1e-6)
    ratio = by[DecayReference.ADMINISTRATION].scan.values.max() / by[DecayReference.START].scan.values.max()
    assert ratio == pytest.approx(2.0 ** (60.0 / 67.71), rel=1e-6)
    raw = by[DecayReference.NONE].scan
    assert raw.values[80, 30, 30] / raw.values[60, 30, 30] == pytest.approx(2.0 ** (-3.0 / 67.71), rel=1e-4)


def test_pentixafor_pattern_in_an_adult(adult):
    """Organ cores show the published medians (Mol Imaging Biol 2022;24:659): spleen > kidneys > marrow > liver."""
    pet = scan(adult, pattern=PENTIXAFOR, between_mm=(0.0, 480.0))
    assert 0.6 < pet.truth.remainder_suv < 1.3
    assert pet.truth.weight_kg == pytest.approx(73.26, rel=0.01)
    image = uptake(pet)
    hottest = {r.name: float(np.percentile(image[r.mask], 90)) for r in pet.regions}
    assert hottest["spleen"] == pytest.approx(5.2, rel=0.05)
    assert hottest["kidney_left"] == pytest.approx(3.27, rel=0.05)
    assert float(np.median(image[{r.name: r for r in pet.regions}["liver"].mask])) == pytest.approx(1.28, rel=0.02)
    assert pet.truth.suv["lumbar_l3"] == pytest.approx(1.76)
    assert pet.truth.suv["ribs"] < pet.truth.suv["lumbar_l3"]
    assert pet.truth.suv["leg_bones_lower"] == PENTIXAFOR.bone


def test_fdg_pattern_conserves_too(adult):
    _, numbers = uptake_map(adult, pattern=FDG)
    assert 0.4 < numbers["remainder_suv"] < 1.0


def test_landmarks_lie_in_their_bones(adult):
    points = site_landmarks(adult)
    bones = {"skull_base": "cranium", "c4": "spine_upper", "t5": "spine_middle", "l5": "lumbar_l5"}
    bones |= {"ilium_left": "pelvis", "ilium_right": "pelvis"}
    for site, bone in bones.items():
        index = np.rint(adult.labels.grid.mm_to_index(points[site])).astype(int)
        assert adult.labels.values[tuple(index)] == adult.tissue(bone).label
    assert points["ilium_left"][0] > 0 > points["ilium_right"][0]
    heights = [points[site][2] for site in ("skull_base", "c4", "t5", "l5", "ilium_left")]
    assert heights == sorted(heights, reverse=True)


def test_organ_regions_keep_their_volume(adult):
    grid = pet_grid(adult, QUIET, (0.0, 480.0))
    found = {r.name: r for r in organ_regions(adult, grid)}
    for name in ("liver", "spleen", "kidney_left"):
        assert found[name].volume_ml == pytest.approx(adult.region(name).volume_ml, rel=0.03)
    assert "brain" not in found  # above the field
