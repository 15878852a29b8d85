"""Everything ImpactNet needs, started by one command without containers."""
