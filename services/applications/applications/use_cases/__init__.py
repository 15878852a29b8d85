"""One module per use case: the table of contents of the service."""
