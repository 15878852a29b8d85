"""Identity's tables; what is personal is in `bytea` columns, sealed under the person's own key."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from chassis.tables import service_metadata

metadata = service_metadata()

_now = func.clock_timestamp()


def _time(name: str, *, required: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=_now if required else None)


users = Table(
    "users",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    # Public by its nature, so in clear; null once erased, as all that follows which says who this was.
    Column("username", String(30)),
    # Keyed hashes find a user by address or NIN and keep both unique; without the master key they say nothing.
    Column("email_hash", LargeBinary),
    Column("personal", LargeBinary),
    Column("avatar", String(500)),
    Column("nin_hash", LargeBinary),
    Column("nin", LargeBinary),
    Column("role", String(20), nullable=False),
    Column("role_version", BigInteger, nullable=False, server_default=text("0")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("suspension_reason", LargeBinary),
    Column("is_verified", Boolean, nullable=False, server_default=text("false")),
    Column("email_verified", Boolean, nullable=False, server_default=text("false")),
    Column("applications_count", Integer, nullable=False, server_default=text("0")),
    Column("approved_applications", Integer, nullable=False, server_default=text("0")),
    _time("last_login_at", required=False),
    _time("erasure_requested_at", required=False),
    _time("erased_at", required=False),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("username"),
    UniqueConstraint("email_hash"),
    UniqueConstraint("nin_hash"),
    CheckConstraint("role IN ('member', 'executive', 'admin', 'super_admin')", name="role_known"),
    CheckConstraint("erased_at IS NULL OR (personal IS NULL AND email_hash IS NULL)", name="erased_is_empty"),
    Index(
        "ix_users_erasure_requested_at",
        "erasure_requested_at",
        postgresql_where=text("erasure_requested_at IS NOT NULL AND erased_at IS NULL"),
    ),
)

credentials = Table(
    "credentials",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.user_id"), primary_key=True),
    # argon2id in the PHC string format: parameters and salt inside.
    Column("password_hash", String(255), nullable=False),
    _time("changed_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.user_id"), nullable=False),
    _time("auth_time"),
    _time("created_at"),
    _time("last_used_at"),
    _time("expires_at"),
    _time("revoked_at", required=False),
    Column("revoke_reason", String(64)),
    # What the person's browser called itself, so that they recognize it in the list; sealed.
    Column("user_agent", LargeBinary),
    Index("ix_sessions_user_id", "user_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    # SHA-256 of 256 random bits: nothing to look up in a table, so it needs no salt.
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", Uuid, ForeignKey("sessions.session_id", ondelete="CASCADE"), nullable=False),
    _time("created_at"),
    _time("used_at", required=False),
    Index("ix_refresh_tokens_session_id", "session_id"),
)

links = Table(
    "links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.user_id"), nullable=False),
    Column("purpose", String(20), nullable=False),
    _time("expires_at"),
    Index("ix_links_user_id", "user_id", "purpose"),
    Index("ix_links_expires_at", "expires_at"),
)

mails = Table(
    "mails",
    metadata,
    Column("mail_id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.user_id"), nullable=False),
    Column("purpose", String(20), nullable=False),
    # The link's token, sealed: the only place that could still read it, and the row goes when the mail has gone.
    Column("token", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _time("due_at"),
    _time("created_at"),
    Index("ix_mails_due_at", "due_at"),
)

reset_requests = Table(
    "reset_requests",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("email_hash", LargeBinary, nullable=False),
    _time("created_at"),
)

consent_records = Table(
    "consent_records",
    metadata,
    # Append-only: the newest row of a consent counts, the older ones are its history.
    Column("record_id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.user_id"), nullable=False),
    Column("consent", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("given", Boolean, nullable=False),
    _time("recorded_at"),
    Index("ix_consent_records_user_id", "user_id", "consent", "record_id"),
)

signing_key_pairs = Table(
    "signing_key_pairs",
    metadata,
    Column("kid", String(100), primary_key=True),
    # PKCS#8, sealed under a key derived from the master key; what verifies is in the chassis' `signing_keys`.
    Column("private_key", LargeBinary, nullable=False),
    Column("jwk", JSONB, nullable=False),
    # The newest that has begun to sign is the one that signs.
    _time("signs_from"),
    _time("created_at"),
)

attempts = Table(
    "attempts",
    metadata,
    # A keyed hash of account or address: this table holds neither.
    Column("scope_hash", LargeBinary, primary_key=True),
    Column("times", ARRAY(DateTime(timezone=True)), nullable=False),
    _time("last_at"),
    Index("ix_attempts_last_at", "last_at"),
)

counted_applications = Table(
    "counted_applications",
    metadata,
    # Which applications are in a user's counts: a replayed or repeated fact counts once.
    Column("application_id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("submitted", Boolean, nullable=False, server_default=text("false")),
    Column("approved", Boolean, nullable=False, server_default=text("false")),
    Index("ix_counted_applications_user_id", "user_id"),
)
