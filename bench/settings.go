package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// settings are the flags of a run.
type settings struct {
	rounds    int
	duration  time.Duration // of one measurement
	rows      int
	only      string // names of workloads, separated by commas; "": all
	servers   string // names of servers, separated by commas; "": all
	before    string // folder of another checkout, to compare with; "": none
	out       string
	scale     bool
	overload  bool
	generator bool
	postgres  bool
	move      bool
	soak      bool
	online    bool
	rules     bool
	accounts  bool
	cache     bool
	jobs      bool
	watch     bool
	keep      bool
}

// parseFlags reads the flags of the command line. It ends the program if they are wrong.
func parseFlags() settings {
	var opts settings
	flag.IntVar(&opts.rounds, "rounds", 3, "rounds, of which the median counts")
	flag.DurationVar(&opts.duration, "duration", 2*time.Second, "of one measurement")
	flag.IntVar(&opts.rows, "rows", 100_000, "rows of posts, and of notes")
	flag.StringVar(&opts.only, "only", "", "workloads, or with -overload abusers, separated by commas")
	flag.StringVar(&opts.servers, "servers", "", "servers, separated by commas")
	flag.StringVar(&opts.before, "before", "", "folder of another checkout of Ashlar: measure its CPU a request too")
	flag.StringVar(&opts.out, "out", "", "file of the results; nothing: standard output alone")
	flag.BoolVar(&opts.scale, "scale", false, "measure how the cost grows with rows and pages instead")
	flag.BoolVar(&opts.generator, "generator", false, "send what -overload orders on the standard input")
	flag.BoolVar(&opts.overload, "overload", false, "measure up to twenty times the capacity, and abusers, instead")
	flag.BoolVar(&opts.postgres, "postgres", false, "measure on PostgreSQL instead")
	flag.BoolVar(&opts.move, "move", false, "measure moves of a whole database instead")
	flag.BoolVar(&opts.soak, "soak", false, "measure memory over ten minutes instead")
	flag.BoolVar(&opts.online, "online", false, "measure changes of the model beside a server at work instead")
	flag.BoolVar(&opts.rules, "rules", false, "measure what rules cost instead")
	flag.BoolVar(&opts.accounts, "accounts", false, "measure logins instead")
	flag.BoolVar(&opts.cache, "cache", false, "measure kept answers against uncached ones instead")
	flag.BoolVar(&opts.jobs, "jobs", false, "measure jobs that do nothing instead, beside River")
	flag.BoolVar(&opts.watch, "watch", false, "measure streams of watched lists instead; -only STREAMS-LISTS-WRITES chooses some")
	flag.BoolVar(&opts.keep, "keep", false, "keep the temporary folder")
	flag.Parse()
	return opts
}

// say prints a line of progress.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}
