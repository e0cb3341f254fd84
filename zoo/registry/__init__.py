"""Find plugins by name: entry points, catalog, resolver, loader. Listing imports no plugin."""
