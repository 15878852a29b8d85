CREATE TABLE notifications (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    kind VARCHAR(64) NOT NULL,
    link VARCHAR(500),
    cause_id UUID NOT NULL,
    program_id UUID,
    amount NUMERIC(20, 2),
    currency VARCHAR(3),
    code VARCHAR(64),
    read_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_notifications PRIMARY KEY (id),
    CONSTRAINT uq_notifications_user_id_cause_id UNIQUE (user_id, cause_id)
);

CREATE INDEX ix_notifications_read ON notifications (user_id, id DESC) WHERE read_at IS NOT NULL;

CREATE INDEX ix_notifications_unread ON notifications (user_id, id DESC) WHERE read_at IS NULL;

CREATE TABLE posts (
    id UUID NOT NULL,
    kind VARCHAR(10) NOT NULL,
    author_id UUID,
    sealed_content BYTEA,
    program_id UUID,
    transaction_id UUID,
    request_id UUID,
    update_id UUID,
    amount NUMERIC(20, 2),
    currency VARCHAR(3),
    version INTEGER NOT NULL,
    likes INTEGER DEFAULT 0 NOT NULL,
    replies INTEGER DEFAULT 0 NOT NULL,
    hidden_at TIMESTAMP WITH TIME ZONE,
    hidden_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_posts PRIMARY KEY (id),
    CONSTRAINT ck_posts_kind CHECK (kind IN ('post', 'impact', 'update')),
    CONSTRAINT ck_posts_author CHECK ((kind = 'post') = (author_id IS NOT NULL)),
    CONSTRAINT ck_posts_counts CHECK (likes >= 0 AND replies >= 0),
    CONSTRAINT uq_posts_transaction_id UNIQUE (transaction_id),
    CONSTRAINT uq_posts_update_id UNIQUE (update_id)
);

CREATE INDEX ix_posts_author_id ON posts (author_id, id DESC);

CREATE INDEX ix_posts_request_id ON posts (request_id);

CREATE INDEX ix_posts_visible ON posts (id DESC) WHERE hidden_at IS NULL;

CREATE INDEX ix_posts_visible_kind ON posts (kind, id DESC) WHERE hidden_at IS NULL;

CREATE INDEX ix_posts_visible_program_id ON posts (program_id, id DESC) WHERE hidden_at IS NULL;

CREATE TABLE preferences (
    user_id UUID NOT NULL,
    version INTEGER NOT NULL,
    applications BOOLEAN NOT NULL,
    reviews BOOLEAN NOT NULL,
    payments BOOLEAN NOT NULL,
    donations BOOLEAN NOT NULL,
    community BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_preferences PRIMARY KEY (user_id)
);

CREATE TABLE programs (
    program_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_programs PRIMARY KEY (program_id)
);

CREATE TABLE board_members (
    program_id UUID NOT NULL,
    user_id UUID NOT NULL,
    CONSTRAINT pk_board_members PRIMARY KEY (program_id, user_id),
    CONSTRAINT fk_board_members_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (program_id) ON DELETE CASCADE
);

CREATE TABLE likes (
    post_id UUID NOT NULL,
    user_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_likes PRIMARY KEY (post_id, user_id),
    CONSTRAINT fk_likes_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);

CREATE INDEX ix_likes_user_id ON likes (user_id);

CREATE TABLE replies (
    id UUID NOT NULL,
    post_id UUID NOT NULL,
    author_id UUID NOT NULL,
    sealed_body BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_replies PRIMARY KEY (id),
    CONSTRAINT fk_replies_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);

CREATE INDEX ix_replies_author_id ON replies (author_id);

CREATE INDEX ix_replies_post_id ON replies (post_id, id);

CREATE TABLE reports (
    id UUID NOT NULL,
    post_id UUID NOT NULL,
    reporter_id UUID NOT NULL,
    sealed_reason BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_reports PRIMARY KEY (id),
    CONSTRAINT uq_reports_post_id_reporter_id UNIQUE (post_id, reporter_id),
    CONSTRAINT fk_reports_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);

CREATE INDEX ix_reports_reporter_id ON reports (reporter_id);
