DROP TABLE IF EXISTS image_notes;
