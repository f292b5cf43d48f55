-- What is left to do is found without looking at what is done, however much that is.
CREATE INDEX callbacks_open ON callbacks (due_at) WHERE phase <> 'done';
DROP INDEX callbacks_due;
