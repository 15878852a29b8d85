"""Who people are: users, credentials, sessions, roles, consent."""
