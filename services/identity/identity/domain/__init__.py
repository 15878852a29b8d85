"""Pure rules about people, passwords and sessions."""
