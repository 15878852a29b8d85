CREATE TABLE programs (
    id UUID NOT NULL,
    slug VARCHAR(100) NOT NULL,
    status VARCHAR(20) NOT NULL,
    version INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    summary TEXT NOT NULL,
    description TEXT NOT NULL,
    category VARCHAR(100) NOT NULL,
    funder VARCHAR(200) NOT NULL,
    budget NUMERIC(20, 2) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    award_min NUMERIC(20, 2) NOT NULL,
    award_max NUMERIC(20, 2) NOT NULL,
    slots INTEGER NOT NULL,
    location VARCHAR(255),
    open_date DATE NOT NULL,
    close_date DATE NOT NULL,
    time_zone VARCHAR(64) NOT NULL,
    review_quorum INTEGER NOT NULL,
    form_json TEXT,
    created_by UUID NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE,
    funded_at TIMESTAMP WITH TIME ZONE,
    criteria_frozen_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    search TSVECTOR GENERATED ALWAYS AS (((setweight(to_tsvector('english'::regconfig, (title)::text), 'A'::"char") || setweight(to_tsvector('english'::regconfig, summary), 'B'::"char")) || setweight(to_tsvector('english'::regconfig, description), 'C'::"char"))) STORED,
    CONSTRAINT pk_programs PRIMARY KEY (id),
    CONSTRAINT ck_programs_status CHECK (status IN ('draft', 'open', 'closed', 'archived')),
    CONSTRAINT ck_programs_award_range CHECK (award_min > 0 AND award_min <= award_max AND award_max <= budget),
    CONSTRAINT ck_programs_counts CHECK (slots > 0 AND review_quorum > 0),
    CONSTRAINT uq_programs_slug UNIQUE (slug)
);

CREATE INDEX ix_programs_award_max ON programs (award_max, id);

CREATE INDEX ix_programs_category_created_at ON programs (category, created_at DESC, id DESC);

CREATE INDEX ix_programs_close_date ON programs (close_date, id);

CREATE INDEX ix_programs_created_at ON programs (created_at DESC, id DESC);

CREATE INDEX ix_programs_search ON programs USING gin (search);

CREATE INDEX ix_programs_status_category ON programs (status, category);

CREATE TABLE benefits (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    position INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    description TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_benefits PRIMARY KEY (id),
    CONSTRAINT fk_benefits_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (id) ON DELETE CASCADE
);

CREATE INDEX ix_benefits_program_id ON benefits (program_id, position);

CREATE TABLE criteria (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR(200) NOT NULL,
    description TEXT NOT NULL,
    max_score INTEGER NOT NULL,
    weight NUMERIC(5, 2) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_criteria PRIMARY KEY (id),
    CONSTRAINT fk_criteria_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (id) ON DELETE CASCADE
);

CREATE INDEX ix_criteria_program_id ON criteria (program_id, position);

CREATE TABLE executives (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    user_id UUID NOT NULL,
    display_name VARCHAR(255) NOT NULL,
    title VARCHAR(200) NOT NULL,
    is_chair BOOLEAN NOT NULL,
    removed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_executives PRIMARY KEY (id),
    CONSTRAINT uq_executives_program_id_user_id UNIQUE (program_id, user_id),
    CONSTRAINT fk_executives_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (id) ON DELETE CASCADE
);

CREATE INDEX ix_executives_user_id ON executives (user_id);

CREATE UNIQUE INDEX uq_executives_chair ON executives (program_id) WHERE is_chair AND removed_at IS NULL;

CREATE TABLE program_updates (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    author_id UUID NOT NULL,
    title VARCHAR(200) NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_program_updates PRIMARY KEY (id),
    CONSTRAINT fk_program_updates_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (id) ON DELETE CASCADE
);

CREATE INDEX ix_program_updates_program_id ON program_updates (program_id, id DESC);

CREATE TABLE qualifications (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    rule_json TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_qualifications PRIMARY KEY (id),
    CONSTRAINT fk_qualifications_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (id) ON DELETE CASCADE
);

CREATE INDEX ix_qualifications_program_id ON qualifications (program_id, position);

CREATE TABLE requirements (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR(200) NOT NULL,
    description TEXT NOT NULL,
    required BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_requirements PRIMARY KEY (id),
    CONSTRAINT fk_requirements_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (id) ON DELETE CASCADE
);

CREATE INDEX ix_requirements_program_id ON requirements (program_id, position);

CREATE TABLE timeline_phases (
    id UUID NOT NULL,
    program_id UUID NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR(200) NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_timeline_phases PRIMARY KEY (id),
    CONSTRAINT fk_timeline_phases_program_id_programs FOREIGN KEY(program_id) REFERENCES programs (id) ON DELETE CASCADE
);

CREATE INDEX ix_timeline_phases_program_id ON timeline_phases (program_id, position);
