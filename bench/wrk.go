package main

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed wrk.lua
var wrkScript []byte

//go:embed done.lua
var fixedScript []byte

// request is one request of a workload.
type request struct{ method, path, token, body string }

// result is one measurement.
type result struct {
	requests int64
	rate     float64       // a second
	p50, p99 time.Duration // from the sending of a request (closed model)
	max      time.Duration
	errors   int64         // of connections
	refused  int64         // answers of 400 and above
	cpu      time.Duration // of the server, a request
}

// prepared is a file of requests.
type prepared string

func prepare(folder, name string, requests []request) (prepared, error) {
	path := filepath.Join(folder, name)
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	for _, r := range requests {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.method, r.path, r.token, r.body)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return prepared(path), f.Close()
}

// measure sends requests for a time over a number of connections.
func measure(ctx context.Context, folder string, s *server, file prepared, connections int, d time.Duration) (result, error) {
	seed := strconv.FormatInt(time.Now().UnixNano()&0xffffff, 10)
	return runWrk(ctx, folder, s, wrkScript, connections, d, s.url(), "--", string(file), seed)
}

// measureFixed sends one request again and again. wrk then runs no script between two requests, which costs it half as much.
func measureFixed(ctx context.Context, folder string, s *server, path string, headers map[string]string, connections int, d time.Duration) (result, error) {
	var args []string
	for name, value := range headers {
		args = append(args, "-H", name+": "+value)
	}
	return runWrk(ctx, folder, s, fixedScript, connections, d, append(args, s.url()+path)...)
}

func runWrk(ctx context.Context, folder string, s *server, text []byte, connections int, d time.Duration, more ...string) (result, error) {
	script := filepath.Join(folder, "wrk.lua")
	if err := os.WriteFile(script, text, 0o600); err != nil {
		return result{}, err
	}
	before := s.cpu()
	args := append([]string{"-t1", "-c", strconv.Itoa(connections), "-d", seconds(d), "--timeout", "10s", "-s", script}, more...)
	out, err := command(ctx, folder, nil, "", "wrk", args...)
	if err != nil {
		return result{}, err
	}
	used := s.cpu() - before
	_, line, ok := strings.Cut(out, "RESULT ")
	if !ok {
		return result{}, fmt.Errorf("wrk said %q", out)
	}
	var r result
	var micros, p50, p99, most int64
	if _, err := fmt.Sscan(line, &r.requests, &micros, &p50, &p99, &most, &r.errors, &r.refused); err != nil {
		return r, err
	}
	r.rate = float64(r.requests) / (float64(micros) / 1e6)
	r.p50, r.p99, r.max = time.Duration(p50)*time.Microsecond, time.Duration(p99)*time.Microsecond, time.Duration(most)*time.Microsecond
	if r.requests > 0 {
		r.cpu = used / time.Duration(r.requests)
	}
	return r, nil
}

// seconds writes a time for wrk: whole seconds, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(d.Round(time.Second)/time.Second))) + "s"
}
