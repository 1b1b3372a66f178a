"""Dose of photons to red marrow from the dose to a homogeneous bone.

Photons free electrons in marrow and in trabeculae; those of bone, where photoelectric absorption is strong, reach the
marrow beside it. With the absorbed fractions of electrons the dose to red marrow in a fluence of photons is

    D(E) = sum over tissues s of m_s / m_RM * integral of n_s(T; E) T phi(RM <- s; T) dT,

n_s being electrons freed per mass and fluence. Its ratio to the dose without trabeculae (all phi of red marrow to
itself 1, no other source) is the enhancement factor of King and Spiers.

References
----------
King S D, Spiers F W. Br J Radiol 1985;58:345. Eckerman K F et al., ICRP 116 (2010): dose response functions.
Klein O, Nishina Y. Z Phys 1929;52:853.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.physics.matter.media import medium
from hemadose.physics.matter.photons import PhotonTable, photon_table
from hemadose.physics.skeleton.absorbed_fractions import MarrowAbsorbedFractions

Floats = npt.NDArray[np.float64]

_REST_KEV = 510.99895
_COSINE, _WEIGHT = np.polynomial.legendre.leggauss(48)
_TISSUES = (
    ("red_marrow", "red_marrow", "red-marrow", 0.5),
    ("yellow_marrow", "yellow_marrow", "yellow-marrow", 0.4),
    ("bone_volume", "bone", "trabecular-bone", 3.6),
)
"""Source, target, medium, energy (keV) of the shell that photoelectrons come from: it stays where they start.

Oxygen 0.54, carbon 0.28, phosphorus 2.1 and calcium 4.0 keV; in bone calcium takes most."""


def _freed(table: PhotonTable, shell_kev: float) -> tuple[Floats, Floats]:
    """Electron energies (n_photon, m) and the energy per mass and fluence (keV cm2/g) freed at each."""
    photon = table.energy_kev[:, None]
    k = photon / _REST_KEV * (1.0 - _COSINE)
    recoil = photon * k / (1.0 + k)
    ratio = 1.0 / (1.0 + k)
    angular = ratio**2 * (ratio + 1.0 / ratio - 1.0 + _COSINE**2) * _WEIGHT
    angular /= angular.sum(axis=1, keepdims=True)
    shell = np.minimum(shell_kev, 0.5 * photon)
    pair = np.maximum(0.5 * (photon - 2.0 * _REST_KEV), 0.0)
    energy = np.concatenate([recoil, photon - shell, shell, pair], axis=1)
    freed = np.concatenate(
        [
            table.incoherent[:, None] * angular * recoil,
            table.photoelectric[:, None] * (photon - shell),
            table.photoelectric[:, None] * shell,
            table.pair[:, None] * 2.0 * pair,
        ],
        axis=1,
    )
    return energy, freed


def enhancement(fractions: MarrowAbsorbedFractions, energy_kev: npt.ArrayLike, *, site: str | None = None) -> Floats:
    """Dose to red marrow over the dose it would have if it were everywhere (King and Spiers's factor).

    Parameters
    ----------
    fractions : MarrowAbsorbedFractions
        Their values without edges are used: what leaves a bone is made up for by what enters.
    energy_kev : array (n,)
        Photon energies, 1 keV to 3 MeV.
    site : str, optional
        One bone; all red marrow in one fluence if not given.
    """
    photons = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64))
    marrow_kg = fractions.mass_kg("red_marrow", site)
    dose, alone = np.zeros(photons.shape), np.zeros(photons.shape)
    for source, target, name, shell_kev in _TISSUES:
        if not fractions.mass_kg(target, site) > 0.0:
            continue
        energy, freed = _freed(photon_table(medium(name), photons), shell_kev)
        phi = fractions.at(source=source, target="red_marrow", energy_kev=energy.ravel(), site=site, edges=False)
        dose += fractions.mass_kg(target, site) / marrow_kg * np.sum(freed * phi.reshape(energy.shape), axis=1)
        if target == "red_marrow":
            alone = freed.sum(axis=1)
    return np.asarray(dose / alone)


def marrow_response(fractions: MarrowAbsorbedFractions, energy_kev: npt.ArrayLike) -> Floats:
    """Dose to red marrow per energy fluence, cm2/g: its mu_en / rho times the enhancement by trabeculae.

    Where `transport_voxels` counts this in bones instead of their own energy absorption, bone doses become doses of the
    marrow in them, with the spectrum that really arrives.

    Parameters
    ----------
    fractions : MarrowAbsorbedFractions
        Model of electrons in trabecular bone.
    energy_kev : array (n,)
        Photon energies, 1 keV to 3 MeV.
    """
    photons = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64))
    absorbed = photon_table(medium("red-marrow"), photons).mass_energy_absorption
    return np.asarray(absorbed * enhancement(fractions, photons))
