// Package profile tells which requests and jobs use the processor.
//
// Goroutines carry labels of package runtime/pprof. A Labeler makes the labels of requests, and package background labels jobs.
// A Recorder takes one CPU profile after the other, and keeps the last ones in memory. A profile holds names of functions and
// labels. It holds no values.
package profile

import "time"

// Labels say what a goroutine works for. An empty one is missing.
type Labels struct {
	Route     string // pattern of the route
	Table     string
	Operation string // list, get, create, update, delete
	Key       string // id of the API key that the caller came with
	Job       string // name of background work
	Rest      string // what has no labels, by its functions: see the constants
}

// Values of Labels.Rest.
const (
	Collector   = "garbage collection"
	Scheduler   = "scheduler"   // looks for goroutines that can run
	Connections = "connections" // requests without a route, and what goes before the first request
	Other       = "other"
)

// Usage is the CPU time of all work with the same labels.
type Usage struct {
	Labels
	CPU time.Duration
}

// A Frame is a function in a tree of calls, with the CPU time of the function and of all that it called.
type Frame struct {
	Name     string // with its package's path
	CPU      time.Duration
	Children []*Frame // functions that it called, the largest first
}

// A Filter chooses work by its labels. An empty label of a Filter stands for any.
type Filter struct {
	Labels
	NoTable bool // only work that belongs to no table
}

// matches reports whether work with some labels is chosen.
func (f *Filter) matches(l Labels) bool {
	if f.NoTable && l.Table != "" {
		return false
	}
	return like(f.Route, l.Route) && like(f.Table, l.Table) && like(f.Operation, l.Operation) &&
		like(f.Key, l.Key) && like(f.Job, l.Job) && like(f.Rest, l.Rest)
}

func like(filter, label string) bool { return filter == "" || filter == label }
