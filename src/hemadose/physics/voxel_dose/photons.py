"""Photons with little noise: what is followed corrects a convolution, neighbour by neighbour.

The convolution with the photons' kernel has no noise and every detail of the source, but sees one medium without end.
Followed photons see the patient, but scatter. Their ratio changes slowly, over the centimetres in which photons are
weakened, as long as media absorb alike: it is taken over a voxel and those of its neighbours that do, and given back to
the convolution. This is linear in what is followed, so the scatter of batches remains an honest
uncertainty, and sums over regions are those of the followed photons but for their borders.

References
----------
Lavenberg S S, Welch P D. Management Science 27:322 (1981) (control variables).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemadose.model.emissions import Emissions
from hemadose.physics.matter.media import Medium, medium
from hemadose.physics.matter.photons import photon_table
from hemadose.physics.voxel_dose.matter import PatientMatter

Array = npt.NDArray[np.float64]

_ALIKE = 0.1
_SCATTERED_KEV = 60.0
_FAR_KEV = 40.0
"""Photons of less energy stay within a few voxels."""


def absorption_ratios(media: Sequence[Medium], emissions: Emissions, *, of: str) -> Array:
    """Energy absorption per mass relative to a medium, over the photons of a decay that get anywhere.

    Examples
    --------
    >>> from hemadose.physics.anatomy_transport import mono_energetic
    >>> from hemadose.model.saf import Radiation
    >>> bone = [medium("cortical-bone")]
    >>> absorption_ratios(bone, mono_energetic(Radiation.PHOTON, 500.0), of="soft-tissue").round(2).tolist()
    [0.94]
    """
    lines = [x for x in emissions.lines if x.kind.is_photon and x.energy_kev >= _FAR_KEV]
    if not lines:
        return np.ones(len(media))
    energy = np.array([x.energy_kev for x in lines])
    return _absorption(media, energy, energy * np.array([x.yield_per_decay for x in lines]), of)


def alike_media(media: Sequence[Medium], ratios: Array, *, of: str) -> npt.NDArray[np.bool_]:
    """Media that absorb like another one within 10 %, photons of a decay and scattered ones of 60 keV both.

    Examples
    --------
    >>> some = [medium("lung"), medium("adipose"), medium("cortical-bone")]
    >>> alike_media(some, np.ones(3), of="soft-tissue").tolist()
    [True, False, False]
    """
    scattered = _absorption(media, np.array([_SCATTERED_KEV]), np.ones(1), of)
    return np.asarray((np.abs(ratios - 1.0) <= _ALIKE) & (np.abs(scattered - 1.0) <= _ALIKE))


def _absorption(media: Sequence[Medium], energy: Array, weight: Array, of: str) -> Array:
    of_each = [float(weight @ photon_table(m, energy).mass_energy_absorption) for m in (medium(of), *media)]
    return np.asarray(of_each[1:]) / of_each[0]


class NeighbourRatio:
    """Replace energies by those of a smooth map, times the ratio of both in the neighbourhood.

    Parameters
    ----------
    expected_kev : array (slice, row, column)
        Without noise, on any scale; positive where there is tissue.
    matter : PatientMatter
        Same grid. In air energies stay as they are.
    absorption : array (media,), optional
        How much more photons leave per mass in the media of the matter than in that of the map (`absorption_ratios`);
        1 if not given.
    alike : array of bool (media,), optional
        Media that are neighbours to each other, any other only to itself; all if not given.
    width : int
        Voxels on each side that count as neighbours.

    Examples
    --------
    >>> from hemadose.physics.voxel_dose.matter import patient_matter
    >>> matter = patient_matter(np.ones((1, 1, 5)), voxel_mm=(4.0, 4.0, 4.0))
    >>> smooth = NeighbourRatio(np.array([[[1.0, 2.0, 4.0, 2.0, 1.0]]]), matter, width=4)
    >>> smooth(np.array([0.0, 5.0, 9.0, 4.0, 2.0])).tolist()
    [2.0, 4.0, 8.0, 4.0, 2.0]
    """

    def __init__(
        self,
        expected_kev: Array,
        matter: PatientMatter,
        *,
        absorption: Array | None = None,
        alike: npt.NDArray[np.bool_] | None = None,
        width: int = 1,
    ) -> None:
        self.width, self.shape = width, expected_kev.shape
        count, index = len(matter.geometry.media), matter.geometry.medium_index
        ratios = np.ones(count) if absorption is None else absorption
        together = np.ones(count, dtype=bool) if alike is None else alike
        kinds = np.where(together, 0, 1 + np.arange(count)).astype(np.uint8)
        self._expected = np.ascontiguousarray(expected_kev * ratios[index], dtype=np.float64)
        self._kind = np.where(matter.tissue, kinds[index], np.uint8(255)).astype(np.uint8)
        self._mixed = self._mixed_voxels()
        there = self._around(self._expected)
        self._per = np.divide(self._expected, there, out=np.zeros(self.shape), where=there > 0.0)
        self._kept = (self._kind == 255) | ~(there > 0.0)

    def _mixed_voxels(self) -> npt.NDArray[np.int64]:
        """Flat indices of voxels whose neighbourhood is not all of their own kind."""
        from scipy.ndimage import maximum_filter, minimum_filter

        size = 2 * self.width + 1
        low = minimum_filter(self._kind, size=size, mode="constant", cval=0)
        high = maximum_filter(self._kind, size=size, mode="constant", cval=255)
        return np.flatnonzero((low != high) & (self._kind != 255))

    def _around(self, energy: Array) -> Array:
        from hemadose.physics.voxel_dose._sum_kernels import sum_of_kind, sum_of_neighbours

        found = sum_of_neighbours(energy, self.width)
        sum_of_kind(energy, self._kind, self._mixed, self.width, found)
        return np.asarray(found)

    def __call__(self, energy_kev: Array) -> Array:
        """Give the smoothed energies of one batch, flat."""
        raw = np.ascontiguousarray(energy_kev).reshape(self.shape)
        found = self._around(raw)
        found *= self._per
        found[self._kept] = raw[self._kept]
        return found.ravel()
