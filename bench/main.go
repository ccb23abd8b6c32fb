// Command bench compares Ashlar with a hand-written service on the same driver and with PocketBase. They have the
// same rows, queries and contents of answers. They run in turn, and a figure is the median of the rounds. It writes
// RESULTS.md.
//
//	go run .                the table (make bench)
//	go run . -servers ashlar -before DIR   this checkout against another one: CPU a request, round by round
//	go run . -scale         10,000 to 1,000,000 rows, and pages by cursor (make bench-scale)
//	go run . -postgres      on PostgreSQL, against a hand-written service on the same driver (part of make bench)
//	go run . -move          a whole database to the other engine, and back (make bench-move)
//	go run . -online        changes of the model of 1,000,000 rows under a running server (make bench-online)
//	go run . -rules         the cost of typical rules on 1,000,000 rows, against statements by hand (make bench-rules)
//	go run . -overload      up to twenty times more requests than can be answered, and abusers beside honest callers (part of make bench)
//	go run . -accounts      logins, and gets and memory while they saturate the server (part of make bench)
//	go run . -cache         kept answers against uncached ones, 304s and stale answers (part of make bench)
//	go run . -jobs          jobs that do nothing, beside River (part of make bench)
//	go run . -watch         streams of watched lists: latency of events, memory, beside PocketBase (part of make bench)
//	go run . -soak          ten minutes of every kind of request, to find kept memory (make bench-soak)
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	opts := parseFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opts); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, opts settings) error {
	if opts.generator {
		return generate(ctx, os.Stdin, os.Stdout)
	}
	if !opts.move && !opts.online && !opts.rules && !opts.accounts && !opts.jobs && !opts.watch {
		if err := needWrk(ctx); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp("", "ashlar-bench-")
	if err != nil {
		return err
	}
	if opts.keep {
		fmt.Fprintln(os.Stderr, "data and logs:", folder)
	} else {
		defer os.RemoveAll(folder)
	}
	switch {
	case opts.scale:
		return runScale(ctx, opts, folder)
	case opts.overload:
		return runOverload(ctx, opts, folder)
	case opts.move:
		return runMove(ctx, opts, folder)
	case opts.online:
		return runOnline(ctx, opts, folder)
	case opts.postgres:
		return runPostgres(ctx, opts, folder)
	case opts.rules:
		return runRules(ctx, opts, folder)
	case opts.accounts:
		return runAccounts(ctx, opts, folder)
	case opts.cache:
		return runCache(ctx, opts, folder)
	case opts.jobs:
		return runJobs(ctx, opts, folder)
	case opts.watch:
		return runWatch(ctx, opts, folder)
	case opts.soak:
		return runSoak(ctx, opts, folder)
	}
	return runTable(ctx, opts, folder)
}
