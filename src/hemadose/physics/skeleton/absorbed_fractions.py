"""Absorbed fractions of electrons in the tissues of spongiosa, and what a decay leaves there on average.

phi(target <- source) is the mean share of an electron's energy that a target absorbs when electrons start evenly in
a source. For the whole skeleton the sites are averaged with the share of the source that each holds.

References
----------
MIRD Pamphlet 21 (2009): absorbed fraction. ICRP 133 (2016): sources and targets of the skeleton.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model._checks import frozen_array
from hemadose.model.emissions import BetaSpectrum, Emissions, LineKind
from hemadose.physics.skeleton.sites import BONE_G_PER_ML, RED_MARROW_G_PER_ML, YELLOW_MARROW_G_PER_ML
from hemadose.units import KEV_J

Floats = npt.NDArray[np.float64]

SOURCES = ("red_marrow", "yellow_marrow", "bone_surface", "bone_volume")
"""Sources that are followed."""
MIXED_SOURCES = {"marrow": ("red_marrow", "yellow_marrow"), "spongiosa": ("red_marrow", "yellow_marrow", "bone_volume")}
"""Sources spread evenly over the volume of several tissues: blood in all marrow, or the whole of spongiosa."""
TARGETS = ("red_marrow", "yellow_marrow", "bone", "shallow_marrow")
"""The first three share out all energy; the shallow marrow is part of the first two."""
_DENSITY = {
    "red_marrow": RED_MARROW_G_PER_ML,
    "yellow_marrow": YELLOW_MARROW_G_PER_ML,
    "bone": BONE_G_PER_ML,
    "bone_volume": BONE_G_PER_ML,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowAbsorbedFractions:
    """Absorbed fractions of electrons in the skeleton's spongiosa.

    Attributes
    ----------
    energy_kev : array (n_energy,)
        Increasing; the first is low enough to stand for electrons of no range.
    sites : tuple of str
        Bones with red marrow.
    fraction, standard_uncertainty : array (n_source, n_target, n_site, n_energy)
        For `SOURCES` and `TARGETS`, in spongiosa without end.
    retained : array (n_site, n_energy)
        Share of the energy that stays in the spongiosa of a bone of real size; it multiplies `fraction`.
    site_weight : array (n_source, n_site)
        Share of each source that lies in a site; rows sum to 1, or to 0 where there is none of a source (no fat).
    target_mass_kg : array (n_target, n_site)
        Masses that go with it.
    model : str
        Name of the model and its options.
    notes : tuple of str
        What is left out.
    """

    energy_kev: Floats
    sites: tuple[str, ...]
    fraction: Floats
    standard_uncertainty: Floats
    retained: Floats
    site_weight: Floats
    target_mass_kg: Floats
    model: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and sums, and lock the arrays."""
        shape = (len(SOURCES), len(TARGETS), len(self.sites), self.energy_kev.size)
        for name, wanted in {
            "energy_kev": shape[3:],
            "fraction": shape,
            "standard_uncertainty": shape,
            "retained": shape[2:],
            "site_weight": (shape[0], shape[2]),
            "target_mass_kg": (shape[1], shape[2]),
        }.items():
            array = frozen_array(getattr(self, name), np.float64)
            if array.shape != wanted or not np.all(np.isfinite(array)) or np.any(array < 0.0):
                raise QuantityError("bad table of absorbed fractions", field=name, expected=f"shape {wanted}, >= 0")
            object.__setattr__(self, name, array)
        if not (np.all(np.diff(self.energy_kev) > 0.0) and self.energy_kev[0] > 0.0):
            raise QuantityError("energies must rise", field="energy_kev")
        total = self.site_weight.sum(axis=1)
        if not np.all((np.abs(total - 1.0) < 1e-6) | (total == 0.0)):
            raise QuantityError("the shares of a source over the sites must sum to 1", field="site_weight")
        absorbed = max(float(self.fraction[:, :3].sum(axis=1).max()), float(self.retained.max()))
        if absorbed > 1.0 + 1e-3:
            raise QuantityError("more energy absorbed than emitted", value=f"{absorbed:.4f}", expected="<= 1")

    def at(
        self, *, source: str, target: str, energy_kev: npt.ArrayLike, site: str | None = None, edges: bool = True
    ) -> Floats:
        """Give phi(target <- source) at some energies, in one site or over the skeleton.

        Between the energies of the table a monotone cubic in the logarithm; beyond them the last value. Without
        `edges` spongiosa goes on without end.
        """
        table = self.fraction[:, _index(target, TARGETS, "target")]
        if edges:
            table = table * self.retained
        curve = np.einsum("si,sik->k", self._mix(source, site), table)
        return _interpolated(self.energy_kev, curve, np.asarray(energy_kev, dtype=np.float64))

    def mass_kg(self, target: str, site: str | None = None) -> float:
        """Mass of a target in one site or in all."""
        masses = self.target_mass_kg[_index(target, TARGETS, "target")]
        return float(masses.sum() if site is None else masses[_index(site, self.sites, "site")])

    def _mix(self, source: str, site: str | None) -> Floats:
        """Weights (source, site) whose sum over the table is the wanted fraction; they sum to 1."""
        mix = np.zeros((len(SOURCES), len(self.sites)))
        if source in MIXED_SOURCES:
            for part in MIXED_SOURCES[source]:
                target = "bone" if part == "bone_volume" else part
                mix[SOURCES.index(part)] = self.target_mass_kg[TARGETS.index(target)] / _DENSITY[part]
        else:
            row = _index(source, SOURCES, "source")
            mix[row] = self.site_weight[row]
        if site is not None:
            keep = np.zeros(len(self.sites))
            keep[_index(site, self.sites, "site")] = 1.0
            mix = mix * keep
        if not mix.sum() > 0.0:
            raise ReferenceDataError("this source is not there", field=site or "skeleton", value=source)
        return np.asarray(mix / mix.sum())

    def fold(self, emissions: Emissions, *, edges: bool = True) -> MarrowEnergy:
        """Give the mean energy of electrons and positrons that each target absorbs per decay.

        Parameters
        ----------
        emissions : Emissions
            Beta spectra, conversion and Auger electrons are folded in. Photons and alpha particles are not.
        edges : bool
            Whether energy leaves the spongiosa.
        """
        energies, weights = _electrons(emissions)
        notes = list(self.notes)
        if energies.max(initial=0.0) > self.energy_kev[-1]:
            notes.append(f"fractions above {self.energy_kev[-1]:g} keV held constant")
        if emissions.alpha_energy_kev > 0.0:
            notes.append(f"{emissions.alpha_energy_kev:.0f} keV of alpha particles per decay not included")
        absorbed = {
            source: {
                target: float(np.sum(weights * self.at(source=source, target=target, energy_kev=energies, edges=edges)))
                for target in TARGETS
            }
            for source in (*SOURCES, *MIXED_SOURCES)
            if source in MIXED_SOURCES or self.site_weight[SOURCES.index(source)].any()
        }
        return MarrowEnergy(
            nuclide=emissions.nuclide,
            electron_kev=float(weights.sum()),
            absorbed_kev=absorbed,
            target_mass_kg={t: self.mass_kg(t) for t in TARGETS},
            notes=tuple(notes),
        )

    def to_records(self) -> dict[str, Any]:
        """Give everything as plain lists, numbers and strings (fractions to six digits)."""
        return {
            "model": self.model,
            "notes": list(self.notes),
            "sources": list(SOURCES),
            "targets": list(TARGETS),
            "sites": list(self.sites),
            "energy_kev": self.energy_kev.tolist(),
            "site_weight": self.site_weight.tolist(),
            "target_mass_kg": self.target_mass_kg.tolist(),
            "fraction": np.round(self.fraction, 6).tolist(),
            "standard_uncertainty": np.round(self.standard_uncertainty, 6).tolist(),
            "retained": np.round(self.retained, 6).tolist(),
        }

    @classmethod
    def from_records(cls, records: Mapping[str, Any]) -> MarrowAbsorbedFractions:
        """Make the value from what `to_records` gave.

        Raises
        ------
        ReferenceDataError
            If a part is missing, or the sources or targets are others.
        """
        if tuple(records.get("sources", ())) != SOURCES or tuple(records.get("targets", ())) != TARGETS:
            raise ReferenceDataError("absorbed fractions of other sources or targets", expected=f"{SOURCES}, {TARGETS}")
        try:
            return cls(
                energy_kev=np.asarray(records["energy_kev"], dtype=np.float64),
                sites=tuple(records["sites"]),
                fraction=np.asarray(records["fraction"], dtype=np.float64),
                standard_uncertainty=np.asarray(records["standard_uncertainty"], dtype=np.float64),
                retained=np.asarray(records["retained"], dtype=np.float64),
                site_weight=np.asarray(records["site_weight"], dtype=np.float64),
                target_mass_kg=np.asarray(records["target_mass_kg"], dtype=np.float64),
                model=str(records["model"]),
                notes=tuple(records["notes"]),
            )
        except KeyError as missing:
            raise ReferenceDataError("incomplete absorbed fractions", field=str(missing.args[0])) from missing


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowEnergy:
    """Energy of electrons absorbed per decay, by source and target, over the whole skeleton.

    Attributes
    ----------
    nuclide : str
        Name.
    electron_kev : float
        Energy of electrons and positrons emitted per decay.
    absorbed_kev : Mapping of Mapping
        Source to target to keV per decay.
    target_mass_kg : Mapping
        Masses the energies belong to.
    notes : tuple of str
        What is left out.
    """

    nuclide: str
    electron_kev: float
    absorbed_kev: Mapping[str, Mapping[str, float]]
    target_mass_kg: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def fraction(self, *, source: str, target: str) -> float:
        """Give the mean absorbed fraction over the electrons of a decay."""
        return self.absorbed_kev[source][target] / self.electron_kev

    def s_value_gy_per_bq_s(self, *, source: str, target: str) -> float:
        """Give the electrons' part of the S value."""
        return self.absorbed_kev[source][target] * KEV_J / self.target_mass_kg[target]


def _index(name: str, known: tuple[str, ...], what: str) -> int:
    if name not in known:
        raise ReferenceDataError(f"unknown {what}", value=name, expected=", ".join(known))
    return known.index(name)


def _interpolated(nodes_kev: Floats, values: Floats, energy_kev: Floats) -> Floats:
    from scipy.interpolate import PchipInterpolator

    inside = np.clip(energy_kev, nodes_kev[0], nodes_kev[-1])
    return np.asarray(PchipInterpolator(np.log(nodes_kev), values)(np.log(inside)), dtype=np.float64)


def _electrons(emissions: Emissions) -> tuple[Floats, Floats]:
    """Energies of the electrons and positrons of a decay, and the energy per decay carried at each."""
    lines = [x for x in emissions.lines if x.kind in (LineKind.CONVERSION, LineKind.AUGER)]
    energy = [np.array([x.energy_kev for x in lines])]
    weight = [np.array([x.energy_kev * x.yield_per_decay for x in lines])]
    for beta in emissions.betas:
        e, w = _spectrum(beta)
        energy.append(e)
        weight.append(w)
    energies, weights = np.concatenate(energy), np.concatenate(weight)
    if not weights.sum() > 0.0:
        raise QuantityError(f"{emissions.nuclide} emits no electrons to fold", value="0 keV per decay")
    return energies, weights


def _spectrum(beta: BetaSpectrum) -> tuple[Floats, Floats]:
    """Nodes of a spectrum, refined, with the energy per decay that belongs to each (trapezoid, exact in sum)."""
    top = float(beta.energy_kev[-1])
    energy = np.union1d(beta.energy_kev, np.concatenate([np.geomspace(0.5, top, 200), np.linspace(0.0, top, 200)]))
    energy = energy[energy <= top]
    step = np.diff(energy)
    width = np.concatenate([step, [0.0]]) + np.concatenate([[0.0], step])
    weight = 0.5 * width * energy * np.interp(energy, beta.energy_kev, beta.density_per_kev)
    return energy, np.asarray(weight * beta.energy_per_decay_kev / weight.sum())
