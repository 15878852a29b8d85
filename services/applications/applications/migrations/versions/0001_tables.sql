CREATE TABLE abandoned_objects (
    object_key VARCHAR(200) NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_abandoned_objects PRIMARY KEY (object_key)
);

CREATE INDEX ix_abandoned_objects_due_at ON abandoned_objects (due_at);

CREATE TABLE board_seats (
    executive_id UUID NOT NULL,
    program_id UUID NOT NULL,
    user_id UUID NOT NULL,
    is_chair BOOLEAN NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_board_seats PRIMARY KEY (executive_id)
);

CREATE INDEX ix_board_seats_user_id ON board_seats (user_id);

CREATE UNIQUE INDEX uq_board_seats_present ON board_seats (program_id, user_id) WHERE left_at IS NULL;

CREATE TABLE programs (
    program_id UUID NOT NULL,
    status VARCHAR(20) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    revision BIGINT NOT NULL,
    snapshot JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_programs PRIMARY KEY (program_id),
    CONSTRAINT ck_programs_status CHECK (status IN ('draft', 'open', 'closed', 'archived'))
);

CREATE TABLE applications (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    user_id UUID NOT NULL,
    status VARCHAR(32) NOT NULL,
    version BIGINT NOT NULL,
    sealed_answers BYTEA NOT NULL,
    interview_started_at TIMESTAMP WITH TIME ZONE,
    submitted_at TIMESTAMP WITH TIME ZONE,
    reviewed_at TIMESTAMP WITH TIME ZONE,
    approved_at TIMESTAMP WITH TIME ZONE,
    final_score NUMERIC(5, 2),
    decision_event_id UUID,
    blockchain_hash VARCHAR(64),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_applications PRIMARY KEY (id),
    CONSTRAINT ck_applications_status CHECK (status IN ('draft', 'video_pending', 'ai_interview_pending', 'ai_interview_completed', 'under_review', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT ck_applications_final_score CHECK (final_score BETWEEN 0 AND 100),
    CONSTRAINT ck_applications_approved_at CHECK (status <> 'approved' OR approved_at IS NOT NULL),
    CONSTRAINT ck_applications_submitted_at CHECK (status NOT IN ('under_review', 'approved', 'rejected') OR submitted_at IS NOT NULL),
    CONSTRAINT fk_applications_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (program_id),
    CONSTRAINT uq_applications_decision_event_id UNIQUE (decision_event_id)
);

CREATE INDEX ix_applications_program_id ON applications (program_id, id);

CREATE INDEX ix_applications_status ON applications (status, id);

CREATE INDEX ix_applications_user_id ON applications (user_id, id);

CREATE UNIQUE INDEX uq_applications_live ON applications (user_id, program_id) WHERE status NOT IN ('withdrawn', 'rejected');

CREATE TABLE application_history (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    event VARCHAR(64) NOT NULL,
    status VARCHAR(32) NOT NULL,
    sealed_reason BYTEA,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_application_history PRIMARY KEY (id),
    CONSTRAINT fk_application_history_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id)
);

CREATE INDEX ix_application_history_application_id ON application_history (application_id, id);

CREATE TABLE decisions (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    outcome VARCHAR(10) NOT NULL,
    state VARCHAR(20) NOT NULL,
    refusal_code VARCHAR(64),
    decider_id UUID NOT NULL,
    executive_id UUID NOT NULL,
    sealed_reason BYTEA NOT NULL,
    final_score NUMERIC(5, 2) NOT NULL,
    reviews INTEGER NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_decisions PRIMARY KEY (id),
    CONSTRAINT ck_decisions_outcome CHECK (outcome IN ('approved', 'rejected')),
    CONSTRAINT ck_decisions_state CHECK (state IN ('reserving', 'confirmed', 'refused', 'lapsed', 'overturned')),
    CONSTRAINT ck_decisions_refusal_code CHECK ((state = 'refused') = (refusal_code IS NOT NULL)),
    CONSTRAINT fk_decisions_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id),
    CONSTRAINT fk_decisions_executive_id_board_seats FOREIGN KEY(executive_id) REFERENCES board_seats (executive_id)
);

CREATE INDEX ix_decisions_application_id ON decisions (application_id, id);

CREATE INDEX ix_decisions_decided_at ON decisions (decided_at);

CREATE UNIQUE INDEX uq_decisions_live ON decisions (application_id) WHERE state IN ('reserving', 'confirmed');

CREATE TABLE documents (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    requirement_id UUID NOT NULL,
    object_key VARCHAR(200) NOT NULL,
    sealed_file_name BYTEA NOT NULL,
    content_type VARCHAR(100) NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    scan VARCHAR(20) DEFAULT 'unscanned' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_documents PRIMARY KEY (id),
    CONSTRAINT ck_documents_scan CHECK (scan IN ('unscanned', 'clean', 'infected')),
    CONSTRAINT fk_documents_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id),
    CONSTRAINT uq_documents_object_key UNIQUE (object_key)
);

CREATE INDEX ix_documents_application_id ON documents (application_id, id);

CREATE TABLE interviews (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    status VARCHAR(20) NOT NULL,
    model VARCHAR(100) NOT NULL,
    prompt_version VARCHAR(20) NOT NULL,
    parameters JSONB DEFAULT '{}' NOT NULL,
    questions_total INTEGER NOT NULL,
    question_number INTEGER NOT NULL,
    turns INTEGER DEFAULT 0 NOT NULL,
    tokens_used INTEGER DEFAULT 0 NOT NULL,
    answering_until TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT 1 NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    completed_at TIMESTAMP WITH TIME ZONE,
    sealed_transcript BYTEA,
    sealed_transcript_salt BYTEA,
    transcript_sha256 VARCHAR(64),
    ai_score NUMERIC(5, 2),
    sealed_ai_recommendation BYTEA,
    scored_at TIMESTAMP WITH TIME ZONE,
    scoring_due_at TIMESTAMP WITH TIME ZONE,
    scoring_attempts INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_interviews PRIMARY KEY (id),
    CONSTRAINT ck_interviews_status CHECK (status IN ('in_progress', 'paused', 'completed')),
    CONSTRAINT ck_interviews_completed_at CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT ck_interviews_ai_score CHECK (ai_score BETWEEN 0 AND 100),
    CONSTRAINT uq_interviews_application_id UNIQUE (application_id),
    CONSTRAINT fk_interviews_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id)
);

CREATE INDEX ix_interviews_scoring_due_at ON interviews (scoring_due_at) WHERE scored_at IS NULL;

CREATE TABLE recusals (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    executive_id UUID NOT NULL,
    user_id UUID NOT NULL,
    sealed_reason BYTEA NOT NULL,
    recused_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_recusals PRIMARY KEY (id),
    CONSTRAINT uq_recusals_application_id_user_id UNIQUE (application_id, user_id),
    CONSTRAINT fk_recusals_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id),
    CONSTRAINT fk_recusals_executive_id_board_seats FOREIGN KEY(executive_id) REFERENCES board_seats (executive_id)
);

CREATE TABLE reviews (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    executive_id UUID NOT NULL,
    reviewer_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    scores JSONB NOT NULL,
    total_score NUMERIC(5, 2) NOT NULL,
    sealed_notes BYTEA,
    recommendation VARCHAR(10) NOT NULL,
    reviewed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_reviews PRIMARY KEY (id),
    CONSTRAINT ck_reviews_recommendation CHECK (recommendation IN ('approve', 'reject', 'revise')),
    CONSTRAINT ck_reviews_total_score CHECK (total_score BETWEEN 0 AND 100),
    CONSTRAINT uq_reviews_application_id_executive_id UNIQUE (application_id, executive_id),
    CONSTRAINT uq_reviews_application_id_reviewer_id UNIQUE (application_id, reviewer_id),
    CONSTRAINT fk_reviews_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id),
    CONSTRAINT fk_reviews_executive_id_board_seats FOREIGN KEY(executive_id) REFERENCES board_seats (executive_id)
);

CREATE INDEX ix_reviews_reviewer_id ON reviews (reviewer_id);

CREATE TABLE submissions (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    sealed_snapshot BYTEA NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_submissions PRIMARY KEY (id),
    CONSTRAINT uq_submissions_application_id UNIQUE (application_id),
    CONSTRAINT fk_submissions_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id)
);

CREATE TABLE videos (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    status VARCHAR(20) NOT NULL,
    object_key VARCHAR(200) NOT NULL,
    thumbnail_key VARCHAR(200),
    content_type VARCHAR(100) NOT NULL,
    size_bytes BIGINT,
    sha256 VARCHAR(64),
    incoming_key VARCHAR(200),
    storage_upload_id VARCHAR(1024),
    upload_expires_at TIMESTAMP WITH TIME ZONE,
    duration_milliseconds BIGINT,
    sealed_transcript BYTEA,
    transcriber VARCHAR(100),
    scan VARCHAR(20) DEFAULT 'unscanned' NOT NULL,
    refusal_code VARCHAR(64),
    uploaded_at TIMESTAMP WITH TIME ZONE,
    process_after TIMESTAMP WITH TIME ZONE,
    process_attempts INTEGER DEFAULT 0 NOT NULL,
    superseded_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_videos PRIMARY KEY (id),
    CONSTRAINT ck_videos_status CHECK (status IN ('awaiting_upload', 'processing', 'ready', 'refused')),
    CONSTRAINT ck_videos_scan CHECK (scan IN ('unscanned', 'clean', 'infected')),
    CONSTRAINT ck_videos_refusal_code CHECK ((status = 'refused') = (refusal_code IS NOT NULL)),
    CONSTRAINT ck_videos_duration CHECK (status <> 'ready' OR duration_milliseconds IS NOT NULL),
    CONSTRAINT fk_videos_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id),
    CONSTRAINT uq_videos_object_key UNIQUE (object_key)
);

CREATE INDEX ix_videos_application_id ON videos (application_id, id);

CREATE INDEX ix_videos_process_after ON videos (process_after) WHERE process_after IS NOT NULL;

CREATE UNIQUE INDEX uq_videos_current ON videos (application_id) WHERE superseded_at IS NULL AND status <> 'awaiting_upload';

CREATE TABLE appeals (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    decision_id UUID NOT NULL,
    sealed_reason BYTEA NOT NULL,
    outcome VARCHAR(20),
    decided_by UUID,
    sealed_outcome_reason BYTEA,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_appeals PRIMARY KEY (id),
    CONSTRAINT ck_appeals_outcome CHECK (outcome IN ('upheld', 'dismissed')),
    CONSTRAINT ck_appeals_decided_by CHECK ((outcome IS NULL) = (decided_by IS NULL)),
    CONSTRAINT uq_appeals_decision_id UNIQUE (decision_id),
    CONSTRAINT fk_appeals_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id),
    CONSTRAINT fk_appeals_decision_id_decisions FOREIGN KEY(decision_id) REFERENCES decisions (id)
);

CREATE INDEX ix_appeals_application_id ON appeals (application_id);

CREATE TABLE awards (
    id UUID NOT NULL,
    application_id UUID NOT NULL,
    decision_id UUID NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    state VARCHAR(20) NOT NULL,
    refusal_code VARCHAR(64),
    committed_at TIMESTAMP WITH TIME ZONE,
    cancelled_by UUID,
    sealed_cancel_reason BYTEA,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_awards PRIMARY KEY (id),
    CONSTRAINT ck_awards_state CHECK (state IN ('reserving', 'committed', 'refused', 'completed', 'cancelled')),
    CONSTRAINT ck_awards_amount CHECK (amount > 0),
    CONSTRAINT fk_awards_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id),
    CONSTRAINT uq_awards_decision_id UNIQUE (decision_id),
    CONSTRAINT fk_awards_decision_id_decisions FOREIGN KEY(decision_id) REFERENCES decisions (id)
);

CREATE INDEX ix_awards_application_id ON awards (application_id, id);

CREATE UNIQUE INDEX uq_awards_live ON awards (application_id) WHERE state IN ('reserving', 'committed', 'completed');

CREATE TABLE interview_messages (
    id UUID NOT NULL,
    interview_id UUID NOT NULL,
    position INTEGER NOT NULL,
    role VARCHAR(10) NOT NULL,
    sealed_content BYTEA NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    model VARCHAR(100),
    prompt_version VARCHAR(20),
    parameters JSONB,
    response_id VARCHAR(200),
    tokens INTEGER,
    CONSTRAINT pk_interview_messages PRIMARY KEY (id),
    CONSTRAINT ck_interview_messages_role CHECK (role IN ('user', 'assistant')),
    CONSTRAINT uq_interview_messages_interview_id_position UNIQUE (interview_id, position),
    CONSTRAINT fk_interview_messages_interview_id_interviews FOREIGN KEY(interview_id) REFERENCES interviews (id)
);

CREATE TABLE review_revisions (
    id UUID NOT NULL,
    review_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    scores JSONB NOT NULL,
    total_score NUMERIC(5, 2) NOT NULL,
    sealed_notes BYTEA,
    recommendation VARCHAR(10) NOT NULL,
    reviewed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_review_revisions PRIMARY KEY (id),
    CONSTRAINT uq_review_revisions_review_id_revision UNIQUE (review_id, revision),
    CONSTRAINT fk_review_revisions_review_id_reviews FOREIGN KEY(review_id) REFERENCES reviews (id)
);

CREATE TABLE interview_findings (
    message_id UUID NOT NULL,
    answer_verified BOOLEAN NOT NULL,
    flagged_for_review BOOLEAN NOT NULL,
    sealed_details BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_interview_findings PRIMARY KEY (message_id),
    CONSTRAINT fk_interview_findings_message_id_interview_messages FOREIGN KEY(message_id) REFERENCES interview_messages (id)
);

CREATE TABLE message_contests (
    id UUID NOT NULL,
    message_id UUID NOT NULL,
    sealed_reason BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_message_contests PRIMARY KEY (id),
    CONSTRAINT uq_message_contests_message_id UNIQUE (message_id),
    CONSTRAINT fk_message_contests_message_id_interview_messages FOREIGN KEY(message_id) REFERENCES interview_messages (id)
);

CREATE TABLE tranches (
    id UUID NOT NULL,
    award_id UUID NOT NULL,
    position INTEGER NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    due_on DATE NOT NULL,
    condition VARCHAR(500) NOT NULL,
    state VARCHAR(20) NOT NULL,
    paid_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_tranches PRIMARY KEY (id),
    CONSTRAINT ck_tranches_state CHECK (state IN ('planned', 'requested', 'approved', 'paid', 'failed', 'reversed', 'cancelled')),
    CONSTRAINT ck_tranches_amount CHECK (amount > 0),
    CONSTRAINT uq_tranches_award_id_position UNIQUE (award_id, position),
    CONSTRAINT fk_tranches_award_id_awards FOREIGN KEY(award_id) REFERENCES awards (id)
);

CREATE TABLE disbursement_requests (
    id UUID NOT NULL,
    tranche_id UUID NOT NULL,
    award_id UUID NOT NULL,
    application_id UUID NOT NULL,
    payee_id UUID NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    status VARCHAR(20) NOT NULL,
    requested_by UUID NOT NULL,
    decided_by UUID,
    reason VARCHAR(10000),
    transaction_id UUID,
    failure_code VARCHAR(64),
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_disbursement_requests PRIMARY KEY (id),
    CONSTRAINT ck_disbursement_requests_status CHECK (status IN ('requested', 'approved', 'refused', 'paid', 'failed', 'reversed')),
    CONSTRAINT ck_disbursement_requests_two_people CHECK (decided_by <> requested_by OR status = 'refused'),
    CONSTRAINT ck_disbursement_requests_requester_is_not_payee CHECK (requested_by <> payee_id),
    CONSTRAINT ck_disbursement_requests_approver_is_not_payee CHECK (decided_by <> payee_id),
    CONSTRAINT ck_disbursement_requests_approved_by_someone CHECK (status IN ('requested', 'refused') OR decided_by IS NOT NULL),
    CONSTRAINT fk_disbursement_requests_tranche_id_tranches FOREIGN KEY(tranche_id) REFERENCES tranches (id),
    CONSTRAINT fk_disbursement_requests_award_id_awards FOREIGN KEY(award_id) REFERENCES awards (id),
    CONSTRAINT fk_disbursement_requests_application_id_applications FOREIGN KEY(application_id) REFERENCES applications (id)
);

CREATE INDEX ix_disbursement_requests_application_id ON disbursement_requests (application_id, id);

CREATE INDEX ix_disbursement_requests_award_id ON disbursement_requests (award_id);

CREATE UNIQUE INDEX uq_disbursement_requests_live ON disbursement_requests (tranche_id) WHERE status IN ('requested', 'approved', 'paid');
