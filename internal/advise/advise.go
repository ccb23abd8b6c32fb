// Package advise finds the indexes that an app's queries lack, by trying them on a copy of its database.
package advise

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// An Index is an index of a model by the names of its fields.
type Index = indexing.Index

// Config configures Run. Fields without a default are required.
type Config struct {
	Model func() (*model.Model, error) // makes the app's model, a new one each time
	Usage *Usage
	Bench Bench

	Live     store.Meter      // of the app's own database; default: the bench's
	Now      func() time.Time // default: time.Now
	Budget   time.Duration    // of all trials; default: 2 min
	LeastAge time.Duration    // of records before an index counts as unused; default: 7 days
	Progress func(step string)
}

// A Bench is a copy of the app's database that nobody else uses.
type Bench struct {
	DB    store.DB
	Meter store.Meter
	Share map[string]float64 // by table, the share of its rows in the copy, if some are missing
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Budget == 0 {
		c.Budget = 2 * time.Minute
	}
	if c.LeastAge == 0 {
		c.LeastAge = 7 * 24 * time.Hour
	}
	if c.Live == nil {
		c.Live = c.Bench.Meter
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c
}

// A Report is the advice about an app's indexes.
type Report struct {
	Since, Until time.Time
	Calls        float64 // of all shapes

	Add    []Addition // the largest gain first
	Remove []Removal

	Refused  []Refusal // shapes that the server refused, the most often refused first
	Untried  []Untried // shapes that could not be run again
	TooYoung bool      // the records are too young to call an index unused
	TimedOut bool      // the budget ended before everything was tried
}

// An Addition is an index that the model lacks.
type Addition struct {
	Index
	Names  []string  // of the fields as in the model file: author for author_id
	Line   string    // a line for the table: indexes: [[author, created_at]]
	Pos    model.Pos // of the table
	Gains  []Gain    // the largest sum first
	Size   int64     // bytes of the index in the copy
	Build  time.Duration
	Rows   int64   // of the table in the copy
	Share  float64 // share of the table's rows in the copy; 1 for all
	Writes float64 // to the table, each day

	weight float64      // saved steps of all calls
	after  []store.Work // of each play
}

// A Gain is the effect of an index on one shape.
type Gain struct {
	Shape         string
	CallerKind    string
	Calls         float64 // each day
	Before, After store.Work
}

// Factor returns the work before, divided by the work after.
func (g *Gain) Factor() float64 { return float64(g.Before.Steps) / float64(max(g.After.Steps, 1)) }

// SavedPerDay returns the time that the index saves. It goes by the steps, since measured times vary.
func (g *Gain) SavedPerDay() time.Duration {
	share := 1 - float64(g.After.Steps)/float64(max(g.Before.Steps, 1))
	return time.Duration(g.Calls * share * float64(g.Before.Took))
}

// A Removal is an unused index of the model.
type Removal struct {
	Index
	Names  []string
	Pos    model.Pos // of the table
	Size   int64
	Writes float64 // to the table, each day
}

// A Refusal is a shape whose calls would have read more than limits.query.rows.
type Refusal struct {
	Shape      string
	CallerKind string
	Calls      float64
}

// Untried is a shape that was not run again.
type Untried struct {
	Shape string
	Why   string
}
