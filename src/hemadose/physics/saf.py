"""S values from specific absorbed fractions and what a decay gives off.

S(target <- source) is the sum over all particles of energy times absorbed fraction per target mass. Between its
energies a fraction runs as a shape-preserving cubic in the logarithm of the energy, which is linear in the tabulated
values and their slopes. So the emissions are folded once with the basis functions of that cubic, and each pair of
regions then costs two scalar products; beta spectra are integrated over every piece on which spectrum and cubic are
smooth. The statistical uncertainties of the energies are taken as independent and carried through to first order.

References
----------
ICRP Publication 133 (2016), eq. for the S coefficient and interpolation of absorbed fractions.
Fritsch F N, Carlson R E. SIAM J Numer Anal 17:238 (1980).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model.dose import SValue, SValueTable
from hemadose.model.emissions import BetaSpectrum, EmissionLine, Emissions, LineKind
from hemadose.model.saf import Pair, Radiation, SpecificAbsorbedFractions
from hemadose.units import KEV_J

Floats: TypeAlias = npt.NDArray[np.float64]

MASS_TOLERANCE = 0.005
"""Largest relative difference between the masses of a table and those a caller states."""

_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """Energy per decay (keV) laid on the basis of the cubic: on values, on slopes, and on straight lines."""

    values: Floats
    slopes: Floats
    lines: Floats
    below_kev: float
    energy_kev: float

    def per_kg(self, fractions: Floats, log_energy: Floats) -> Floats:
        """Energy absorbed per decay and kg in keV for fractions of shape (pairs, n)."""
        from scipy.interpolate import PchipInterpolator

        slopes = PchipInterpolator(log_energy, fractions, axis=1).derivative()(log_energy)
        return np.asarray(fractions @ self.values + slopes @ self.slopes)

    def variance(self, fractions: Floats, relative_sd: Floats) -> Floats:
        """Variance of the same, to first order and with straight lines between the energies."""
        return np.asarray(np.sum((self.lines * fractions * relative_sd) ** 2, axis=1))


def s_values_from_saf(
    photon_saf: SpecificAbsorbedFractions,
    electron_saf: SpecificAbsorbedFractions,
    alpha_saf: SpecificAbsorbedFractions | None = None,
    *,
    emissions: Emissions,
    name: str,
    target_mass_kg: Mapping[str, float] | None = None,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> SValueTable:
    """Fold absorbed fractions with the emissions of a nuclide into S values.

    Gamma, X and annihilation photons make the photon part; beta particles of either charge, conversion and Auger
    electrons the electron part. Alpha particles, which also scale with 1/mass, are added to the electron part,
    since an S value has no part of their own; a note says so.

    Parameters
    ----------
    photon_saf, electron_saf, alpha_saf : SpecificAbsorbedFractions
        Of one anatomy. `alpha_saf` is needed if the nuclide emits alpha particles.
    emissions : Emissions
        Of the nuclide or chain.
    name : str
        Id of the table.
    target_mass_kg : Mapping, optional
        Masses of the targets; those of `photon_saf` if not given.
    sources, targets : sequence of str, optional
        Regions wanted; all of `photon_saf` if not given.

    Returns
    -------
    SValueTable
        With the relative statistical uncertainty of each value, as far as the tables state theirs.

    Raises
    ------
    ReferenceDataError
        If a table lacks a pair or a mass, or an emission lies above its energies.
    QuantityError
        If tables are swapped, masses disagree, or the nuclide emits alpha particles and there is no table for them.
    """
    _check_radiations(photon_saf, electron_saf, alpha_saf, emissions)
    pairs = _pairs(photon_saf, sources, targets)
    masses = _masses((photon_saf, electron_saf, alpha_saf), target_mass_kg, {target for _, target in pairs})
    photons = [line for line in emissions.lines if line.kind.is_photon]
    electrons = [line for line in emissions.lines if line.kind.is_electron]
    alphas = [line for line in emissions.lines if line.kind is LineKind.ALPHA]
    folded = [
        (photon_saf, _fold(photon_saf.energies_kev, photons, (), what=f"{emissions.nuclide} photons")),
        (
            electron_saf,
            _fold(electron_saf.energies_kev, electrons, emissions.betas, what=f"{emissions.nuclide} electrons"),
        ),
    ]
    if alphas and alpha_saf is not None:
        folded.append((alpha_saf, _fold(alpha_saf.energies_kev, alphas, (), what=f"{emissions.nuclide} alphas")))
    absorbed, variance = [], []
    for table, weights in folded:
        fractions = table.stacked(pairs)
        absorbed.append(weights.per_kg(fractions, np.log(table.energies_kev)) * KEV_J)
        variance.append(weights.variance(fractions, table.stacked_sd(pairs)) * KEV_J**2)
    photon, charged = absorbed[0], np.sum(absorbed[1:], axis=0)
    total, sd = photon + charged, np.sqrt(np.sum(variance, axis=0))
    relative = np.divide(sd, total, out=np.zeros_like(sd), where=total > 0.0)
    return SValueTable(
        name=name,
        nuclide=emissions.nuclide,
        values=tuple(
            SValue(
                source=source,
                target=target,
                electron_gy_per_bq_s=float(charged[i]),
                photon_gy_per_bq_s=float(photon[i]),
                relative_sd=float(relative[i]),
            )
            for i, (source, target) in enumerate(pairs)
        ),
        target_mass_kg=masses,
        source_note=f"{_origin(t for t, _ in folded)}; emissions: {emissions.source}",
        notes=_notes(folded, emissions),
    )


def _fold(energies_kev: Floats, lines: Iterable[EmissionLine], betas: Iterable[BetaSpectrum], *, what: str) -> _Folded:
    """Lay the energy of lines and spectra on the basis functions of a cubic in log energy.

    Particles below the lowest energy of the table are given the fraction of that energy.

    Parameters
    ----------
    energies_kev : ndarray, shape (n,)
        Of the table.
    lines, betas : iterable
        What is emitted.
    what : str
        For the error.

    Raises
    ------
    ReferenceDataError
        If an emission lies above the table.
    """
    lines, betas = list(lines), list(betas)
    points = [(np.array([line.energy_kev]), np.array([line.yield_per_decay * line.energy_kev])) for line in lines]
    points += [_spectrum_points(beta, energies_kev) for beta in betas]
    energy = np.concatenate([np.empty(0), *(e for e, _ in points)])
    weight = np.concatenate([np.empty(0), *(w for _, w in points)])
    top = float(np.max(energy, initial=0.0, where=weight > 0.0))
    if top > float(energies_kev[-1]) * (1.0 + 1e-9):
        raise ReferenceDataError(
            f"{what} lie above the table of absorbed fractions",
            value=f"{top:g} keV",
            expected=f"up to {energies_kev[-1]:g} keV",
            remedy="take a table that covers the nuclide",
        )
    below = energy < energies_kev[0]
    values, slopes, straight = _basis(energies_kev, np.clip(energy, energies_kev[0], energies_kev[-1]), weight)
    return _Folded(
        values=values,
        slopes=slopes,
        lines=straight,
        below_kev=float(weight[below].sum()),
        energy_kev=float(weight.sum()),
    )


def _spectrum_points(beta: BetaSpectrum, energies_kev: Floats) -> tuple[Floats, Floats]:
    """Energies and energy weights (keV per decay) that integrate a spectrum against the cubic."""
    edges = np.union1d(beta.energy_kev, energies_kev)
    edges = edges[(edges >= beta.energy_kev[0]) & (edges <= beta.energy_kev[-1])]
    low, high = edges[:-1, None], edges[1:, None]
    logs = low >= energies_kev[0]
    start, stop = np.where(logs, np.log(np.maximum(low, 1e-300)), low), np.where(logs, np.log(high), high)
    half = 0.5 * (stop - start)
    place = 0.5 * (stop + start) + half * _GAUSS_X
    energy = np.where(logs, np.exp(np.where(logs, place, 0.0)), place)
    density = np.interp(energy, beta.energy_kev, beta.density_per_kev)
    weight = half * _GAUSS_W * np.where(logs, energy, 1.0) * density * energy
    return energy.ravel(), weight.ravel()


def _basis(energies_kev: Floats, energy: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Sum weights on the Hermite basis of values and slopes, and on the hat functions of straight lines."""
    nodes, size = np.log(energies_kev), energies_kev.size
    at = np.log(energy)
    left = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, size - 2)
    step = nodes[left + 1] - nodes[left]
    t = (at - nodes[left]) / step
    values, slopes, straight = np.zeros(size), np.zeros(size), np.zeros(size)
    np.add.at(values, left, weight * (1.0 + 2.0 * t) * (1.0 - t) ** 2)
    np.add.at(values, left + 1, weight * t**2 * (3.0 - 2.0 * t))
    np.add.at(slopes, left, weight * step * t * (1.0 - t) ** 2)
    np.add.at(slopes, left + 1, weight * step * t**2 * (t - 1.0))
    np.add.at(straight, left, weight * (1.0 - t))
    np.add.at(straight, left + 1, weight * t)
    return values, slopes, straight


def _check_radiations(
    photon: SpecificAbsorbedFractions,
    electron: SpecificAbsorbedFractions,
    alpha: SpecificAbsorbedFractions | None,
    emissions: Emissions,
) -> None:
    wanted = [(photon, Radiation.PHOTON), (electron, Radiation.ELECTRON)]
    if alpha is not None:
        wanted.append((alpha, Radiation.ALPHA))
    for table, radiation in wanted:
        if table.radiation is not radiation:
            raise QuantityError(
                "a table of absorbed fractions is for another radiation",
                source=table.source_note,
                value=str(table.radiation),
                expected=str(radiation),
            )
    if alpha is None and emissions.alpha_energy_kev > 0.0:
        raise QuantityError(
            f"{emissions.nuclide} emits alpha particles and no absorbed fractions of alpha particles are given",
            field="alpha_saf",
            value=f"{emissions.alpha_energy_kev:.4g} keV per decay",
            remedy="pass alpha_saf",
        )


def _pairs(
    table: SpecificAbsorbedFractions, sources: Sequence[str] | None, targets: Sequence[str] | None
) -> list[Pair]:
    """Every pair of the table, or every combination of the regions asked for."""
    if sources is None and targets is None:
        return list(table.saf_per_kg)
    return [(source, target) for source in sources or table.sources for target in targets or table.targets]


def _masses(
    tables: Sequence[SpecificAbsorbedFractions | None], given: Mapping[str, float] | None, targets: set[str]
) -> dict[str, float]:
    stated: dict[str, float] = dict(given or {})
    for table in tables:
        for target, mass in (table.target_mass_kg if table else {}).items():
            known = stated.setdefault(target, mass)
            if target in targets and abs(known - mass) > MASS_TOLERANCE * mass:
                raise QuantityError(
                    f"absorbed fractions per mass of {target} refer to another mass",
                    source=table.source_note if table else None,
                    field="target_mass_kg",
                    value=f"{known:g} kg",
                    expected=f"{mass:g} kg",
                    remedy="make the table at its own masses, then scale the S values",
                )
    missing = sorted(targets - set(stated))
    if missing:
        raise ReferenceDataError(
            f"no mass is known of {', '.join(missing)}", field="target_mass_kg", remedy="pass target_mass_kg"
        )
    return {target: stated[target] for target in sorted(targets)}


def _origin(tables: Iterable[SpecificAbsorbedFractions]) -> str:
    return "; ".join(dict.fromkeys(table.source_note for table in tables))


def _notes(folded: list[tuple[SpecificAbsorbedFractions, _Folded]], emissions: Emissions) -> tuple[str, ...]:
    notes = [note for table, _ in folded for note in table.notes] + list(emissions.notes)
    for table, weights in folded:
        if weights.below_kev > 0.0:
            notes.append(
                f"{table.radiation}s below {table.energies_kev[0]:g} keV ({weights.below_kev:.3g} of "
                f"{weights.energy_kev:.4g} keV per decay) were given the absorbed fraction at that energy"
            )
        if table.radiation is Radiation.ALPHA:
            notes.append(
                f"the electron part holds the alpha particles ({weights.energy_kev:.4g} keV per decay, recoil nuclei "
                "left out); no radiation weighting was applied"
            )
        if not table.relative_sd:
            notes.append(f"the {table.radiation} absorbed fractions state no statistical uncertainty")
    return tuple(dict.fromkeys(notes))
