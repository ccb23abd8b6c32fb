package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cell is the place of a measurement in the table.
type cell struct {
	workload    string
	connections int
	server      string
}

// table is all measurements, round by round.
type table map[cell][]result

// changesPerSecond is the rate of changed rows during lists with totals.
const changesPerSecond = 50

func runTable(ctx context.Context, opts settings, folder string) (err error) {
	begun := time.Now()
	all, err := setUp(ctx, opts, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	if err := startAll(ctx, all, 5); err != nil {
		return err
	}
	say("comparing the answers")
	if err := verify(all, opts.rows); err != nil {
		return err
	}
	results := table{}
	for _, writes := range []bool{false, true} {
		for round := range opts.rounds {
			say("round %d of %d, %s", round+1, opts.rounds, map[bool]string{false: "reads", true: "writes"}[writes])
			if err := runRound(ctx, opts, folder, all, writes, results); err != nil {
				return err
			}
		}
	}
	return report(opts, all, results, time.Since(begun))
}

// startAll starts every server, several times for its cold start, and leaves it running.
func startAll(ctx context.Context, all []*server, times int) error {
	for _, srv := range all {
		path := "/row"
		if srv.dialect != nil {
			path = srv.dialect.get("posts", uuidOf('p', 1))
		}
		var colds []time.Duration
		for i := range times {
			if err := srv.start(ctx, path); err != nil {
				return err
			}
			colds = append(colds, srv.cold)
			if i < times-1 {
				if err := srv.stop(); err != nil {
					return err
				}
			}
		}
		srv.cold = median(colds)
	}
	time.Sleep(time.Second)
	for _, srv := range all {
		srv.idle = srv.memory("VmRSS")
	}
	return nil
}

func stopAll(all []*server) (err error) {
	for _, srv := range all {
		err = errors.Join(err, srv.stop())
	}
	return err
}

func runRound(ctx context.Context, opts settings, folder string, all []*server, writes bool, results table) error {
	for _, work := range workloads {
		if work.writes != writes || !wanted(opts.only, work.key) {
			continue
		}
		for _, c := range work.connections {
			for _, srv := range all {
				if srv.dialect == nil && work.floor == "" {
					continue
				}
				result, err := runOne(ctx, opts, folder, srv, work, c)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", work.name, srv.name, err)
				}
				at := cell{work.name, c, srv.name}
				results[at] = append(results[at], result)
				say("%-30s %3d  %-20s %8.0f/s  p50 %8v  p99 %8v  %6v CPU  %d errors, %d refused", work.name, c, srv.name, result.rate, result.p50, result.p99, result.cpu, result.errors, result.refused)
			}
		}
	}
	return nil
}

func runOne(ctx context.Context, opts settings, folder string, srv *server, work workload, connections int) (result, error) {
	file, err := prepare(folder, "requests", work.requestsOf(srv, opts.rows))
	if err != nil {
		return result{}, err
	}
	if work.changing && srv.dialect != nil {
		stop := change(ctx, srv, opts.rows)
		defer stop()
	}
	return measure(ctx, folder, srv, file, connections, opts.duration)
}

// change changes rows of posts at a steady rate until stop is called.
func change(ctx context.Context, srv *server, rows int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		random := rand.New(rand.NewPCG(7, 8))
		tick := time.NewTicker(time.Second / changesPerSecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				send(ctx, srv, patchPost(srv, random, rows))
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func send(ctx context.Context, srv *server, call request) {
	r, err := http.NewRequestWithContext(ctx, call.method, srv.url()+call.path, strings.NewReader(call.body))
	if err != nil {
		return
	}
	r.Header.Set("Authorization", call.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			say("a change failed: %v", err)
		}
		return
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		say("a change was refused: %d", answer.StatusCode)
	}
}

// median is the middle of an odd number of values, the lower one of an even number.
func median[T int64 | float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// of is the median of one property of a cell's measurements.
func of[T int64 | float64 | time.Duration](rs []result, f func(result) T) T {
	values := make([]T, len(rs))
	for i, r := range rs {
		values[i] = f(r)
	}
	return median(values)
}
