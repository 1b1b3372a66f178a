"""Make the absorbed fractions: electrons followed through the random spongiosa of every site.

`absorbed_fractions(red_marrow_kg=1.17)` follows 40 000 electrons for each of 15 energies, 4 sources and 9 pieces of
spongiosa (bones of equal structure and cellularity share a piece), then the edges of 12 bones: minutes on two cores.

What the model leaves out: nothing enters from cortical bone; trabeculae have no preferred direction; fat cells do not
prefer the surface of bone; bremsstrahlung is absorbed in the spongiosa of the same bone; one random piece stands for
each structure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import require_positive
from hemadose.physics.skeleton.absorbed_fractions import SOURCES, TARGETS, MarrowAbsorbedFractions
from hemadose.physics.skeleton.edges import Retain, fine_limits, one_electron, transported_edges
from hemadose.physics.skeleton.sites import (
    BONE_G_PER_ML,
    RED_MARROW_G_PER_ML,
    SITES,
    YELLOW_MARROW_G_PER_ML,
    BoneSite,
    microstructure,
)
from hemadose.physics.skeleton.trabecular import (
    BONE,
    RED,
    SHALLOW_MM,
    SIZE,
    VOXEL_MM,
    YELLOW,
    Form,
    Spongiosa,
    spongiosa,
)
from hemadose.physics.skeleton.trabecular import surface_weight as surface_source

Floats = npt.NDArray[np.float64]

ZERO_RANGE_KEV = 1.0
"""An electron of 1 keV goes 0.05 um in marrow: it stays in its voxel."""
ENERGIES_KEV = (10.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0, 200.0, 300.0, 400.0, 600.0, 1000.0, 1500.0, 2000.0, 3000.0)

REGIONS = 5
"""Regions that deposits are counted in: red, yellow, bone, shallow red, shallow yellow."""
_IN_TARGET = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]], dtype=np.float64)

NOTES = (
    "no electrons from cortical bone; escape from spongiosa as from a homogeneous slab",
    "trabeculae without preferred direction; fat cells of 0.05 mm at random in the cavities",
    "trabecular bone of sites without red marrow is not a source",
)

Deposit = Callable[[Spongiosa, Floats, npt.NDArray[np.int32], float, int, int], Floats]
"""(spongiosa, source weights, region of each voxel, energy in keV, electrons, seed) to absorbed fractions of shape
(batches, regions)."""


def regions(piece: Spongiosa) -> npt.NDArray[np.int32]:
    """Region (0 to 4) that each voxel counts for."""
    tissue = piece.tissue.astype(np.int32)
    return np.asarray(np.where(piece.shallow, tissue + BONE + 1, tissue), dtype=np.int32)


def source_weights(piece: Spongiosa, source: str) -> Floats:
    """Share of a source in each voxel."""
    if source == "bone_surface":
        return surface_source(piece.tissue == BONE).astype(np.float64)
    label = {"red_marrow": RED, "yellow_marrow": YELLOW, "bone_volume": BONE}[source]
    inside = (piece.tissue == label).astype(np.float64)
    return np.asarray(inside / max(float(inside.sum()), 1.0))


def transported(*, batches: int = 20, threads: int | None = None) -> Deposit:
    """Let the transport engine find the deposits."""
    from hemadose.physics.matter.media import medium
    from hemadose.physics.transport.run import VoxelGeometry, transport_voxels

    media = (medium("red-marrow"), medium("yellow-marrow"), medium("trabecular-bone"))
    density = np.array([RED_MARROW_G_PER_ML, YELLOW_MARROW_G_PER_ML, BONE_G_PER_ML], dtype=np.float32)

    def deposit(
        piece: Spongiosa, weights: Floats, labels: npt.NDArray[np.int32], energy_kev: float, electrons: int, seed: int
    ) -> Floats:
        found = transport_voxels(
            geometry=VoxelGeometry(
                medium_index=piece.tissue,
                density_g_per_ml=density[piece.tissue],
                voxel_mm=(piece.voxel_mm,) * 3,
                media=media,
                periodic=True,
            ),
            source=weights,
            emissions=one_electron(energy_kev),
            decays=electrons,
            seed=seed,
            tally=labels,
            batches=batches,
            threads=threads,
            limits=fine_limits(),
            keep_batches=True,
        )
        if found.by_batch is None:
            raise QuantityError("the engine kept no batches", expected="keep_batches=True")
        return np.asarray(found.by_batch / energy_kev)

    return deposit


@dataclass(frozen=True, slots=True)
class _Piece:
    """Results for one structure and cellularity: fraction and uncertainty (source, target, energy)."""

    fraction: Floats
    uncertainty: Floats
    shallow_share: float


def absorbed_fractions(
    *,
    red_marrow_kg: float,
    sites: tuple[BoneSite, ...] = SITES,
    energy_kev: tuple[float, ...] = ENERGIES_KEV,
    electrons: int = 40_000,
    seed: int = 1,
    form: Form = Form.PLATES,
    size: int = SIZE,
    voxel_mm: float = VOXEL_MM,
    deposit: Deposit | None = None,
    retain: Retain | None = None,
    progress: Callable[[str], None] | None = None,
) -> MarrowAbsorbedFractions:
    """Make absorbed fractions for every site with red marrow.

    Parameters
    ----------
    red_marrow_kg : float
        Red marrow of the body; it sets the masses, not the fractions.
    sites : tuple of BoneSite
        Bones.
    energy_kev : tuple of float
        Energies followed, rising, above 1 keV; the limit of no range is added.
    electrons : int
        Electrons for each energy, source and piece.
    seed : int
        Seed of structures and electrons.
    form : Form
        Shape of the trabeculae.
    size, voxel_mm : int, float
        Voxels along the side of a piece, and their size.
    deposit : Deposit, optional
        What follows the electrons; the transport engine if not given.
    retain : Retain, optional
        What finds the share that stays in a bone; the transport engine if not given.
    progress : callable, optional
        Told each piece that is done.
    """
    require_positive("absorbed fractions", red_marrow_kg=red_marrow_kg)
    if not 0.0 < voxel_mm <= SHALLOW_MM:
        raise QuantityError(
            "voxels must resolve the shallow marrow", value=f"{voxel_mm:g} mm", expected=f"<= {SHALLOW_MM:g} mm"
        )
    follow = transported() if deposit is None else deposit
    pieces: dict[tuple[str, float], _Piece] = {}
    for name, cellularity in dict.fromkeys((n, s.cellularity) for s in sites for n in s.microstructures):
        piece = spongiosa(
            microstructure(name), cellularity=cellularity, seed=seed, form=form, size=size, voxel_mm=voxel_mm
        )
        pieces[name, cellularity] = _followed(piece, follow, energy_kev, electrons, seed)
        if progress is not None:
            progress(f"{name}, cellularity {cellularity:g}")
    hold = transported_edges() if retain is None else retain
    retained = [[1.0, *(hold(site, energy, electrons, seed) for energy in energy_kev)] for site in sites]
    combined = [_combined(site, pieces) for site in sites]
    weights = np.stack([_amounts(site, red_marrow_kg) for site in sites], axis=1)
    shallow = [sum(s * pieces[n, x.cellularity].shallow_share for n, s in x.microstructures.items()) for x in sites]
    return MarrowAbsorbedFractions(
        energy_kev=np.array([ZERO_RANGE_KEV, *energy_kev]),
        sites=tuple(s.name for s in sites),
        fraction=np.stack([c[0] for c in combined], axis=2),
        standard_uncertainty=np.stack([c[1] for c in combined], axis=2),
        retained=np.minimum(np.array(retained), 1.0),
        site_weight=weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-30),
        target_mass_kg=_masses(weights, np.array(shallow)),
        model=f"random spongiosa ({form.value}), {size} x {voxel_mm:g} mm a side, {electrons} electrons, seed {seed}",
        notes=NOTES,
    )


def _followed(piece: Spongiosa, follow: Deposit, energies: tuple[float, ...], electrons: int, seed: int) -> _Piece:
    labels = regions(piece)
    shape = (len(SOURCES), len(TARGETS), len(energies) + 1)
    fraction, uncertainty = np.zeros(shape), np.zeros(shape)
    for i, source in enumerate(SOURCES):
        weights = source_weights(piece, source)
        if not weights.any():  # no fat at a cellularity of 1
            continue
        still = np.bincount(labels.ravel(), weights=weights.ravel(), minlength=REGIONS)
        fraction[i, :, 0] = _IN_TARGET @ still
        for k, energy in enumerate(energies, start=1):
            found = follow(piece, weights, labels, energy, electrons, seed + 1000 * i + k)
            by_batch = found @ _IN_TARGET.T[: found.shape[1]]  # the last regions may be empty
            fraction[i, :, k] = by_batch.mean(axis=0)
            uncertainty[i, :, k] = by_batch.std(axis=0, ddof=1) / np.sqrt(by_batch.shape[0])
    marrow = np.count_nonzero(piece.tissue != BONE)
    return _Piece(fraction, uncertainty, float(np.count_nonzero(piece.shallow)) / marrow)


def _combined(site: BoneSite, pieces: dict[tuple[str, float], _Piece]) -> tuple[Floats, Floats]:
    """Average the structures of a site, by the share of each source that lies in them."""
    shares = np.array(
        [
            [s, s, s / m.cavity_chord_mm, s * m.trabecula_chord_mm / m.cavity_chord_mm]
            for m, s in ((microstructure(n), s) for n, s in site.microstructures.items())
        ]
    )
    shares /= shares.sum(axis=0)
    parts = [pieces[n, site.cellularity] for n in site.microstructures]
    fraction = sum(w[:, None, None] * p.fraction for w, p in zip(shares, parts, strict=True))
    variance = sum((w[:, None, None] * p.uncertainty) ** 2 for w, p in zip(shares, parts, strict=True))
    return np.asarray(fraction), np.sqrt(np.asarray(variance))


def _amounts(site: BoneSite, red_marrow_kg: float) -> Floats:
    """How much of each source a site holds: volumes in ml, surface in cm2."""
    marrow = site.marrow_volume_ml(red_marrow_kg)
    return np.array(
        [
            site.cellularity * marrow,
            (1.0 - site.cellularity) * marrow,
            site.bone_surface_cm2(red_marrow_kg),
            site.bone_volume_ml(red_marrow_kg),
        ]
    )


def _masses(amounts: Floats, shallow_share: Floats) -> Floats:
    """Masses (kg) of the targets by site."""
    red = amounts[0] * RED_MARROW_G_PER_ML / 1000.0
    yellow = amounts[1] * YELLOW_MARROW_G_PER_ML / 1000.0
    bone = amounts[3] * BONE_G_PER_ML / 1000.0
    return np.stack([red, yellow, bone, (red + yellow) * shallow_share])
