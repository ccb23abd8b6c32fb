package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Some requests come from a generator, a process of its own. In the process of the honest callers its goroutines would delay
// them, and the measured waits would not be the server's. Elsewhere the requests come from other machines, so here the
// generator has a low priority: it takes little of the processor from the server.
const generatorNice = "15"

// An order is what a generator reads from its standard input, which stays open while it shall go on.
type order struct {
	Abuse  string  // name of the abuse; "": the overload
	Rate   float64 // of the overload, in requests a second
	Port   int
	Tokens []string
	Watch  *watchOrder // nil: no streams
}

// A floodReport is what a generator writes about an overload.
type floodReport struct {
	OK, Turned                   []time.Duration
	Sent, Refused, Other, Failed int
	Took, Sending                time.Duration
}

// generate does what the order in in says, until in ends, and writes a report to out.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var wanted order
	if err := json.NewDecoder(in).Decode(&wanted); err != nil {
		return err
	}
	ctx, end := context.WithTimeout(ctx, 10*abuseTime)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		end()
	}()
	srv := &server{port: wanted.Port, tokens: wanted.Tokens, dialect: ashlarDialect{}}
	if wanted.Watch != nil {
		r, err := wanted.Watch.watch(ctx, srv)
		return errors.Join(err, json.NewEncoder(out).Encode(r))
	}
	if wanted.Abuse == "" {
		f := sendAt(ctx, srv, heavyPage(srv), wanted.Rate, overloadTime)
		return json.NewEncoder(out).Encode(floodReport{f.ok, f.turned, f.sent, f.refused, f.other, f.failed, f.took, f.sending})
	}
	for _, a := range abuses {
		if a.name == wanted.Abuse {
			counts := &answers{}
			a.run(ctx, srv, counts)
			return json.NewEncoder(out).Encode(counts.String())
		}
	}
	return fmt.Errorf("there is no abuse %q", wanted.Abuse)
}

// A generator is the process that generates requests.
type generator struct {
	cmd          *exec.Cmd
	in           io.WriteCloser
	out, failure bytes.Buffer
}

func startGenerator(ctx context.Context, wanted order) (*generator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	g := &generator{cmd: exec.CommandContext(ctx, "nice", "-n", generatorNice, self, "-generator")}
	g.cmd.WaitDelay = 2 * abuseWait
	g.cmd.Stdout, g.cmd.Stderr = &g.out, &g.failure
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := g.in.Write(text); err != nil {
		return nil, errors.Join(err, g.cmd.Process.Kill(), g.cmd.Wait())
	}
	return g, nil
}

// end ends an abuse.
func (g *generator) end() { _ = g.in.Close() }

// report waits for the end of the process and reads its report.
func (g *generator) report(into any) error {
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("the generator of requests: %w: %s", err, g.failure.String())
	}
	return json.Unmarshal(g.out.Bytes(), into)
}

// generateFlood sends the requests of the overload at a steady rate from a generator.
func generateFlood(ctx context.Context, srv *server, rate float64) (*flood, error) {
	g, err := startGenerator(ctx, order{Rate: rate, Port: srv.port, Tokens: srv.tokens})
	if err != nil {
		return nil, err
	}
	defer g.end()
	var r floodReport
	if err := g.report(&r); err != nil {
		return nil, err
	}
	return &flood{ok: r.OK, turned: r.Turned, sent: r.Sent, refused: r.Refused, other: r.Other, failed: r.Failed, took: r.Took, sending: r.Sending}, nil
}
