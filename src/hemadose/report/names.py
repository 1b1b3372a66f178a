"""Words and colours for regions, organs, models and methods."""

from __future__ import annotations

import re

_LABELS = {
    "kidney_left": "left kidney",
    "kidney_right": "right kidney",
    "lumbar_l2_l4": "vertebrae L2–L4",
    "red_marrow": "red marrow",
    "red_marrow_residual": "red marrow after infusion",
    "whole_body": "whole body",
    "remainder": "remainder of body",
    "cap": "activity cap",
    "background_kidneys": "background kidneys",
    "background_liver": "background liver",
    "background_marrow": "background marrow",
}

_ORDER = (
    "kidney",
    "red_marrow",
    "lumbar",
    "marrow",
    "liver",
    "spleen",
    "lungs",
    "bladder",
    "lesion",
    "remainder",
    "whole_body",
    "background",
)

_COLOURS = (
    ("kidney", "#f58518"),
    ("liver", "#2e9e4f"),
    ("spleen", "#9b5de5"),
    ("lumbar", "#00a6d6"),
    ("marrow", "#00a6d6"),
    ("red_marrow", "#00a6d6"),
    ("lungs", "#4c78a8"),
    ("bladder", "#b8860b"),
    ("lesion", "#e6007e"),
    ("whole_body", "#8a8a8a"),
)

_MODELS = {
    "mono": "mono-exponential",
    "bi": "bi-exponential",
    "tri": "tri-exponential",
    "uptake_clearance": "uptake and clearance",
    "average": "model average",
    "mono_physical_tail": "mono-exponential, physical tail",
    "hanscheid": "single time point (Hänscheid)",
    "madsen": "single time point (Madsen)",
}

_METHODS = {
    "spect": "SPECT",
    "planar": "planar",
    "hybrid": "planar scaled to SPECT",
    "blood": "blood samples",
    "table": "table of activities",
    "mird-organ": "MIRD organ sum",
    "marrow-image": "marrow from images",
    "marrow-blood": "marrow from blood",
}

KIDNEY_PAIR = ("kidney_left", "kidney_right")


def label(name: str) -> str:
    """Give a region or organ name as people write it.

    >>> label("kidney_left"), label("lesion_2"), label("marrow_sphere_l3")
    ('left kidney', 'lesion 2', 'marrow sphere L3')
    """
    if name in _LABELS:
        return _LABELS[name]
    return re.sub(r"\bl(\d)\b", r"L\1", name.replace("_", " "))


def group(name: str) -> str:
    """Give the name that regions of one colour share in a key.

    >>> group("kidney_left"), group("marrow_sphere_l2"), group("lesion_1")
    ('kidneys', 'marrow spheres', 'lesions')
    """
    for stem, plural in (("kidney", "kidneys"), ("marrow_sphere", "marrow spheres"), ("lesion", "lesions")):
        if name.startswith(stem):
            return plural
    return label(name)


def sentence(text: str) -> str:
    """Capitalise the first letter only.

    >>> sentence("left kidney")
    'Left kidney'
    """
    return text[:1].upper() + text[1:]


def rank(name: str) -> tuple[int, str]:
    """Sorting key: kidneys and marrow first, because they set the activity."""
    for place, stem in enumerate(_ORDER):
        if name.startswith(stem):
            return place, name
    return len(_ORDER), name


def colour(name: str) -> str:
    """Give the line colour of a region; a background wears the colour of its organ."""
    stem = name.removeprefix("background_")
    for start, tint in _COLOURS:
        if stem.startswith(start):
            return tint
    return "#6b6b6b"


def model_label(model: str) -> str:
    """Give a curve model in words; unknown ids are shown as they are.

    >>> model_label("bi")
    'bi-exponential'
    """
    return _MODELS.get(model, model.replace("_", " "))


def method_label(method: str) -> str:
    """Give a method id in words; unknown ids are shown as they are."""
    return _METHODS.get(method, method)


def regions_of(target: str) -> tuple[tuple[str, ...], ...]:
    """Give the sets of regions whose curves may describe a dose target, best first.

    >>> regions_of("kidneys")
    (('kidneys',), ('kidney_left', 'kidney_right'))
    """
    if target == "kidneys":
        return (("kidneys",), KIDNEY_PAIR)
    if target == "red_marrow":
        return (("red_marrow",), ("lumbar_l2_l4",))
    return ((target,),)
