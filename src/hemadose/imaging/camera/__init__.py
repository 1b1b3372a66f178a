"""The camera: response, dead time, attenuation, and the projections that it makes of an activity."""
