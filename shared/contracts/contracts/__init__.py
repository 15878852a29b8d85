"""What ImpactNet services say to each other: envelope, topics, registry, one module per context."""
