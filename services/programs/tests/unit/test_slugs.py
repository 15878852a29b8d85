"""Names in addresses."""

import pytest

from chassis.ids import new_id
from programs.domain.slugs import SLUG_CHARACTERS_MAX, distinct_slug_of, slug_of


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Women & Crafts 2026", "women-crafts-2026"),
        ("Ọmọ Nàìjíríà", "omo-naijiria"),
        ("---", "program"),
        ("非洲", "program"),
    ],
)
def test_a_slug_is_plain_words(title, slug):
    assert slug_of(title) == slug


def test_a_slug_has_a_limit():
    assert len(slug_of("word " * 50)) <= SLUG_CHARACTERS_MAX


def test_a_taken_title_is_told_apart_by_its_id():
    program_id = new_id()
    assert distinct_slug_of("Twins", program_id) == f"twins-{program_id.hex[-6:]}"
