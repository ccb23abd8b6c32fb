package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// countingClient is a client that counts the bytes of its connections.
type countingClient struct {
	http.Client
	in, out atomic.Int64
}

type countingConn struct {
	net.Conn
	client *countingClient
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.client.in.Add(int64(n))
	return n, err
}

func (c countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.client.out.Add(int64(n))
	return n, err
}

func newCountingClient() *countingClient {
	c := &countingClient{}
	c.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return countingConn{conn, c}, err
	}}
	return c
}

// drive asks for lists and for rows, and makes rows, for some time. It returns the number of its requests.
func drive(client *countingClient, base string, length time.Duration) (requests int64, err error) {
	var all atomic.Int64
	var failures [2]error
	var wait sync.WaitGroup
	for worker := range failures {
		wait.Go(func() {
			for n, end := 1, time.Now().Add(length); time.Now().Before(end) && failures[worker] == nil; n++ {
				failures[worker] = ask(client, base, n)
				all.Add(1)
			}
		})
	}
	wait.Wait()
	client.CloseIdleConnections()
	return all.Load(), errors.Join(failures[:]...)
}

func ask(client *countingClient, base string, n int) error {
	method, path, body := http.MethodGet, "/api/tasks?limit=20", ""
	switch {
	case n%8 == 0:
		method, path, body = http.MethodPost, "/api/tasks", fmt.Sprintf(`{"title": "task %d", "team": %d, "rank": %d}`, n, n%7, n)
	case n%2 == 0:
		path = "/api/tasks/1"
	}
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text)
	}
	return err
}

// costOfLoad serves an app to a load, and returns what the server says that it cost, and what it took.
func costOfLoad(t *testing.T, length time.Duration) (report costJSON, requests, in, out int64, cpu time.Duration) {
	dir := filepath.Join(writeApp(t, strings.Replace(tasks, "{read: true}", "{read: true, create: true}", 1)), "tasks")
	p := startProcess(t, dir, "--log-level", "error")
	client := newCountingClient()
	if err := ask(client, p.url, 8); err != nil { // the first row
		t.Fatal(err)
	}
	requests, err := drive(client, p.url, length)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(mustRun(t, "cost", dir, "--json")), &report); err != nil {
		t.Fatal(err)
	}
	used := p.cmd.ProcessState
	return report, requests + 1, client.out.Load(), client.in.Load(), used.UserTime() + used.SystemTime()
}

// TestCostIsThatOfTheProcess compares the sum of routes, jobs and the rest with what the system says of the process, and with the
// bytes that the client saw. In its long form, routes and jobs alone are nearly everything.
func TestCostIsThatOfTheProcess(t *testing.T) {
	effort.SkipRaced(t)
	length := 300 * time.Millisecond
	if effort.Nightly() {
		length = 150 * time.Second
	}
	report, requests, in, out, cpu := costOfLoad(t, length)
	var sum costRowJSON
	for _, row := range append(append([]costRowJSON{report.Rest}, report.Routes...), report.Jobs...) {
		sum.CPU, sum.In, sum.Out = sum.CPU+row.CPU, sum.In+row.In, sum.Out+row.Out
	}
	units := int64(0)
	for _, row := range report.Routes {
		units += row.Units
	}
	if units != requests {
		t.Errorf("%d requests are counted, want %d", units, requests)
	}
	const afterwards = 0.05 // s of CPU time at most, to close the database after the last look at the clock
	for _, tt := range []struct {
		what             string
		got, want, slack float64
	}{
		{"CPU time", sum.CPU, cpu.Seconds(), afterwards}, {"bytes received", float64(sum.In), float64(in), 0}, {"bytes sent", float64(sum.Out), float64(out), 0},
	} {
		if tt.got > 1.05*tt.want || tt.got < 0.95*tt.want-tt.slack {
			t.Errorf("%s: the rows have %v together, and the process took %v", tt.what, tt.got, tt.want)
		}
	}
	if !effort.Nightly() {
		return
	}
	t.Logf("the rest: %.1f %% of the CPU time", 100*report.Rest.CPU/sum.CPU)
	if report.Rest.CPU > 0.05*sum.CPU {
		t.Errorf("the rest has %.1f s of %.1f s of CPU time", report.Rest.CPU, sum.CPU)
	}
}

// TestMillionIsReproducible asks twice what a million requests cost, of two servers.
func TestMillionIsReproducible(t *testing.T) {
	if !effort.Nightly() {
		t.Skip("CPU time needs many samples: ASHLAR_NIGHTLY=1")
	}
	first, _, _, _, _ := costOfLoad(t, 150*time.Second)
	second, _, _, _, _ := costOfLoad(t, 150*time.Second)
	for _, row := range first.Routes {
		if row.Units < 1000 {
			continue
		}
		for _, again := range second.Routes {
			if again.Name != row.Name {
				continue
			}
			each, then := row.CPU/float64(row.Units), again.CPU/float64(again.Units)
			t.Logf("a million %s cost %.4g and %.4g; the CPU time is %.4g s and %.4g s", row.Name, row.Million, again.Million, 1e6*each, 1e6*then)
			if math.Abs(again.Million/row.Million-1) > 0.1 || math.Abs(then/each-1) > 0.1 {
				t.Errorf("a million %s cost %v, then %v", row.Name, row.Million, again.Million)
			}
		}
	}
}
