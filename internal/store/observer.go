package store

import (
	"context"
	"time"
)

// Observer tells what happens around a database: which server it is on, and who holds others up.
type Observer interface {
	// Server asks the database who it is. An error with errs.Unavailable says that it does not answer.
	Server(ctx context.Context) (Server, error)

	// Locks returns the locks that make sessions of this database wait, the one with the longest wait first. An engine
	// returns none if it cannot know.
	Locks(ctx context.Context) ([]Lock, error)
}

// A Server is what answers for a database. An embedded database has the zero Server.
type Server struct {
	Address string    // such as 10.0.0.5:5432; "local" for a socket
	Version string    // such as 17.6
	Started time.Time // of the server
	Standby bool      // it takes no writes
}

// A Lock makes sessions wait.
type Lock struct {
	Holder  string        // for people, such as: psql (role alice, process 4711), idle in transaction for 40 s
	Key     string        // identifies the holder and its transaction
	Table   string        // "" if it is not known
	Waiting int           // sessions; -1 if it is not known
	Longest time.Duration // wait; 0 if it is not known
}
