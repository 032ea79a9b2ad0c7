"""Retell calls into a DuckDB warehouse."""

__version__ = "0.1.0"
