"""Absorbed dose by voxel from time-integrated activity: local, by convolution, by Monte Carlo, and a hybrid of them."""
