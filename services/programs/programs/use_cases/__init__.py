"""What can be done with programmes; one file per use case."""
