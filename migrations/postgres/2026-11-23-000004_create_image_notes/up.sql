-- Places in the image store that are to be cleared, unless a product takes its image's note away first.
CREATE TABLE image_notes (
    image_key VARCHAR(64) NOT NULL PRIMARY KEY,
    due_at TIMESTAMP(6) NOT NULL,
    attempts INTEGER NOT NULL
);
CREATE INDEX image_notes_due_at ON image_notes (due_at);
