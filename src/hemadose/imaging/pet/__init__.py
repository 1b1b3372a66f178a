"""Uptake in PET: SUV, lesions, skeletal sites, two tracers compared."""
