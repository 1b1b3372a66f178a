"""A nuclide and a geometry into energy deposition."""
