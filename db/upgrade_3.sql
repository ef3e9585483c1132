-- upgrade_3.sql -- version 3: accuracy classes are the program's table, not the file's.
--
-- A CHECK constraint does not touch rows, so it is edited where it stands
-- (https://www.sqlite.org/lang_altertable.html, section 7); the index is made again so that
-- every other connection reads the schema anew.

PRAGMA writable_schema = ON;
UPDATE sqlite_schema
   SET sql = replace(sql, 'CHECK (accuracy IN (''exact'', ''fast''))', 'CHECK (length(accuracy) > 0)')
 WHERE type = 'table' AND name = 'problem';
PRAGMA writable_schema = RESET;
DROP INDEX problem_family;
CREATE INDEX problem_family ON problem (accuracy, op, quant, group_k);
