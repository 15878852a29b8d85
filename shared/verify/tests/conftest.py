"""Settings for every test of the verifier."""

from hypothesis import settings

# A busy machine is slow, not wrong: time is measured by benchmarks, never by a property test.
settings.register_profile("verify", deadline=None)
settings.load_profile("verify")
