package archive

// layout is the version of the tables. A file with another one is moved aside.
const layout = 3

// schema makes the tables. Records lie in two tables, so that the healthy ones can go first. The key of a record is the time
// of its end: see keyOf. The key of a block of metrics has its tier, its time and its series: see blockKey. So pages fill one after the other, no index needs a write, and the oldest records free whole pages.
const schema = `
CREATE TABLE processes (id INTEGER PRIMARY KEY, node TEXT NOT NULL, build TEXT NOT NULL, revision TEXT NOT NULL, started INTEGER NOT NULL) STRICT;
CREATE TABLE healthy (key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE kept (key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, counter INTEGER NOT NULL, seen INTEGER NOT NULL) STRICT;
CREATE TABLE ticks (slot INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE blocks (key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE sums (key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE errors (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, route TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, example TEXT NOT NULL, build TEXT NOT NULL, revision TEXT NOT NULL) STRICT;
CREATE TABLE traces (key INTEGER PRIMARY KEY, trace BLOB NOT NULL, name TEXT NOT NULL, took INTEGER NOT NULL, failed INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX traces_trace ON traces (trace);
CREATE TABLE events (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, details TEXT NOT NULL, node TEXT NOT NULL) STRICT;
CREATE INDEX events_at ON events (at);
CREATE TABLE incidents (id INTEGER PRIMARY KEY, opened INTEGER NOT NULL, closed INTEGER NOT NULL, state TEXT NOT NULL, source TEXT NOT NULL, title TEXT NOT NULL, details TEXT NOT NULL) STRICT;
CREATE INDEX incidents_opened ON incidents (opened);
CREATE TABLE notes (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX notes_incident ON notes (incident);
`

const pageSize = 4096

// filePragmas come before the tables are made.
//
//   - Pages can be given back to the file system when the bound becomes smaller.
const filePragmas = `PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;`
