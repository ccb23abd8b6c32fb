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
//	go run . -overload      ten times more requests than can be answered (part of make bench)
//	go run . -soak          ten minutes of every kind of request, to find kept memory (make bench-soak)
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings are the flags of a run.
type settings struct {
	rounds   int
	duration time.Duration // of one measurement
	rows     int
	only     string // names of workloads, separated by commas; "": all
	servers  string // names of servers, separated by commas; "": all
	before   string // folder of another checkout, to compare with; "": none
	out      string
	scale    bool
	overload bool
	postgres bool
	move     bool
	soak     bool
	online   bool
	rules    bool
	keep     bool
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 3, "rounds, of which the median counts")
	flag.DurationVar(&s.duration, "duration", 2*time.Second, "of one measurement")
	flag.IntVar(&s.rows, "rows", 100_000, "rows of posts, and of notes")
	flag.StringVar(&s.only, "only", "", "workloads, separated by commas")
	flag.StringVar(&s.servers, "servers", "", "servers, separated by commas")
	flag.StringVar(&s.before, "before", "", "folder of another checkout of Ashlar: measure its CPU a request too")
	flag.StringVar(&s.out, "out", "", "file of the results; nothing: standard output alone")
	flag.BoolVar(&s.scale, "scale", false, "measure how the cost grows with rows and pages instead")
	flag.BoolVar(&s.overload, "overload", false, "measure ten times the capacity instead")
	flag.BoolVar(&s.postgres, "postgres", false, "measure on PostgreSQL instead")
	flag.BoolVar(&s.move, "move", false, "measure moves of a whole database instead")
	flag.BoolVar(&s.soak, "soak", false, "measure memory over ten minutes instead")
	flag.BoolVar(&s.online, "online", false, "measure changes of the model beside a server at work instead")
	flag.BoolVar(&s.rules, "rules", false, "measure what rules cost instead")
	flag.BoolVar(&s.keep, "keep", false, "keep the temporary folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s settings) error {
	if !s.move && !s.online && !s.rules {
		if err := needWrk(ctx); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp("", "ashlar-bench-")
	if err != nil {
		return err
	}
	if s.keep {
		fmt.Fprintln(os.Stderr, "data and logs:", folder)
	} else {
		defer os.RemoveAll(folder)
	}
	switch {
	case s.scale:
		return runScale(ctx, s, folder)
	case s.overload:
		return runOverload(ctx, s, folder)
	case s.move:
		return runMove(ctx, s, folder)
	case s.online:
		return runOnline(ctx, s, folder)
	case s.postgres:
		return runPostgres(ctx, s, folder)
	case s.rules:
		return runRules(ctx, s, folder)
	case s.soak:
		return runSoak(ctx, s, folder)
	}
	return runTable(ctx, s, folder)
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}
