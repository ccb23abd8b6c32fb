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

// The overload is ten times more requests than the server can answer, at a steady rate.
const (
	overloadTimes = 10
	overloadTime  = 10 * time.Second
)

func runOverload(ctx context.Context, opts settings, folder string) (err error) {
	opts.servers, opts.rows = nameAshlar, 20_000
	all, err := setUp(ctx, opts, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	srv := all[0]
	light := request{method: "GET", path: srv.dialect.get("posts", uuidOf('p', 1))}
	if err := srv.start(ctx, light.path); err != nil {
		return err
	}
	heavy := func(r *rand.Rand) request { // no index helps: few enough a second to send ten times as many
		path := strings.ReplaceAll(withAuthor(srv.dialect, statuses[r.IntN(len(statuses))]), "sort=-created_at&limit=30", "sort=body&limit=100")
		return request{method: "GET", path: path}
	}
	random := rand.New(rand.NewPCG(1, 2))
	file, err := prepare(folder, "requests", []request{heavy(random), heavy(random), heavy(random), heavy(random)})
	if err != nil {
		return err
	}
	calm, err := measure(ctx, folder, srv, file, 32, 3*time.Second)
	if err != nil {
		return err
	}
	calm.rate *= 1 - float64(calm.refused)/float64(max(1, calm.requests))
	say("capacity %.0f/s, p99 %v; now %.0f/s for %v", calm.rate, calm.p99, calm.rate*overloadTimes, overloadTime)
	flood := sendAt(ctx, srv, heavy, calm.rate*overloadTimes, overloadTime)
	recovered, err := recovery(srv, light)
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "# Overload\n\nWritten by `make bench`. Pages of 100 rows with their authors, in an order that no index has, sent at %d × capacity for %v at a steady rate, whatever the answers (open model).\n\n", overloadTimes, overloadTime)
	fmt.Fprintf(&text, "| | |\n|---|---|\n| capacity, 32 connections | %.0f/s, p99 %s |\n| sent | %.0f/s, of %.0f/s intended |\n", calm.rate, millis(calm.p99), flood.sentRate(), calm.rate*overloadTimes)
	fmt.Fprintf(&text, "| answered | %.0f/s, p50 %s, p99 %s from the intended start |\n| refused with 503 and Retry-After | %d, p50 %s, p99 %s |\n", flood.okRate(), millis(flood.at(0.5)), millis(flood.at(0.99)), flood.refused, millis(flood.refusedAt(0.5)), millis(flood.refusedAt(0.99)))
	fmt.Fprintf(&text, "| connections that failed, other answers | %d, %d |\n| resident, peak | %.0f MB |\n| a get within 50 ms again after | %v |\n", flood.failed, flood.other, megabytes(srv.memory("VmHWM")), recovered.Round(time.Millisecond))
	return publish(opts, text.String())
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
