"""How much of the electrons' energy stays in the spongiosa of a bone of real size.

The random pieces of spongiosa have no edge; bones do. Here a bone is a slab of homogeneous spongiosa between two
layers of cortical bone in soft tissue, as thick as the site's 2 V / S. The share of energy that the slab keeps
multiplies the absorbed fractions: transport on two scales, as Shah et al. join an image of the microstructure to one of
the whole bone.

References
----------
Shah A P, Bolch W E, Rajon D A, Patton P W, Jokisch D W. J Nucl Med 2005;46:344 (paired-image transport; recalled).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hemadose.model.emissions import EmissionLine, Emissions, LineKind
from hemadose.physics.matter.media import Medium, additive_excitation_ev, medium
from hemadose.physics.skeleton.sites import BONE_G_PER_ML, RED_MARROW_G_PER_ML, YELLOW_MARROW_G_PER_ML, BoneSite

if TYPE_CHECKING:
    from hemadose.physics.transport.decay import Limits

LAYER_MM = 0.25
CORTEX_MM = 1.5
"""Thickness of cortical bone on either side (chosen; ribs have less, long bones more)."""
SOFT_MM = 20.0
"""Longer than the range of 3 MeV electrons, so that a slab does not see its periodic images."""

Retain = Callable[[BoneSite, float, int, int], float]
"""(site, energy in keV, electrons, seed) to the share of energy that stays in the site's spongiosa."""


def one_electron(energy_kev: float) -> Emissions:
    """Emissions of a made-up nuclide that gives off one electron of one energy."""
    line = EmissionLine(kind=LineKind.CONVERSION, energy_kev=energy_kev, yield_per_decay=1.0)
    return Emissions(nuclide="electron", half_life_s=1.0, lines=(line,), betas=(), source="one electron of one energy")


def fine_limits() -> Limits:
    """Follow electrons to 5 keV (0.8 um in marrow), the lowest that the engine knows."""
    from hemadose.physics.transport.decay import Limits

    return Limits(electron_kev=5.0, photon_kev=2.0, step_loss=0.15)


def homogeneous_spongiosa(site: BoneSite) -> Medium:
    """Red marrow, yellow marrow and bone of a site, mixed.

    >>> from hemadose.physics.skeleton.sites import SITES
    >>> lumbar = next(s for s in SITES if s.name == "lumbar spine")
    >>> round(homogeneous_spongiosa(lumbar).density_g_per_ml, 3)
    1.166
    """
    marrow, bone = site.marrow_volume_ml(1.0), site.bone_volume_ml(1.0)
    parts = (
        ("red-marrow", RED_MARROW_G_PER_ML * site.cellularity * marrow),
        ("yellow-marrow", YELLOW_MARROW_G_PER_ML * (1.0 - site.cellularity) * marrow),
        ("trabecular-bone", BONE_G_PER_ML * bone),
    )
    mass = sum(m for _, m in parts)
    elements: dict[str, float] = {}
    for name, grams in parts:
        for symbol, fraction in medium(name).mass_fraction.items():
            elements[symbol] = elements.get(symbol, 0.0) + fraction * grams / mass
    total = sum(elements.values())
    shares = {symbol: fraction / total for symbol, fraction in elements.items()}
    return Medium(
        name=f"spongiosa of {site.name}",
        density_g_per_ml=mass / (marrow + bone),
        mass_fraction=shares,
        mean_excitation_ev=additive_excitation_ev(shares),
        source="mixture by volume of its tissues",
    )


def transported_edges(*, threads: int | None = None) -> Retain:
    """Let the transport engine find the share that stays."""
    from hemadose.physics.transport.run import VoxelGeometry, transport_voxels

    cortex, soft = medium("cortical-bone"), medium("soft-tissue")

    def retain(site: BoneSite, energy_kev: float, electrons: int, seed: int) -> float:
        inside, wall, outside = (round(mm / LAYER_MM) for mm in (site.spongiosa_mm, CORTEX_MM, SOFT_MM))
        which = np.repeat([2, 1, 0, 1], [outside, wall, inside, wall]).astype(np.uint8).reshape(-1, 1, 1)
        media = (homogeneous_spongiosa(site), cortex, soft)
        found = transport_voxels(
            geometry=VoxelGeometry(
                medium_index=which,
                density_g_per_ml=np.array([m.density_g_per_ml for m in media], dtype=np.float32)[which],
                voxel_mm=(LAYER_MM, 100.0, 100.0),
                media=media,
                periodic=True,
            ),
            source=(which == 0).astype(np.float64),
            emissions=one_electron(energy_kev),
            decays=electrons,
            seed=seed,
            tally=which.astype(np.int32),
            batches=20,
            threads=threads,
            limits=fine_limits(),
        )
        return float(found.energy_kev_per_decay[0] / energy_kev)

    return retain
