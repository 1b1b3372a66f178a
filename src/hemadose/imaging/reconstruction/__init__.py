"""From projections to an image, with the noise of its regions."""
