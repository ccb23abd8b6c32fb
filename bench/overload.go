package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// The overload is up to twenty times more requests than the server can answer, at a steady rate.
const (
	overloadTime = 8 * time.Second // at each rate
	goodputBar   = 0.80            // least share of the best rate of answers, at every overload
)

// overloads are the rates, in times of the capacity.
var overloads = []float64{1, 2, 5, 10, 20}

func runOverload(ctx context.Context, opts settings, folder string) (err error) {
	opts.servers, opts.rows = nameAshlar, 20_000
	all, err := setUp(ctx, opts, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	srv := all[0]
	light := request{method: "GET", path: srv.dialect.get("posts", uuidOf('p', 1))}
	other, err := secondServer(srv, folder)
	if err != nil {
		return err
	}
	all = append(all, other)
	if err := srv.start(ctx, light.path); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("# Overload\n\nWritten by `make bench`.")
	if opts.only == "" {
		if err := measureOverload(ctx, folder, srv, light, &text); err != nil {
			return err
		}
	}
	if err := other.start(ctx, light.path); err != nil {
		return err
	}
	if err := runAbuses(ctx, srv, other, opts.rows, opts.only, &text); err != nil {
		return err
	}
	return publish(opts, text.String())
}

// heavyPage returns random requests for pages. No index helps, and no two are alike: a kept answer would cost nothing.
func heavyPage(srv *server) func(*rand.Rand) request {
	return func(r *rand.Rand) request {
		path := strings.ReplaceAll(withAuthor(srv.dialect, statuses[r.IntN(len(statuses))]), "sort=-created_at&limit=30", "sort=body&limit=100")
		path = strings.ReplaceAll(path, "filter=", fmt.Sprintf("arg.v=%d&filter=views!=arg.v%%26%%26", r.IntN(1_000_000_000)))
		return request{method: "GET", path: path}
	}
}

// recovery returns the time until a light request is fast again, three times in a row.
func recovery(srv *server, light request) (time.Duration, error) {
	begun := time.Now()
	for fast := 0; fast < 3; {
		start := time.Now()
		if _, err := ask(srv, light, http.StatusOK); err == nil && time.Since(start) < 50*time.Millisecond {
			fast++
		} else {
			fast = 0
		}
		if time.Since(begun) > time.Minute {
			return 0, errors.New("it does not recover within a minute")
		}
	}
	return time.Since(begun), nil
}

// measureOverload sends up to twenty times the requests that the server can answer, and appends a table to text.
func measureOverload(ctx context.Context, folder string, srv *server, light request, text *strings.Builder) error {
	heavy := heavyPage(srv)
	random := rand.New(rand.NewPCG(1, 2))
	requests := make([]request, 10_000)
	for i := range requests {
		requests[i] = heavy(random)
	}
	if _, err := ask(srv, requests[0], http.StatusOK); err != nil {
		return err
	}
	file, err := prepare(folder, "requests", requests)
	if err != nil {
		return err
	}
	calm, err := measure(ctx, folder, srv, file, 32, 3*time.Second)
	if err != nil {
		return err
	}
	calm.rate *= 1 - float64(calm.refused)/float64(max(1, calm.requests))
	fmt.Fprintf(text, " Pages of 100 rows with their authors, in an order that no index has, sent for %v at each steady rate, whatever the answers (open model). The capacity is that of 32 connections: %.0f/s, p99 %s. Waits count from the intended start.\n\n", overloadTime, calm.rate, millis(calm.p99))
	text.WriteString("| × capacity | sent | answered | of the best | p50, p99 | refused with Retry-After | p50, p99 of refusals | failed, others | resident, peak | a get within 50 ms again after |\n|---|---|---|---|---|---|---|---|---|---|\n")
	best := 0.0
	for _, times := range overloads {
		if err := srv.forgetPeak(); err != nil {
			return err
		}
		say("%.0f × the capacity of %.0f/s for %v", times, calm.rate, overloadTime)
		flood, err := generateFlood(ctx, srv, calm.rate*times)
		if err != nil {
			return err
		}
		recovered, err := recovery(srv, light)
		if err != nil {
			return err
		}
		best = max(best, flood.okRate())
		verdict := ""
		if flood.okRate() < goodputBar*best {
			verdict = " **below 80 %**"
		}
		fmt.Fprintf(text, "| %.0f | %.0f/s | %.0f/s | %.0f %%%s | %s, %s | %d | %s, %s | %d, %d | %.0f MB | %v |\n", times, flood.sentRate(), flood.okRate(), 100*flood.okRate()/best, verdict,
			millis(flood.at(0.5)), millis(flood.at(0.99)), flood.refused, millis(flood.refusedAt(0.5)), millis(flood.refusedAt(0.99)), flood.failed, flood.other, megabytes(srv.memory("VmHWM")), recovered.Round(time.Millisecond))
	}
	return nil
}
