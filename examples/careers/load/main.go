// Command load fills a running careers guide with the O*NET database and the wages and projections of the U.S. Bureau of
// Labor Statistics. It uses the HTTP API, with one request for each row.
//
//	go run ./examples/careers/load --data FOLDER --token TOKEN [--url http://127.0.0.1:8080] [--workers 16]
//
// FOLDER contains onet/csv and bls/csv. The token needs the role editor. To continue an interrupted load, run the same
// command again: the id of a row follows from its data, and the load skips rows with an existing id.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv("ASHLAR_TOKEN"), os.Stdout, os.Stderr))
}

// settings are the arguments of the command line.
type settings struct {
	data    string
	url     *url.URL
	token   string
	workers int
}

// run is the whole program. It returns the exit code: 0 if everything is loaded, 1 if not, 2 for wrong arguments.
func run(ctx context.Context, args []string, token string, stdout, stderr io.Writer) int {
	set, err := parse(args, token, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return 2
	}
	err = loadAll(ctx, set, stdout, stderr)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "load: interrupted; run it again to go on")
		return 1
	case err != nil:
		fmt.Fprintln(stderr, "load:", err)
		return 1
	}
	return 0
}

func parse(args []string, token string, stderr io.Writer) (settings, error) {
	var set settings
	var address string
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.data, "data", "", "`folder` that holds onet/csv and bls/csv (required)")
	flags.StringVar(&address, "url", "http://127.0.0.1:8080", "where the guide is served")
	flags.StringVar(&set.token, "token", token, "bearer token of an editor; ASHLAR_TOKEN where it is not given")
	flags.IntVar(&set.workers, "workers", 16, "requests at a time, 1 to 256")
	if err := flags.Parse(args); err != nil {
		return set, err
	}
	parsed, err := url.Parse(address)
	switch {
	case flags.NArg() > 0:
		return set, fmt.Errorf("what is %q? There are only flags; see --help", flags.Arg(0))
	case set.data == "":
		return set, errors.New("--data is missing: name the folder that holds onet/csv and bls/csv")
	case set.token == "":
		return set, errors.New("--token is missing: make one with bin/ashlar token --id ID --role editor examples/careers")
	case set.workers < 1 || set.workers > 256:
		return set, fmt.Errorf("--workers %d: give a number from 1 to 256", set.workers)
	case err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https"):
		return set, fmt.Errorf("--url %q: give an address such as http://127.0.0.1:8080", address)
	}
	set.url = parsed
	return set, nil
}

// loadAll reads the data, creates its rows and compares the counts of the API with the data.
func loadAll(ctx context.Context, set settings, stdout, stderr io.Writer) error {
	data, err := read(set.data)
	if err != nil {
		return err
	}
	api := newClient(set.url, set.token, set.workers)
	if err := api.ready(ctx); err != nil {
		return err
	}
	show := newProgress(stderr)
	for _, table := range data.tables {
		if err := create(ctx, api, table, set.workers, show); err != nil {
			return err
		}
	}
	if retries := api.retries.Load(); retries > 0 {
		fmt.Fprintf(stderr, "%s requests were tried again\n", thousands(int(retries)))
	}
	return verify(ctx, api, data.counts, stdout)
}
