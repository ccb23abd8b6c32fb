package store

import "context"

// A Sizer tells how much space the tables of a database take.
type Sizer interface {
	// Sizes returns the space of each table of the database, whoever made it. It may take seconds, and holds up neither reads
	// nor writes.
	Sizes(ctx context.Context) (Sizes, error)
}

// Sizes is the space that a database takes, in bytes.
type Sizes struct {
	Tables []TableSize // by name
	Rest   int64       // free pages, and what the engine keeps for itself
}

// A TableSize is the space of one table.
type TableSize struct {
	Table   string
	Rows    int64
	Indexes int64 // of all its indexes
}

// Total returns the space of the whole database.
func (s Sizes) Total() int64 {
	total := s.Rest
	for _, t := range s.Tables {
		total += t.Rows + t.Indexes
	}
	return total
}
