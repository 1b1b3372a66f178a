"""How electrons are deflected: elastic scattering by screened nuclei, soft collisions with atomic electrons.

Single scattering is the first Born approximation with the form factors of the atoms, times the exact ratio of
Mott to Rutherford scattering by a point nucleus (partial waves, summed here), with Moliere's correction of the
screening beyond first order. Electrons of the atom add Morse's incoherent scattering with Moller's spin factor, up
to the energy transfer above which transport follows collisions one by one. Transport coefficients and
Goudsmit-Saunderson distributions follow from these without any fitted number.

References
----------
Mott N F. Proc R Soc A 135:429 (1932); Sherman N. Phys Rev 103:1601 (1956) (partial waves, reduced series).
Moliere G. Z Naturforsch 2a:133 (1947) (screening angle). Goudsmit S, Saunderson J L. Phys Rev 57:24 (1940).
Hubbell J H et al. J Phys Chem Ref Data 4:471 (1975) (form factors, incoherent scattering functions).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from hemadose.physics.matter.electrons import ELECTRON_REST_KEV, atoms, beta_squared
from hemadose.physics.matter.media import Medium

Array = npt.NDArray[np.float64]

FINE_STRUCTURE = 1.0 / 137.035999
HC_KEV_ANGSTROM = 12.398420
AVOGADRO = 6.02214076e23
CLASSICAL_RADIUS_CM = 2.8179403e-13
TAIL = 1.0 / 32.0
_X = np.concatenate([[0.0], np.geomspace(1e-4, 1.2e3, 700)])
"""Momentum transfers, sin(theta/2)/lambda in 1/angstrom, at which atomic data are read."""


@cache
def _atomic_factors(number: int) -> tuple[Array, Array]:
    """Form factor and incoherent scattering function of an atom at `_X`.

    Above the tables the form factor falls with the fourth power; below them the incoherent function rises with x^2.
    """
    import xraylib

    top, bottom = 90.0, 0.005
    form = [float(xraylib.FF_Rayl(number, min(x, top))) * (min(1.0, top / x) ** 4 if x > 0 else 1.0) for x in _X]
    incoherent = [float(xraylib.SF_Compt(number, min(max(x, bottom), top))) * min(1.0, x / bottom) ** 2 for x in _X]
    return np.asarray(form), np.minimum(np.asarray(incoherent), float(number))


def mott_ratio(number: int, kinetic_kev: float, cos_theta: Array, *, charge: int = -1) -> Array:
    """Mott scattering by a bare nucleus as a multiple of Rutherford's (Z alpha / p beta)^2 / (1 - cos theta)^2.

    Partial waves of the Dirac equation in the Coulomb field (Sherman 1956, eqs. 4-12), summed after two
    multiplications of the series by (1 - cos theta) so that it converges.

    Parameters
    ----------
    number : int
        Atomic number.
    kinetic_kev : float
        Kinetic energy.
    cos_theta : array (n,)
        Cosine of the scattering angle, below 1.
    charge : int
        -1 electrons, +1 positrons.

    Returns
    -------
    array (n,)
        The ratio; 1 - beta^2 sin^2(theta/2) + ... for light nuclei.

    Examples
    --------
    >>> float(mott_ratio(1, 100.0, np.array([0.0]))[0].round(3))
    0.852
    """
    from scipy.special import loggamma

    tau = kinetic_kev / ELECTRON_REST_KEV
    beta2 = float(beta_squared(np.array([kinetic_kev]))[0])
    q_charge = -charge * FINE_STRUCTURE * number
    q = q_charge / np.sqrt(beta2)
    q_prime = q / (tau + 1.0)
    terms = 90
    k = np.arange(0, terms + 3, dtype=np.float64)
    rho = np.sqrt(k**2 - q_charge**2 + 0j)
    rho[0] = 0.0
    # D_k = exp(-i pi rho) Gamma(rho - iq) / Gamma(rho + 1 + iq); the same with rho -> k for spin-free Coulomb waves
    with np.errstate(all="ignore"):
        d = np.exp(-1j * np.pi * rho + loggamma(rho - 1j * q) - loggamma(rho + 1.0 + 1j * q))
        d0 = np.exp(-1j * np.pi * k + loggamma(k - 1j * q) - loggamma(k + 1.0 + 1j * q))
    d[0] = d0[0] = 0.0
    difference = d0 - d
    # F = F0 + F1, G = G0 + G1 with F1 = (i/2) sum_k [k D_k + (k+1) D_(k+1)] (-1)^k P_k and alike for G (k^2, -(k+1)^2)
    sign = (-1.0) ** np.arange(terms + 1)
    low, high = difference[: terms + 1], difference[1 : terms + 2]
    j = np.arange(terms + 1, dtype=np.float64)
    f_terms = sign * (j * low + (j + 1.0) * high)
    g_terms = sign * (j**2 * low - (j + 1.0) ** 2 * high)
    half = (1.0 - cos_theta) / 2.0
    legendre = _legendre(terms, cos_theta)
    f1 = 0.5j * _reduced_sum(f_terms, legendre, cos_theta)
    g1 = 0.5j * _reduced_sum(g_terms, legendre, cos_theta)
    phase = np.exp(loggamma(1.0 - 1j * q) - loggamma(1.0 + 1j * q) + 1j * q * np.log(half))
    f0 = 0.5j * phase
    g0 = -1j * q * f0 * (1.0 - half) / half
    f, g = f0 + f1, g0 + g1
    # |f|^2 + |g|^2 = lambdabar^2 [q'^2 |F|^2 / sin^2(theta/2) + |G|^2 / cos^2(theta/2)]
    cross = q_prime**2 * np.abs(f) ** 2 / half + np.abs(g) ** 2 / (1.0 - half)
    rutherford = (q / 2.0) ** 2 / half**2
    return np.asarray(np.real(cross / rutherford))


def _legendre(highest: int, x: Array) -> Array:
    """Legendre polynomials P_0 ... P_highest at some points: (highest + 1, n)."""
    p = np.ones((highest + 1, x.size))
    p[1] = x
    for k in range(1, highest):
        p[k + 1] = ((2 * k + 1) * x * p[k] - k * p[k - 1]) / (k + 1)
    return p


def _reduced_sum(terms: npt.NDArray[np.complex128], legendre: Array, cos_theta: Array) -> npt.NDArray[np.complex128]:
    """Sum of a_k P_k, the series multiplied three times by (1 - x) to converge (Yennie et al. 1954)."""
    a = terms.copy()
    times = 3
    for _ in range(times):
        k = np.arange(a.size, dtype=np.float64)
        reduced = a.copy()
        reduced[1:] -= k[1:] / (2.0 * k[1:] - 1.0) * a[:-1]
        reduced[:-1] -= (k[:-1] + 1.0) / (2.0 * k[:-1] + 3.0) * a[1:]
        a = reduced[:-1]
    total = a.real @ legendre[: a.size] + 1j * (a.imag @ legendre[: a.size])
    return np.asarray(total / (1.0 - cos_theta) ** times)


def _half_angles() -> tuple[Array, Array]:
    """Nodes s = (1 - cos theta) / 2 between 1e-12 and 1, and their weights ds (trapezoid in log s)."""
    log_s = np.linspace(np.log(1e-12), 0.0, 1801)
    weight = np.full(log_s.size, log_s[1] - log_s[0])
    weight[[0, -1]] *= 0.5
    s = np.exp(log_s)
    return s, weight * s


def soft_angle(kinetic_kev: float, transfer_kev: float) -> float:
    """Deflection, as s = (1 - cos theta) / 2, of a particle that gives a free electron at rest an energy.

    >>> soft_angle(1000.0, 0.0)
    0.0
    """
    rest = ELECTRON_REST_KEV
    left = kinetic_kev - transfer_kev
    cos2 = left * (kinetic_kev + 2.0 * rest) / (kinetic_kev * (left + 2.0 * rest))
    return float((1.0 - np.sqrt(cos2)) / 2.0)


def single_scattering(
    medium: Medium, kinetic_kev: float, half_angle: Array, *, charge: int = -1, cutoff_kev: float | None = None
) -> Array:
    """Deflections per unit path and solid angle, elastic and soft inelastic together.

    Parameters
    ----------
    medium : Medium
        What scatters.
    kinetic_kev : float
        Kinetic energy.
    half_angle : array (n,)
        s = (1 - cos theta) / 2.
    charge : int
        -1 electrons, +1 positrons.
    cutoff_kev : float, optional
        Collisions with electrons count up to this energy transfer; all of them if not given.

    Returns
    -------
    array (n,)
        cm2/g per steradian.
    """
    rest = ELECTRON_REST_KEV
    momentum = float(np.sqrt(kinetic_kev * (kinetic_kev + 2.0 * rest)))
    beta2 = float(beta_squared(np.array([kinetic_kev]))[0])
    x = momentum * np.sqrt(half_angle) / HC_KEV_ANGSTROM
    largest = kinetic_kev / 2.0 if charge < 0 else 0.999 * kinetic_kev
    transfer = largest if cutoff_kev is None else min(cutoff_kev, largest)
    soft = half_angle <= soft_angle(kinetic_kev, transfer)
    total = np.zeros_like(half_angle)
    cos_theta = np.clip(1.0 - 2.0 * half_angle, -0.9999, 1.0 - 1e-3)
    for number, molar, fraction in atoms(medium):
        form, incoherent = _atomic_factors(number)
        screening = 1.0 + 3.76 / 1.13 * (FINE_STRUCTURE * number) ** 2 / beta2
        amplitude = number - np.interp(x / np.sqrt(screening), _X, form)
        nuclear = amplitude**2 * np.interp(cos_theta, *_mott_curve(number, kinetic_kev, charge))
        electronic = np.where(soft, np.interp(x, _X, incoherent), 0.0)
        total += fraction / molar * (nuclear + electronic)
    unit = (CLASSICAL_RADIUS_CM * rest / momentum) ** 2 / beta2
    return np.asarray(AVOGADRO * unit * total / (4.0 * half_angle**2))


@cache
def _mott_curve(number: int, kinetic_kev: float, charge: int) -> tuple[Array, Array]:
    """Mott ratio on a grid of rising cosines; 1 in the forward direction, where it tends to 1 linearly in theta."""
    theta = np.concatenate([np.linspace(np.pi - 0.015, 0.05, 90), np.array([0.03, 1e-9])])
    ratio = np.append(mott_ratio(number, kinetic_kev, np.cos(theta[:-1]), charge=charge), 1.0)
    return np.cos(theta), ratio


def transport_coefficients(
    medium: Medium,
    kinetic_kev: float,
    *,
    highest_order: int,
    charge: int = -1,
    cutoff_kev: float | None = None,
) -> Array:
    """Coefficients G_l = integral of (1 - P_l(cos theta)) over single scattering.

    Parameters
    ----------
    medium, kinetic_kev, charge, cutoff_kev
        As in `single_scattering`.
    highest_order : int
        Largest l.

    Returns
    -------
    array (highest_order + 1,)
        cm2/g; element 1 is the inverse of the transport mean free path.
    """
    s, weight = _half_angles()
    density = 4.0 * np.pi * single_scattering(medium, kinetic_kev, s, charge=charge, cutoff_kev=cutoff_kev) * weight
    found = np.zeros(highest_order + 1)
    previous, current = np.zeros_like(s), 2.0 * s
    for order in range(1, highest_order + 1):
        found[order] = float(density @ current)
        following = ((2 * order + 1) * current - order * previous + (2 * order + 1) * 2.0 * s * (1.0 - current)) / (
            order + 1
        )
        previous, current = current, following
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleScattering:
    """Goudsmit-Saunderson distributions, ready to sample.

    Attributes
    ----------
    kinetic_kev : array (n_energy,)
        Energies, evenly spaced in their logarithm.
    strength : array (n_strength,)
        Path lengths in transport mean free paths, evenly spaced in their logarithm.
    quantile : array (n_energy, n_strength, 2 (n_bin + 1))
        sin(theta / 2) at even steps of the cumulative probability u, from 0 to 1, and after them at even steps of
        u from 1 - `TAIL` to 1, where large angles need finer steps.
    """

    kinetic_kev: Array
    strength: Array
    quantile: Array


def goudsmit_saunderson(
    coefficients: Array, strength: float, half_angle: Array, *, legendre: Array | None = None
) -> Array:
    """Density of s = (1 - cos theta) / 2 after a path of `strength` transport mean free paths.

    Parameters
    ----------
    coefficients : array (n,)
        G_l, as of `transport_coefficients`.
    strength : float
        Path length times G_1.
    half_angle : array (m,)
        s.
    legendre : array (n, m), optional
        Legendre polynomials at 1 - 2 s, if they are at hand.

    Returns
    -------
    array (m,)
        Probability per unit s (integral over 0..1 is 1).
    """
    polynomials = _legendre(coefficients.size - 1, 1.0 - 2.0 * half_angle) if legendre is None else legendre
    damping = np.exp(-strength * coefficients / coefficients[1])
    damping = damping - damping[-1]
    return np.asarray(((2.0 * np.arange(coefficients.size) + 1.0) * damping) @ polynomials)


def _tabulated_mean(root: Array, bins: int) -> float:
    """Mean of s as sampling sees it: sin(theta/2) runs linearly between entries, the tail from its own table."""
    squares = (root[:-1] ** 2 + root[:-1] * root[1:] + root[1:] ** 2) / 3.0
    body, tail = squares[: bins - round(bins * TAIL)], squares[bins + 1 :]
    return float(np.sum(body) / bins + np.mean(tail) * TAIL)


def multiple_scattering(
    medium: Medium,
    kinetic_kev: Array,
    strength: Array,
    *,
    bins: int = 128,
    charge: int = -1,
    cutoff_kev: float | None = None,
) -> MultipleScattering:
    """Tabulate Goudsmit-Saunderson distributions for sampling.

    Each table keeps the mean of 1 - cos theta that the theory demands, 1 - exp(-strength), to rounding.

    Parameters
    ----------
    medium, charge, cutoff_kev
        As in `single_scattering`.
    kinetic_kev, strength : array
        Nodes; strengths from about 0.02.
    bins : int
        Steps of the cumulative probability; a multiple of 32.
    """
    order = int(min(1200, 40.0 / float(strength.min()) ** 0.5 + 60))
    s = np.concatenate([[0.0], np.geomspace(1e-7, 1.0, 1600)])
    legendre = _legendre(order, 1.0 - 2.0 * s)
    quantile = np.zeros((kinetic_kev.size, strength.size, 2 * (bins + 1)))
    u = np.concatenate([np.linspace(0.0, 1.0, bins + 1), np.linspace(1.0 - TAIL, 1.0, bins + 1)])
    for i, energy in enumerate(kinetic_kev):
        g = transport_coefficients(medium, float(energy), highest_order=order, charge=charge, cutoff_kev=cutoff_kev)
        for k, path in enumerate(strength):
            density = np.maximum(goudsmit_saunderson(g, float(path), s, legendre=legendre), 0.0)
            cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(s))])
            root = np.sqrt(np.interp(u, cumulative / cumulative[-1], s))
            wanted = (1.0 - np.exp(-path)) / 2.0
            quantile[i, k] = np.minimum(root * np.sqrt(wanted / _tabulated_mean(root, bins)), 1.0)
    return MultipleScattering(kinetic_kev=kinetic_kev, strength=strength, quantile=quantile)
