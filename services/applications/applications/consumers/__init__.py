"""One module per upstream context."""
