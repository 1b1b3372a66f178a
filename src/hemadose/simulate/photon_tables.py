"""What the Monte Carlo of scatter looks up: attenuation without coherent scatter, and the angular law of Compton.

Coherent scatter of 100 to 300 keV turns a photon by a few degrees and takes no energy: it is left out, as if the photon
went straight on. Compton is Klein and Nishina's law times the incoherent scattering function of the medium.

References
----------
Klein O, Nishina Y. Z Phys 52:853 (1929). Hubbell J H et al. J Phys Chem Ref Data 4:471 (1975).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import Anatomy
from hemadose.physics.anatomy_transport import AIR_G_PER_ML, STYLISED_MEDIA
from hemadose.physics.matter import Medium, medium, photon_table
from hemadose.physics.matter.formfactors import incoherent_function

Floats = npt.NDArray[np.float64]

ELECTRON_REST_KEV = 510.99895
KEV_ANGSTROM = 12.39841984
FORM_STEP = 1.0 / 32.0
FORM_NODES = 1024
_COSINE, _WEIGHT = np.polynomial.legendre.leggauss(96)


class PhotonTables(NamedTuple):
    """Look-up tables, energies in steps of 1 keV from `lowest_kev`.

    Attributes
    ----------
    lowest_kev : float
        Where histories end.
    total : array (labels, energies)
        Photoelectric, incoherent and pair, per cm.
    compton : array (labels, energies)
        Share of incoherent scatter in it.
    majorant : array (energies,)
        Largest `total` of any label.
    matter : array (labels,) of int64
        Row of the tables of angle.
    bound : array (media, FORM_NODES)
        S(x) / Z in steps of FORM_STEP (1/angstrom).
    norm : array (media, energies)
        Integral of the Klein-Nishina shape times S/Z over the sphere.
    relative : array (energies,)
        Attenuation of soft tissue, over that at the main line.
    """

    lowest_kev: float
    total: Floats
    compton: Floats
    majorant: Floats
    matter: npt.NDArray[np.int64]
    bound: Floats
    norm: Floats
    relative: Floats


def tissue_media(anatomy: Anatomy) -> tuple[list[Medium], npt.NDArray[np.int64], Floats]:
    """Media of an anatomy, and medium and density (g/ml) by label.

    Raises
    ------
    ReferenceDataError
        If a tissue is made of an unknown medium.
    """
    names = sorted({t.medium for t in anatomy.tissues})
    size = max(t.label for t in anatomy.tissues) + 1
    matter, density = np.zeros(size, dtype=np.int64), np.full(size, AIR_G_PER_ML)
    for tissue in anatomy.tissues:
        matter[tissue.label] = names.index(tissue.medium)
        density[tissue.label] = tissue.density_g_per_ml or AIR_G_PER_ML
    return [medium(STYLISED_MEDIA.get(name, name)) for name in names], matter, density


def attenuation_by_label(anatomy: Anatomy, energy_kev: float, *, coherent: bool) -> Floats:
    """Linear attenuation coefficient of every label, per cm.

    Parameters
    ----------
    anatomy : Anatomy
        Labels, media and densities.
    energy_kev : float
        Photon energy.
    coherent : bool
        Whether coherent scatter counts.
    """
    media, matter, density = tissue_media(anatomy)
    per_gram = []
    for each in media:
        table = photon_table(each, np.array([energy_kev]))
        per_gram.append(float(table.total[0] - (0.0 if coherent else table.coherent[0])))
    return np.asarray(np.array(per_gram)[matter] * density)


def photon_tables(anatomy: Anatomy, *, lowest_kev: float, highest_kev: float, main_kev: float) -> PhotonTables:
    """Make the tables of an anatomy.

    Raises
    ------
    QuantityError
        If the energies make no sense.
    """
    if not 5.0 <= lowest_kev < main_kev <= highest_kev <= 1000.0:
        raise QuantityError(
            "energies of the scatter simulation must rise from its end to the main line",
            field="lowest_kev, main_kev, highest_kev",
            value=f"{lowest_kev:g}, {main_kev:g}, {highest_kev:g} keV",
            expected="5 to 1000 keV",
        )
    media, matter, density = tissue_media(anatomy)
    energy = lowest_kev + np.arange(int(np.ceil(highest_kev - lowest_kev)) + 2, dtype=np.float64)
    parts = [_of_medium(_key(each), tuple(energy)) for each in media]
    total = np.stack([part[0] for part in parts])[matter] * density[:, None]
    soft = photon_table(medium("soft-tissue"), np.append(energy, main_kev))
    without = soft.total - soft.coherent
    present = np.unique(np.asarray(anatomy.labels.values))
    return PhotonTables(
        lowest_kev=float(lowest_kev),
        total=np.ascontiguousarray(total),
        compton=np.ascontiguousarray(np.stack([part[1] for part in parts])[matter]),
        majorant=np.asarray(total[present].max(axis=0) * 1.0000001),
        matter=matter,
        bound=np.stack([part[2] for part in parts]),
        norm=np.stack([part[3] for part in parts]),
        relative=np.asarray(without[:-1] / without[-1]),
    )


def klein_nishina_shape(energy_kev: npt.ArrayLike, cosine: npt.ArrayLike) -> Floats:
    """Klein-Nishina law over that of forward scatter, P^2 (P + 1/P - sin^2) / 2.

    >>> float(klein_nishina_shape(208.0, 1.0))
    1.0
    """
    left = 1.0 / (1.0 + np.asarray(energy_kev) / ELECTRON_REST_KEV * (1.0 - np.asarray(cosine)))
    return np.asarray(0.5 * left**2 * (left + 1.0 / left - 1.0 + np.asarray(cosine) ** 2))


def _key(each: Medium) -> tuple[str, float, tuple[tuple[str, float], ...], float, str]:
    shares = tuple(sorted(each.mass_fraction.items()))
    return each.name, each.density_g_per_ml, shares, each.mean_excitation_ev, each.source


@cache
def _of_medium(
    key: tuple[str, float, tuple[tuple[str, float], ...], float, str], energy: Sequence[float]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mass attenuation without coherent scatter, Compton share, S/Z, and norm of a medium."""
    name, density, shares, excitation, source = key
    each = Medium(
        name=name, density_g_per_ml=density, mass_fraction=dict(shares), mean_excitation_ev=excitation, source=source
    )
    kev = np.asarray(energy)
    table = photon_table(each, kev)
    total = table.total - table.coherent
    x = np.arange(FORM_NODES) * np.float64(FORM_STEP)
    bound = incoherent_function(each, np.minimum(x, 16.0))
    at = kev[:, None] / KEV_ANGSTROM * np.sqrt((1.0 - _COSINE) / 2.0)
    law = klein_nishina_shape(kev[:, None], _COSINE) * np.interp(at, x, bound)
    return total, table.incoherent / total, bound, 2.0 * np.pi * (law @ _WEIGHT)
