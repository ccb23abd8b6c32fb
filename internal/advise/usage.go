package advise

import (
	"cmp"
	"slices"
	"time"
)

// A Usage is the sum of an app's queries, by shape. It holds no value of a row and no name of a caller.
type Usage struct {
	Since, Until time.Time
	Shapes       []Shape // the longest sum of times first
	Forgotten    int64   // shapes dropped because there were too many
}

// A Shape is a query without its values, with the number of its calls.
type Shape struct {
	Operation  string
	Table      string
	Text       string // name of the shape: see telemetry.Record; "" for statements about Ashlar's own tables
	CallerKind string

	Calls      float64       // refused ones included
	Refused    float64       // calls that would have read more than limits.query.rows
	Took       time.Duration // of all statements
	Longest    time.Duration // of one call
	Limit      int           // of the last full page; 0: none was full
	Statements []Statement   // the longest sum of times first
}

// A Statement is a statement of a shape, with the number of its calls.
type Statement struct {
	SQL   string
	Calls float64
	Took  time.Duration
	Rows  float64 // returned or changed
	Most  int     // rows of one run
}

// Refusals returns the shapes that the server refused, the most often refused first.
func (u *Usage) Refusals() (all []Refusal) {
	for _, shape := range u.Shapes {
		if shape.Refused >= 1 {
			all = append(all, Refusal{shape.Text, shape.CallerKind, shape.Refused})
		}
	}
	slices.SortStableFunc(all, func(a, b Refusal) int { return cmp.Compare(b.Calls, a.Calls) })
	return all
}

// Span returns the length of the recording.
func (u *Usage) Span() time.Duration { return u.Until.Sub(u.Since) }

// PerDay returns a sum as a rate.
func (u *Usage) PerDay(n float64) float64 {
	if span := u.Span(); span > 0 {
		return n * float64(24*time.Hour) / float64(span)
	}
	return 0
}
