"""Packaged tables with their sources; `manifest.toml` cites every file."""
