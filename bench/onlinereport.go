package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The bars: the additional wait of a request during a change on PostgreSQL, and of a read during a change on SQLite.
const (
	onlineBar     = 250 * time.Millisecond
	onlineReadBar = 50 * time.Millisecond
)

func reportOnline(opts settings, all []*online, took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Changes beside a server at work\n\nWritten by `make bench-online`. ")
	fmt.Fprintf(&text, "%s, %d cores (%s), %s, Linux %s. ", time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), processor(), runtime.Version(), kernel())
	fmt.Fprintf(&text, "%d rows of posts (thirteen columns, a text of about 300 characters). One `ashlar serve` on the first model; `ashlar migrate`, a process of its own, makes the changes one after another, and the server goes on with the first model. "+
		"Meanwhile %d clients read (get by id; every fourth time a list of 30, half of them with their authors; %d a second together) and %d write (create, patch; %d a second), each at a steady rate whatever becomes of the request before; a wait is counted from when a request was due. "+
		"All of it shares the cores. Medians of rounds, each on a fresh copy of the rows; failures of all rounds. \"Before\" is a time as long as the change and one second more, at most %v. The run took %v.\n",
		opts.rows, onlineReaders, onlineReaders*time.Second/readEvery, onlineWriters, onlineWriters*time.Second/writeEvery, onlineCalm, took.Round(time.Second))
	for _, o := range all {
		o.report(&text)
	}
	return publish(opts, text.String())
}

func (o *online) report(text *strings.Builder) {
	fmt.Fprintf(text, "\n## %s\n\n%d rounds. ", o.engine, o.rounds)
	if o.engine == "SQLite" {
		fmt.Fprintf(text, "Bar: no read fails, none waits longer than %v. Writes wait for the step. Changes that make the table anew are not made beside a server.\n\n", onlineReadBar)
	} else {
		fmt.Fprintf(text, "fsync and synchronous_commit are on; a unix socket. Bar: no request fails, and the longest wait is at most %v longer than before.\n\n", onlineBar)
	}
	text.WriteString("| change | duration | requests | failed | longest wait before | during | p99 before | during | bar |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, change := range onlineChanges {
		if rs := o.results[change.key]; len(rs) > 0 {
			o.line(text, change.name, "read", rs, func(r changed) window { return r.reads })
			o.line(text, change.name, "write", rs, func(r changed) window { return r.writes })
		}
	}
}

func (o *online) line(text *strings.Builder, name, kind string, rs []changed, of func(changed) window) {
	middle := func(f func(window) time.Duration) time.Duration {
		var all []time.Duration
		for _, r := range rs {
			all = append(all, f(of(r)))
		}
		return median(all)
	}
	var took []time.Duration
	failed, requests := 0, []int{}
	for _, r := range rs {
		took = append(took, r.took)
		failed += len(of(r).failed)
		requests = append(requests, of(r).requests)
	}
	slices.Sort(requests)
	before, during := middle(func(w window) time.Duration { return w.before }), middle(func(w window) time.Duration { return w.longest })
	more := middle(func(w window) time.Duration { return w.longest - w.before })
	bar := ""
	switch {
	case o.engine != "SQLite":
		bar = held(failed == 0 && more <= onlineBar)
	case kind == "read":
		bar = held(failed == 0 && during < onlineReadBar)
	}
	fmt.Fprintf(text, "| %s: %ss | %.2f s | %d | %d | %s | %s | %s | %s | %s |\n", name, kind, median(took).Seconds(), requests[len(requests)/2], failed, millis(before), millis(during),
		millis(middle(func(w window) time.Duration { return w.b99 })), millis(middle(func(w window) time.Duration { return w.p99 })), bar)
}

func held(yes bool) string {
	if yes {
		return "held"
	}
	return "**missed**"
}
