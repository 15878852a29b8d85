"""What can be done on the feed; one file per use case."""
