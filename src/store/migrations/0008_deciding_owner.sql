-- Whose turn it is: who was too slow must not end the turn of the next one.
ALTER TABLE deciding ADD COLUMN owner TEXT NOT NULL DEFAULT '';
