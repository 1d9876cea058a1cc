ALTER TABLE payments DROP COLUMN contradiction;
ALTER TABLE payments DROP COLUMN contradicted_by;
ALTER TABLE payments DROP COLUMN attention;
