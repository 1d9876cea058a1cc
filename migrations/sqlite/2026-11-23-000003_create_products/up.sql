-- Rows are long, so they stay out of the tree of identifiers: walking an index is then not walking descriptions.
CREATE TABLE products (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price >= 0),
    stock INTEGER NOT NULL CHECK (stock >= 0),
    reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    image_key TEXT,
    image_url TEXT,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT;
-- An index for each order. What is withdrawn lies apart, so that no page steps over it. A partial index would do the same,
-- but SQLite then reads each row to count or to search, because it looks for deleted_at in it. Behind the identifier
-- stands what lists are filtered by, so that a row that is left out is not read at all.
CREATE INDEX products_created_at ON products (deleted_at, created_at, id, price, name_key);
CREATE INDEX products_price ON products (deleted_at, price, id, name_key);
CREATE INDEX products_name_key ON products (deleted_at, name_key, id, price);
CREATE INDEX products_user_id ON products (user_id, deleted_at, created_at, id);
