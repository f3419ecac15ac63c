-- Times are milliseconds since 1970 UTC, 0 where there is none; dates and slots are local.
-- +goose Up
CREATE TABLE subscription (
    platform  TEXT     NOT NULL,
    tenant    TEXT     NOT NULL,
    channel   TEXT     NOT NULL,
    route     TEXT     NOT NULL,
    every     INTEGER  NOT NULL,
    weekday   INTEGER  NOT NULL,
    hour      INTEGER  NOT NULL,
    minute    INTEGER  NOT NULL,
    zone      TEXT     NOT NULL,
    starts    TEXT     NOT NULL,
    pool      TEXT     NOT NULL,
    briefing  TEXT     NOT NULL,
    holidays  TEXT     NOT NULL,
    neutral   INTEGER  NOT NULL,
    paused    TEXT     NOT NULL,
    until     TEXT     NOT NULL,
    next_slot TEXT     NOT NULL,
    next_at   BIGINT   NOT NULL,
    round     BIGINT   NOT NULL,
    last      TEXT     NOT NULL,
    PRIMARY KEY (platform, tenant, channel)
);
CREATE INDEX subscription_next ON subscription (next_at) WHERE next_at > 0;

CREATE TABLE asked (
    platform TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    channel  TEXT NOT NULL,
    question TEXT NOT NULL,
    PRIMARY KEY (platform, tenant, channel, question)
);

CREATE TABLE post (
    platform   TEXT    NOT NULL,
    tenant     TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    slot       TEXT    NOT NULL,
    due_at     BIGINT  NOT NULL,
    state      TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    question   TEXT    NOT NULL,
    tries      INTEGER NOT NULL,
    resent     INTEGER NOT NULL,
    try_at     BIGINT  NOT NULL,
    claim      TEXT    NOT NULL,
    claimed_at BIGINT  NOT NULL,
    sent_at    BIGINT  NOT NULL,
    message    TEXT    NOT NULL,
    PRIMARY KEY (platform, tenant, channel, slot)
);
CREATE INDEX post_due ON post (platform, tenant, try_at) WHERE state = 'due';
CREATE INDEX post_sending ON post (claimed_at) WHERE state = 'sending';

CREATE TABLE tenant (
    platform    TEXT   NOT NULL,
    tenant      TEXT   NOT NULL,
    holder      TEXT   NOT NULL,
    lease_until BIGINT NOT NULL,
    held_until  BIGINT NOT NULL,
    PRIMARY KEY (platform, tenant)
);

-- +goose Down
DROP TABLE tenant;
DROP TABLE post;
DROP TABLE asked;
DROP TABLE subscription;
