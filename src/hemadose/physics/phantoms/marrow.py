"""Where an adult's red marrow lies, and on which parts of the phantom."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hemadose.model import Sex

RED_MARROW_PERCENT: Mapping[str, float] = MappingProxyType(
    {
        "cranium": 7.6,
        "facial_skeleton": 0.8,  # mandible
        "scapulae": 2.8,
        "clavicles": 0.8,
        "ribs": 19.2,  # ribs 16.1, sternum 3.1 (the phantom has no sternum)
        "spine_upper": 3.9,
        "spine_middle": 16.1,
        "lumbar_l1": 2.46,
        "lumbar_l2": 2.46,
        "lumbar_l3": 2.46,
        "lumbar_l4": 2.46,
        "lumbar_l5": 2.46,
        "pelvis": 27.4,  # sacrum 9.9, os coxae 17.5
        "femora_upper": 6.7,
        "humeri_upper": 2.3,
    }
)
"""Adult percentages, Cristy, Phys Med Biol 1981;26:389, adopted in ICRP 70 and 89 for age 40.

Recalled, not read; they sum to 99.9 %. The lumbar part (12.3 %) is split equally."""

STYLISED_RED_MARROW_G: Mapping[Sex, float] = MappingProxyType({Sex.MALE: 1120.0, Sex.FEMALE: 900.0})
"""Red marrow: 1987 adult 1120 g; for the female the ICRP 89 value of 900 g (recalled)."""

ICRP89_RED_MARROW_G: Mapping[Sex, float] = MappingProxyType({Sex.MALE: 1170.0, Sex.FEMALE: 900.0})
"""Red marrow of the ICRP 89 reference adults (recalled)."""


def red_marrow_fraction(tissue: str) -> float:
    """Share of the body's red marrow in one part of the phantom (0 for parts without).

    The published percentages are divided by their sum, 99.9 %.

    Examples
    --------
    >>> round(sum(red_marrow_fraction(f"lumbar_l{n}") for n in (2, 3, 4)), 4)
    0.0739
    """
    return RED_MARROW_PERCENT.get(tissue, 0.0) / sum(RED_MARROW_PERCENT.values())
