-- What is counted for those who watch the bot is found by an index each, however many
-- posts there were. The first is the one that there was, with due_at, so that the age of
-- the oldest post is found without reading the posts.
-- +goose Up
DROP INDEX post_due;
CREATE INDEX post_due ON post (platform, tenant, try_at, due_at) WHERE state = 'due';
CREATE INDEX post_trouble ON post (state, due_at) WHERE state IN ('unconfirmed', 'failed');
CREATE INDEX subscription_paused ON subscription (paused) WHERE paused <> '';

-- +goose Down
DROP INDEX subscription_paused;
DROP INDEX post_trouble;
DROP INDEX post_due;
CREATE INDEX post_due ON post (platform, tenant, try_at) WHERE state = 'due';
