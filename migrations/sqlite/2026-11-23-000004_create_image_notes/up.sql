-- Places in the image store that are to be cleared, unless a product takes its image's note away first.
CREATE TABLE image_notes (
    image_key TEXT NOT NULL PRIMARY KEY,
    due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX image_notes_due_at ON image_notes (due_at);
