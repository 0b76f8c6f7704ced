"""A stand-in for the platform's HTTP API, for the demo, tests and benchmarks; docs/simulator.md is its manual.

It knows nothing of Huntaze and Huntaze knows nothing of it: they meet over HTTP only.
"""
