package archive

import (
	"slices"
	"strconv"
	"time"
)

// A Dimension is a property of records that filters and counts know.
type Dimension string

const (
	Build     Dimension = "build"
	Revision  Dimension = "revision" // of the model
	Node      Dimension = "node"
	Shape     Dimension = "shape"
	Key       Dimension = "key"
	Caller    Dimension = "caller"
	Table     Dimension = "table"
	Operation Dimension = "operation"
	Route     Dimension = "route"
	Method    Dimension = "method"
	Kind      Dimension = "caller_kind"
	Remote    Dimension = "remote"
	Cache     Dimension = "cache"
	Work      Dimension = "work"
	Job       Dimension = "job"
	Limit     Dimension = "limit"
	Status    Dimension = "status"
	Problem   Dimension = "problem"
)

// Dimensions returns all dimensions. Possible causes come first, the more telling before the others. Outcomes come
// last.
func Dimensions() []Dimension {
	return []Dimension{Build, Revision, Shape, Key, Node, Table, Operation, Route, Job, Caller, Remote, Kind, Method, Cache, Work, Limit, Problem, Status}
}

// outcome reports whether a dimension says how work ended, and not what it was.
func (d Dimension) outcome() bool { return d == Limit || d == Problem || d == Status }

// text returns the index of the text of a dimension in a body, or -1.
func (d Dimension) text() int {
	switch d {
	case Shape:
		return textShape
	case Key:
		return textKey
	case Caller:
		return textCaller
	case Table:
		return textTable
	case Operation:
		return textOperation
	case Route:
		return textRoute
	case Method:
		return textMethod
	case Kind:
		return textCallerKind
	case Remote:
		return textRemote
	case Cache:
		return textCache
	case Work:
		return textWork
	case Job:
		return textJob
	case Limit:
		return textLimit
	case Problem:
		return textProblem
	}
	return -1
}

// known reports whether it is one of the dimensions.
func (d Dimension) known() bool { return slices.Contains(Dimensions(), d) }

// A Condition is about one dimension. The record has one of the values, or none of them.
type Condition struct {
	Dimension Dimension
	Values    []string
	Not       bool
}

// A Filter selects records. Its zero value selects all.
type Filter struct {
	From, To time.Time // of the end of the work; zero means no bound; To is excluded
	Where    []Condition

	MinDuration, MaxDuration time.Duration // 0 means no bound; MaxDuration is excluded
	Failed                   bool          // only failed ones
	Kept                     bool          // only failed or slow ones
	ID                       string        // of the record
	Trace                    string        // of the record, in hexadecimal digits
	Contains                 string        // in the path, the error or the id
	Under                    []string      // the path begins with one of these; none selects all

	except *Filter               // records to leave out
	passed func(key int64) error // called for each record that is read and not selected
}

// Without returns a filter for the records that another one does not select. It replaces the filter of an earlier call.
func (f Filter) Without(other Filter) Filter {
	other.except = nil
	f.except = &other
	return f
}

// keys returns the keys of the first record and of the one behind the last.
func (f *Filter) keys() (from, to int64) {
	from, to = 0, int64(1)<<62
	if !f.From.IsZero() {
		from = keyAt(f.From)
	}
	if !f.To.IsZero() {
		to = keyAt(f.To)
	}
	return from, to
}

// keptOnly reports whether the filter selects no healthy record.
func (f *Filter) keptOnly() bool { return f.Failed || f.Kept }

// process is what a row of the table of processes says.
type process struct{ node, build, revision string }

// valueOf returns the value of a dimension. The bytes belong to the body.
func (d *body) valueOf(dim Dimension, processes map[int64]process, buf []byte) []byte {
	if i := dim.text(); i >= 0 {
		return d.texts[i]
	}
	switch dim {
	case Status:
		if status := d.numbers[numberStatus]; status != 0 {
			return strconv.AppendInt(buf[:0], status, 10)
		}
		return nil
	case Build:
		return append(buf[:0], processes[d.process].build...)
	case Revision:
		return append(buf[:0], processes[d.process].revision...)
	case Node:
		return append(buf[:0], processes[d.process].node...)
	}
	return nil
}
