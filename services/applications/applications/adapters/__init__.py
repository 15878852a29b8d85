"""What connects the use cases to PostgreSQL, object storage and models."""
