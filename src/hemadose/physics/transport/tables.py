"""What the device code looks up: one array for each quantity, for a list of media.

What photons need lies on a grid even in the logarithm of the energy, what charged particles need on one even in its
square root, and energy against residual range on one even in the square root of the range: a place on these costs
a root at most. Values run linearly between nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemadose.physics.matter.bremsstrahlung import photon_spectrum, radiative_stopping
from hemadose.physics.matter.electrons import (
    BETHE_KEV_CM2_MOL,
    ELECTRON_REST_KEV,
    beta_squared,
    collision_stopping,
    electrons_per_gram_mol,
)
from hemadose.physics.matter.media import Medium
from hemadose.physics.matter.scattering import (
    AVOGADRO,
    CLASSICAL_RADIUS_CM,
    multiple_scattering,
    transport_coefficients,
)

Array = npt.NDArray[np.float64]

LOWEST_KEV = 1.0
HIGHEST_KEV = 3200.0
NODES = 1024
HARD_COLLISION_KEV = 10.0
HARD_PHOTON_KEV = 10.0
CHARGED_NODES = 2048
CHARGED_STEP = (HIGHEST_KEV**0.5 - LOWEST_KEV**0.5) / (CHARGED_NODES - 1)
RANGE_NODES = 4096
LOWEST_ROOT_STRENGTH, ROOT_STRENGTH_STEP, STRENGTHS = 0.1, 0.06, 13
_STRENGTHS = np.square(LOWEST_ROOT_STRENGTH + ROOT_STRENGTH_STEP * np.arange(STRENGTHS, dtype=np.float64))
_SCATTERING_KEV = np.geomspace(8.0, HIGHEST_KEV, 20)
_BREMS_KEV = np.geomspace(1.02 * HARD_PHOTON_KEV, HIGHEST_KEV, 32)
_BREMS_BINS = 64

# columns of Tables.charged
RANGE, STRENGTH, SCATTERING_ROW, CSDA, HARD_RATE, COLLISION_SHARE, RADIATED, PHOTON_SHARE = range(8)
# columns of Tables.photon
ATTENUATION, TO_PHOTO, TO_COMPTON, TO_RAYLEIGH, ABSORPTION = range(5)
FORM_NODES = 1024
FORM_STEP = 1.0 / 64.0
MAX_FLUORESCENT = 8
MEDIUM_PARTS = (
    "charged", "scattering", "radiated", "photon", "incoherent", "coherent", "fluorescence", "x_rays",
)  # fmt: skip
"""What `medium_tables` gives."""


class Tables(NamedTuple):
    """Look-up tables of the device code.

    Attributes
    ----------
    charged : array (2, n_medium, CHARGED_NODES, 8)
        Electrons, then positrons. Residual range (g/cm2) and scattering strength for soft losses alone, row of the
        scattering tables, CSDA range (g/cm2), hard events per keV of soft loss, share of collisions among them,
        photons above the cut-off radiated until rest, share of collisions and photons (rest: annihilation).
    energy : array (2, n_medium, RANGE_NODES)
        Energy (keV) against the square root of the residual range.
    range_scale : array (2, n_medium)
        Nodes of `energy` per root of g/cm2.
    hard_rate : array (2,)
        Largest hard rate of each particle.
    scattering : array (2, n_medium, n_energy, n_strength, n_bin)
        Quantiles of sin(theta/2).
    strengths : array (n_strength,)
        Nodes of the scattering strength.
    radiated : array (n_medium, n_energy, n_bin)
        Quantiles of ln(k / k_cut) / ln(T / k_cut) of photons radiated.
    photon : array (n_medium, NODES, 5)
        Attenuation (cm2/g) and cumulative shares: photoelectric, + incoherent, + coherent; the rest are pairs. Last,
        energy absorption (mu_en / rho, cm2/g).
    incoherent : array (n_medium, FORM_NODES)
        S(x) / Z on steps of FORM_STEP (1/angstrom).
    coherent : array (n_medium, FORM_NODES)
        Integral of F^2 over x^2 on the same steps.
    fluorescence : array (n_medium, MAX_FLUORESCENT, NODES)
        Cumulative probability of a K X-ray per photoelectric absorption, element by element.
    x_rays : array (n_medium, MAX_FLUORESCENT, 3)
        K alpha and K beta energies (keV) and the share of K beta.
    """

    charged: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]
    range_scale: Array
    hard_rate: Array
    scattering: npt.NDArray[np.float32]
    strengths: Array
    radiated: npt.NDArray[np.float32]
    photon: Array
    incoherent: npt.NDArray[np.float32]
    coherent: Array
    fluorescence: npt.NDArray[np.float32]
    x_rays: Array


def energy_grid() -> Array:
    """Return the nodes (keV) of the photon tables."""
    return np.geomspace(LOWEST_KEV, HIGHEST_KEV, NODES)


def charged_grid() -> Array:
    """Return the nodes (keV) of the tables of charged particles."""
    return np.asarray((LOWEST_KEV**0.5 + CHARGED_STEP * np.arange(CHARGED_NODES)) ** 2)


def transport_tables(media: Sequence[Medium]) -> Tables:
    """Make the tables for some media, in their order."""
    parts = [_medium_tables(_Key(m)) for m in media]
    charged = np.stack([p[0] for p in parts], axis=1)
    root = np.sqrt(charged[:, :, -1, RANGE])
    return Tables(
        charged=charged.astype(np.float32),
        energy=_energy_of_range(charged),
        range_scale=(RANGE_NODES - 1) / root,
        hard_rate=np.asarray(charged[..., HARD_RATE].max(axis=(1, 2)) * 1.0001),
        scattering=np.stack([p[1] for p in parts], axis=1),
        strengths=_STRENGTHS,
        radiated=np.stack([p[2] for p in parts]),
        photon=np.stack([p[3] for p in parts]),
        incoherent=np.stack([p[4] for p in parts]),
        coherent=np.stack([p[5] for p in parts]),
        fluorescence=np.stack([p[6] for p in parts]),
        x_rays=np.stack([p[7] for p in parts]),
    )


class _Key:
    """A medium as a key of the cache: equal if everything that enters the tables is equal."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self.key = (
            tuple(sorted(medium.mass_fraction.items())), medium.density_g_per_ml, medium.mean_excitation_ev,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.key == other.key


_MADE: dict[_Key, tuple[npt.NDArray[np.generic], ...]] = {}


def medium_tables(medium: Medium) -> dict[str, npt.NDArray[np.generic]]:
    """Give all that is made for one medium alone (about two seconds the first time), by name, to be kept."""
    return dict(zip(MEDIUM_PARTS, _medium_tables(_Key(medium)), strict=True))


def remember_tables(medium: Medium, parts: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Take what `medium_tables` gave in another process."""
    _MADE[_Key(medium)] = tuple(parts[name] for name in MEDIUM_PARTS)


def tables_are_made(medium: Medium) -> bool:
    """Say whether this process has the tables of a medium."""
    return _Key(medium) in _MADE


def _medium_tables(key: _Key) -> tuple[npt.NDArray[np.generic], ...]:
    if key not in _MADE:
        _MADE[key] = _made_for(key.medium)
    return _MADE[key]


def _made_for(medium: Medium) -> tuple[npt.NDArray[np.generic], ...]:
    charged = np.stack([_charged(medium, charge) for charge in (-1, 1)])
    scattering = np.stack(
        [
            multiple_scattering(
                medium, _SCATTERING_KEV, _STRENGTHS, charge=charge, cutoff_kev=HARD_COLLISION_KEV
            ).quantile
            for charge in (-1, 1)
        ]
    ).astype(np.float32)
    return (charged, scattering, _radiated(medium).astype(np.float32), *_photon(medium))


def _energy_of_range(charged: Array) -> npt.NDArray[np.float32]:
    found = np.zeros((*charged.shape[:2], RANGE_NODES), dtype=np.float32)
    grid = charged_grid()
    for kind, medium in np.ndindex(charged.shape[:2]):
        residual = charged[kind, medium, :, RANGE]
        root = np.linspace(0.0, np.sqrt(residual[-1]), RANGE_NODES)
        found[kind, medium] = np.interp(root, np.sqrt(residual), grid)
        below = root < np.sqrt(residual[0])
        found[kind, medium, below] = LOWEST_KEV * root[below] / np.sqrt(residual[0])
    return found


def _charged(medium: Medium, charge: int) -> Array:
    fine = np.geomspace(LOWEST_KEV, HIGHEST_KEV, 1600)
    columns = _charged_columns(medium, charge, fine)
    grid = np.clip(charged_grid(), LOWEST_KEV, HIGHEST_KEV)
    return np.stack([np.interp(np.log(grid), np.log(fine), column) for column in columns.T], axis=1)


def _charged_columns(medium: Medium, charge: int, grid: Array) -> Array:
    soft = collision_stopping(medium, grid, charge=charge, cutoff_kev=HARD_COLLISION_KEV)
    soft_photons, hard_photons = _photon_rates(medium, charge, grid)
    stopping = soft + soft_photons
    collisions = hard_collision_rate(medium, grid, charge=charge)
    annihilations = annihilation_rate(medium, grid) if charge > 0 else np.zeros_like(grid)
    nodes = np.geomspace(LOWEST_KEV, HIGHEST_KEV, 60)
    inverse_path = np.asarray(
        [
            transport_coefficients(medium, float(t), highest_order=1, charge=charge, cutoff_kev=HARD_COLLISION_KEV)[1]
            for t in nodes
        ]
    )
    smooth = np.interp(np.log(grid), np.log(nodes), np.log(inverse_path * nodes**1.6))
    deflection = np.exp(smooth) / grid**1.6
    total = collision_stopping(medium, grid, charge=charge) + radiative_stopping(medium, grid, charge=charge)
    hard = collisions + hard_photons + annihilations
    table = np.zeros((grid.size, 8))
    table[:, RANGE] = _integral(1.0 / stopping, grid)
    table[:, STRENGTH] = _integral(deflection / stopping, grid)
    rows = np.arange(_SCATTERING_KEV.size)
    table[:, SCATTERING_ROW] = np.interp(np.log(grid), np.log(_SCATTERING_KEV), rows)
    table[:, CSDA] = _integral(1.0 / total, grid)
    table[:, HARD_RATE] = hard / stopping
    table[:, COLLISION_SHARE] = np.divide(collisions, hard, out=np.ones_like(hard), where=hard > 0.0)
    table[:, RADIATED] = _integral(hard_photons / total, grid)
    table[:, PHOTON_SHARE] = np.divide(collisions + hard_photons, hard, out=np.ones_like(hard), where=hard > 0.0)
    return table


def _integral(density: Array, grid: Array) -> Array:
    """Integral over energy from rest, in steps of the logarithm; below the grid the density goes on as a power of 1."""
    per_log = density * grid
    step = np.log(grid[1] / grid[0])
    rising = np.concatenate([[0.0], np.cumsum(0.5 * step * (per_log[1:] + per_log[:-1]))])
    return np.asarray(rising + 0.5 * density[0] * grid[0])


def hard_collision_rate(medium: Medium, kinetic_kev: Array, *, charge: int) -> Array:
    """Collisions per path (cm2/g) that give an electron more than the cut-off: Moller or Bhabha.

    References
    ----------
    Moller C. Ann Phys 14:531 (1932); Bhabha H J. Proc R Soc A 154:195 (1936); integrals as in ICRU 37, sec. 2.
    """
    tau = kinetic_kev / ELECTRON_REST_KEV
    beta2 = beta_squared(kinetic_kev)
    least = HARD_COLLISION_KEV / kinetic_kev
    largest = 0.5 if charge < 0 else 1.0
    e = np.minimum(least, largest)
    if charge < 0:
        per = (
            1.0 / e
            - 1.0 / (1.0 - e)
            + (0.5 - e) * (tau / (tau + 1.0)) ** 2
            - (2.0 * tau + 1.0) / (tau + 1.0) ** 2 * np.log((1.0 - e) / e)
        )
    else:
        y = 1.0 / (tau + 2.0)
        b1, b2 = 2.0 - y**2, (1.0 - 2.0 * y) * (3.0 + y**2)
        b4 = (1.0 - 2.0 * y) ** 3
        b3 = b4 + (1.0 - 2.0 * y) ** 2
        per = (1.0 / e - 1.0) + beta2 * (
            b1 * np.log(e) + b2 * (1.0 - e) - b3 / 2.0 * (1.0 - e**2) + b4 / 3.0 * (1.0 - e**3)
        )
    rate = BETHE_KEV_CM2_MOL * electrons_per_gram_mol(medium) / (beta2 * kinetic_kev) * per
    return np.where(least < largest, np.maximum(rate, 0.0), 0.0)


def annihilation_rate(medium: Medium, kinetic_kev: Array) -> Array:
    """Annihilations in flight per path (cm2/g), two photons, electrons free and at rest (Heitler 1954, sec. 27)."""
    gamma = kinetic_kev / ELECTRON_REST_KEV + 1.0
    root = np.sqrt(gamma**2 - 1.0)
    cross = np.pi * CLASSICAL_RADIUS_CM**2 / (gamma + 1.0) * (
        (gamma**2 + 4.0 * gamma + 1.0) / root**2 * np.log(gamma + root) - (gamma + 3.0) / root
    )  # fmt: skip
    return np.asarray(AVOGADRO * electrons_per_gram_mol(medium) * cross)


def _reduced_nodes(kinetic_kev: float) -> Array:
    """Reduced photon energies from the cut-off to 1, even in their logarithm."""
    return np.geomspace(min(HARD_PHOTON_KEV / kinetic_kev, 1.0), 1.0, 120)


def _photon_rates(medium: Medium, charge: int, grid: Array) -> tuple[Array, Array]:
    """Stopping power by photons below the cut-off, and photons per path above it, on the grid."""
    nodes = np.geomspace(LOWEST_KEV, HIGHEST_KEV, 90)
    soft, hard = np.zeros_like(nodes), np.zeros_like(nodes)
    for i, t in enumerate(nodes):
        low = np.linspace(0.0, min(HARD_PHOTON_KEV / t, 1.0), 40)
        soft[i] = t * np.trapezoid(photon_spectrum(medium, float(t), low, charge=charge), low)
        if t > HARD_PHOTON_KEV:
            k = _reduced_nodes(float(t))
            hard[i] = np.trapezoid(photon_spectrum(medium, float(t), k, charge=charge), np.log(k))
    return np.interp(grid, nodes, soft), np.interp(grid, nodes, hard)


def _radiated(medium: Medium) -> Array:
    quantile = np.zeros((_BREMS_KEV.size, _BREMS_BINS + 1))
    u = np.linspace(0.0, 1.0, _BREMS_BINS + 1)
    for i, t in enumerate(_BREMS_KEV):
        k = _reduced_nodes(float(t))
        log_k = np.log(k / k[0]) / np.log(1.0 / k[0])
        density = photon_spectrum(medium, float(t), k)
        cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(log_k))])
        quantile[i] = np.interp(u, cumulative / cumulative[-1], log_k)
    return quantile


def _photon(medium: Medium) -> tuple[npt.NDArray[np.generic], ...]:
    from hemadose.physics.matter.photons import (
        coherent_inverse,
        incoherent_function,
        k_fluorescence,
        photon_table,
    )

    grid = energy_grid()
    limited = np.clip(grid, 1.0, 3000.0)
    data = photon_table(medium, limited)
    table = np.zeros((NODES, 5))
    table[:, ATTENUATION] = data.total
    table[:, TO_PHOTO] = data.photoelectric / data.total
    table[:, TO_COMPTON] = table[:, TO_PHOTO] + data.incoherent / data.total
    table[:, TO_RAYLEIGH] = table[:, TO_COMPTON] + data.coherent / data.total
    table[:, ABSORPTION] = data.mass_energy_absorption
    table[limited <= 2.0 * ELECTRON_REST_KEV, TO_RAYLEIGH] = 1.0
    x = np.arange(FORM_NODES, dtype=np.float64) * np.float64(FORM_STEP)
    incoherent = incoherent_function(medium, x).astype(np.float32)
    x2, cumulative = coherent_inverse(medium, 4096)
    coherent = np.interp(x**2, x2, cumulative)
    fluorescence = k_fluorescence(medium, limited)
    chance = np.zeros((MAX_FLUORESCENT, NODES), dtype=np.float32)
    x_rays = np.zeros((MAX_FLUORESCENT, 3))
    n = fluorescence.cumulative.shape[0]
    chance[:n] = fluorescence.cumulative
    chance[n:] = fluorescence.cumulative[-1] if n else 0.0
    x_rays[:n, 0], x_rays[:n, 1] = fluorescence.k_alpha_kev, fluorescence.k_beta_kev
    x_rays[:n, 2] = fluorescence.k_beta_share
    return table, incoherent, coherent, chance, x_rays
