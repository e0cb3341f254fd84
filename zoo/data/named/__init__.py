"""The datasets that have a name, one module a kind. Plain data: nothing is loaded to list them."""
