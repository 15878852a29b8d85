"""Posts, replies, likes, notifications."""
