"""Absorbed fractions of organs and red marrow, from the energies that the parts of a phantom receive.

Soft organs are sums of their parts. Red marrow is a share of every bone: of electrons released in it, it absorbs what
the model of the skeleton says; of energy that reaches a bone from outside its share by mass, times, for photons, how
much more a photon of that energy gives marrow than the mixture of the bone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.saf import Radiation, SpecificAbsorbedFractions
from hemadose.physics.skeleton.absorbed_fractions import MarrowAbsorbedFractions
from hemadose.physics.skeleton.photons import marrow_over_bone

Array = npt.NDArray[np.float64]

RED_MARROW, TOTAL_BODY = "red_marrow", "total_body"
UNCERTAIN = 0.01
"""Relative statistical uncertainty above which reciprocity helps."""
SKELETON_SOURCES = ("bone_surface", "bone_volume")
"""Sources in bone tissue that the skeletal model resolves and the homogeneous bones do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEnergies:
    """Energy per particle that every part of a phantom receives, for some sources and energies.

    Attributes
    ----------
    names : tuple of str
        Parts.
    mass_kg : array (parts,)
        Their masses.
    energies_kev : array (n,)
        Particle energies.
    kev, sd : Mapping[str, array (n, parts)]
        Source to energy per particle and its standard uncertainty.
    """

    names: tuple[str, ...]
    mass_kg: Array
    energies_kev: Array
    kev: Mapping[str, Array]
    sd: Mapping[str, Array]


def organ_saf(
    parts: PartEnergies,
    *,
    radiation: Radiation,
    organs: Mapping[str, Sequence[str]],
    marrow_share: Mapping[str, float],
    red_marrow_kg: float,
    skeleton: MarrowAbsorbedFractions,
    soft_organs: Sequence[str] = (),
    source_note: str,
    notes: tuple[str, ...] = (),
) -> SpecificAbsorbedFractions:
    """Make the table of one radiation.

    Parameters
    ----------
    parts : PartEnergies
        Results of transport.
    radiation : Radiation
        Photons or electrons.
    organs : Mapping
        Target to the parts it is made of.
    marrow_share : Mapping
        Bone to the share of all red marrow in it; the shares sum to 1.
    red_marrow_kg : float
        All red marrow.
    skeleton : MarrowAbsorbedFractions
        Model of electrons in trabecular bone.
    soft_organs : sequence of str
        Organs of one medium, between which reciprocity holds: SAF(T <- S) = SAF(S <- T). Where a pair is uncertain by
        more than `UNCERTAIN`, both directions are averaged, each with the inverse of its variance.
    source_note, notes : str, tuple of str
        For reports.

    Raises
    ------
    QuantityError
        If the shares do not sum to 1, or a part is missing.
    """
    if abs(sum(marrow_share.values()) - 1.0) > 5e-3:
        raise QuantityError("the shares of red marrow must sum to 1", value=f"{sum(marrow_share.values()):.4f}")
    index = {name: i for i, name in enumerate(parts.names)}
    missing = [p for group in (*organs.values(), marrow_share) for p in group if p not in index]
    if missing:
        raise QuantityError("the phantom lacks parts", value=", ".join(sorted(set(missing))))
    energy = parts.energies_kev
    masses = {t: float(sum(parts.mass_kg[index[p]] for p in group)) for t, group in organs.items()}
    marrow = np.zeros(len(parts.names))
    for bone, share in marrow_share.items():
        marrow[index[bone]] = share * red_marrow_kg / parts.mass_kg[index[bone]]
    ratio = np.ones(energy.size)
    if radiation is Radiation.PHOTON:
        ratio = marrow_over_bone(skeleton, energy)
    saf, sd = {}, {}
    for source, kev in parts.kev.items():
        spread = parts.sd[source]
        for target, group in organs.items():
            columns = [index[p] for p in group]
            saf[source, target], sd[source, target] = _fraction(
                kev[:, columns].sum(axis=1), np.sqrt((spread[:, columns] ** 2).sum(axis=1)), energy, masses[target]
            )
        saf[source, RED_MARROW], sd[source, RED_MARROW] = _fraction(
            kev @ marrow * ratio, np.sqrt(spread**2 @ marrow**2) * ratio, energy, red_marrow_kg
        )
    _reciprocal(saf, sd, soft=[name for name in soft_organs if name in masses])
    if TOTAL_BODY in masses:
        _from_parts(saf, sd, masses, _partition(organs))
    _skeleton_sources(saf, sd, (*organs, RED_MARROW))
    if radiation is Radiation.ELECTRON:
        for source in (RED_MARROW, *SKELETON_SOURCES):
            phi = skeleton.at(source=source, target="red_marrow", energy_kev=energy)
            saf[source, RED_MARROW] = phi / red_marrow_kg
            sd[source, RED_MARROW] = np.zeros(energy.size)
    return SpecificAbsorbedFractions(
        radiation=radiation,
        energies_kev=energy,
        saf_per_kg=saf,
        target_mass_kg={**masses, RED_MARROW: red_marrow_kg},
        source_note=source_note,
        relative_sd=sd,
        notes=notes,
    )


def _fraction(kev: Array, spread: Array, energy: Array, mass_kg: float) -> tuple[Array, Array]:
    relative = np.divide(spread, kev, out=np.zeros_like(kev), where=kev > 0.0)
    return kev / energy / mass_kg, relative


def _reciprocal(saf: dict[tuple[str, str], Array], sd: dict[tuple[str, str], Array], *, soft: Sequence[str]) -> None:
    """Average both directions of a pair where its own statistics is poor, energy by energy."""
    before = {pair: (saf[pair].copy(), sd[pair].copy()) for pair in saf}
    for source in soft:
        for target in soft:
            if source == target or (source, target) not in before or (target, source) not in before:
                continue
            values, spread = zip(before[source, target], before[target, source], strict=True)
            weight = np.asarray(
                [np.divide(1.0, (v * s) ** 2, out=np.zeros_like(v), where=v * s > 0.0)
                 for v, s in zip(values, spread, strict=True)]
            )  # fmt: skip
            total = weight.sum(axis=0)
            use = (total > 0.0) & ((spread[0] > UNCERTAIN) | (values[0] == 0.0))
            mean = np.divide((weight * np.asarray(values)).sum(axis=0), total, out=np.zeros_like(total), where=total > 0.0)
            relative = np.divide(1.0, np.sqrt(total) * mean, out=np.zeros_like(total), where=mean > 0.0)
            saf[source, target] = np.where(use, mean, values[0])
            sd[source, target] = np.where(use, relative, spread[0])


def _partition(organs: Mapping[str, Sequence[str]]) -> list[str]:
    """Organs that together make the whole body, each part once."""
    chosen: list[str] = []
    taken: set[str] = set()
    for name in sorted((n for n in organs if n != TOTAL_BODY), key=lambda n: -len(organs[n])):
        if not taken & set(organs[name]):
            chosen.append(name)
            taken |= set(organs[name])
    if taken != set(organs[TOTAL_BODY]):
        raise QuantityError("the organs do not make up the whole body", value=", ".join(set(organs[TOTAL_BODY]) - taken))
    return chosen


def _from_parts(
    saf: dict[tuple[str, str], Array],
    sd: dict[tuple[str, str], Array],
    masses: Mapping[str, float],
    partition: Sequence[str],
) -> None:
    """SAF from the whole body as the sum over its organs, by mass, which small targets' own statistics cannot give."""
    body = masses[TOTAL_BODY]
    for target in {t for _, t in saf}:
        if target == TOTAL_BODY:
            continue
        value = sum(masses[s] / body * saf[s, target] for s in partition)
        variance = sum((masses[s] / body * saf[s, target] * sd[s, target]) ** 2 for s in partition)
        saf[TOTAL_BODY, target] = np.asarray(value)
        sd[TOTAL_BODY, target] = np.divide(
            np.sqrt(variance), value, out=np.zeros_like(saf[TOTAL_BODY, target]), where=np.asarray(value) > 0.0
        )


def _skeleton_sources(
    saf: dict[tuple[str, str], Array], sd: dict[tuple[str, str], Array], targets: Sequence[str]
) -> None:
    """Outside the marrow, sources in bone tissue act like the whole skeleton."""
    for source in SKELETON_SOURCES:
        for target in targets:
            saf[source, target], sd[source, target] = saf["skeleton", target], sd["skeleton", target]


def local_alpha_saf(electron: SpecificAbsorbedFractions) -> SpecificAbsorbedFractions:
    """Give the table of alpha particles that stay where they are released, on the pairs of another table.

    >>> import numpy as np
    >>> table = SpecificAbsorbedFractions(
    ...     radiation=Radiation.ELECTRON, energies_kev=np.array([10.0, 100.0]),
    ...     saf_per_kg={("liver", "liver"): np.array([0.5, 0.5]), ("spleen", "liver"): np.array([0.0, 0.0])},
    ...     target_mass_kg={"liver": 2.0}, source_note="example")
    >>> float(local_alpha_saf(table).saf_per_kg["liver", "liver"][0])
    0.5
    """
    energies = np.array([1.0, 20_000.0])
    masses = electron.target_mass_kg
    saf = {
        (source, target): np.full(2, _local_share(source, target, masses) / masses[target])
        for source, target in electron.saf_per_kg
    }
    return SpecificAbsorbedFractions(
        radiation=Radiation.ALPHA,
        energies_kev=energies,
        saf_per_kg=saf,
        target_mass_kg=dict(masses),
        source_note="alpha particles absorbed where they are released",
        notes=("alpha particles stay in their source; from bone surfaces none reaches red marrow in this table",),
    )


def _local_share(source: str, target: str, masses: Mapping[str, float]) -> float:
    """Share of a local release in a source that lies in a target: all of itself, parts by mass."""
    if source == target or target == "total_body":
        return 1.0
    if source == "total_body":
        return masses[target] / masses["total_body"]
    if target == "skeleton" and source in (RED_MARROW, *SKELETON_SOURCES):
        return 1.0
    if source == "kidneys" and target in ("kidney_left", "kidney_right"):
        return masses[target] / masses["kidneys"]
    if target == "kidneys" and source in ("kidney_left", "kidney_right"):
        return 1.0
    return 0.0
