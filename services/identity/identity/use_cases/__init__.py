"""What identity does: one file per use case."""
