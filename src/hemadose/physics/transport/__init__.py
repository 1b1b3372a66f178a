"""Photons, electrons and positrons followed one by one through voxels."""
