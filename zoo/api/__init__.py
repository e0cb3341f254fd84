"""Implementation of the public verbs, one module per family."""
