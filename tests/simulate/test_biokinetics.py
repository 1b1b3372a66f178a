"""The compartment model loses nothing and follows its differential equations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemadose.errors import QuantityError
from hemadose.model import Nuclide
from hemadose.simulate import Biokinetics, Compartment, pentixather_biokinetics
from hemadose.units import HOUR_S

LU = Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.92, photon_energy_kev=35.1)


def _all(kinetics, time_s):
    names = ("central", *(c.name for c in kinetics.compartments), "bladder", "excreta")
    return {name: kinetics.fraction(name, time_s) for name in names}


@given(
    shares=st.lists(st.floats(0.0, 0.3), min_size=1, max_size=3),
    half_lives_h=st.lists(st.floats(10.0, 2000.0), min_size=3, max_size=3),
    central_h=st.floats(0.5, 8.0),
    hours=st.floats(0.0, 500.0),
)
@settings(max_examples=60, deadline=None)
def test_activity_is_conserved_including_excreta(shares, half_lives_h, central_h, hours):
    kinetics = Biokinetics(
        nuclide=LU,
        compartments=tuple(
            Compartment(name=f"organ_{i}", uptake_fraction=share, biological_half_life_s=h * HOUR_S)
            for i, (share, h) in enumerate(zip(shares, half_lives_h, strict=False))
        ),
        central_half_life_s=central_h * HOUR_S,
    )
    parts = _all(kinetics, hours * HOUR_S)
    assert sum(parts.values()) == pytest.approx(LU.decay_factor(hours * HOUR_S), rel=1e-9)
    assert min(float(v) for v in parts.values()) >= -1e-12


def test_it_solves_its_differential_equations(kinetics):
    from scipy.integrate import solve_ivp

    k = np.log(2) / kinetics.central_half_life_s
    decay = LU.decay_constant_per_s
    uptake = np.array([c.uptake_fraction for c in kinetics.compartments])
    release = np.log(2) / np.array([c.biological_half_life_s for c in kinetics.compartments])

    def flow(_, a):
        return np.concatenate([[-(k + decay) * a[0]], k * uptake * a[0] - (release + decay) * a[1:]])

    times = np.array([1.0, 4.0, 24.0, 48.0, 168.0]) * HOUR_S
    start = np.concatenate([[1.0], np.zeros(len(uptake))])
    solved = solve_ivp(flow, (0, times[-1]), start, t_eval=times, rtol=1e-10, atol=1e-13, method="LSODA")
    for row, compartment in enumerate(kinetics.compartments, start=1):
        assert kinetics.fraction(compartment.name, times) == pytest.approx(solved.y[row], rel=1e-6)


def test_integrals_match_quadrature(kinetics):
    t = np.linspace(0.0, 30.0 * LU.half_life_s, 3_000_001)
    for name in ("kidneys", "central"):
        assert kinetics.tia_h(name) == pytest.approx(np.trapezoid(kinetics.fraction(name, t), t) / HOUR_S, rel=1e-4)
    start = np.linspace(0.0, 4.0 * HOUR_S, 4001)[:-1]  # void by void, clear of the jumps
    total = 0.0
    for n in range(800):
        at = start + n * 4.0 * HOUR_S
        total += kinetics.fraction("bladder", at).mean() * 4.0
    assert kinetics.tia_h("bladder") == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "mass_g", "gy_per_gbq", "absorbed"),
    [  # Haenscheid 2022 medians; local deposition 0.08532 g Gy/(MBq h); marrow 57 % (dosimetry 5)
        ("kidneys", 299.5, 0.91, 1.0),
        ("liver", 1906.0, 0.71, 1.0),
        ("spleen", 182.9, 0.58, 1.0),
        ("red_marrow", 1120.0, 0.47, 0.57),
    ],
)
def test_default_uptakes_give_the_published_doses(kinetics, name, mass_g, gy_per_gbq, absorbed):
    dose = kinetics.tia_h(name) * 1e3 * 0.08532 * absorbed / mass_g
    assert dose == pytest.approx(gy_per_gbq, rel=0.04)


@pytest.mark.parametrize(("name", "hours"), [("kidneys", 41), ("liver", 109), ("spleen", 86),
                                             ("red_marrow", 92)])  # fmt: skip
def test_default_effective_half_lives_are_published_ones(kinetics, name, hours):
    assert kinetics.curve(name).effective_half_life_s / HOUR_S == pytest.approx(hours, rel=1e-3)


def test_maximal_kidney_uptake_is_the_published_2_2_percent_each(kinetics):
    t = np.linspace(0.0, 100.0, 2001) * HOUR_S
    peak = float(kinetics.fraction("kidneys", t).max()) / 2.0
    assert peak == pytest.approx(0.022, abs=0.002)  # 2.2 +- 1.0 % per kidney, Haenscheid 2022


def test_scaling_changes_one_organ_only(kinetics):
    double = kinetics.scaled(kidneys=2.0)
    assert double.tia_h("kidneys") == pytest.approx(2.0 * kinetics.tia_h("kidneys"))
    assert double.tia_h("liver") == kinetics.tia_h("liver")
    assert double.tia_h("bladder") != kinetics.tia_h("bladder")


def test_bladder_empties_at_the_void(kinetics):
    before, after = kinetics.fraction("bladder", np.array([4.0 * HOUR_S - 1.0, 4.0 * HOUR_S]))
    assert before > 0.05
    assert after == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("factors", "message"),
    [({"liver": 50.0}, "more than was administered"), ({"kidney": 1.1}, "no compartment kidney")],
)
def test_impossible_scaling_is_refused(kinetics, factors, message):
    with pytest.raises(QuantityError, match=message):
        kinetics.scaled(**factors)


def test_unknown_compartment_and_too_fast_release_are_refused(kinetics):
    with pytest.raises(QuantityError, match="no compartment pancreas"):
        kinetics.fraction("pancreas", 0.0)
    with pytest.raises(QuantityError, match="releases faster"):
        kinetics.with_compartments(Compartment(name="lesion_1", uptake_fraction=0.01, biological_half_life_s=HOUR_S))
    with pytest.raises(QuantityError, match="twice"):
        kinetics.with_compartments(kinetics.compartments[0])


def test_another_nuclide_keeps_the_biology():
    yttrium = Nuclide(name="Y-90", half_life_s=64.1 * HOUR_S, electron_energy_kev=933.1, photon_energy_kev=0)
    lu, y = pentixather_biokinetics(LU), pentixather_biokinetics(yttrium)
    assert [c.biological_half_life_s for c in lu.compartments] == [c.biological_half_life_s for c in y.compartments]
    assert y.tia_h("kidneys") < lu.tia_h("kidneys")
