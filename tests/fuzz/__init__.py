"""The zoo's own parsers, and bytes that nobody meant for them."""
