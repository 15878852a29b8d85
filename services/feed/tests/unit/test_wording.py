"""Words of the platform: one for every kind, none with a hole in it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chassis.ids import new_id
from feed.domain.notification import GROUP_OF, Notification, NotificationKind
from feed.domain.post import Content, PostKind
from feed.domain.wording import amount_text, notification_body, notification_title, post_body


@pytest.mark.parametrize("kind", list(NotificationKind))
@pytest.mark.parametrize("whole", [True, False])
def test_every_kind_has_words_and_a_switch(kind, whole):
    facts: dict[str, Any] = {"amount": Decimal("5.50"), "currency": "NGN", "code": "too_short"} if whole else {}
    notification = Notification(new_id(), new_id(), kind, None, new_id(), datetime.now(UTC), **facts)
    body = notification_body(notification, "Tailors {of} Kano" if whole else None)
    assert notification_title(kind)
    assert GROUP_OF[kind]
    assert body.endswith(".")
    assert "None" not in body


def test_amounts_are_grouped():
    assert amount_text(Decimal("1234567.5"), "NGN") == "NGN 1,234,567.50"


def test_an_impact_post_speaks_of_a_programme_even_before_its_title_is_known():
    assert (
        post_body(PostKind.IMPACT, None, Decimal(1), "NGN") == "NGN 1.00 from a programme has reached its beneficiary."
    )


def test_content_survives_being_sealed_as_text():
    content = Content("Ọmọ\n“quoted”", ("https://pictures.example/a.jpg",))
    assert Content.from_text(content.to_text()) == content
