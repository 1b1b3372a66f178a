"""Absorbed fractions of organs and red marrow, from the energies that the parts of a phantom receive.

Soft organs are sums of their parts. Red marrow is a share of every bone: of electrons released in it, it absorbs what
the model of the skeleton says; of electron energy that reaches a bone from outside, its share by mass. Photons are
counted in bones a second time with the absorption of marrow, enhanced by electrons from trabeculae, at the spectrum
that arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.saf import Radiation, SpecificAbsorbedFractions
from hemadose.physics.skeleton.absorbed_fractions import MarrowAbsorbedFractions

Array = npt.NDArray[np.float64]

RED_MARROW, TOTAL_BODY = "red_marrow", "total_body"
UNCERTAIN = 0.01
"""Relative statistical uncertainty above which reciprocity helps."""
UNLIKE = ("skeleton", "red_marrow", "lungs")
"""Organs of other media: reciprocity with soft organs holds up to a factor, which is measured."""
WELL_KNOWN, FEWEST_PAIRS, LEAST_SPREAD = 0.03, 5, 0.005
SKELETON_SOURCES = {"bone_surface": "bone_surface", "bone_volume": "bone_volume", "marrow_blood": "marrow"}
"""Sources that the skeletal model resolves and the homogeneous bones do not, with their names there: bone tissue, and
blood, which fills red and yellow marrow alike."""


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
    marrow_kev, marrow_sd : Mapping, optional
        The same, had the bones absorbed photons as the marrow in them does; needed for photons.
    """

    names: tuple[str, ...]
    mass_kg: Array
    energies_kev: Array
    kev: Mapping[str, Array]
    sd: Mapping[str, Array]
    marrow_kev: Mapping[str, Array] | None = None
    marrow_sd: Mapping[str, Array] | None = None


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
        more than `UNCERTAIN`, both directions are averaged, each with the inverse of its variance. With bone, marrow
        and lungs a factor stands between the directions, measured on the pairs that are known well.
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
    if radiation is Radiation.PHOTON and (parts.marrow_kev is None or parts.marrow_sd is None):
        raise QuantityError("photons need the energies of marrow in bones", field="marrow_kev")
    in_marrow, marrow_sd = parts.marrow_kev or parts.kev, parts.marrow_sd or parts.sd
    saf, sd = {}, {}
    for source, kev in parts.kev.items():
        spread = parts.sd[source]
        for target, group in organs.items():
            columns = [index[p] for p in group]
            saf[source, target], sd[source, target] = _fraction(
                kev[:, columns].sum(axis=1), np.sqrt((spread[:, columns] ** 2).sum(axis=1)), energy, masses[target]
            )
        saf[source, RED_MARROW], sd[source, RED_MARROW] = _fraction(
            in_marrow[source] @ marrow, np.sqrt(marrow_sd[source] ** 2 @ marrow**2), energy, red_marrow_kg
        )
    _reciprocal(saf, sd, soft=[name for name in soft_organs if name in masses])
    if TOTAL_BODY in masses:
        _from_parts(saf, sd, masses, _partition(organs))
    _skeleton_sources(saf, sd, (*organs, RED_MARROW))
    if radiation is Radiation.ELECTRON:
        for source, released in {RED_MARROW: RED_MARROW, **SKELETON_SOURCES}.items():
            phi = skeleton.at(source=released, target="red_marrow", energy_kev=energy)
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
    one = np.ones_like(next(iter(saf.values())))
    for source in soft:
        for target in soft:
            if source != target and (source, target) in before and (target, source) in before:
                saf[source, target], sd[source, target] = _averaged(
                    before[source, target], before[target, source], one, 0.0 * one
                )
    for other in UNLIKE:
        for source, target in [(other, t) for t in soft] + [(s, other) for s in soft]:
            if (source, target) in before and (target, source) in before:
                factor, spread = _measured_factor(before, other, soft, forward=source == other)
                saf[source, target], sd[source, target] = _averaged(
                    before[source, target], before[target, source], factor, spread
                )


def _averaged(own: tuple[Array, Array], back: tuple[Array, Array], factor: Array, spread: Array) -> tuple[Array, Array]:
    """Weighted mean of a SAF and of `factor` times its reverse, each given with its relative uncertainty."""
    values = np.asarray([own[0], back[0] * factor])
    relative = np.asarray([own[1], np.hypot(back[1], spread)])
    variance = np.where(values > 0.0, values, 0.0) ** 2 * np.where(np.isfinite(relative), relative, 0.0) ** 2
    weight = np.divide(1.0, variance, out=np.zeros_like(values), where=variance > 0.0)  # none for the unknown
    total = weight.sum(axis=0)
    use = (total > 0.0) & ((own[1] > UNCERTAIN) | (own[0] == 0.0))
    mean = np.divide((weight * values).sum(axis=0), total, out=np.zeros_like(total), where=total > 0.0)
    sd = np.divide(1.0, np.sqrt(total) * mean, out=np.zeros_like(total), where=mean > 0.0)
    return np.where(use, mean, own[0]), np.where(use, sd, own[1])


def _measured_factor(
    known: Mapping[tuple[str, str], tuple[Array, Array]], other: str, soft: Sequence[str], *, forward: bool
) -> tuple[Array, Array]:
    """SAF(soft <- other) over SAF(other <- soft), or its inverse, from all pairs that both directions know well.

    For photons it is the ratio of the energy absorption of both media over the spectrum that arrives: nearly the same
    for all organs. Their scatter about it is returned as its relative uncertainty; infinite where too few pairs tell.
    """
    pairs = [((other, t), (t, other)) for t in soft if (other, t) in known and (t, other) in known]
    there = np.asarray([known[p][0] for p, _ in pairs])
    back = np.asarray([known[q][0] for _, q in pairs])
    noise = np.asarray([np.hypot(known[p][1], known[q][1]) for p, q in pairs])
    good = (there > 0.0) & (back > 0.0) & (noise < WELL_KNOWN)
    factor, spread = np.ones(there.shape[1]), np.full(there.shape[1], np.inf)
    for i in range(there.shape[1]):
        chosen = good[:, i]
        if np.count_nonzero(chosen) < FEWEST_PAIRS:
            continue
        ratio = np.log(there[chosen, i] / back[chosen, i])
        factor[i] = np.exp(ratio.mean())
        spread[i] = max(float(np.sqrt(max(ratio.var(ddof=1) - np.mean(noise[chosen, i] ** 2), 0.0))), LEAST_SPREAD)
    return (factor if forward else 1.0 / factor), spread


def _partition(organs: Mapping[str, Sequence[str]]) -> list[str]:
    """Organs that together make the whole body, each part once."""
    chosen: list[str] = []
    taken: set[str] = set()
    for name in sorted((n for n in organs if n != TOTAL_BODY), key=lambda n: -len(organs[n])):
        if not taken & set(organs[name]):
            chosen.append(name)
            taken |= set(organs[name])
    if taken != set(organs[TOTAL_BODY]):
        raise QuantityError(
            "the organs do not make up the whole body", value=", ".join(set(organs[TOTAL_BODY]) - taken)
        )
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
    if target in (source, TOTAL_BODY):
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
