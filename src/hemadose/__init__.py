"""Theranostics in haematology, from images to a defensible prescription and follow-up.

Research software: every prescription is a proposal to be confirmed by the responsible
physician and medical physics expert.
"""

from hemadose.provenance import __version__

__all__ = ["__version__"]
