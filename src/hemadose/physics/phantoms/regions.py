"""Sources and targets of the stylised adults: the organs that dosimetry names, made of the phantom's parts."""

from __future__ import annotations

from collections.abc import Mapping

from hemadose.model import Anatomy

COMPOSED = {
    "kidneys": ("kidney_left", "kidney_right"),
    "lungs": ("lung_left", "lung_right"),
    "colon_wall": (
        "ascending_colon_wall",
        "transverse_colon_wall",
        "descending_colon_wall",
        "sigmoid_wall",
    ),
    "colon_contents": (
        "ascending_colon_contents",
        "transverse_colon_contents",
        "descending_colon_contents",
        "sigmoid_contents",
    ),
}
"""Organs made of several parts."""

SIMPLE = (
    "adrenals", "bladder_contents", "bladder_wall", "brain", "breasts", "gallbladder_contents", "gallbladder_wall",
    "heart_contents", "heart_wall", "kidney_left", "kidney_right", "liver", "ovaries", "pancreas", "remaining_tissue",
    "skin", "small_intestine", "spleen", "stomach_contents", "stomach_wall", "testes", "thymus", "thyroid", "uterus",
)  # fmt: skip

NOT_BODY = frozenset({"air"})


def bones(anatomy: Anatomy) -> tuple[str, ...]:
    """Names of the parts of the skeleton."""
    return tuple(t.name for t in anatomy.tissues if t.medium == "skeleton")


def organ_parts(anatomy: Anatomy) -> dict[str, tuple[str, ...]]:
    """Parts of every organ of an anatomy; ``skeleton`` and ``total_body`` among them."""
    present = {t.name for t in anatomy.tissues}
    found: dict[str, tuple[str, ...]] = {name: (name,) for name in SIMPLE if name in present}
    found.update({name: parts for name, parts in COMPOSED.items() if set(parts) <= present})
    found["skeleton"] = bones(anatomy)
    found["total_body"] = tuple(t.name for t in anatomy.tissues if t.name not in NOT_BODY)
    return dict(sorted(found.items()))


def source_shares(anatomy: Anatomy, mass_kg: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Activity of each part, for every source organ: even per mass; red marrow by its share in each bone."""
    shares = {
        name: {part: mass_kg[part] for part in parts if mass_kg[part] > 0.0}
        for name, parts in organ_parts(anatomy).items()
    }
    shares["red_marrow"] = {t.name: t.red_marrow_fraction for t in anatomy.tissues if t.red_marrow_fraction > 0.0}
    return shares
