"""Published volumes and masses of the stylised adults, and what the equations enclose.

Published values: tables of ORNL/TM-8381/V1 (1987) as recalled or recomputed from published
masses; they were not read first-hand. Two of them were filled from the same equations and test
nothing: transverse colon and descending-colon contents (their mass totals do).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from hemadose.model import Sex

SOFT_G_PER_ML = 1.04
BONE_G_PER_ML = 1.40
LUNG_G_PER_ML = 0.296


class PublishedPart(NamedTuple):
    """A line of the published tables.

    `solids` are the parts of the phantom that make it up; `centroid_cm` belongs to the whole or,
    for pairs (`paired`), to the left member.
    """

    solids: tuple[str, ...]
    density_g_per_ml: float
    volume_ml: float | None
    mass_g: float | None
    centroid_cm: tuple[float, float, float] | None
    paired: bool = False


MALE_PUBLISHED: tuple[PublishedPart, ...] = (
    PublishedPart(("trunk",), SOFT_G_PER_ML, 43980.0, None, (0.0, 0.0, 35.0)),
    PublishedPart(("head",), SOFT_G_PER_ML, 5430.0, None, (0.0, 0.0, 80.87)),
    PublishedPart(("legs",), SOFT_G_PER_ML, 20800.0, None, (7.55, 0.0, -24.52), paired=True),
    PublishedPart(("genitalia",), SOFT_G_PER_ML, 196.0, None, (0.0, -7.58, -2.36)),
    PublishedPart(("breasts",), SOFT_G_PER_ML, 388.0, 403.0, (10.57, -10.15, 52.0), paired=True),
    PublishedPart(("femora_upper", "leg_bones_lower"), BONE_G_PER_ML, 2800.0, None, (7.35, 0.0, -26.5), paired=True),
    PublishedPart(("humeri_upper", "arm_bones_lower"), BONE_G_PER_ML, 956.0, None, (18.5, 0.0, 41.91), paired=True),
    PublishedPart(("pelvis",), BONE_G_PER_ML, 606.0, None, (0.0, 3.48, 13.34)),
    PublishedPart(
        ("lumbar_l5", "lumbar_l4", "lumbar_l3", "lumbar_l2", "lumbar_l1"), BONE_G_PER_ML, 206.0, None, (0.0, 5.5, 28.55)
    ),
    PublishedPart(("spine_middle",), BONE_G_PER_ML, 548.0, None, (0.0, 5.5, 52.55)),
    PublishedPart(("spine_upper",), BONE_G_PER_ML, 166.0, None, (0.0, 5.5, 75.27)),
    PublishedPart(("cranium",), BONE_G_PER_ML, 618.0, None, (0.0, 0.0, 86.85)),
    PublishedPart(("brain",), SOFT_G_PER_ML, 1370.0, 1420.0, (0.0, 0.0, 86.85)),
    PublishedPart(("facial_skeleton",), BONE_G_PER_ML, 305.0, None, (0.0, -5.11, 78.77)),
    PublishedPart(("ribs",), BONE_G_PER_ML, 694.0, None, (0.0, 0.0, 51.23)),
    PublishedPart(("clavicles",), BONE_G_PER_ML, 54.7, None, (9.25, -6.19, 68.25), paired=True),
    PublishedPart(("scapulae",), BONE_G_PER_ML, 202.0, None, (14.04, 5.94, 59.11), paired=True),
    PublishedPart(("adrenals",), SOFT_G_PER_ML, 15.7, 16.3, (3.5, 5.0, 39.88), paired=True),
    PublishedPart(("gallbladder_contents",), SOFT_G_PER_ML, 53.6, 55.7, (-4.16, -2.93, 31.2)),
    PublishedPart(("gallbladder_wall",), SOFT_G_PER_ML, 10.1, 10.5, (-4.04, -2.84, 31.6)),
    PublishedPart(("stomach_wall",), SOFT_G_PER_ML, 152.0, 158.0, (8.0, -4.0, 35.0)),
    PublishedPart(("stomach_contents",), SOFT_G_PER_ML, 250.0, 260.0, (8.0, -4.0, 35.0)),
    PublishedPart(("ascending_colon_wall",), SOFT_G_PER_ML, 91.2, None, (-8.5, -2.36, 19.22)),
    PublishedPart(("ascending_colon_contents",), SOFT_G_PER_ML, 96.3, None, (-8.5, -2.36, 19.23)),
    PublishedPart(("transverse_colon_wall",), SOFT_G_PER_ML, 120.8, None, (0.0, -2.36, 25.5)),
    PublishedPart(("transverse_colon_contents",), SOFT_G_PER_ML, 126.6, None, (0.0, -2.36, 25.5)),
    PublishedPart(("descending_colon_wall",), SOFT_G_PER_ML, 89.9, None, (9.09, -1.25, 16.36)),
    PublishedPart(("descending_colon_contents",), SOFT_G_PER_ML, 102.3, None, (9.09, -1.25, 16.36)),
    PublishedPart(("sigmoid_wall",), SOFT_G_PER_ML, 70.4, None, (4.73, 0.0, 3.99)),
    PublishedPart(("sigmoid_contents",), SOFT_G_PER_ML, 35.6, None, (4.73, 0.0, 3.99)),
    PublishedPart(("small_intestine",), SOFT_G_PER_ML, 1060.0, 1100.0, (0.34, -1.03, 21.5)),
    PublishedPart(("heart_wall",), SOFT_G_PER_ML, 303.0, 316.0, (1.98, -3.85, 48.64)),
    PublishedPart(("heart_contents",), SOFT_G_PER_ML, 437.0, 454.0, (0.27, -3.37, 49.79)),
    PublishedPart(("kidney_left", "kidney_right"), SOFT_G_PER_ML, 288.0, 299.0, (6.28, 6.0, 32.5), paired=True),
    PublishedPart(("liver",), SOFT_G_PER_ML, 1830.0, 1910.0, (-8.91, -1.63, 37.07)),
    PublishedPart(("lung_left", "lung_right"), LUNG_G_PER_ML, 3380.0, 1000.0, (8.99, 0.5, 53.22), paired=True),
    PublishedPart(("ovaries",), SOFT_G_PER_ML, 8.38, 8.71, (6.0, 0.0, 15.0), paired=True),
    PublishedPart(("pancreas",), SOFT_G_PER_ML, 90.7, 94.3, (3.92, 0.0, 37.53)),
    PublishedPart(("spleen",), SOFT_G_PER_ML, 176.0, 183.0, (11.0, 3.0, 37.0)),
    PublishedPart(("testes",), SOFT_G_PER_ML, 37.6, 39.1, (1.3, -8.0, -2.3), paired=True),
    PublishedPart(("thymus",), SOFT_G_PER_ML, 20.1, 20.9, (0.0, -7.3, 57.0)),
    PublishedPart(("thyroid",), SOFT_G_PER_ML, 19.9, 20.7, (0.0, -5.11, 72.25)),
    PublishedPart(("bladder_wall",), SOFT_G_PER_ML, 45.7, 47.6, (0.0, -4.5, 8.0)),
    PublishedPart(("bladder_contents",), SOFT_G_PER_ML, 203.0, 211.0, (0.0, -4.5, 8.0)),
    PublishedPart(("uterus",), SOFT_G_PER_ML, 76.0, 79.0, (0.0, -1.35, 14.0)),
)

FEMALE_PUBLISHED: tuple[PublishedPart, ...] = (
    PublishedPart(("trunk",), SOFT_G_PER_ML, None, None, (0.0, 0.0, 31.55)),
    PublishedPart(("head",), SOFT_G_PER_ML, None, None, (0.0, 0.0, 73.62)),
    PublishedPart(("legs",), SOFT_G_PER_ML, None, None, (6.52, 0.0, -24.37), paired=True),
    PublishedPart(("breasts",), SOFT_G_PER_ML, None, 407.0, (9.26, -9.94, 46.87), paired=True),
    PublishedPart(("femora_upper", "leg_bones_lower"), BONE_G_PER_ML, None, None, (6.37, 0.0, -26.21), paired=True),
    PublishedPart(("humeri_upper", "arm_bones_lower"), BONE_G_PER_ML, None, None, (15.95, 0.0, 37.77), paired=True),
    PublishedPart(("pelvis",), BONE_G_PER_ML, None, None, (0.0, 3.42, 12.03)),
    PublishedPart(
        ("lumbar_l5", "lumbar_l4", "lumbar_l3", "lumbar_l2", "lumbar_l1"), BONE_G_PER_ML, None, None, (0.0, 5.39, 25.74)
    ),
    PublishedPart(("spine_middle",), BONE_G_PER_ML, None, None, (0.0, 5.39, 47.37)),
    PublishedPart(("spine_upper",), BONE_G_PER_ML, None, None, (0.0, 5.39, 68.2)),
    PublishedPart(("cranium",), BONE_G_PER_ML, None, None, (0.0, 0.0, 79.4)),
    PublishedPart(("brain",), SOFT_G_PER_ML, None, 1410.0, (0.0, 0.0, 79.4)),
    PublishedPart(("facial_skeleton",), BONE_G_PER_ML, None, None, (0.0, -5.13, 71.74)),
    PublishedPart(("ribs",), BONE_G_PER_ML, None, None, (0.0, 0.0, 46.11)),
    PublishedPart(("clavicles",), BONE_G_PER_ML, None, None, (8.24, -5.56, 61.52), paired=True),
    PublishedPart(("scapulae",), BONE_G_PER_ML, None, None, (12.1, 5.83, 53.26), paired=True),
    PublishedPart(("adrenals",), SOFT_G_PER_ML, None, 10.5, (3.02, 4.9, 35.88), paired=True),
    PublishedPart(("gallbladder_contents",), SOFT_G_PER_ML, None, 49.0, (-3.55, -2.89, 28.19)),
    PublishedPart(("gallbladder_wall",), SOFT_G_PER_ML, None, 9.27, (-3.44, -2.79, 28.58)),
    PublishedPart(("stomach_wall",), SOFT_G_PER_ML, None, 118.0, (6.9, -3.92, 31.55)),
    PublishedPart(("stomach_contents",), SOFT_G_PER_ML, None, 195.0, (6.9, -3.92, 31.55)),
    PublishedPart(("ascending_colon_wall",), SOFT_G_PER_ML, None, None, (-7.33, -2.31, 17.33)),
    PublishedPart(("ascending_colon_contents",), SOFT_G_PER_ML, None, None, (-7.33, -2.31, 17.33)),
    PublishedPart(("transverse_colon_wall",), SOFT_G_PER_ML, None, None, (0.0, -2.31, 22.98)),
    PublishedPart(("transverse_colon_contents",), SOFT_G_PER_ML, None, None, (0.0, -2.31, 22.98)),
    PublishedPart(("descending_colon_wall",), SOFT_G_PER_ML, None, None, (7.84, -1.22, 14.74)),
    PublishedPart(("descending_colon_contents",), SOFT_G_PER_ML, None, None, (7.84, -1.23, 14.74)),
    PublishedPart(("sigmoid_wall",), SOFT_G_PER_ML, None, None, (3.93, 0.0, 3.59)),
    PublishedPart(("sigmoid_contents",), SOFT_G_PER_ML, None, None, (3.93, 0.0, 3.59)),
    PublishedPart(("small_intestine",), SOFT_G_PER_ML, None, 838.0, (0.29, -1.01, 19.38)),
    PublishedPart(("heart_wall",), SOFT_G_PER_ML, None, 240.0, (1.76, -3.63, 43.83)),
    PublishedPart(("heart_contents",), SOFT_G_PER_ML, None, 347.0, (0.19, -3.19, 44.88)),
    PublishedPart(("kidney_left", "kidney_right"), SOFT_G_PER_ML, None, 248.0, (5.43, 5.88, 29.3), paired=True),
    PublishedPart(("liver",), SOFT_G_PER_ML, None, 1400.0, (-7.67, -1.65, 33.54)),
    PublishedPart(("lung_left", "lung_right"), LUNG_G_PER_ML, None, 651.0, (7.75, 0.48, 47.51), paired=True),
    PublishedPart(("ovaries",), SOFT_G_PER_ML, None, 10.5, (5.18, 0.0, 13.52), paired=True),
    PublishedPart(("pancreas",), SOFT_G_PER_ML, None, 64.9, (3.38, 0.0, 33.81)),
    PublishedPart(("spleen",), SOFT_G_PER_ML, None, 123.0, (9.49, 2.94, 33.35)),
    PublishedPart(("thyroid",), SOFT_G_PER_ML, None, 12.4, (0.0, -4.84, 64.99)),
    PublishedPart(("bladder_wall",), SOFT_G_PER_ML, None, 35.9, (0.0, -4.41, 7.21)),
    PublishedPart(("bladder_contents",), SOFT_G_PER_ML, None, 160.0, (0.0, -4.41, 7.21)),
    PublishedPart(("uterus",), SOFT_G_PER_ML, None, 79.0, (0.0, -1.26, 12.62)),
)

# Volumes in ml that the equations enclose, by stratified integration with 6 million points per
# part (20 million for the skin), standard error about 0.05 %.
MALE_VOLUMES_ML: Mapping[str, float] = MappingProxyType(
    {
        "trunk": 43982,
        "head": 5432.7,
        "legs": 20774,
        "breasts": 387.55,
        "genitalia": 196.31,
        "femora_upper": 1421.1,
        "leg_bones_lower": 1378.5,
        "humeri_upper": 346.89,
        "arm_bones_lower": 609.05,
        "pelvis": 605.98,
        "lumbar_l5": 41.155,
        "lumbar_l4": 41.155,
        "lumbar_l3": 41.155,
        "lumbar_l2": 41.155,
        "lumbar_l1": 41.155,
        "spine_middle": 548.2,
        "spine_upper": 165.57,
        "cranium": 617.87,
        "facial_skeleton": 305.16,
        "ribs": 693.39,
        "clavicles": 54.678,
        "scapulae": 202.05,
        "brain": 1367,
        "adrenals": 15.703,
        "heart_contents": 438.9,
        "heart_wall": 304.34,
        "kidney_left": 144.01,
        "kidney_right": 143.99,
        "spleen": 175.93,
        "pancreas": 90.718,
        "thymus": 20.107,
        "thyroid": 19.895,
        "bladder_contents": 202.6,
        "bladder_wall": 45.715,
        "ovaries": 8.3756,
        "uterus": 75.983,
        "testes": 37.573,
        "gallbladder_contents": 53.55,
        "gallbladder_wall": 10.142,
        "stomach_contents": 250.17,
        "stomach_wall": 151.95,
        "ascending_colon_contents": 96.291,
        "ascending_colon_wall": 91.224,
        "transverse_colon_contents": 126.63,
        "transverse_colon_wall": 120.78,
        "descending_colon_contents": 102.26,
        "descending_colon_wall": 89.961,
        "sigmoid_contents": 35.632,
        "sigmoid_wall": 70.432,
        "small_intestine": 1056.1,
        "lung_left": 1564.1,
        "lung_right": 1813.8,
        "liver": 1833.1,
        "skin": 2875.7,
    }
)

FEMALE_VOLUMES_ML: Mapping[str, float] = MappingProxyType(
    {
        "trunk": 33511,
        "head": 4982.7,
        "legs": 15416,
        "breasts": 391.04,
        "femora_upper": 1178.7,
        "leg_bones_lower": 1173.8,
        "humeri_upper": 265.15,
        "arm_bones_lower": 465.8,
        "pelvis": 460.44,
        "lumbar_l5": 31.452,
        "lumbar_l4": 31.452,
        "lumbar_l3": 31.452,
        "lumbar_l2": 31.452,
        "lumbar_l1": 31.452,
        "spine_middle": 418.91,
        "spine_upper": 135.82,
        "cranium": 508.23,
        "facial_skeleton": 237.97,
        "ribs": 485.93,
        "clavicles": 41.474,
        "scapulae": 154.18,
        "brain": 1353.4,
        "adrenals": 10.117,
        "heart_contents": 333.8,
        "heart_wall": 231.29,
        "kidney_left": 119.21,
        "kidney_right": 119.21,
        "spleen": 118.52,
        "pancreas": 62.392,
        "thymus": 20.107,
        "thyroid": 11.897,
        "bladder_contents": 153.8,
        "bladder_wall": 34.229,
        "ovaries": 10.233,
        "uterus": 75.958,
        "gallbladder_contents": 47.081,
        "gallbladder_wall": 8.9177,
        "stomach_contents": 187.44,
        "stomach_wall": 112.95,
        "ascending_colon_contents": 72.895,
        "ascending_colon_wall": 70.089,
        "transverse_colon_contents": 96.276,
        "transverse_colon_wall": 92.014,
        "descending_colon_contents": 77.745,
        "descending_colon_wall": 68.721,
        "sigmoid_contents": 27.107,
        "sigmoid_wall": 53.323,
        "small_intestine": 805.99,
        "lung_left": 1010.3,
        "lung_right": 1186.2,
        "liver": 1350.1,
        "skin": 2036.7,
    }
)

PUBLISHED_BODY_KG: Mapping[Sex, float] = MappingProxyType({Sex.MALE: 73.67, Sex.FEMALE: 56.88})
"""Whole body of the published phantoms; the adult includes breasts, ovaries and uterus."""

PUBLISHED_SKELETON_KG: Mapping[Sex, float] = MappingProxyType({Sex.MALE: 10.02, Sex.FEMALE: 7.96})


def published_parts(sex: Sex) -> tuple[PublishedPart, ...]:
    """Give the published table of this adult."""
    return MALE_PUBLISHED if sex is Sex.MALE else FEMALE_PUBLISHED


def reference_volumes_ml(sex: Sex) -> Mapping[str, float]:
    """Give the volume that each part of this adult encloses.

    >>> reference_volumes_ml(Sex.MALE)["spleen"]
    175.93
    """
    return MALE_VOLUMES_ML if sex is Sex.MALE else FEMALE_VOLUMES_ML
