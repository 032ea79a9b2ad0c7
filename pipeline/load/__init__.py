"""Landed chunks become rows: staged in memory, then written in one transaction."""
