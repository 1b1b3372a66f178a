"""Unit constants, so that every conversion at the rim reads as what it is.

Inside hemadose numbers are SI plus mm, ml and keV, and carry the unit in their name.

Examples
--------
>>> 198e6 / MBQ
198.0
"""

from __future__ import annotations

from math import log

LN2 = log(2.0)

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86400.0

KBQ = 1e3
MBQ = 1e6
GBQ = 1e9
MCI_BQ = 3.7e7

GRAM_KG = 1e-3
MM_PER_CM = 10.0

KEV_J = 1.602176634e-16
"""One keV in joule (exact by the 2019 SI definition of e)."""

GY_PER_BQ_TO_GY_PER_GBQ = 1e9
