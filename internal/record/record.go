// Package record is the only door to the rows of a model. Every read and every write passes it, and it builds the access
// rules into the statements.
//
// The files form layers. From the top down:
//   - as.go and tx.go are the entrances: the rows of one caller, for a request or in a transaction.
//   - get.go and list.go read. A page finds the cheapest way to its rows (ways.go), counts them (total.go), and reads the
//     rows that they expand (expand.go).
//   - answer.go keeps answers. What an answer depends on is in dependencies.go, how requests share it in kept.go and
//     flight.go, and its forms in content codings in coded.go. A short list on PostgreSQL passes a probation first. With
//     sighting.go an answer is found valid without a snapshot.
//   - create.go, update.go and delete.go write. A write is built once as a rowWrite (write.go). A rowCheck explains why it
//     was refused (rowcheck.go, reference.go).
//   - effects.go adds the statements of an Effector to writes.
//   - request.go is one request of one caller, with its access.
//   - db.go, table.go, decision.go and statements.go hold what all requests share.
//
// Packages below it have one part each: gate admits reads, statement keeps statements, shape resolves parameters, input
// checks bodies, cursor encodes positions and render writes JSON.
package record

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/pieces"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Config tunes a DB. Its zero value works.
type Config struct {
	Now    func() time.Time // nil: time.Now
	System *model.Model     // system tables of the database, which only the system caller opens; nil: none
	Guard  Guard            // nil: no caller can end

	Effects Effector  // of writes; nil: they have none
	Check   CheckFunc // of values in bodies; nil: there is none

	Answers int64  // bytes of answers that are kept; 0: none, but totals
	TagKey  []byte // 16 secret bytes from which tags are made; nil: random ones
}

// Op is an operation on the rows of a table.
type Op uint8

const (
	Read Op = iota
	Create
	Update
	Delete
)

// Selection says which members of a row an answer holds. A field is "" if the request has no such parameter.
type Selection struct {
	Fields string // id,title,author.name
	Expand string // author,comments.author
}

// Query holds the parameters of a list as they came. A field is "" if the request has no such parameter.
type Query struct {
	Selection
	Filter string
	Args   map[string]string // arg.*
	Sort   string            // -created_at,title
	Cursor string
	Limit  int // 1 to 500
	Total  bool
}

// Row is one row as a caller may see it.
type Row struct {
	Begun    *pieces.Text // the beginning of a long row that GetLong returns; nil: JSON is all
	JSON     []byte       // nil if the caller may not read the row
	ID       value.Value
	Revision int64
	Plain    bool          // without relations: its JSON changes only with its revision, the model and the masks
	Public   time.Duration // how long anybody may keep a row that was read; 0: nobody may
}

// Match is a condition on the old revision of a row that a write changes. nil is no condition.
type Match func(revision int64) bool

// A CheckFunc returns what is wrong with a value that a body gives to a field, beyond the type of the field. It is asked
// before the transaction, for values that are not missing.
type CheckFunc func(field *model.Field, v value.Value) error

// limits bound what one request may cost. Tests lower them.
type limits struct {
	answer       render.Bounds
	cascadeRows  int // rows that a deletion may reach by the references of the database
	deletionRows int // rows that a deletion may reach at all
	probe        func(level int) (bound, window int)
}

func defaultLimits() limits {
	return limits{
		answer: render.Bounds{Rows: 50_000, Bytes: 32 << 20},
		// Each level of a chain of references costs SQLite more than the one before, and 1,000 levels are an error.
		cascadeRows: 100,
		// A large deletion keeps other writers of SQLite waiting, about 10 ms for 1,000 rows with five indexes.
		deletionRows: 500_000,
		probe:        probeReach,
	}
}

// totalsSize bounds the cache of totals, in bytes.
const totalsSize = 2 << 20

// probeReach returns how many rows of an index a probe counts, and how many rows of the list's order it looks through. The
// window is smaller because the rule is asked about each row of the order. The first level serves callers who see few rows
// or almost all rows.
func probeReach(level int) (bound, window int) {
	if level == 0 {
		return 128, 64
	}
	bound = 256 << (4 * level)
	return bound, bound / 8
}
