"""Real PostgreSQL and real Kafka for tests, and a harness round one service; importable by tests only."""
