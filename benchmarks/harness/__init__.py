"""Runs benchmarks, keeps their records and makes tables of them."""
