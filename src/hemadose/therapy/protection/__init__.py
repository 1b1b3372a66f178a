"""Other people: release from the ward, exposure, waste."""
