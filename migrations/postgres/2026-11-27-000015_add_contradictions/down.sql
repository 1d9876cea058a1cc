ALTER TABLE payments DROP COLUMN contradiction, DROP COLUMN contradicted_by, DROP COLUMN attention;
