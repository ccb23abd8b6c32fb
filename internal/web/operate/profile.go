package operate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Bounds of recordings. A busy server writes several MB of trace each second.
const (
	maxProfile = time.Minute
	maxTrace   = 10 * time.Second
)

// profileRoutes returns the paths that `go tool pprof` and `go tool trace` read. net/http/pprof would add them to the handler of
// all servers of a process. It also shows the command line, in which secrets may stand.
func profileRoutes(own *profile.Recorder) []web.Route {
	start, stop := pprof.StartCPUProfile, pprof.StopCPUProfile
	if own != nil {
		start, stop = own.StartCPUProfile, own.StopCPUProfile
	}
	return []web.Route{
		{Pattern: "GET /debug/pprof/{$}", Handler: profileIndex},
		{Pattern: "GET /debug/pprof/profile", Handler: recording("profile", 30*time.Second, maxProfile, start, stop)},
		{Pattern: "GET /debug/pprof/trace", Handler: recording("trace", time.Second, maxTrace, trace.Start, trace.Stop)},
		{Pattern: "GET /debug/pprof/{name}", Handler: lookup},
	}
}

func profileIndex(w http.ResponseWriter, _ *http.Request) error {
	var text bytes.Buffer
	for _, p := range pprof.Profiles() {
		fmt.Fprintf(&text, "/debug/pprof/%s\t%d\n", p.Name(), p.Count())
	}
	text.WriteString("/debug/pprof/profile?seconds=30\n/debug/pprof/trace?seconds=1\n")
	return web.Bytes(w, http.StatusOK, "text/plain; charset=utf-8", text.Bytes())
}

// lookup answers with a profile of what is the case now: heap, goroutine, allocs and others. debug=1 or 2 makes it text.
func lookup(w http.ResponseWriter, r *http.Request) error {
	found := pprof.Lookup(r.PathValue("name"))
	if found == nil {
		return errs.New(errs.NotFound, "no such profile")
	}
	debug, err := number(r, "debug", 0, 2)
	if err != nil {
		return err
	}
	kind := "application/octet-stream"
	if debug > 0 {
		kind = "text/plain; charset=utf-8"
	}
	var body bytes.Buffer
	if err := found.WriteTo(&body, debug); err != nil {
		return err
	}
	return web.Bytes(w, http.StatusOK, kind, body.Bytes())
}

// recording returns a handler that records for the seconds of the query. It sends the recording as it grows. Only one recording
// of a kind can run.
func recording(name string, usual, most time.Duration, start func(io.Writer) error, stop func()) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		n, err := number(r, "seconds", int(usual.Seconds()), int(most.Seconds()))
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := start(w); err != nil {
			return errs.Wrapf(err, errs.Unavailable, "another %s is being recorded: try again when it is done", name)
		}
		wait(r.Context(), time.Duration(n)*time.Second)
		stop()
		return nil
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// number returns a whole number of the query, at most as large as most.
func number(r *http.Request, name string, usual, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, errs.New(errs.Malformed, "%s must be a whole number from 0 to %d", name, most)
	}
	return n, nil
}
