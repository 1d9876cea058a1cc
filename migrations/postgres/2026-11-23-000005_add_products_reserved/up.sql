-- How many pieces of a product are reserved or sold: what was taken off its stock for payments, and not given back.
ALTER TABLE products ADD COLUMN reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0);
