"""What matter does to photons and electrons: media, cross sections, stopping powers."""

from __future__ import annotations

from hemadose.physics.matter.media import Medium, medium, medium_names
from hemadose.physics.matter.photons import PhotonTable, photon_table

__all__ = ["Medium", "PhotonTable", "medium", "medium_names", "photon_table"]
