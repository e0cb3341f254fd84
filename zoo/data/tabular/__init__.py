"""Tables of measurements and categories."""
