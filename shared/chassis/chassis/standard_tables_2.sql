CREATE TABLE consumer_offsets (
    consumer VARCHAR(100) NOT NULL,
    topic VARCHAR(100) NOT NULL,
    partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    CONSTRAINT pk_consumer_offsets PRIMARY KEY (consumer, topic, partition)
);
