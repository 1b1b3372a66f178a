"""Trials yet to be done: finding an activity, and whether a therapy is worth pursuing."""
