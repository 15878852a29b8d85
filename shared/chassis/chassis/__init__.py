"""What every ImpactNet service stands on."""
