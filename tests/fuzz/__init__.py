"""Fuzz tests of the parsers."""
