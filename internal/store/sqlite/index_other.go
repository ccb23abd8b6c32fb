//go:build !unix

package sqlite

// logIndex would be the shared memory of SQLite's log. Nothing is served on this system: see Lock.
type logIndex struct{}

type indexHeader [6]uint64

func openIndex(string) *logIndex { return nil }

func (*logIndex) header() (h indexHeader) { return h }

func (*logIndex) state() (s logState) { return s }

func (*logIndex) syncDatabase() error { return nil }

func (*logIndex) close() {}
