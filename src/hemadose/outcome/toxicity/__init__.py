"""Harm of a therapy, graded by rules that carry their version."""
