"""Pure rules: no HTTP, SQL, Kafka, clock or settings."""
