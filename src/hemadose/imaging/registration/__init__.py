"""Images and regions of one time brought onto those of another."""
