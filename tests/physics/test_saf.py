"""Absorbed fractions folded into S values, against closed forms."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import PchipInterpolator

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model.emissions import BetaSpectrum, EmissionLine, Emissions, LineKind
from hemadose.model.saf import Radiation, SpecificAbsorbedFractions
from hemadose.physics.saf import s_values_from_saf
from hemadose.units import KEV_J

# energies of the ICRP 133 files, 1 keV to 10 MeV
ENERGIES = 1e3 * np.array(
    [0.001, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5,
     2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
)  # fmt: skip
MASSES = {"kidneys": 0.31}
PAIR = ("liver", "kidneys")


def approx(expected, rel=1e-6, abs=0.0):
    """As pytest's, without its absolute tolerance of 1e-12, beside which S values in Gy/(Bq s) vanish."""
    return pytest.approx(expected, rel=rel, abs=abs)


def table(radiation, values, *, energies=ENERGIES, pair=PAIR, masses=MASSES, **more):
    fractions = {pair: np.broadcast_to(np.asarray(values, dtype=float), energies.shape)}
    return SpecificAbsorbedFractions(
        radiation=radiation,
        energies_kev=energies,
        saf_per_kg=fractions,
        target_mass_kg=masses,
        source_note="test",
        **more,
    )


def line(kind, energy, number=1.0):
    return EmissionLine(kind=kind, energy_kev=energy, yield_per_decay=number)


def emissions(*lines, betas=()):
    return Emissions(nuclide="X-1", half_life_s=1.0, lines=lines, betas=betas, source="made up")


def triangle(end_kev=500.0, charge=-1):
    """A spectrum that falls linearly to its end point, one particle per decay, mean end/3."""
    return BetaSpectrum(
        charge=charge, energy_kev=np.array([0.0, end_kev]), density_per_kev=np.array([2.0 / end_kev, 0.0])
    )


def one(made):
    return made.get(source=PAIR[0], target=PAIR[1])


def test_a_constant_fraction_gives_all_energy_times_fraction():
    given_off = emissions(
        line(LineKind.GAMMA, 208.0, 0.1),
        line(LineKind.X_RAY, 0.4, 0.3),
        line(LineKind.ANNIHILATION, 511.0, 2.0),
        line(LineKind.CONVERSION, 6.2, 0.15),
        line(LineKind.AUGER, 0.2, 3.0),
        betas=(triangle(), triangle(900.0, charge=1)),
    )
    value = one(
        s_values_from_saf(
            table(Radiation.PHOTON, 0.02), table(Radiation.ELECTRON, 3.0), emissions=given_off, name="test"
        )
    )
    assert value.photon_gy_per_bq_s == approx((20.8 + 0.12 + 1022.0) * KEV_J * 0.02, rel=1e-13)
    assert value.electron_gy_per_bq_s == approx((0.93 + 0.6 + 500 / 3 + 300.0) * KEV_J * 3.0, rel=1e-12)


@pytest.mark.parametrize("energy", [1.0, 15.0, 208.366, 300.0, 9999.0])
def test_a_line_takes_the_interpolated_fraction(energy):
    curve = 0.05 * np.exp(-(((np.log(ENERGIES) - 4.0) / 1.5) ** 2))
    photons = table(Radiation.PHOTON, curve)
    made = s_values_from_saf(
        photons, table(Radiation.ELECTRON, 0.0), emissions=emissions(line(LineKind.GAMMA, energy, 0.7)), name="test"
    )
    direct = photons.interpolate(source="liver", target="kidneys", energy_kev=energy)
    assert one(made).photon_gy_per_bq_s == approx(0.7 * energy * KEV_J * float(direct), rel=1e-12)
    assert one(made).electron_gy_per_bq_s == 0.0


def test_interpolation_keeps_the_table_and_straight_lines_in_log_energy():
    curve = np.abs(np.sin(np.arange(ENERGIES.size)))
    assert table(Radiation.PHOTON, curve).interpolate(source="liver", target="kidneys", energy_kev=ENERGIES) == approx(
        curve, rel=1e-12
    )
    straight = table(Radiation.PHOTON, 2.0 + 3.0 * np.log(ENERGIES))
    between = np.array([1.7, 33.0, 777.0])
    assert straight.interpolate(source="liver", target="kidneys", energy_kev=between) == approx(
        2.0 + 3.0 * np.log(between), rel=1e-12
    )


def test_interpolation_does_not_overshoot():
    step = np.where(ENERGIES < 100.0, 0.0, 1.0)
    fine = np.geomspace(1.0, 1e4, 5000)
    found = table(Radiation.PHOTON, step).interpolate(source="liver", target="kidneys", energy_kev=fine)
    assert found.min() >= 0.0
    assert found.max() <= 1.0 + 1e-12
    assert (found[fine <= 80.0] == 0.0).all()


def test_a_spectrum_against_a_logarithm():
    """Integral of p(E) E (a + b ln E) over a falling triangle from 0: below the table the fraction is that at 10 keV.

    With p = 2 (1 - x) / Q and x = E / Q the integral of E ln E p over [e, Q] is in closed form.
    """
    energies = np.array([10.0, 20.0, 100.0, 1000.0])
    a, b, end, lowest = 0.5, 0.25, 500.0, 10.0

    def moment(x):  # antiderivative of 2 (1 - x) x ln(x Q) in x
        return 2.0 * (x**2 / 2 * math.log(x * end) - x**2 / 4 - (x**3 / 3 * math.log(x * end) - x**3 / 9))

    def mean(x):
        return x**2 - 2.0 * x**3 / 3.0

    low = lowest / end
    expected = end * (
        a * (mean(1.0) - mean(low)) + b * (moment(1.0) - moment(low)) + (a + b * math.log(lowest)) * mean(low)
    )
    made = s_values_from_saf(
        table(Radiation.PHOTON, 0.0, energies=energies),
        table(Radiation.ELECTRON, a + b * np.log(energies), energies=energies),
        emissions=emissions(betas=(triangle(end),)),
        name="test",
    )
    assert one(made).electron_gy_per_bq_s == approx(expected * KEV_J, rel=1e-12)
    assert any("electrons below 10 keV" in note for note in made.notes)


def test_a_spectrum_against_quadrature_of_a_curved_table():
    curve = 1.0 / (1.0 + (ENERGIES / 300.0) ** 1.5)
    beta = triangle(800.0)
    cubic = PchipInterpolator(np.log(ENERGIES), curve)
    breaks = [e for e in ENERGIES if 1.0 < e < 800.0]
    expected = sum(
        quad(lambda e: e * np.interp(e, beta.energy_kev, beta.density_per_kev) * cubic(np.log(e)), low, high)[0]
        for low, high in zip([1.0, *breaks], [*breaks, 800.0], strict=True)
    )
    expected += quad(lambda e: e * np.interp(e, beta.energy_kev, beta.density_per_kev) * curve[0], 0.0, 1.0)[0]
    made = s_values_from_saf(
        table(Radiation.PHOTON, 0.0), table(Radiation.ELECTRON, curve), emissions=emissions(betas=(beta,)), name="test"
    )
    assert one(made).electron_gy_per_bq_s == approx(expected * KEV_J, rel=1e-9)


def test_uncertainty_of_a_line_at_a_table_energy_is_that_of_the_table():
    sd = np.linspace(0.01, 0.1, ENERGIES.size)
    made = s_values_from_saf(
        table(Radiation.PHOTON, 0.3, relative_sd={PAIR: sd}),
        table(Radiation.ELECTRON, 0.0),
        emissions=emissions(line(LineKind.GAMMA, 300.0)),
        name="test",
    )
    assert one(made).relative_sd == approx(sd[ENERGIES == 300.0][0], rel=1e-12)
    assert not any("photon absorbed fractions state no" in note for note in made.notes)
    assert any("electron absorbed fractions state no" in note for note in made.notes)


def test_uncertainties_of_photons_and_electrons_add_in_squares():
    made = s_values_from_saf(
        table(Radiation.PHOTON, 1.0, relative_sd={PAIR: np.full(ENERGIES.size, 0.03)}),
        table(Radiation.ELECTRON, 1.0, relative_sd={PAIR: np.full(ENERGIES.size, 0.04)}),
        emissions=emissions(line(LineKind.GAMMA, 100.0), line(LineKind.CONVERSION, 100.0)),
        name="test",
    )
    assert one(made).relative_sd == approx(math.hypot(0.03, 0.04) / 2.0, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 10.0), min_size=27, max_size=27), st.floats(20.0, 3000.0), st.floats(0.1, 10.0))
def test_s_values_scale_with_the_fractions_and_add_over_emissions(values, end, factor):
    def electron(fractions, *parts, betas=()):
        return one(
            s_values_from_saf(
                table(Radiation.PHOTON, 0.0),
                table(Radiation.ELECTRON, fractions),
                emissions=emissions(*parts, betas=betas),
                name="test",
            )
        ).electron_gy_per_bq_s

    auger, beta = line(LineKind.AUGER, 7.0, 2.0), triangle(end)
    together = electron(values, auger, betas=(beta,))
    assert electron(values, auger) + electron(values, betas=(beta,)) == approx(together, rel=1e-9, abs=1e-30)
    scaled = electron([factor * v for v in values], auger, betas=(beta,))
    assert scaled == approx(factor * together, rel=1e-9, abs=1e-30)
    assert 0.0 <= together <= max(values) * (14.0 + end / 3.0) * KEV_J * (1.0 + 1e-9)


def test_alpha_particles_join_the_electron_part_and_say_so():
    energies = np.array([2000.0, 5000.0, 12000.0])
    made = s_values_from_saf(
        table(Radiation.PHOTON, 0.0),
        table(Radiation.ELECTRON, 2.0),
        table(Radiation.ALPHA, 3.0, energies=energies),
        emissions=emissions(line(LineKind.ALPHA, 5800.0), line(LineKind.AUGER, 10.0)),
        name="test",
    )
    assert one(made).electron_gy_per_bq_s == approx((5800.0 * 3.0 + 20.0) * KEV_J, rel=1e-12)
    assert any("alpha particles" in note for note in made.notes)


def test_alpha_emitters_need_a_table_for_them():
    with pytest.raises(QuantityError, match="alpha particles") as caught:
        s_values_from_saf(
            table(Radiation.PHOTON, 0.0),
            table(Radiation.ELECTRON, 0.0),
            emissions=emissions(line(LineKind.ALPHA, 5800.0)),
            name="test",
        )
    assert caught.value.field == "alpha_saf"


def test_tables_cannot_be_swapped():
    with pytest.raises(QuantityError, match="another radiation"):
        s_values_from_saf(
            table(Radiation.ELECTRON, 0.0), table(Radiation.PHOTON, 0.0), emissions=emissions(), name="test"
        )


def test_an_emission_above_the_table_is_refused():
    low = np.array([10.0, 100.0])
    with pytest.raises(ReferenceDataError, match="above the table") as caught:
        s_values_from_saf(
            table(Radiation.PHOTON, 0.0, energies=low),
            table(Radiation.ELECTRON, 0.0),
            emissions=emissions(line(LineKind.GAMMA, 208.0)),
            name="test",
        )
    assert caught.value.value == "208 keV"


@pytest.mark.parametrize("energy", [0.5, 2e4, float("nan")])
def test_interpolation_outside_is_refused(energy):
    with pytest.raises(ReferenceDataError, match="do not reach"):
        table(Radiation.PHOTON, 1.0).interpolate(source="liver", target="kidneys", energy_kev=energy)


def test_missing_pairs_are_refused():
    with pytest.raises(ReferenceDataError, match="kidneys <- spleen"):
        table(Radiation.PHOTON, 1.0).get(source="spleen", target="kidneys")
    both = (table(Radiation.PHOTON, 1.0), table(Radiation.ELECTRON, 1.0))
    with pytest.raises(ReferenceDataError, match="kidneys <- spleen"):
        s_values_from_saf(*both, emissions=emissions(), name="test", sources=("spleen",))
    with pytest.raises(ReferenceDataError, match="electron"):
        s_values_from_saf(
            both[0], table(Radiation.ELECTRON, 1.0, pair=("spleen", "kidneys")), emissions=emissions(), name="test"
        )


def test_masses_must_be_known_and_agree():
    photon, electron = table(Radiation.PHOTON, 1.0, masses={}), table(Radiation.ELECTRON, 1.0, masses={})
    with pytest.raises(ReferenceDataError, match="no mass is known of kidneys"):
        s_values_from_saf(photon, electron, emissions=emissions(), name="test")
    made = s_values_from_saf(photon, electron, emissions=emissions(), name="test", target_mass_kg={"kidneys": 0.3})
    assert made.target_mass_kg == {"kidneys": 0.3}
    with pytest.raises(QuantityError, match="another mass"):
        s_values_from_saf(
            photon,
            table(Radiation.ELECTRON, 1.0),
            emissions=emissions(),
            name="test",
            target_mass_kg={"kidneys": 0.28},
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energies_kev": np.array([0.0, 1.0])}, "rising energies"),
        ({"energies_kev": np.array([2.0, 1.0])}, "rising energies"),
        ({"saf_per_kg": {PAIR: np.array([1.0])}}, "one number for each energy"),
        ({"saf_per_kg": {PAIR: np.array([1.0, -1.0])}}, "negative"),
        ({"saf_per_kg": {PAIR: np.array([1.0, np.nan])}}, "negative or infinite"),
        ({"target_mass_kg": {"kidneys": 0.0}}, "must be positive"),
        ({"relative_sd": {("a", "b"): np.array([0.0, 0.0])}}, "without its absorbed fraction"),
    ],
)
def test_broken_tables_are_refused(change, message):
    fields = {
        "radiation": Radiation.PHOTON,
        "energies_kev": np.array([1.0, 2.0]),
        "saf_per_kg": {PAIR: np.array([1.0, 1.0])},
        "target_mass_kg": MASSES,
        "source_note": "test",
    }
    SpecificAbsorbedFractions(**fields)
    with pytest.raises(QuantityError, match=message):
        SpecificAbsorbedFractions(**{**fields, **change})


def test_a_table_is_locked_and_survives_pickling():
    made = table(Radiation.PHOTON, 1.0, relative_sd={PAIR: np.full(ENERGIES.size, 0.1)})
    with pytest.raises(ValueError, match="read-only"):
        made.get(source="liver", target="kidneys")[0] = 2.0
    back = pickle.loads(pickle.dumps(made))
    assert (back.sources, back.targets) == (("liver",), ("kidneys",))
    assert np.array_equal(back.stacked_sd([PAIR]), made.stacked_sd([PAIR]))
