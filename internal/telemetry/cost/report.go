// Package cost says what the work of a server costs: its CPU time, its bytes and its storage, in money.
package cost

import (
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A Report is what a server cost in a span of time. Routes, Jobs and Rest together are the whole process. So are Operations, so
// are Tables, and so are Keys: each of these ends with a row for everything else. Each list begins with what cost most.
type Report struct {
	From, To time.Time     // the span that the figures are about
	Counted  time.Duration // part of the span in which a server ran and counted
	Profiled time.Duration // part of the span with figures of CPU time by route
	Prices   model.Costs

	Routes     []Row  // by route and table
	Jobs       []Row  // by job: background work of the server
	Rest       Row    // what belongs to no route and no job
	Parts      []Part // what Rest is made of
	Operations []Row  // by table and operation
	Tables     []Row  // by table, with their storage
	Keys       []Row  // by API key; the ones that cost less share a row

	Total  Amounts // of the process
	Stored Stored  // of the database
	Price  Price   // of Total and Stored
}

// A Row is what one kind of work cost.
type Row struct {
	Route, Table, Operation, Key, Job string // what the work has in common; "" for what differs

	Other bool // everything else

	Amounts               // with the share of what the work of all rows has in common
	Own     time.Duration // CPU time without that share
	Stored  Stored        // of a table
	Price   Price

	// Margin says how exact the CPU time is: 0.1 stands for ±10 %. It comes from the number of samples. Nineteen of twenty
	// figures are within their margin. It is 1 at most.
	Margin float64

	profiled int64 // units in the time with figures of CPU time
}

// NoRoute is the route of requests that no route answers.
const NoRoute = "no route"

// NoTable is the table of storage that belongs to no table: free pages, and what the database keeps for itself.
const NoTable = "no table"

// A Part is CPU time that belongs to no route and no job.
type Part struct {
	Name   string // such as "garbage collection"
	CPU    time.Duration
	Shared bool // the rows have a share of it
}

// Name returns the name of a row for people: "GET /api/posts", a table, a key, a job.
func (r *Row) Name() string {
	switch {
	case r.Other:
		return "everything else"
	case r.Route == Others:
		return "other routes"
	case r.Job == Others:
		return "other jobs"
	case r.Key == Others:
		return "other keys"
	case r.Table == Others:
		return "other tables"
	case r.Route != "":
		return routeName(r.Route, r.Table)
	case r.Job != "":
		return r.Job
	case r.Key != "":
		return r.Key
	case r.Operation != "":
		return r.Operation + " " + r.Table
	}
	return r.Table
}

// routeName writes the table into the pattern of a route.
func routeName(pattern, table string) string {
	if table == "" {
		return pattern
	}
	return strings.Replace(pattern, "{table}", table, 1)
}

// A Million is what a million units of a row take, without storage.
type Million struct {
	CPU        time.Duration
	Statements float64
	Database   time.Duration
	In, Out    float64 // bytes
	Price      Price
}

// Million returns what a million units of a row take. It is zero for a row without units.
func (r *Row) Million(prices model.Costs) (m Million) {
	if r.Units == 0 {
		return m
	}
	each := million / float64(r.Units)
	cpu := 0.0
	if r.profiled > 0 {
		cpu = million / float64(r.profiled)
	}
	m = Million{
		CPU:        time.Duration(float64(r.CPU) * cpu),
		Statements: float64(r.Statements) * each,
		Database:   time.Duration(float64(r.Database) * each),
		In:         float64(r.In) * each,
		Out:        float64(r.Out) * each,
	}
	m.Price = priceOf(prices, Amounts{CPU: m.CPU, Out: int64(m.Out)})
	return m
}
