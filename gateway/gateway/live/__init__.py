"""Live sockets: events from Kafka to the people they concern, each once and in order."""
