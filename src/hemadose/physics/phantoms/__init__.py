"""Stylised adult phantoms: equations, published volumes, voxels, red marrow."""

from hemadose.physics.phantoms.equations import find_solid, organ_solids, outline_solids
from hemadose.physics.phantoms.integrate import SolidMeasure, measure_solid
from hemadose.physics.phantoms.marrow import (
    ICRP89_RED_MARROW_G,
    RED_MARROW_PERCENT,
    STYLISED_RED_MARROW_G,
    red_marrow_fraction,
)
from hemadose.physics.phantoms.parameters import FEMALE, MALE, AdultParameters, parameters
from hemadose.physics.phantoms.solids import Solid
from hemadose.physics.phantoms.stylised import stylised_adult
from hemadose.physics.phantoms.tables import (
    PUBLISHED_BODY_KG,
    PUBLISHED_SKELETON_KG,
    PublishedPart,
    published_parts,
    reference_volumes_ml,
)

__all__ = [
    "FEMALE",
    "ICRP89_RED_MARROW_G",
    "MALE",
    "PUBLISHED_BODY_KG",
    "PUBLISHED_SKELETON_KG",
    "RED_MARROW_PERCENT",
    "STYLISED_RED_MARROW_G",
    "AdultParameters",
    "PublishedPart",
    "Solid",
    "SolidMeasure",
    "find_solid",
    "measure_solid",
    "organ_solids",
    "outline_solids",
    "parameters",
    "published_parts",
    "red_marrow_fraction",
    "reference_volumes_ml",
    "stylised_adult",
]
