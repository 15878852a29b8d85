"""What other contexts say, one file per upstream."""
