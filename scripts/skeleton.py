"""Absorbed fractions of electrons in trabecular bone, for `refdata/data/saf/skeleton.json`: minutes of transport.

python scripts/skeleton.py OUT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hemadose.physics.skeleton.calculation import absorbed_fractions

if __name__ == "__main__":
    found = absorbed_fractions(red_marrow_kg=1.17)
    Path(sys.argv[1]).write_text(json.dumps(found.to_records(), indent=None, sort_keys=True) + "\n")
