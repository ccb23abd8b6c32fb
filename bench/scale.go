package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// scaleRows are the measured sizes, scalePages the pages of a list of one status.
var (
	scaleRows  = []int{10_000, 100_000, 1_000_000}
	scalePages = []int{1, 10, 100, 1_000, 10_000}
)

const scaleLimit = 20 // rows of a page: 10,000 pages of a quarter of 1,000,000 rows

// scaled is one line of the scale: the cost of each kind of request at one size.
type scaled struct {
	server string
	rows   int
	what   string
	result
}

func runScale(ctx context.Context, opts settings, folder string) (err error) {
	opts.servers, opts.rows = nameHandwritten+","+nameAshlar, 0
	all, err := setUp(ctx, opts, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	var lines []scaled
	from := 0
	for _, rows := range scaleRows {
		for _, srv := range all {
			say("filling %s to %d rows", srv.name, rows)
			if err := fillFrom(srv.database(), srv.layout(), from, rows, "posts"); err != nil {
				return err
			}
		}
		for _, srv := range all {
			more, err := scaleOne(ctx, opts, folder, srv, rows)
			if err != nil {
				return err
			}
			lines = append(lines, more...)
		}
		from = rows
	}
	return reportScale(opts, all, lines)
}

// scaleOne measures one server at one size.
func scaleOne(ctx context.Context, opts settings, folder string, srv *server, rows int) (lines []scaled, err error) {
	if err := srv.start(ctx, srv.dialect.get("posts", uuidOf('p', 1))); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	add := func(what string, requests []request) error {
		file, err := prepare(folder, "requests", requests)
		if err != nil {
			return err
		}
		var rs []result
		for range opts.rounds {
			result, err := measure(ctx, folder, srv, file, 8, opts.duration)
			if err != nil {
				return err
			}
			rs = append(rs, result)
		}
		r := rs[0]
		r.rate, r.p50, r.p99 = rate(rs), of(rs, func(r result) time.Duration { return r.p50 }), p99(rs)
		r.cpu = of(rs, func(r result) time.Duration { return r.cpu })
		say("%-20s %9d rows  %-12s %8.0f/s  p50 %8v  %6v CPU  %d errors", srv.name, rows, what, r.rate, r.p50, r.cpu, r.errors+r.refused)
		lines = append(lines, scaled{srv.name, rows, what, r})
		return nil
	}
	for _, w := range workloads[:2] {
		if err := add(w.name, w.requestsOf(srv, rows)); err != nil {
			return nil, err
		}
	}
	pages, err := walk(srv, rows)
	if err != nil {
		return nil, err
	}
	for i, q := range pages {
		if err := add(fmt.Sprintf("page %d", scalePages[i]), []request{q}); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// walk follows a list from page to page, and returns the requests of the measured pages, up to the last row.
func walk(srv *server, rows int) ([]request, error) {
	first := strings.ReplaceAll(srv.dialect.list("open"), "limit=30", fmt.Sprintf("limit=%d", scaleLimit))
	call := request{method: "GET", path: first}
	var pages []request
	for n := 1; n <= scalePages[len(scalePages)-1]; n++ {
		if n == scalePages[len(pages)] {
			pages = append(pages, call)
		}
		answer, err := ask(srv, call, http.StatusOK)
		if err != nil {
			return nil, err
		}
		next, _ := answer["next"].(string)
		if next == "" {
			break
		}
		call.path = first + "&cursor=" + next
	}
	return pages, nil
}

func reportScale(opts settings, all []*server, lines []scaled) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Scale\n\nWritten by `make bench-scale`. %s, Linux %s; 8 connections, medians of %d rounds of %s. Pages have %d rows of one status, by created, descending, reached by cursor.\n",
		processor(), kernel(), opts.rounds, seconds(opts.duration), scaleLimit)
	for _, srv := range all {
		fmt.Fprintf(&text, "\n## %s\n\n| request | rows | requests/s | p50 | CPU a request | CPU against 10,000 rows (pages: against page 1) |\n|---|---|---|---|---|---|\n", srv.name)
		for _, line := range lines {
			if line.server != srv.name {
				continue
			}
			fmt.Fprintf(&text, "| %s | %d | %.0f | %s | %d µs | %s |\n", line.what, line.rows, line.rate, millis(line.p50), line.cpu.Microseconds(), ratio(float64(line.cpu), float64(baseOf(lines, line))))
		}
	}
	return publish(opts, text.String())
}

// baseOf returns the cost to compare a line with.
func baseOf(lines []scaled, line scaled) time.Duration {
	for _, other := range lines {
		page := strings.HasPrefix(line.what, "page ") && line.what != "page 1"
		if other.server == line.server && ((page && other.what == "page 1" && other.rows == line.rows) || (!page && other.what == line.what)) {
			return other.cpu
		}
	}
	return 0
}

// database returns the file of a server.
func (s *server) database() string {
	if s.name == nameAshlar {
		return filepath.Join(filepath.Dir(s.binary), "ashlar-app", ".ashlar", "ashlar.db")
	}
	return filepath.Join(filepath.Dir(s.binary), "handwritten-data", "data.db")
}

// layout returns the form of its rows.
func (s *server) layout() layout {
	if s.name == nameAshlar {
		return ashlarLayout
	}
	return handwrittenLayout
}
