package cost

import "time"

// Amounts is what some work took.
type Amounts struct {
	Units      int64         // requests, or runs of a job
	CPU        time.Duration // of all cores
	Statements int64         // that ran in the database
	Database   time.Duration // time of these statements
	In, Out    int64         // bytes, as they were received and sent
}

// Add adds other amounts.
func (a *Amounts) Add(other Amounts) {
	a.Units += other.Units
	a.CPU += other.CPU
	a.Statements += other.Statements
	a.Database += other.Database
	a.In += other.In
	a.Out += other.Out
}

// less returns the amounts without a part of them. Nothing gets below zero.
func (a *Amounts) less(part Amounts) Amounts {
	return Amounts{
		Units:      max(0, a.Units-part.Units),
		CPU:        max(0, a.CPU-part.CPU),
		Statements: max(0, a.Statements-part.Statements),
		Database:   max(0, a.Database-part.Database),
		In:         max(0, a.In-part.In),
		Out:        max(0, a.Out-part.Out),
	}
}

// Stored is the space that a table takes in the database. It is the mean of a span of time.
type Stored struct {
	Rows    int64 // bytes of the rows
	Indexes int64 // bytes of the indexes
}

// Bytes returns the whole space.
func (s Stored) Bytes() int64 { return s.Rows + s.Indexes }
