-- Clocks are wrong at times; the uptime of a host (up, milliseconds) is not. Rows of
-- schema 1 have none of this.
ALTER TABLE state ADD COLUMN up_first INTEGER;
ALTER TABLE state ADD COLUMN up_last INTEGER;
-- 16 bytes where it is a machine-id as systemd makes them, else its text.
ALTER TABLE state ADD COLUMN machine;
-- 1: the login's own namespace.
ALTER TABLE state ADD COLUMN own INTEGER;
-- 1: dated after a look at the same boot that was stored later.
ALTER TABLE state ADD COLUMN doubt INTEGER;
ALTER TABLE peak ADD COLUMN up INTEGER;
