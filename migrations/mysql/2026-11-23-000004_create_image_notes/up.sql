-- Places in the image store that are to be cleared, unless a product takes its image's note away first.
CREATE TABLE IF NOT EXISTS image_notes (
    image_key VARCHAR(64) NOT NULL PRIMARY KEY,
    due_at DATETIME(6) NOT NULL,
    attempts INTEGER NOT NULL,
    INDEX image_notes_due_at (due_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
