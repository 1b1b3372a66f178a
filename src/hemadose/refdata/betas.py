"""Beta spectra from the tables of ICRP Publication 107: resampled, matched to yield and mean energy, split by charge.

Where electrons and positrons of a nuclide share one table, it is divided by allowed shapes (Evans, The Atomic Nucleus,
1955, ch. 17) whose end points follow from the tabulated mean energies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.model.emissions import BetaSpectrum

Floats: TypeAlias = npt.NDArray[np.float64]

STEPS = 800
"""Intervals of a resampled beta spectrum."""

_KEV_PER_MEV = 1e3
_ELECTRON_MASS_KEV = 510.99895
_FINE_STRUCTURE = 7.2973525693e-3


def beta_spectra(key: str, share: float, table: Callable[..., Floats]) -> list[BetaSpectrum]:
    """Spectra of a nuclide; where electrons and positrons share one table, its two parts."""
    energy, density = _sampled(table(key, "b-spectra"))
    # a fission fragment's electrons ("betaD") stand in the same table
    groups = {-1: table(key, "beta-", "betaD"), 1: table(key, "beta+")}
    groups = {charge: rows for charge, rows in groups.items() if len(rows)}
    parts = dict.fromkeys(groups, density)
    if len(groups) == 2:
        positrons = density * _positron_share(key, energy, groups)
        parts = {-1: density - positrons, 1: positrons}
    spectra = []
    for charge, rows in groups.items():
        last = int(np.flatnonzero(parts[charge]).max()) + 2
        e, p = energy[:last].copy(), parts[charge][:last]
        matched = _matched(e, p, number=float(rows[:, 1].sum()), energy_kev=float(rows.prod(axis=1).sum()))
        spectra.append(BetaSpectrum(charge=charge, energy_kev=e, density_per_kev=share * matched))
    return spectra


def _sampled(table: Floats) -> tuple[Floats, Floats]:
    """Cubic spline through the tabulated spectrum, on equal steps: keV, particles per decay and keV."""
    if not len(table):
        return np.empty(0), np.empty(0)
    from scipy.interpolate import CubicSpline

    energy = np.linspace(0.0, table[-1, 0], STEPS + 1)
    return energy, np.maximum(CubicSpline(table[:, 0], table[:, 1])(energy), 0.0) / _KEV_PER_MEV


def _matched(energy: Floats, density: Floats, *, number: float, energy_kev: float) -> Floats:
    """Multiply a spectrum with a + c E so that it holds `number` particles and `energy_kev` per decay.

    The sums are exact for a density that runs linearly between the energies (equal steps from 0).
    """
    step = energy[1]
    count = np.full(energy.size, step)
    count[[0, -1]] *= 0.5
    weight = count * energy
    weight[0] += step**2 / 6.0
    weight[-1] -= step**2 / 6.0
    moments = [[w @ density, w @ (density * energy)] for w in (count, weight)]
    a, c = np.linalg.solve(moments, [number, energy_kev])
    matched: Floats = np.maximum(density * (a + c * energy), 0.0)
    return matched


def _positron_share(key: str, energy: Floats, groups: Mapping[int, Floats]) -> Floats:
    """Share of positrons at each energy, from allowed shapes with the tabulated mean energies."""
    import xraylib

    parent = int(xraylib.SymbolToAtomicNumber(key.split("-", maxsplit=1)[0]))
    electrons, positrons = (_allowed_sum(energy, groups[q], charge=q, daughter=parent - q) for q in (-1, 1))
    total = electrons + positrons
    longer = 1.0 if np.flatnonzero(positrons).max() > np.flatnonzero(electrons).max() else 0.0
    share: Floats = np.divide(positrons, total, out=np.full(energy.size, longer), where=total > 0.0)
    return share


def _allowed_sum(energy: Floats, rows: Floats, *, charge: int, daughter: int) -> Floats:
    """Sum of allowed spectra, one for each row (mean energy, yield), with the end point that gives that mean."""
    from scipy.optimize import brentq

    total = np.zeros(energy.size)
    for mean, number in rows:
        unit = np.linspace(0.0, 1.0, 801)[1:]

        def excess(end: float, mean: float = mean, unit: Floats = unit) -> float:
            shape = _allowed(unit * end, end, charge=charge, daughter=daughter)
            return float(end * (shape @ unit) / shape.sum() - mean)

        end = brentq(excess, 1.1 * mean, 10.0 * mean)
        shape = _allowed(np.maximum(energy, 1e-4 * end), end, charge=charge, daughter=daughter)
        total += number * shape / np.trapezoid(shape, energy)
    return total


def _allowed(kinetic: Floats, end: float, *, charge: int, daughter: int) -> Floats:
    """Allowed beta shape p W (E0 - E)^2 F(Z, W) without its constant, energies in keV.

    F is the relativistic Fermi function of a point nucleus (Evans, The Atomic Nucleus, 1955, ch. 17).
    """
    from scipy.special import loggamma

    total = 1.0 + kinetic / _ELECTRON_MASS_KEV
    momentum = np.sqrt(total**2 - 1.0)
    gamma = np.sqrt(1.0 - (_FINE_STRUCTURE * daughter) ** 2)
    eta = -charge * _FINE_STRUCTURE * daughter * total / momentum
    fermi = 2.0 * (gamma - 1.0) * np.log(momentum) + np.pi * eta + 2.0 * loggamma(gamma + 1j * eta).real
    return np.asarray(momentum * total * np.maximum(end - kinetic, 0.0) ** 2 * np.exp(fermi))
