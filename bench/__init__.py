"""Measurements of Huntaze as it is served: `make bench`."""
