"""A cohort in numbers: who the patients are, what they were given, and what became of them."""
