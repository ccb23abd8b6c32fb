package store

import "time"

// Stats are counts since a database was opened, and its state at a moment. Reading them runs no statement.
type Stats struct {
	Pools     []Pool
	Writer    Writer
	Log       *Log  // nil without a write-ahead log of our own, as on PostgreSQL
	Opened    int64 // connections
	Lost      int64 // connections that broke, or that the server ended
	Conflicts int64 // transactions that ran again because another was in the way
	Busy      int64 // transactions that could not begin, because another process held the database too long
	Replicas  []Replica
	Size      int64 // of the database in bytes; -1 if it is not known
	Free      int64 // on the disk of the database in bytes; -1 if it is not known
}

// A Pool is a pool of connections.
type Pool struct {
	Name    string // "read", or on PostgreSQL also "write" and "group"
	Size    int
	InUse   int
	Waiting int           // callers
	Wait    time.Duration // that a client which comes now may expect
	Waits   int64         // callers that had to wait
	Waited  time.Duration // all of them together
	Refused int64         // callers that would have waited too long
}

// A Writer commits writes in groups.
type Writer struct {
	Waiting int           // writes that wait for their turn
	Queue   int           // writes that may wait; 0 if they wait in the pools
	Wait    time.Duration // that a client which comes now may expect, in the queue
	Writes  int64         // functions and scripts that ran
	Waited  time.Duration // all of them together, before they ran
	Commits int64         // groups; Writes / Commits is the size of a group
	Failed  int64         // groups that were rolled back
	Refused int64         // writes that found the queue full
}

// A Log is the write-ahead log of a database.
type Log struct {
	Bytes       int64         // size of its file
	Pages       int64         // written since it last began anew
	Pending     int64         // pages of the log that are not in the database yet
	Checkpoints int64         // commits that moved pages from the log into the database
	Moving      time.Duration // time of these commits
}

// A Replica is a standby of the database.
type Replica struct {
	Name string
	Lag  time.Duration // until it has applied the latest changes
}
