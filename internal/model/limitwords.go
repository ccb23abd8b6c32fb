package model

import (
	"fmt"
	"strings"
)

// String returns what a limit allows, and to which requests, for people.
func (l *Limit) String() string {
	var allowed []string
	for i := range l.Rates {
		allowed = append(allowed, l.Rates[i].String())
	}
	if l.InFlight > 0 {
		allowed = append(allowed, fmt.Sprintf("%d in flight", l.InFlight))
	}
	text := strings.Join(allowed, ", ")
	if l.Per == PerAll {
		text += " together"
	} else {
		text += " per " + string(l.Per)
	}
	if about := l.about(); about != "" {
		text += ": " + about
	}
	if l.SparesLoopback {
		text += "; not this machine"
	}
	return text
}

// about names the requests that a limit counts, "" for all.
func (l *Limit) about() string {
	var about []string
	operations := make([]string, len(l.Operations))
	for i, operation := range l.Operations {
		operations[i] = string(operation)
	}
	what, tables := strings.Join(operations, ", "), strings.Join(l.Tables, ", ")
	switch {
	case what != "" && tables != "":
		about = append(about, what+" of "+tables)
	case what+tables != "":
		about = append(about, what+tables)
	}
	about = append(about, l.Routes...)
	text := strings.Join(about, ", ")
	switch {
	case l.Scope != "" && text != "":
		return text + ", with a key of " + l.Scope
	case l.Scope != "":
		return "keys of " + l.Scope
	}
	return text
}

// String returns a rate as a model file has it, with its burst.
func (r Rate) String() string {
	text := fmt.Sprintf("%d/%s", r.Count, FormatDuration(r.Window))
	if r.Burst > 0 {
		text += fmt.Sprintf(" (%d at once)", r.Burst)
	}
	return text
}

// String returns what a query may cost, for people.
func (q *QueryLimit) String() string {
	text := FormatDuration(q.Time)
	if q.Rows > 0 {
		text += fmt.Sprintf(", %d rows", q.Rows)
	}
	if len(q.Except) > 0 {
		text += "; not keys of " + strings.Join(q.Except, ", ")
	}
	return text
}

// String returns the keys of a cache, "" without one.
func (c *Cache) String() string {
	var keys []string
	if c.Public > 0 {
		keys = append(keys, "public "+FormatDuration(c.Public))
	}
	if c.Stale > 0 {
		keys = append(keys, "stale "+FormatDuration(c.Stale))
	}
	return strings.Join(keys, ", ")
}
