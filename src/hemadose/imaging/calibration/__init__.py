"""Phantom experiments into calibration numbers with their uncertainty."""
