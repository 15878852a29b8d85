"""Applications, interviews, reviews, decisions, awards."""
