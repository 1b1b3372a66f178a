"""Photon data against the tables of NIST."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.physics.matter.attenuation import (
    AVOGADRO,
    CLASSICAL_RADIUS_CM,
    element_coefficients,
    klein_nishina_cm2,
)
from hemadose.physics.matter.electrons import electrons_per_gram_mol
from hemadose.physics.matter.media import Medium, medium, medium_names
from hemadose.physics.matter.pairs import electron_pair_cm2, nuclear_pair_cm2
from hemadose.physics.matter.photons import (
    coherent_inverse,
    incoherent_function,
    k_fluorescence,
    photon_table,
)

# Hubbell J H, Seltzer S M. NISTIR 5632 (1995), table 4: mu/rho and mu_en/rho in cm2/g at these energies (keV).
KEV = [10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1250, 1500, 2000, 3000]
NIST = {
    "water": (
        [5.329, 1.673, .8096, .3756, .2683, .2269, .2059, .1837, .1707, .1505, .1370, .1186, .1061, .09687, .08956,
         .07865, .07072, .06323, .05754, .04942, .03969],
        [4.944, 1.374, .5503, .1557, .06947, .04223, .03190, .02597, .02546, .02764, .02967, .03192, .03279, .03299,
         .03284, .03206, .03103, .02965, .02833, .02608, .02281],
    ),
    "air": (
        [5.120, 1.614, .7779, .3538, .2485, .2080, .1875, .1662, .1541, .1356, .1233, .1067, .09549, .08712, .08055,
         .07074, .06358, .05687, .05175, .04447, .03581],
        [4.742, 1.334, .5389, .1537, .06833, .04098, .03041, .02407, .02325, .02496, .02672, .02872, .02949, .02966,
         .02953, .02882, .02789, .02666, .02547, .02345, .02057],
    ),
    "soft-tissue-icru4": (
        [4.937, 1.558, .7616, .3604, .2609, .2223, .2025, .1813, .1688, .1490, .1356, .1175, .1051, .09593, .08870,
         .07789, .07003, .06262, .05699, .04893, .03929],
        [4.564, 1.266, .5070, .1438, .06474, .03987, .03051, .02530, .02501, .02732, .02936, .03161, .03247, .03267,
         .03252, .03175, .03073, .02937, .02806, .02582, .02258],
    ),
    "cortical-bone": (
        [28.51, 9.032, 4.001, 1.331, .6655, .4242, .3148, .2229, .1855, .1480, .1309, .1113, .09908, .09022, .08332,
         .07308, .06566, .05871, .05346, .04607, .03745],
        [26.80, 8.388, 3.601, 1.070, .4507, .2336, .1400, .06896, .04585, .03183, .03003, .03032, .03069, .03073,
         .03052, .02973, .02875, .02745, .02623, .02421, .02145],
    ),
    "adipose (ICRU 44)": (
        [3.268, 1.083, .5677, .3063, .2396, .2123, .1974, .1800, .1688, .1500, .1368, .1187, .1062, .09696, .08965,
         .07873, .07078, .06330, .05760, .04940, .03955],
        [2.935, .8103, .3251, .09495, .04575, .03085, .02567, .02358, .02433, .02737, .02959, .03194, .03283, .03304,
         .03289, .03211, .03108, .02970, .02839, .02610, .02275],
    ),
    "lung (ICRU 44)": (
        [5.459, 1.721, .8316, .3815, .2699, .2270, .2053, .1826, .1695, .1493, .1359, .1177, .1053, .09607, .08882,
         .07800, .07013, .06271, .05706, .04900, .03935],
        [5.067, 1.423, .5740, .1635, .07286, .04393, .03282, .02625, .02550, .02748, .02945, .03167, .03252, .03272,
         .03257, .03179, .03077, .02940, .02810, .02586, .02262],
    ),
}  # fmt: skip
# Compositions of that report's table 2 that are not among the media.
OTHERS = {
    "adipose (ICRU 44)": (64.8, {"H": .114, "C": .598, "N": .007, "O": .278, "Na": .001, "S": .001, "Cl": .001}),
    "lung (ICRU 44)": (75.2, {
        "H": .103, "C": .105, "N": .031, "O": .749, "Na": .002, "P": .002, "S": .003, "Cl": .003, "K": .002}),
}  # fmt: skip
# XCOM (NIST SRD 8), barn per atom.
PAIR_KEV = np.array([1500.0, 2000.0, 3000.0])
XCOM_PAIR = {
    1: [4.385e-5, 1.758e-4, 5.048e-4],
    6: [1.594e-3, 6.356e-3, 1.820e-2],
    8: [2.850e-3, 1.134e-2, 3.241e-2],
    15: [1.029e-2, 4.044e-2, 0.1147],
    20: [1.878e-2, 7.323e-2, 0.2053],
    26: [3.320e-2, 0.1265, 0.3506],
}
BARN = 1e-24


def nist_medium(name: str) -> Medium:
    if name in medium_names():
        return medium(name)
    excitation, shares = OTHERS[name]
    return Medium(name=name, density_g_per_ml=1.0, mass_fraction=shares, mean_excitation_ev=excitation, source="NIST")


@pytest.mark.parametrize("name", NIST)
def test_attenuation_and_absorption(name):
    total, absorption = NIST[name]
    table = photon_table(nist_medium(name), np.asarray(KEV, dtype=np.float64))
    np.testing.assert_allclose(table.total, total, rtol=1e-3)
    np.testing.assert_allclose(table.mass_energy_absorption, absorption, rtol=3e-3)


def test_low_energies():
    # NISTIR 5632, table 4. Bone: xraylib's K yield of calcium is 3 % above the one used there.
    water = photon_table(medium("water"), np.array([1.0, 2.0, 5.0]))
    np.testing.assert_allclose(water.total, [4078.0, 617.3, 42.58], rtol=1e-3)
    np.testing.assert_allclose(water.mass_energy_absorption, [4065.0, 615.2, 41.88], rtol=2e-3)
    bone = photon_table(medium("cortical-bone"), np.array([1.0, 3.0, 5.0, 8.0]))
    np.testing.assert_allclose(bone.total, [3781.0, 295.8, 191.7, 53.23], rtol=1e-3)
    np.testing.assert_allclose(bone.mass_energy_absorption, [3772.0, 289.7, 175.7, 49.87], rtol=6e-3)


@pytest.mark.parametrize("number", XCOM_PAIR)
def test_pair_production_in_the_field_of_nuclei(number):
    np.testing.assert_allclose(nuclear_pair_cm2(number, PAIR_KEV) / BARN, XCOM_PAIR[number], rtol=0.012)


def test_pair_production_near_threshold():
    # XCOM at 1250 keV, where it is less than 0.1 % of all interactions.
    found = [float(nuclear_pair_cm2(z, np.array([1250.0]))[0]) / BARN for z in (1, 8, 20)]
    np.testing.assert_allclose(found, [7.805e-6, 5.159e-4, 3.569e-3], rtol=0.01)


def test_series_of_maximon_meet():
    below, above = nuclear_pair_cm2(8, 510.99895 * np.array([4.0 - 1e-9, 4.0 + 1e-9]))
    assert above == pytest.approx(below, rel=3e-4)


def test_pair_production_in_the_field_of_electrons():
    # XCOM for hydrogen at 3 MeV.
    assert float(electron_pair_cm2(np.array([3000.0]))[0]) / BARN == pytest.approx(4.035e-5, rel=0.015)


def test_no_pairs_below_threshold():
    assert nuclear_pair_cm2(20, np.array([500.0, 1021.9])).tolist() == [0.0, 0.0]
    assert electron_pair_cm2(np.array([1500.0, 2043.9])).tolist() == [0.0, 0.0]
    assert np.all(photon_table(medium("water"), np.array([100.0, 1000.0])).pair == 0.0)


@pytest.mark.parametrize(
    ("number", "molar", "incoherent", "photoelectric"),
    [
        (1, 1.008, [0.2114, 0.1718, 0.1466, 0.1153], [1.961e-9, 9.732e-10, 6.201e-10, 3.524e-10]),
        (8, 15.999, [1.691, 1.374, 1.173, 0.9226], [1.101e-4, 5.054e-5, 3.179e-5, 1.776e-5]),
        (20, 40.078, [4.222, 3.433, 2.930, 2.306], [9.431e-3, 4.369e-3, 2.708e-3, 1.482e-3]),
    ],
)
def test_beyond_800_kev_each_part_follows_xcom(number, molar, incoherent, photoelectric):
    photo, inco, _ = element_coefficients(number, molar, np.array([1000.0, 1500.0, 2000.0, 3000.0]))
    barn = molar / AVOGADRO / BARN
    np.testing.assert_allclose(inco * barn, incoherent, rtol=1.5e-3)
    np.testing.assert_allclose(photo * barn, photoelectric, rtol=0.08)  # Sauter: one K shell, no binding


@pytest.mark.parametrize("name", medium_names())
def test_no_step_at_800_kev(name):
    low, high = photon_table(medium(name), np.array([799.999, 800.001])).total
    assert high == pytest.approx(low, rel=2e-5)


def test_parts_add_up_and_are_read_only():
    table = photon_table(medium("spongiosa"), np.geomspace(1.0, 3000.0, 300))
    parts = (table.photoelectric, table.incoherent, table.coherent, table.pair)
    np.testing.assert_allclose(sum(p / table.total for p in parts), 1.0, rtol=1e-12)
    assert all(np.all(p >= 0.0) for p in parts)
    assert np.all(table.mass_energy_absorption < table.total)
    with pytest.raises(ValueError, match="read-only"):
        table.pair[0] = 1.0


@pytest.mark.parametrize("energies", [[0.999], [3000.1], [100.0, float("nan")], []])
def test_energies_outside_the_data_are_refused(energies):
    with pytest.raises(QuantityError, match="1 to 3000 keV"):
        photon_table(medium("water"), np.asarray(energies))
    with pytest.raises(QuantityError, match="1 to 3000 keV"):
        k_fluorescence(medium("water"), np.asarray(energies))


# The two tables of angles must carry the cross sections that xraylib tabulates for itself.


@pytest.mark.parametrize("energy", [10.0, 30.0, 100.0, 600.0])
@pytest.mark.parametrize("name", ["water", "cortical-bone"])
def test_incoherent_function_integrates_to_the_cross_section(name, energy):
    cosine, weight = np.polynomial.legendre.leggauss(300)
    left = 1.0 / (1.0 + energy / 510.99895 * (1.0 - cosine))
    x = energy / 12.39841984 * np.sqrt((1.0 - cosine) / 2.0)
    found = medium(name)
    shape = left**2 * (left + 1.0 / left + cosine**2 - 1.0)
    bound = float(np.sum(weight * shape * incoherent_function(found, x)) / np.sum(weight * shape))
    free = AVOGADRO * electrons_per_gram_mol(found) * float(klein_nishina_cm2(np.array([energy]))[0])
    assert bound * free == pytest.approx(float(photon_table(found, np.array([energy])).incoherent[0]), rel=0.006)


def test_incoherent_function_rises_from_none_to_all():
    x = np.linspace(0.0, 30.0, 500)
    for name in ("water", "cortical-bone", "adipose"):
        values = incoherent_function(medium(name), x)
        assert values[0] == 0.0
        assert values[-1] == pytest.approx(1.0, abs=2e-4)
        assert np.all(np.diff(values) >= 0.0)
    with pytest.raises(QuantityError):
        incoherent_function(medium("water"), np.array([-0.1]))


@pytest.mark.parametrize("name", ["water", "cortical-bone"])
def test_coherent_table_integrates_to_the_cross_section(name):
    # sigma = pi r^2 int (1 + cos^2) F^2 dcos: the ratio at two energies needs no norm.
    x2, cumulative = coherent_inverse(medium(name), 4000)
    assert (cumulative[0], cumulative[-1]) == (0.0, 1.0)
    assert np.all(np.diff(cumulative) >= 0.0)
    found = []
    for energy in (20.0, 80.0):
        top = (energy / 12.39841984) ** 2
        inside = np.linspace(0.0, top, 20001)
        cosine = 1.0 - (inside[1:] + inside[:-1]) / top
        share = np.diff(np.interp(inside, x2, cumulative))
        found.append(float(np.sum(share * (1.0 + cosine**2)) / top))
    coherent = photon_table(medium(name), np.array([20.0, 80.0])).coherent
    assert found[1] / found[0] == pytest.approx(coherent[1] / coherent[0], rel=0.006)


def test_coherent_scatter_of_hydrogen_has_its_closed_form():
    # F = 1 / (1 + (2 pi a0 x)^2)^2 for hydrogen, a0 = 0.529177 angstrom; the integral of F^2 over x^2 is known.
    hydrogen = Medium(name="H", density_g_per_ml=1.0, mass_fraction={"H": 1.0}, mean_excitation_ev=19.2, source="")
    x2, cumulative = coherent_inverse(hydrogen, 3000)
    q2 = (2.0 * np.pi * 0.529177) ** 2 * x2
    np.testing.assert_allclose(cumulative, 1.0 - (1.0 + q2) ** -3, atol=2e-3)


def test_coherent_table_needs_two_nodes():
    with pytest.raises(QuantityError):
        coherent_inverse(medium("water"), 1)


# K X-rays: yields of Krause M O. J Phys Chem Ref Data 8:307 (1979), line energies of Bearden (1967).


@pytest.mark.parametrize(
    ("symbol", "fluorescence", "alpha", "beta"),
    [("P", 0.063, 2.0137, 2.1391), ("K", 0.140, 3.3127, 3.5896), ("Ca", 0.163, 3.6905, 4.0127),
     ("Fe", 0.340, 6.3996, 7.0580), ("Zn", 0.474, 8.6314, 9.5720)],
)  # fmt: skip
def test_k_x_rays_of_elements(symbol, fluorescence, alpha, beta):
    pure = Medium(name=symbol, density_g_per_ml=1.0, mass_fraction={symbol: 1.0}, mean_excitation_ev=200.0, source="")
    table = k_fluorescence(pure, np.array([60.0]))
    assert table.symbols == (symbol,)
    assert float(table.cumulative[0, 0]) == pytest.approx(0.915 * fluorescence, rel=0.06)
    assert float(table.k_alpha_kev[0]) == pytest.approx(alpha, rel=2e-3)
    assert float(table.k_beta_kev[0]) == pytest.approx(beta, rel=2e-3)


def test_share_of_the_k_shell_is_the_jump_at_the_edge():
    # XCOM, calcium, photoelectric below and above 4.0381 keV: 7763 and 67970 barn. Yield: xraylib's 0.1687.
    calcium = Medium(name="Ca", density_g_per_ml=1.55, mass_fraction={"Ca": 1.0}, mean_excitation_ev=191.0, source="")
    below, above = k_fluorescence(calcium, np.array([4.037, 4.039])).cumulative[0]
    assert below == 0.0
    assert above == pytest.approx(0.1687 * (1.0 - 7763.0 / 67970.0), rel=2e-3)


def test_fluorescence_of_media():
    energy = np.geomspace(1.0, 3000.0, 400)
    bone = k_fluorescence(medium("cortical-bone"), energy)
    assert bone.symbols == ("Ca", "P", "S")
    assert bone.cumulative.shape == (3, 400)
    assert np.all(np.diff(bone.cumulative, axis=0) >= 0.0)
    assert np.all((bone.cumulative >= 0.0) & (bone.cumulative < 0.2))
    assert np.all(bone.cumulative[:, energy < 2.14] == 0.0)
    assert k_fluorescence(medium("water"), energy).cumulative.shape == (0, 400)
    assert len(k_fluorescence(medium("stylised-bone"), energy).symbols) == 8


def test_minimum_edge_chooses_the_elements():
    energy = np.array([50.0])
    assert k_fluorescence(medium("cortical-bone"), energy, minimum_kev=3.0).symbols == ("Ca",)
    assert "O" in k_fluorescence(medium("water"), energy, minimum_kev=0.1).symbols


def test_classical_radius_gives_thomson_limit():
    # Klein-Nishina tends to 8 pi r^2 / 3 (1 - 2 k) at low energy.
    thomson = 8.0 * np.pi / 3.0 * CLASSICAL_RADIUS_CM**2
    assert float(klein_nishina_cm2(np.array([1.0]))[0]) == pytest.approx(thomson * (1.0 - 2.0 / 510.999), rel=3e-5)
