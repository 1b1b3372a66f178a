"""Dose of photons to red marrow from the dose to a homogeneous bone.

Photons free electrons in marrow and in trabeculae; those of bone, where photoelectric absorption is strong, reach the
marrow beside it. With the absorbed fractions of electrons the dose to red marrow in a fluence of photons is

    D(E) = sum over tissues s of m_s / m_RM * integral of n_s(T; E) T phi(RM <- s; T) dT,

n_s being electrons freed per mass and fluence. Its ratio to the dose without trabeculae (all phi of red marrow to
itself 1, no other source) is the enhancement factor of King and Spiers; the ratio of energy absorption of red marrow
to that of the phantom's bone mixture gives the rest.

References
----------
King S D, Spiers F W. Br J Radiol 1985;58:345. Eckerman K F et al., ICRP 116 (2010): dose response functions.
Klein O, Nishina Y. Z Phys 1929;52:853.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
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


def marrow_over_bone(
    fractions: MarrowAbsorbedFractions,
    energy_kev: npt.ArrayLike,
    *,
    site: str | None = None,
    enhanced: bool = True,
    bone: str = "stylised-bone",
) -> Floats:
    """Dose to red marrow over the dose to the homogeneous bone that holds it, for photons of an energy.

    Parameters
    ----------
    fractions, energy_kev, site
        As in `enhancement`.
    enhanced : bool
        Whether electrons from trabeculae count; the ratio of mu_en / rho alone if not.
    bone : str
        Medium of the homogeneous bone.
    """
    photons = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64))
    ratio = (
        photon_table(medium("red-marrow"), photons).mass_energy_absorption
        / photon_table(medium(bone), photons).mass_energy_absorption
    )
    return np.asarray(ratio * enhancement(fractions, photons, site=site) if enhanced else ratio)


def red_marrow_energy_kev(
    fractions: MarrowAbsorbedFractions,
    *,
    photon_kev: npt.ArrayLike,
    deposited_kev: npt.ArrayLike,
    bone_kg: float,
    red_marrow_kg: float,
    site: str | None = None,
    enhanced: bool = True,
    bone: str = "stylised-bone",
) -> float:
    """Energy that the red marrow of a homogeneous bone gets out of what photons deposited in the bone.

    Parameters
    ----------
    fractions, site, enhanced, bone
        As in `marrow_over_bone`.
    photon_kev, deposited_kev : array (n,)
        Photon energies, and the energy that photons of each deposited in the bone. Where only the energies at
        emission are known, scattered photons are taken for unscattered ones: marrow then gets somewhat too much.
    bone_kg, red_marrow_kg : float
        Mass of the homogeneous bone, and of the red marrow inside it.
    """
    if not 0.0 < red_marrow_kg <= bone_kg:
        raise QuantityError(
            "the red marrow of a bone weighs less than the bone", value=f"{red_marrow_kg:g} of {bone_kg:g} kg"
        )
    ratio = marrow_over_bone(fractions, photon_kev, site=site, enhanced=enhanced, bone=bone)
    return float(np.sum(np.atleast_1d(np.asarray(deposited_kev, dtype=np.float64)) * ratio)) * red_marrow_kg / bone_kg
