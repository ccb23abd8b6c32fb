package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The soak sends every kind of request in turn, for long enough to show kept memory.
const (
	soakTime        = 10 * time.Minute
	soakTurn        = 5 * time.Second // of one kind of request
	soakConnections = 32
)

// minute is the result of one minute of the soak.
type minute struct {
	requests, failed int64
	resident         int64 // bytes, the maximum
}

func runSoak(ctx context.Context, opts settings, folder string) (err error) {
	opts.servers = nameAshlar
	all, err := setUp(ctx, opts, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	srv := all[0]
	if err := srv.start(ctx, srv.dialect.get("posts", uuidOf('p', 1))); err != nil {
		return err
	}
	files := make([]prepared, len(workloads))
	for i, w := range workloads {
		if files[i], err = prepare(folder, "requests-"+w.key, w.requestsOf(srv, opts.rows)); err != nil {
			return err
		}
	}
	var minutes []minute
	begun := time.Now()
	for turn := 0; time.Since(begun) < soakTime; turn++ {
		if n := int(time.Since(begun) / time.Minute); n >= len(minutes) {
			minutes = append(minutes, minute{})
			say("minute %d, %.0f MB", n+1, megabytes(srv.memory("VmRSS")))
		}
		m := &minutes[len(minutes)-1]
		result, err := measure(ctx, folder, srv, files[turn%len(files)], soakConnections, soakTurn)
		if err != nil {
			return err
		}
		m.requests += result.requests
		m.failed += result.errors + result.refused
		m.resident = max(m.resident, srv.memory("VmRSS"))
	}
	return publish(opts, soakReport(opts, minutes, srv))
}

func soakReport(opts settings, minutes []minute, srv *server) string {
	var text strings.Builder
	fmt.Fprintf(&text, "# Memory over time\n\nWritten by `make bench-soak`. 2 × %d rows; every workload of [RESULTS.md](RESULTS.md) in turn, %v each, %d connections, for %v.\n\n",
		opts.rows, soakTurn, soakConnections, soakTime)
	text.WriteString("| minute | requests | failed or refused | resident at most |\n|---|---|---|---|\n")
	for i, m := range minutes {
		fmt.Fprintf(&text, "| %d | %d | %d | %.0f MB |\n", i+1, m.requests, m.failed, megabytes(m.resident))
	}
	fmt.Fprintf(&text, "\nThe peak of the whole run is %.0f MB.\n", megabytes(srv.memory("VmHWM")))
	return text.String()
}
