"""Texts: labeled ones, and sentence pairs."""
