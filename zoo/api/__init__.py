"""The verbs behind the public names: the one room that sees all others together."""
