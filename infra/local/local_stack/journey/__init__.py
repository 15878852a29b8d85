"""The whole journey as a client drives it, at the gateway only; used by the demo and by the tests."""
