"""From a labelled anatomy to the energy that every region receives from every other, by transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, RegionError
from hemadose.model import Anatomy
from hemadose.model.emissions import EmissionLine, Emissions, LineKind
from hemadose.model.saf import Radiation
from hemadose.physics.matter.media import Medium, medium
from hemadose.physics.transport.run import DEFAULT_LIMITS, Progress, VoxelGeometry, transport_voxels

Array = npt.NDArray[np.float64]

STYLISED_MEDIA = {
    "soft_tissue": "stylised-soft",
    "skeleton": "stylised-bone",
    "lung": "stylised-lung",
    "air": "air",
}
"""Media of the stylised adults by the name that their tissues carry."""

AIR_G_PER_ML = 0.0012


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledMatter:
    """An anatomy ready for transport.

    Attributes
    ----------
    geometry : VoxelGeometry
        Media and densities.
    labels : array (slice, row, column) of int32
        Index into `names`, which is also the tally.
    names : tuple of str
        Tissues; air first if there is any.
    mass_kg : Mapping[str, float]
        Mass of the voxels of each tissue.
    """

    geometry: VoxelGeometry
    labels: npt.NDArray[np.int32]
    names: tuple[str, ...]
    mass_kg: Mapping[str, float]

    def masks(self, tissues: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Voxels of some tissues.

        Raises
        ------
        RegionError
            If a tissue is not in the anatomy.
        """
        missing = [t for t in tissues if t not in self.names]
        if missing:
            raise RegionError(f"no tissue {', '.join(missing)}", expected=", ".join(self.names))
        return np.asarray(np.isin(self.labels, [self.names.index(t) for t in tissues]))

    def activity(self, share_by_tissue: Mapping[str, float]) -> npt.NDArray[np.float32]:
        """Give activity by voxel: each tissue holds its share, spread evenly over its voxels."""
        source = np.zeros(self.labels.shape, dtype=np.float32)
        for tissue, share in share_by_tissue.items():
            mask = self.masks([tissue])
            count = int(np.count_nonzero(mask))
            if count:
                source[mask] = share / count
        return source


def labelled_matter(anatomy: Anatomy, *, media: Mapping[str, Medium] | None = None) -> LabelledMatter:
    """Prepare an anatomy for transport.

    Parameters
    ----------
    anatomy : Anatomy
        Labels and tissues; air of density 0 gets 0.0012 g/ml.
    media : Mapping, optional
        Medium by the name that tissues carry; names not in it are those of `STYLISED_MEDIA` or of `medium`.

    Raises
    ------
    ReferenceDataError
        If a tissue's medium is unknown.
    QuantityError
        If the voxels are not axial, or a tissue other than air has no density.
    """
    tissues = anatomy.tissues
    names = sorted({t.medium for t in tissues})
    known = [(media or {}).get(name) or medium(STYLISED_MEDIA.get(name, name)) for name in names]
    labels = np.asarray(anatomy.labels.values)
    index = np.full(int(labels.max()) + 1, -1, dtype=np.int32)
    matter = np.zeros(index.size, dtype=np.uint8)
    density = np.zeros(index.size, dtype=np.float32)
    for place, tissue in enumerate(tissues):
        if tissue.label >= index.size:
            continue
        if tissue.density_g_per_ml == 0.0 and tissue.medium != "air":
            raise QuantityError(
                f"{tissue.name} has no density",
                source=anatomy.name,
                field="density_g_per_ml",
                value="0",
                expected="> 0 for anything but air",
            )
        index[tissue.label] = place
        matter[tissue.label] = names.index(tissue.medium)
        density[tissue.label] = tissue.density_g_per_ml or AIR_G_PER_ML
    spacing = anatomy.labels.grid.spacing_mm
    geometry = VoxelGeometry(
        medium_index=matter[labels],
        density_g_per_ml=density[labels],
        voxel_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        media=tuple(known),
    )
    counts = np.bincount(labels.ravel(), minlength=index.size)
    mass = {
        t.name: float(counts[t.label] * density[t.label]) * geometry.voxel_ml / 1000.0
        for t in tissues
        if t.label < index.size
    }
    return LabelledMatter(geometry=geometry, labels=index[labels], names=tuple(t.name for t in tissues), mass_kg=mass)


def mono_energetic(radiation: Radiation, energy_kev: float) -> Emissions:
    """One photon or electron of an energy per decay.

    >>> mono_energetic(Radiation.PHOTON, 208.4).photon_energy_kev
    208.4
    """
    kinds = {Radiation.PHOTON: LineKind.GAMMA, Radiation.ELECTRON: LineKind.CONVERSION, Radiation.ALPHA: LineKind.ALPHA}
    line = EmissionLine(kind=kinds[radiation], energy_kev=energy_kev, yield_per_decay=1.0)
    return Emissions(
        nuclide=f"{radiation.value} of {energy_kev:g} keV", half_life_s=1.0, lines=(line,), betas=(), source="one line"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEnergies:
    """Energy that each tissue receives per decay in one source.

    Attributes
    ----------
    kev_per_decay, standard_uncertainty : array (tissues,)
        In the order of `LabelledMatter.names`.
    escaped_kev_per_decay : float
        What left the box.
    decays : int
        Decays followed.
    """

    kev_per_decay: Array
    standard_uncertainty: Array
    escaped_kev_per_decay: float
    decays: int


def region_energies(
    matter: LabelledMatter,
    *,
    share_by_tissue: Mapping[str, float],
    emissions: Emissions,
    decays: int,
    seed: int,
    threads: int | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
    estimator: str = "deposits",
    absorption: Mapping[int, Array] | None = None,
) -> RegionEnergies:
    """Follow decays in one source and count the energy by tissue; options as in `transport_voxels`.

    Raises
    ------
    QuantityError
        If the source has no share or no voxel.
    """
    if not any(share > 0.0 for share in share_by_tissue.values()):
        raise QuantityError("the source is empty", field="share_by_tissue", value=str(dict(share_by_tissue)))
    found = transport_voxels(
        geometry=matter.geometry,
        source=matter.activity(share_by_tissue),
        emissions=emissions,
        decays=decays,
        seed=seed,
        tally=matter.labels,
        threads=threads,
        limits=DEFAULT_LIMITS,
        progress=progress,
        device=device,
        estimator=estimator,
        absorption=absorption,
    )
    kev = np.zeros(len(matter.names))
    sd = np.zeros(len(matter.names))
    kev[: found.energy_kev_per_decay.size] = found.energy_kev_per_decay
    sd[: found.standard_uncertainty.size] = found.standard_uncertainty
    return RegionEnergies(
        kev_per_decay=kev,
        standard_uncertainty=sd,
        escaped_kev_per_decay=found.escaped_kev_per_decay,
        decays=found.decays,
    )
