"""What identity stands on: PostgreSQL, argon2, mail."""
