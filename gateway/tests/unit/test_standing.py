"""Standing: what no longer counts, and for how long it must be remembered."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from chassis.tokens import AccessToken
from contracts import identity
from gateway.standing import SessionRevokedError, Standing

USER, SESSION = uuid4(), uuid4()


def token(*, user_id: UUID = USER, session_id: UUID = SESSION, role_version: int = 0) -> AccessToken:
    now = datetime.now(UTC)
    return AccessToken(user_id, session_id, "member", role_version, "1", now, now, now + timedelta(minutes=15))


def revoked(session_id: UUID = SESSION) -> identity.SessionRevoked:
    return identity.SessionRevoked(session_id=session_id, user_id=USER, reason="logout", revoked_at=datetime.now(UTC))


def promoted(role_version: int) -> identity.RoleChanged:
    return identity.RoleChanged(user_id=USER, role="admin", previous_role="member", role_version=role_version)


def refuses(standing: Standing, checked: AccessToken) -> bool:
    try:
        standing.check(checked)
    except SessionRevokedError:
        return True
    return False


def test_a_revoked_session_is_refused_and_another_of_the_same_user_is_not():
    standing = Standing()
    standing.apply(revoked())
    assert refuses(standing, token())
    assert not refuses(standing, token(session_id=uuid4()))


@pytest.mark.parametrize("fact", [identity.UserSuspended(user_id=USER), identity.UserErased(user_id=USER)])
def test_a_suspended_or_erased_user_is_refused_in_every_session(fact):
    standing = Standing()
    standing.apply(fact)
    assert refuses(standing, token(session_id=uuid4()))
    assert not refuses(standing, token(user_id=uuid4()))


def test_a_token_from_before_a_change_of_role_is_refused_and_an_older_event_changes_nothing():
    standing = Standing()
    standing.apply(promoted(2))
    standing.apply(promoted(1))
    assert refuses(standing, token(role_version=1))
    assert not refuses(standing, token(role_version=2))


def test_what_no_living_token_can_name_is_forgotten():
    now = [1000.0]
    standing = Standing(now=lambda: now[0])
    standing.apply(revoked())
    now[0] += 1700
    standing.apply(revoked())
    now[0] += 1700
    standing.apply(promoted(1))
    assert refuses(standing, token(role_version=1))
    now[0] += 200
    standing.apply(promoted(1))
    assert not refuses(standing, token(role_version=1))


def test_those_who_listen_hear_of_losses_only():
    heard: list[object] = []
    standing = Standing()
    standing.on_loss(heard.append)
    standing.apply(revoked())
    standing.apply(identity.UserRegistered(user_id=USER, role="member"))
    assert [type(fact) for fact in heard] == [identity.SessionRevoked]
