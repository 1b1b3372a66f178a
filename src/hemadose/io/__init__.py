"""Files to values and back: one module per file family."""
