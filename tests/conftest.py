"""Puts the tests folder on the path, so that every test can import the helpers that lie in it."""
