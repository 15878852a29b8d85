"""What identity hears from other contexts."""
