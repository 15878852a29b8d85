CREATE TABLE aggregate_sequences (
    subject VARCHAR(100) NOT NULL, 
    last_sequence BIGINT NOT NULL, 
    CONSTRAINT pk_aggregate_sequences PRIMARY KEY (subject)
);

CREATE TABLE idempotency_keys (
    scope_hash BYTEA NOT NULL, 
    payload_hash BYTEA NOT NULL, 
    status INTEGER NOT NULL, 
    sealed_answer BYTEA NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (scope_hash)
);

CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE TABLE inbox (
    consumer VARCHAR(100) NOT NULL, 
    event_id UUID NOT NULL, 
    handled_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    CONSTRAINT pk_inbox PRIMARY KEY (consumer, event_id)
);

CREATE INDEX ix_inbox_handled_at ON inbox (handled_at);

CREATE TABLE leases (
    name VARCHAR(100) NOT NULL, 
    epoch BIGINT NOT NULL, 
    holder VARCHAR(200) NOT NULL, 
    renewed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    CONSTRAINT pk_leases PRIMARY KEY (name)
);

CREATE TABLE outbox (
    event_id UUID NOT NULL, 
    position BIGINT GENERATED ALWAYS AS IDENTITY, 
    topic VARCHAR(100) NOT NULL, 
    subject VARCHAR(100) NOT NULL, 
    sequence BIGINT NOT NULL, 
    event_type VARCHAR(100) NOT NULL, 
    payload BYTEA NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    published_at TIMESTAMP WITH TIME ZONE, 
    CONSTRAINT pk_outbox PRIMARY KEY (event_id), 
    CONSTRAINT uq_outbox_subject_sequence UNIQUE (subject, sequence)
);

CREATE INDEX ix_outbox_published_at ON outbox (published_at);

CREATE INDEX ix_outbox_unpublished ON outbox (position) WHERE published_at IS NULL;

CREATE TABLE parked_events (
    consumer VARCHAR(100) NOT NULL, 
    event_id UUID NOT NULL, 
    arrival BIGINT GENERATED ALWAYS AS IDENTITY, 
    subject VARCHAR(100) NOT NULL, 
    topic VARCHAR(100) NOT NULL, 
    partition INTEGER NOT NULL, 
    "offset" BIGINT NOT NULL, 
    payload BYTEA NOT NULL, 
    reason VARCHAR(20) NOT NULL, 
    attempts INTEGER DEFAULT 0 NOT NULL, 
    error TEXT, 
    parked_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    CONSTRAINT pk_parked_events PRIMARY KEY (consumer, event_id)
);

CREATE INDEX ix_parked_events_consumer_subject ON parked_events (consumer, subject, arrival);

CREATE INDEX ix_parked_events_due_at ON parked_events (consumer, due_at);

CREATE TABLE revoked_sessions (
    session_id UUID NOT NULL, 
    revoked_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    CONSTRAINT pk_revoked_sessions PRIMARY KEY (session_id)
);

CREATE TABLE signing_keys (
    kid VARCHAR(100) NOT NULL, 
    jwk JSONB NOT NULL, 
    CONSTRAINT pk_signing_keys PRIMARY KEY (kid)
);

CREATE TABLE subject_keys (
    subject_id UUID NOT NULL, 
    wrapped_key BYTEA, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL, 
    destroyed_at TIMESTAMP WITH TIME ZONE, 
    CONSTRAINT pk_subject_keys PRIMARY KEY (subject_id)
);

CREATE TABLE user_standings (
    user_id UUID NOT NULL, 
    role VARCHAR(20) NOT NULL, 
    role_version BIGINT NOT NULL, 
    suspended BOOLEAN DEFAULT false NOT NULL, 
    erased BOOLEAN DEFAULT false NOT NULL, 
    CONSTRAINT pk_user_standings PRIMARY KEY (user_id)
);

