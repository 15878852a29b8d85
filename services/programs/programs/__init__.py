"""Programmes and everything they consist of."""
