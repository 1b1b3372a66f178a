"""Transport tables of a medium on disk: one file for each, named by the digest of what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.io.point_kernels import cache_folder, read_archive, write_archive
from hemadose.physics.matter.media import Medium
from hemadose.physics.transport.tables import MEDIUM_PARTS, medium_tables, remember_tables
from hemadose.provenance import digest_parameters


def transport_tables_path(key: Mapping[str, Any]) -> Path:
    """File of the tables that were made from what the key says."""
    return cache_folder() / "transport-tables" / f"{digest_parameters(dict(key))[:32]}.npz"


def recall_medium(medium: Medium, path: Path) -> bool:
    """Take the tables of a medium from a file; False if there is none, or a damaged one that must be made again."""
    stored = read_archive(path, names=MEDIUM_PARTS)
    if stored is None or not all(np.isfinite(part).all() for part in stored.values()):
        return False
    remember_tables(medium, stored)
    return True


def keep_medium(medium: Medium, path: Path) -> None:
    """Make the tables of a medium if need be, and write them."""
    write_archive(path, {name: np.asarray(part) for name, part in medium_tables(medium).items()})
