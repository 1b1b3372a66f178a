"""Random spongiosa: chords, seamless edges, fat, layers, against closed forms."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from hemadose.errors import FitError, QuantityError
from hemadose.physics.skeleton.sites import microstructure
from hemadose.physics.skeleton.trabecular import (
    BONE,
    RED,
    YELLOW,
    Form,
    expected_wave_number,
    mean_chords_mm,
    shallow_marrow,
    spongiosa,
    surface_weight,
)

SMALL = 96


@pytest.fixture(scope="module", params=[(n, f) for n in ("parietal bone", "lumbar vertebra") for f in Form])
def piece(request):
    name, form = request.param
    return spongiosa(microstructure(name), cellularity=0.6, seed=3, form=form, size=SMALL)


def test_chords_volume_and_fat_are_as_asked(piece):
    wanted = piece.microstructure
    cavity, trabecula = piece.mean_chords_mm
    assert cavity == pytest.approx(wanted.cavity_chord_mm, rel=0.011)
    assert trabecula == pytest.approx(wanted.trabecula_chord_mm, rel=0.011)
    red, yellow, bone = piece.volume_fraction
    assert bone == pytest.approx(wanted.bone_volume_fraction, abs=1e-4)
    assert red / (red + yellow) == pytest.approx(0.6, abs=1e-5)
    assert cavity / trabecula == pytest.approx((1.0 - bone) / bone, rel=1e-9)


def test_lines_of_any_direction_find_the_same_chords(piece):
    """Isotropy, and the same answer from random lines as from the axes (chords below a voxel are stair steps)."""
    bone = piece.tissue == BONE
    rng = np.random.default_rng(0)
    step, steps, lines = 0.2, 4000, 150
    way = rng.standard_normal((lines, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    start = rng.random((lines, 3)) * SMALL
    place = start[:, None, :] + way[:, None, :] * (step * np.arange(steps))[None, :, None]
    inside = bone[tuple(np.moveaxis(np.floor(place).astype(int) % SMALL, -1, 0))]
    runs, last = [], np.ones(lines, dtype=int)
    for k in range(1, steps):
        turned = inside[:, k] != inside[:, k - 1]
        runs += [(length * step * 0.05, b) for length, b in zip(last[turned], inside[turned, k - 1], strict=True)]
        last = np.where(turned, 1, last + 1)
    for b, chord in ((True, piece.mean_chords_mm[1]), (False, piece.mean_chords_mm[0])):
        long = np.array([x for x, kind in runs if kind == b])
        weighted = (long**2).sum() / long.sum()
        assert weighted > chord  # every spread of chords has a greater mean by length
        assert long[long > 0.05].mean() == pytest.approx(chord, rel=0.25)


def test_no_seam_at_the_border(piece):
    bone = piece.tissue == BONE
    for axis in range(3):
        at = [np.count_nonzero(np.take(bone, i, axis) != np.take(bone, i - 1, axis)) for i in range(SMALL)]
        assert at[0] < np.mean(at) + 5.0 * np.std(at[1:])


def test_wave_number_follows_rice():
    """Rice: zero crossings of an isotropic field per length are k_rms / (pi sqrt 3)."""
    size, voxel = 96, 0.05
    wanted = microstructure("cervical vertebra")
    found = spongiosa(wanted, cellularity=1.0, seed=5, form=Form.RODS, size=size, voxel_mm=voxel)
    share = wanted.bone_volume_fraction
    level = NormalDist().inv_cdf(1.0 - share)
    s2 = 0.2**2
    k_rms = expected_wave_number(wanted, Form.RODS) * np.sqrt((1 + 6 * s2 + 3 * s2**2) / (1 + s2))
    crossings = k_rms / (np.pi * np.sqrt(3.0)) * np.exp(-(level**2) / 2.0)
    assert 2.0 * share / crossings == pytest.approx(wanted.trabecula_chord_mm, rel=2e-3)
    assert found.mean_chords_mm[1] == pytest.approx(wanted.trabecula_chord_mm, rel=0.011)
    assert found.volume_fraction[1] == 0.0


def test_seeds_make_other_pieces_and_repeat():
    wanted = microstructure("iliac crest")
    a, b, c = (spongiosa(wanted, cellularity=0.5, seed=s, size=64) for s in (1, 1, 2))
    assert np.array_equal(a.tissue, b.tissue)
    assert not np.array_equal(a.tissue, c.tissue)
    with pytest.raises(ValueError, match="read-only"):
        a.tissue[0, 0, 0] = RED


def test_shallow_marrow_of_a_wall():
    wall = np.zeros((10, 10, 10), dtype=bool)
    wall[:3] = True
    layer = shallow_marrow(wall, 0.05)
    assert np.flatnonzero(layer.any(axis=(1, 2))).tolist() == [3, 9]  # 9: the wall's periodic image
    assert shallow_marrow(wall, 0.05, depth_mm=0.10).sum() == 400


def test_shallow_marrow_holds_a_layer_of_about_50_um(piece):
    """Layer volume over surface (4 V / chord); planes of random direction give 0.85 of 50 um."""
    surface = 4.0 * piece.volume_fraction[2] / piece.microstructure.trabecula_chord_mm
    assert piece.shallow.mean() / surface == pytest.approx(0.05, rel=0.25)
    assert not np.any(piece.shallow & (piece.tissue == BONE))


def test_surface_source_lies_half_in_bone(piece):
    bone = piece.tissue == BONE
    weight = surface_weight(bone)
    assert weight.sum() == pytest.approx(1.0, rel=1e-4)
    assert weight[bone].sum() == pytest.approx(0.5, rel=1e-4)
    assert weight[piece.tissue == YELLOW].sum() == pytest.approx(0.2, abs=0.01)
    deep = (piece.tissue == RED) & ~piece.shallow
    assert not weight[deep].any()


def test_bad_requests_are_refused():
    with pytest.raises(QuantityError, match="cellularity"):
        spongiosa(microstructure("rib"), cellularity=0.0, seed=1)
    with pytest.raises(QuantityError, match="without surfaces"):
        mean_chords_mm(np.zeros((4, 4, 4), dtype=bool), 1.0)
    with pytest.raises(FitError, match="rib"):
        spongiosa(microstructure("rib"), cellularity=0.7, seed=1, size=16, voxel_mm=0.4)
