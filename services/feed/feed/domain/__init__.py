"""Pure rules of posts and notifications."""
