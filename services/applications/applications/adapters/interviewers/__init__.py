"""Who asks the questions: fixed rules, or a language model."""
