-- Times are Unix milliseconds. A run's seq is the order in which runs were
-- stored, whatever the clock said. Absent numbers are NULL.

-- A run without its hosts; head is its JSON.
CREATE TABLE run (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	started INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	selection TEXT NOT NULL,
	label TEXT NOT NULL,
	hosts INTEGER NOT NULL,
	head BLOB NOT NULL
);
CREATE INDEX run_selection ON run(selection, seq);

-- One for each name ever seen; base and traits are the current pieces.
CREATE TABLE host (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	first_seen INTEGER,
	last_seen INTEGER,
	last_seen_run TEXT,
	last_verdict TEXT,
	missed INTEGER NOT NULL DEFAULT 0,
	missed_since INTEGER,
	last_run INTEGER NOT NULL,
	base INTEGER,
	traits INTEGER
);

-- Text that many results refer to: see pieces.go. last is the seq of the last
-- run that may refer to it, NULL while it is current.
CREATE TABLE piece (
	id INTEGER PRIMARY KEY,
	host INTEGER,
	kind TEXT NOT NULL,
	seed INTEGER,
	data BLOB NOT NULL,
	last INTEGER
);
CREATE INDEX piece_last ON piece(last) WHERE last IS NOT NULL;
CREATE INDEX piece_host ON piece(host);
CREATE INDEX piece_seed ON piece(id) WHERE kind = 'seed';

-- One host of one run; doc is its JSON, as a difference from base.
CREATE TABLE result (
	run INTEGER NOT NULL,
	host INTEGER NOT NULL,
	status TEXT NOT NULL,
	verdict TEXT,
	stage TEXT,
	buckets INTEGER,
	total INTEGER,
	traits INTEGER,
	base INTEGER NOT NULL,
	doc BLOB,
	PRIMARY KEY (run, host)
) WITHOUT ROWID;

-- Stretches in which boot, namespace, limit (lim) and counter (total) stood still.
CREATE TABLE state (
	host INTEGER NOT NULL,
	namespace TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	boot TEXT NOT NULL,
	lim INTEGER,
	total INTEGER,
	PRIMARY KEY (host, namespace, first)
) WITHOUT ROWID;

-- The fullest look at a table on a UTC day.
CREATE TABLE peak (
	day INTEGER NOT NULL,
	host INTEGER NOT NULL,
	namespace TEXT NOT NULL,
	at INTEGER NOT NULL,
	boot TEXT NOT NULL,
	buckets INTEGER NOT NULL,
	lim INTEGER,
	looks INTEGER NOT NULL,
	PRIMARY KEY (day, host, namespace)
) WITHOUT ROWID;
