"""Published facts that a PET is read against: physiological uptake by tracer, sites, descriptive lines."""

from __future__ import annotations

import re

PHYSIOLOGICAL: dict[str, tuple[str, ...]] = {
    "pentixafor": ("spleen", "kidney_left", "kidney_right", "bladder"),
    "fdg": ("brain", "heart", "kidney_left", "kidney_right", "bladder"),
}
"""Organs whose uptake is above that of blood and marrow without disease, and urine. Pentixafor: spleen and kidneys
lead in 90 patients (Mol Imaging Biol 2022;24:659). FDG: brain, heart, urinary tract (EANM, Boellaard 2015)."""

_TRACERS = (("pentixafor", r"penti?x"), ("fdg", r"fdg|fluorodeoxyglucose|fludeoxyglucose"))

BRAITSCH_SITES: dict[str, tuple[float, float, float]] = {
    "skull_base": (7.64, 4.61, 12.47),
    "c4": (5.19, 1.13, 10.72),
    "t5": (6.55, 1.78, 14.42),
    "l5": (6.93, 1.77, 15.78),
    "ilium_left": (6.25, 2.31, 10.74),
    "ilium_right": (6.67, 2.50, 12.78),
}
"""SUVmax of [68Ga]pentixafor (average, lowest, highest) in seven patients with AML; skull base in four.
Braitsch K et al., Theranostics 2025;15:19, Results and Figure 2C. The kind of average is not stated."""

BRAITSCH_WORDS = "Braitsch 2025 (n = 7)"

SUV_LINES = (6.0, 12.0)
TBR_LINES = (4.0, 8.0)
"""Dashed lines of Buck AK et al., J Nucl Med 2023;64:1009, Figure 3: they describe entities and decide nothing."""


def tracer_key(text: str) -> str:
    """Recognise a tracer by the name a file gives it; "" if it is none of those known here.

    Examples
    --------
    >>> tracer_key("68Ga-PentixaFor"), tracer_key("Fluorodeoxyglucose F^18^"), tracer_key("PSMA-11")
    ('pentixafor', 'fdg', '')
    """
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return next((key for key, pattern in _TRACERS if re.search(pattern, plain)), "")
