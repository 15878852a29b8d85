"""The limit of open files: lifted as far as it may be, never lowered."""

import resource
from collections.abc import Iterator

import pytest

from gateway.descriptors import raise_descriptor_limit


@pytest.fixture
def hard() -> Iterator[int]:
    """A soft limit of 256 for the time of a test; the hard limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_lifted_to_what_is_wanted_and_not_further(hard):
    assert raise_descriptor_limit(300) == 300
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)
    assert raise_descriptor_limit(299) == 300, "what is more already stays"


def test_where_less_is_allowed_that_much_is_taken(hard):
    if hard == resource.RLIM_INFINITY:
        pytest.skip("nothing is refused here")
    assert raise_descriptor_limit(hard + 1) == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
