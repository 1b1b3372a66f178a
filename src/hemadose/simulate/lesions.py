"""Round lesions added to an anatomy."""

from __future__ import annotations

import numpy as np

from hemadose.errors import RegionError
from hemadose.model import Anatomy, Image, Quantity, Tissue

_DENSITY_G_PER_ML = 1.04
_HOUNSFIELD = 40.0


def with_lesion(
    anatomy: Anatomy,
    *,
    name: str = "lesion_1",
    volume_ml: float = 30.0,
    host: str = "remaining_tissue",
    between_z_mm: tuple[float, float],
) -> Anatomy:
    """Add a ball of soft tissue where a host tissue has most room.

    Parameters
    ----------
    anatomy : Anatomy
        Stays as it is.
    name : str
        ``lesion_...``: a source of its own.
    volume_ml : float
        As many voxels as it takes, those nearest to the centre.
    host : str
        Tissue that gives way.
    between_z_mm : tuple of float
        Range of z that the whole ball lies in.

    Returns
    -------
    Anatomy

    Raises
    ------
    RegionError
        If there is no room, or the name does not say that it is a lesion.
    """
    if not name.startswith("lesion_") or any(t.name == name for t in anatomy.tissues):
        raise RegionError("a lesion needs a name of its own", value=name, expected="lesion_...")
    from scipy.ndimage import distance_transform_edt

    grid, labels = anatomy.labels.grid, np.asarray(anatomy.labels.values)
    host_label, medium = anatomy.tissue(host).label, anatomy.tissue(host).medium
    radius = 10.0 * (3.0 * volume_ml / (4.0 * np.pi)) ** (1.0 / 3.0)
    z = grid.index_to_mm(np.array([[k, 0, 0] for k in range(grid.shape[0])]))[:, 2]
    inside = (z >= between_z_mm[0]) & (z <= between_z_mm[1])
    free = (labels == host_label) & inside[:, None, None]
    room = distance_transform_edt(np.pad(free, 1), sampling=grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    if room.max() < radius:
        raise RegionError(
            f"{host} has no room for the lesion",
            value=f"{volume_ml:g} ml",
            expected=f"a radius of at most {room.max():.0f} mm",
        )
    centre = np.array(np.unravel_index(int(room.argmax()), room.shape))
    away = ((np.indices(grid.shape) - centre[:, None, None, None]).T * np.array(grid.spacing_mm)).T
    order = np.argsort(np.where(free, (away**2).sum(axis=0), np.inf), axis=None, kind="stable")
    chosen = order[: max(round(volume_ml / grid.voxel_volume_ml), 1)]
    changed = labels.copy()
    label = max(t.label for t in anatomy.tissues) + 1
    changed.flat[chosen] = label
    tissue = Tissue(label=label, name=name, medium=medium, density_g_per_ml=_DENSITY_G_PER_ML, hounsfield=_HOUNSFIELD)
    return Anatomy(
        name=anatomy.name,
        labels=Image(values=changed, grid=grid, quantity=Quantity.LABEL),
        tissues=(*anatomy.tissues, tissue),
        source=anatomy.source,
    )
