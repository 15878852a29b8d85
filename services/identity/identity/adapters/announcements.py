"""Turns what happened here into the facts that other contexts hear."""

from typing import Literal
from uuid import UUID

from chassis.database import UnitOfWork
from contracts import identity as facts
from identity.domain.consents import Consent
from identity.domain.people import Role, User


class ContractAnnouncements:
    """`ports.Announcements`, written with the unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def user_registered(self, user_id: UUID, role: Role) -> None:
        self._work.announce(facts.UserRegistered(user_id=user_id, role=role))

    def role_changed(self, user: User, previous_role: Role) -> None:
        self._work.announce(
            facts.RoleChanged(
                user_id=user.user_id, role=user.role, previous_role=previous_role, role_version=user.role_version
            )
        )

    def user_verified(self, user_id: UUID, method: Literal["nin", "admin"]) -> None:
        self._work.announce(facts.UserVerified(user_id=user_id, method=method))

    def email_verified(self, user_id: UUID) -> None:
        self._work.announce(facts.EmailVerified(user_id=user_id))

    def user_suspended(self, user_id: UUID) -> None:
        self._work.announce(facts.UserSuspended(user_id=user_id))

    def user_erased(self, user_id: UUID) -> None:
        self._work.announce(facts.UserErased(user_id=user_id))

    def consent_changed(self, user_id: UUID, consent: Consent) -> None:
        self._work.announce(
            facts.ConsentChanged(user_id=user_id, consent=consent.consent, version=consent.version, given=consent.given)
        )
