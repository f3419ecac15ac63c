-- Posts that are settled are removed after a while: without this, every look for old
-- ones would read the whole history.
-- +goose Up
CREATE INDEX post_old ON post (due_at) WHERE state IN ('sent', 'unconfirmed', 'failed', 'skipped');

-- +goose Down
DROP INDEX post_old;
