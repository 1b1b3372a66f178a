"""Regions drawn by rules: thresholds, growing, marrow spheres."""
