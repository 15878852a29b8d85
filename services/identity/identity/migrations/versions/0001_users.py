"""Users, sessions, links, consents, keys: identity's first tables."""

from alembic import op

from chassis.migrations import standard_tables_sql

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE attempts (
        scope_hash BYTEA NOT NULL,
        times TIMESTAMP WITH TIME ZONE[] NOT NULL,
        last_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_attempts PRIMARY KEY (scope_hash)
    )
    """,
    """
    CREATE INDEX ix_attempts_last_at ON attempts (last_at)
    """,
    """
    CREATE TABLE counted_applications (
        application_id UUID NOT NULL,
        user_id UUID NOT NULL,
        submitted BOOLEAN DEFAULT false NOT NULL,
        approved BOOLEAN DEFAULT false NOT NULL,
        CONSTRAINT pk_counted_applications PRIMARY KEY (application_id)
    )
    """,
    """
    CREATE INDEX ix_counted_applications_user_id ON counted_applications (user_id)
    """,
    """
    CREATE TABLE reset_requests (
        request_id UUID NOT NULL,
        email_hash BYTEA NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_reset_requests PRIMARY KEY (request_id)
    )
    """,
    """
    CREATE TABLE signing_key_pairs (
        kid VARCHAR(100) NOT NULL,
        private_key BYTEA NOT NULL,
        jwk JSONB NOT NULL,
        signs_from TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_signing_key_pairs PRIMARY KEY (kid)
    )
    """,
    """
    CREATE TABLE users (
        user_id UUID NOT NULL,
        username VARCHAR(30),
        email_hash BYTEA,
        personal BYTEA,
        avatar VARCHAR(500),
        nin_hash BYTEA,
        nin BYTEA,
        role VARCHAR(20) NOT NULL,
        role_version BIGINT DEFAULT 0 NOT NULL,
        is_active BOOLEAN DEFAULT true NOT NULL,
        suspension_reason BYTEA,
        is_verified BOOLEAN DEFAULT false NOT NULL,
        email_verified BOOLEAN DEFAULT false NOT NULL,
        applications_count INTEGER DEFAULT 0 NOT NULL,
        approved_applications INTEGER DEFAULT 0 NOT NULL,
        last_login_at TIMESTAMP WITH TIME ZONE,
        erasure_requested_at TIMESTAMP WITH TIME ZONE,
        erased_at TIMESTAMP WITH TIME ZONE,
        version BIGINT DEFAULT 1 NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_users PRIMARY KEY (user_id),
        CONSTRAINT uq_users_username UNIQUE (username),
        CONSTRAINT uq_users_email_hash UNIQUE (email_hash),
        CONSTRAINT uq_users_nin_hash UNIQUE (nin_hash),
        CONSTRAINT ck_users_role_known CHECK (role IN ('member', 'executive', 'admin', 'super_admin')),
        CONSTRAINT ck_users_erased_is_empty CHECK (erased_at IS NULL OR (personal IS NULL AND email_hash IS NULL))
    )
    """,
    """
    CREATE INDEX ix_users_erasure_requested_at ON users (erasure_requested_at)
    WHERE erasure_requested_at IS NOT NULL AND erased_at IS NULL
    """,
    """
    CREATE TABLE consent_records (
        record_id UUID NOT NULL,
        user_id UUID NOT NULL,
        consent VARCHAR(64) NOT NULL,
        version VARCHAR(64) NOT NULL,
        given BOOLEAN NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_consent_records PRIMARY KEY (record_id),
        CONSTRAINT fk_consent_records_user_id_users FOREIGN KEY(user_id) REFERENCES users (user_id)
    )
    """,
    """
    CREATE INDEX ix_consent_records_user_id ON consent_records (user_id, consent, record_id)
    """,
    """
    CREATE TABLE credentials (
        user_id UUID NOT NULL,
        password_hash VARCHAR(255) NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_credentials PRIMARY KEY (user_id),
        CONSTRAINT fk_credentials_user_id_users FOREIGN KEY(user_id) REFERENCES users (user_id)
    )
    """,
    """
    CREATE TABLE links (
        token_hash BYTEA NOT NULL,
        user_id UUID NOT NULL,
        purpose VARCHAR(20) NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_links PRIMARY KEY (token_hash),
        CONSTRAINT fk_links_user_id_users FOREIGN KEY(user_id) REFERENCES users (user_id)
    )
    """,
    """
    CREATE INDEX ix_links_expires_at ON links (expires_at)
    """,
    """
    CREATE INDEX ix_links_user_id ON links (user_id, purpose)
    """,
    """
    CREATE TABLE mails (
        mail_id UUID NOT NULL,
        user_id UUID NOT NULL,
        purpose VARCHAR(20) NOT NULL,
        token BYTEA NOT NULL,
        attempts INTEGER DEFAULT 0 NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_mails PRIMARY KEY (mail_id),
        CONSTRAINT fk_mails_user_id_users FOREIGN KEY(user_id) REFERENCES users (user_id)
    )
    """,
    """
    CREATE INDEX ix_mails_due_at ON mails (due_at)
    """,
    """
    CREATE TABLE sessions (
        session_id UUID NOT NULL,
        user_id UUID NOT NULL,
        auth_time TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        last_used_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE,
        revoke_reason VARCHAR(64),
        user_agent BYTEA,
        CONSTRAINT pk_sessions PRIMARY KEY (session_id),
        CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (user_id)
    )
    """,
    """
    CREATE INDEX ix_sessions_expires_at ON sessions (expires_at)
    """,
    """
    CREATE INDEX ix_sessions_user_id ON sessions (user_id)
    """,
    """
    CREATE TABLE refresh_tokens (
        token_hash BYTEA NOT NULL,
        session_id UUID NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        used_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_refresh_tokens PRIMARY KEY (token_hash),
        CONSTRAINT fk_refresh_tokens_session_id_sessions FOREIGN KEY(session_id)
            REFERENCES sessions (session_id) ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX ix_refresh_tokens_session_id ON refresh_tokens (session_id)
    """,
)


def upgrade() -> None:
    for statement in (*standard_tables_sql(), *STATEMENTS):
        op.execute(statement)
