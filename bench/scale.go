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

func runScale(ctx context.Context, s settings, folder string) (err error) {
	s.servers, s.rows = nameHandwritten+","+nameAshlar, 0
	all, err := setUp(ctx, s, folder)
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
			more, err := scaleOne(ctx, s, folder, srv, rows)
			if err != nil {
				return err
			}
			lines = append(lines, more...)
		}
		from = rows
	}
	return reportScale(s, all, lines)
}

// scaleOne measures one server at one size.
func scaleOne(ctx context.Context, s settings, folder string, srv *server, rows int) (lines []scaled, err error) {
	if err := srv.start(ctx, srv.dialect.get("posts", uuidOf('p', 1))); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	add := func(what string, requests []request) error {
		p, err := prepare(folder, "requests", requests)
		if err != nil {
			return err
		}
		var rs []result
		for range s.rounds {
			r, err := measure(ctx, folder, srv, p, 8, s.duration)
			if err != nil {
				return err
			}
			rs = append(rs, r)
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
	q := request{method: "GET", path: first}
	var pages []request
	for n := 1; n <= scalePages[len(scalePages)-1]; n++ {
		if n == scalePages[len(pages)] {
			pages = append(pages, q)
		}
		answer, err := ask(srv, q, http.StatusOK)
		if err != nil {
			return nil, err
		}
		next, _ := answer["next"].(string)
		if next == "" {
			break
		}
		q.path = first + "&cursor=" + next
	}
	return pages, nil
}

func reportScale(s settings, all []*server, lines []scaled) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Scale\n\nWritten by `make bench-scale`. %s, Linux %s; 8 connections, medians of %d rounds of %s. Pages have %d rows of one status, by created, descending, reached by cursor.\n",
		processor(), kernel(), s.rounds, seconds(s.duration), scaleLimit)
	for _, srv := range all {
		fmt.Fprintf(&b, "\n## %s\n\n| request | rows | requests/s | p50 | CPU a request | CPU against 10,000 rows (pages: against page 1) |\n|---|---|---|---|---|---|\n", srv.name)
		for _, l := range lines {
			if l.server != srv.name {
				continue
			}
			fmt.Fprintf(&b, "| %s | %d | %.0f | %s | %d µs | %s |\n", l.what, l.rows, l.rate, millis(l.p50), l.cpu.Microseconds(), ratio(float64(l.cpu), float64(baseOf(lines, l))))
		}
	}
	return publish(s, b.String())
}

// baseOf returns the cost to compare a line with.
func baseOf(lines []scaled, l scaled) time.Duration {
	for _, other := range lines {
		page := strings.HasPrefix(l.what, "page ") && l.what != "page 1"
		if other.server == l.server && ((page && other.what == "page 1" && other.rows == l.rows) || (!page && other.what == l.what)) {
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
