"""Tables of the device code, and what is drawn from them, against integrals of the cross sections."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from hemadose.physics.matter.bremsstrahlung import photon_spectrum, radiative_stopping
from hemadose.physics.matter.electrons import ELECTRON_REST_KEV, beta_squared, collision_stopping
from hemadose.physics.matter.media import medium
from hemadose.physics.matter.scattering import AVOGADRO, CLASSICAL_RADIUS_CM, HC_KEV_ANGSTROM
from hemadose.physics.transport import charged as particles
from hemadose.physics.transport import photons
from hemadose.physics.transport.random import seed_stream
from hemadose.physics.transport.tables import (
    ATTENUATION,
    CHARGED_NODES,
    CSDA,
    HARD_COLLISION_KEV,
    HARD_PHOTON_KEV,
    HARD_RATE,
    RADIATED,
    RANGE,
    STRENGTH,
    TO_COMPTON,
    TO_PHOTO,
    TO_RAYLEIGH,
    annihilation_rate,
    charged_grid,
    energy_grid,
    hard_collision_rate,
    transport_tables,
)

DRAWS = 200_000
WATER = medium("water")
ELECTRON, POSITRON = 0, 1


@pytest.fixture(scope="module")
def tables():
    return transport_tables((WATER,))


def drawn(function, *fixed, count=DRAWS):
    """Many results of a device function that ends in the state of the random numbers."""

    @njit
    def loop(fixed, found):
        state = np.zeros(2, dtype=np.uint64)
        seed_stream(state, np.uint64(1), np.uint64(0))
        for i in range(found.size):
            found[i] = function(*fixed, state)

    found = np.empty(count)
    loop(fixed, found)
    return found


def drawn_pair(function, *fixed, count=DRAWS):
    """The same for functions with two results."""

    @njit
    def loop(fixed, found):
        state = np.zeros(2, dtype=np.uint64)
        seed_stream(state, np.uint64(1), np.uint64(0))
        for i in range(found.shape[0]):
            found[i, 0], found[i, 1] = function(*fixed, state)

    found = np.empty((count, 2))
    loop(fixed, found)
    return found.T


def agrees(found, expected, relative=0.0):
    """Whether a sample has an expected mean, within four standard errors and a share of it."""
    error = np.std(found) / np.sqrt(found.size)
    return abs(np.mean(found) - expected) < 4.0 * error + relative * abs(expected)


def mean(density, value, x):
    """Mean of a value over a density on a grid."""
    return np.trapezoid(density * value, x) / np.trapezoid(density, x)


def test_tables_rise_where_they_must(tables):
    for kind in (ELECTRON, POSITRON):
        column = tables.charged[kind, 0]
        for which in (RANGE, CSDA, STRENGTH, RADIATED):
            assert np.all(np.diff(column[:, which].astype(float)) >= 0.0)
        assert np.all(column[:, CSDA] <= column[:, RANGE] * (1.0 + 1e-6))
        assert np.all(column[:, HARD_RATE] <= tables.hard_rate[kind])


def test_shares_of_photon_interactions_rise_to_one(tables):
    shares = tables.photon[0]
    assert np.all(shares[:, ATTENUATION] > 0.0)
    assert np.all(shares[:, TO_PHOTO] <= shares[:, TO_COMPTON])
    assert np.all(shares[:, TO_COMPTON] <= shares[:, TO_RAYLEIGH])
    below = energy_grid() < 2.0 * ELECTRON_REST_KEV
    np.testing.assert_allclose(shares[below, TO_RAYLEIGH], 1.0, rtol=1e-12)
    assert shares[-1, TO_RAYLEIGH] < 1.0


def test_water_attenuates_as_nist_says(tables):
    """NISTIR 5632, table 4: mu/rho at 30, 100 and 1000 keV."""
    at = np.array([30.0, 100.0, 1000.0])
    found = np.interp(at, energy_grid(), tables.photon[0, :, ATTENUATION])
    np.testing.assert_allclose(found, [0.3756, 0.1707, 0.07072], rtol=1e-3)


@pytest.mark.parametrize("name", ["water", "cortical-bone", "soft-tissue"])
def test_steps_stay_inside_the_scattering_tables(name):
    """The longest step of the default limits is shorter than the strongest scattering tabulated."""
    from hemadose.physics.transport.run import DEFAULT_LIMITS

    found = transport_tables((medium(name),))
    grid = charged_grid()
    for kind in (ELECTRON, POSITRON):
        strength = found.charged[kind, 0, :, STRENGTH].astype(float)
        after = np.maximum(grid * (1.0 - DEFAULT_LIMITS.step_loss), DEFAULT_LIMITS.electron_kev)
        assert np.max(strength - np.interp(after, grid, strength)) < found.strengths[-1]


def test_residual_range_is_the_integral_of_the_soft_stopping_power(tables):
    """Between 100 and 1000 keV, with soft photons below 10 keV added to the soft collisions."""
    t = np.linspace(100.0, 1000.0, 1801)
    soft = collision_stopping(WATER, t, cutoff_kev=HARD_COLLISION_KEV)
    for i in range(0, t.size, 100):
        reduced = np.linspace(0.0, HARD_PHOTON_KEV / t[i], 50)
        extra = t[i] * np.trapezoid(photon_spectrum(WATER, float(t[i]), reduced), reduced)
        assert extra < 2e-3 * soft[i]
    column = tables.charged[ELECTRON, 0, :, RANGE]
    low, high = np.interp([100.0, 1000.0], charged_grid(), column)
    assert high - low == pytest.approx(np.trapezoid(1.0 / soft, t), rel=1.5e-3)


def test_energy_is_the_inverse_of_range(tables):
    @njit
    def inverse(tables, kind, residual):
        found = np.empty(residual.size)
        for i in range(residual.size):
            found[i] = particles.energy_of_range(tables, kind, 0, residual[i])
        return found

    grid = charged_grid()
    for kind in (ELECTRON, POSITRON):
        residual = tables.charged[kind, 0, :, RANGE].astype(float)
        found = inverse(tables, kind, residual[grid > 10.0])
        np.testing.assert_allclose(found, grid[grid > 10.0], rtol=3e-4)
    assert inverse(tables, ELECTRON, np.zeros(1))[0] == 0.0


def moller_shape(kinetic, transfer):
    """Cross section of Moller, without its constant."""
    tau, e = kinetic / ELECTRON_REST_KEV, transfer / kinetic
    exchange = (2.0 * tau + 1.0) / (tau + 1.0) ** 2
    return 1.0 / e**2 + 1.0 / (1.0 - e) ** 2 + (tau / (tau + 1.0)) ** 2 - exchange / (e * (1.0 - e))


def bhabha_shape(kinetic, transfer):
    """Cross section of Bhabha, without its constant."""
    tau, e = kinetic / ELECTRON_REST_KEV, transfer / kinetic
    y = 1.0 / (tau + 2.0)
    b4 = (1.0 - 2.0 * y) ** 3
    b = (2.0 - y**2, (1.0 - 2.0 * y) * (3.0 + y**2), b4 + (1.0 - 2.0 * y) ** 2, b4)
    beta2 = float(beta_squared(np.array([kinetic]))[0])
    return 1.0 / e**2 - beta2 * (b[0] / e - b[1] + b[2] * e - b[3] * e**2)


@pytest.mark.parametrize("kinetic", [25.0, 300.0, 2000.0])
@pytest.mark.parametrize("charge", [-1, 1])
def test_hard_collisions_carry_the_rest_of_the_stopping_power(kinetic, charge):
    """Rate times the mean transfer of the cross section is what the restricted stopping power leaves out."""
    at = np.array([kinetic])
    shape = moller_shape if charge < 0 else bhabha_shape
    w = np.geomspace(HARD_COLLISION_KEV, kinetic / 2.0 if charge < 0 else kinetic, 20001)
    lost = hard_collision_rate(WATER, at, charge=charge)[0] * mean(shape(kinetic, w), w, w)
    whole = collision_stopping(WATER, at, charge=charge)[0]
    soft = collision_stopping(WATER, at, charge=charge, cutoff_kev=HARD_COLLISION_KEV)[0]
    assert lost == pytest.approx(whole - soft, rel=1e-5)


def test_slow_electrons_have_no_hard_collisions():
    at = np.array([8.0, 19.0, 21.0])
    assert list(hard_collision_rate(WATER, at, charge=-1) > 0.0) == [False, False, True]
    assert list(hard_collision_rate(WATER, at, charge=1) > 0.0) == [False, True, True]


@pytest.mark.parametrize("kinetic", [25.0, 300.0, 2000.0])
def test_transfers_drawn_follow_moller_and_bhabha(kinetic):
    for function, shape, largest in (
        (particles._moller_transfer, moller_shape, kinetic / 2.0),
        (particles._bhabha_transfer, bhabha_shape, kinetic),
    ):
        w = np.geomspace(HARD_COLLISION_KEV, largest, 20001)
        found = drawn(function, kinetic)
        assert found.min() >= HARD_COLLISION_KEV * (1.0 - 1e-12)
        assert found.max() <= largest * (1.0 + 1e-12)
        assert agrees(found, mean(shape(kinetic, w), w, w))
        assert agrees(np.log(found), mean(shape(kinetic, w), np.log(w), w))


def test_annihilation_in_flight_has_diracs_limits():
    """Slow positrons: pi r_e^2 / beta per electron (Dirac 1930)."""
    at = np.array([0.05])
    per_electron = annihilation_rate(WATER, at)[0] / (AVOGADRO * 0.55508)
    beta = float(np.sqrt(beta_squared(at)[0]))
    assert per_electron * beta == pytest.approx(np.pi * CLASSICAL_RADIUS_CM**2, rel=2e-3)
    assert np.all(np.diff(annihilation_rate(WATER, np.geomspace(1.0, 3000.0, 30))) < 0.0)


def test_photons_of_annihilation_in_flight_share_energy_as_heitler_says():
    """Density of the share e: S(e) + S(1-e), S(e) = -(g+1)^2 + (g^2+4g+1)/e - 1/e^2 (Heitler 1954, sec. 27)."""
    gamma = 1.0 + 1000.0 / ELECTRON_REST_KEV
    least = 1.0 / (gamma + 1.0 + np.sqrt(gamma**2 - 1.0))
    e = np.linspace(least, 1.0 - least, 20001)
    density = -((gamma + 1.0) ** 2) + (gamma**2 + 4.0 * gamma + 1.0) / e - 1.0 / e**2
    density = density + density[::-1]
    found = drawn(particles._flight_share, gamma)
    found = np.minimum(found, 1.0 - found)
    assert agrees(found, mean(density, np.minimum(e, 1.0 - e), e))


@pytest.mark.parametrize("kinetic", [60.0, 500.0, 2000.0])
def test_radiated_photons_have_the_energy_of_the_spectrum(tables, kinetic):
    """Mean of the photons above 10 keV, and with their number the hard part of the radiative stopping power."""
    k = np.geomspace(HARD_PHOTON_KEV, kinetic, 4001)
    density = photon_spectrum(WATER, kinetic, k / kinetic) / k
    found = drawn(particles._radiated_photon, tables, 0, kinetic)
    assert found.min() >= HARD_PHOTON_KEV * (1.0 - 1e-9)
    assert found.max() <= kinetic * (1.0 + 1e-6)
    assert agrees(found, mean(density, k, k), relative=0.01)


def test_photons_radiated_on_the_way_to_rest_are_counted(tables):
    """Photons above 10 keV from an electron of 2 MeV until it rests: the integral of the cross section over S."""
    number = np.interp(2000.0, charged_grid(), tables.charged[ELECTRON, 0, :, RADIATED])
    t = np.linspace(HARD_PHOTON_KEV, 2000.0, 500)
    total = collision_stopping(WATER, t) + radiative_stopping(WATER, t)
    rate = np.array([
        np.trapezoid(photon_spectrum(WATER, float(x), np.geomspace(HARD_PHOTON_KEV / x, 1.0, 200)),
                     np.log(np.geomspace(HARD_PHOTON_KEV / x, 1.0, 200)))
        for x in t
    ])  # fmt: skip
    assert number == pytest.approx(np.trapezoid(rate / total, t), rel=5e-3)


def test_radiation_leaves_forward():
    """A dipole in the frame of the electron has the mean cosine beta outside."""
    for kinetic in (50.0, 1000.0):
        x = np.linspace(-1.0, 1.0, 4001)
        beta = float(np.sqrt(beta_squared(np.array([kinetic]))[0]))
        expected = mean(1.0 + x**2, (x + beta) / (1.0 + beta * x), x)
        assert agrees(drawn(particles._photon_cosine, kinetic), expected)


@pytest.mark.parametrize("kinetic", [20.0, 150.0, 900.0])
@pytest.mark.parametrize("strength", [0.004, 0.05, 0.3, 0.6])
def test_deflections_have_the_mean_of_goudsmit_saunderson(tables, kinetic, strength):
    """<1 - cos theta> = 1 - exp(-K), between the nodes too."""
    from hemadose.physics.transport.tables import SCATTERING_ROW

    place = float(np.interp(kinetic, charged_grid(), tables.charged[ELECTRON, 0, :, SCATTERING_ROW]))
    root = drawn(particles._deflection, tables, ELECTRON, 0, place, strength)
    assert root.max() <= 1.0
    assert agrees(2.0 * root**2, -np.expm1(-strength), relative=1e-3)


def klein_nishina(energy, t):
    """Klein-Nishina cross section against t = 1 - cos theta, without its constant, and the share of energy left."""
    e = 1.0 / (1.0 + energy / ELECTRON_REST_KEV * t)
    return e**2 * (e + 1.0 / e - t * (2.0 - t)), e


def atomic_sum(function, x):
    """Of H and O as in a molecule of water."""
    return np.array([2.0 * function(1, max(v, 0.006)) + function(8, max(v, 0.006)) for v in x])


@pytest.mark.parametrize("energy", [20.0, 113.0, 662.0])
def test_compton_scattering_follows_klein_nishina_and_the_bound_electrons(tables, energy):
    import xraylib

    t = np.linspace(0.0, 2.0, 4001)
    density, left = klein_nishina(energy, t)
    density = density * atomic_sum(xraylib.SF_Compt, energy / HC_KEV_ANGSTROM * np.sqrt(t / 2.0)) / 10.0
    found, cosine = drawn_pair(photons._compton, tables, 0, energy)
    assert agrees(found, energy * mean(density, left, t), relative=5e-4)
    assert agrees(cosine, mean(density, 1.0 - t, t), relative=5e-3)
    np.testing.assert_allclose(found, energy / (1.0 + energy / ELECTRON_REST_KEV * (1.0 - cosine)), rtol=1e-10)


@pytest.mark.parametrize("energy", [15.0, 60.0, 300.0])
def test_rayleigh_scattering_follows_the_form_factors(tables, energy):
    import xraylib

    t = np.geomspace(1e-6, 2.0, 6001)
    x = energy / HC_KEV_ANGSTROM * np.sqrt(t / 2.0)
    squares = np.array([2.0 * xraylib.FF_Rayl(1, v) ** 2 + xraylib.FF_Rayl(8, v) ** 2 for v in x])
    density = squares * (1.0 + (1.0 - t) ** 2)
    found = drawn(photons._rayleigh, tables, 0, energy)
    assert agrees(1.0 - found, mean(density, t, t), relative=0.01)


@pytest.mark.parametrize("kinetic", [20.0, 200.0])
def test_photoelectrons_leave_as_sauter_says(kinetic):
    """sin^2 / (1 - beta cos)^4 [1 + g (g-1)(g-2)/2 (1 - beta cos)], K shell (Sauter 1931)."""
    gamma = kinetic / ELECTRON_REST_KEV + 1.0
    beta = np.sqrt(1.0 - gamma**-2)
    c = np.linspace(-1.0, 1.0, 8001)
    density = (1.0 - c**2) / (1.0 - beta * c) ** 4
    density = density * (1.0 + 0.5 * gamma * (gamma - 1.0) * (gamma - 2.0) * (1.0 - beta * c))
    found = drawn(photons._photoelectron_cosine, kinetic)
    assert agrees(found, mean(density, c, c))
    assert agrees(found**2, mean(density, c**2, c))


@njit
def events(tables, kind, charge, kinetic, found):
    """Hard events of a particle that moves along a fixed direction: energies and momenta left and given."""
    state = np.zeros(2, dtype=np.uint64)
    seed_stream(state, np.uint64(2), np.uint64(0))
    stack = np.zeros((8, 8))
    u, v, w = 0.48, -0.6, 0.64
    for i in range(found.shape[0]):
        left, a, b, c, n = particles.hard_event(
            tables, kind, charge, 0, kinetic, stack, 0, 0.0, 0.0, 0.0, u, v, w, state
        )
        found[i, 0], found[i, 1], found[i, 2], found[i, 3], found[i, 4] = left, a, b, c, n
        for j in range(n):
            for k in range(5):
                found[i, 5 + 5 * j + k] = (stack[j, 0], stack[j, 4], stack[j, 5], stack[j, 6], stack[j, 7])[k]


def momentum(kinetic, mass):
    return np.sqrt(np.maximum(kinetic, 0.0) * (np.maximum(kinetic, 0.0) + 2.0 * mass))


@pytest.mark.parametrize(("kind", "charge"), [(ELECTRON, -1.0), (POSITRON, 1.0)])
def test_hard_events_keep_energy_and_momentum(tables, kind, charge):
    """Collisions and annihilations with an electron at rest; radiation gives the nucleus its part of the momentum."""
    kinetic, way = 700.0, np.array([0.48, -0.6, 0.64])
    found = np.zeros((20_000, 15))
    events(tables, kind, charge, kinetic, found)
    left, ways, number = found[:, 0], found[:, 1:4], found[:, 4]
    first, second = found[:, 5:10], found[:, 10:15]
    assert np.all(number >= 1)
    collided = (number == 1) & (first[:, 0] == -1.0)
    radiated = (number == 1) & (first[:, 0] == 0.0)
    annihilated = number == 2
    assert np.mean(collided) > 0.9
    assert np.any(radiated)
    assert bool(np.any(annihilated)) == (charge > 0)
    alone = collided | radiated
    np.testing.assert_allclose(left[alone] + first[alone, 4], kinetic, rtol=1e-12)
    total = (
        momentum(left, ELECTRON_REST_KEV)[:, None] * ways
        + momentum(first[:, 4], ELECTRON_REST_KEV)[:, None] * first[:, 1:4]
    )[collided]
    np.testing.assert_allclose(
        total, np.broadcast_to(momentum(kinetic, ELECTRON_REST_KEV) * way, total.shape), atol=1e-6
    )
    if charge > 0:
        pair = first[annihilated], second[annihilated]
        np.testing.assert_allclose(pair[0][:, 4] + pair[1][:, 4], kinetic + 2.0 * ELECTRON_REST_KEV, rtol=1e-12)
        total = sum(p[:, 4:5] * p[:, 1:4] for p in pair)
        np.testing.assert_allclose(
            total, np.broadcast_to(momentum(kinetic, ELECTRON_REST_KEV) * way, total.shape), atol=1e-6
        )


def test_media_of_equal_content_share_tables():
    from dataclasses import replace

    twice = transport_tables((WATER, replace(WATER, name="the same")))
    assert twice.charged.shape == (2, 2, CHARGED_NODES, 8)
    np.testing.assert_array_equal(twice.charged[:, 0], twice.charged[:, 1])
    np.testing.assert_array_equal(twice.photon[0], twice.photon[1])
