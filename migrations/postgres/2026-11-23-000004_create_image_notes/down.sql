DROP TABLE image_notes;
