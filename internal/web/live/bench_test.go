package live

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// TestManyStreams holds ASHLAR_STREAMS streams of anonymous clients that share a window, and logs what they cost. It is not
// part of the usual tests, because it needs as many files.
func TestManyStreams(t *testing.T) {
	count, _ := strconv.Atoi(os.Getenv("ASHLAR_STREAMS"))
	if count == 0 {
		t.Skip("set ASHLAR_STREAMS to the number of streams")
	}
	onSitesWith(t, Config{}, 1<<30, func(t *testing.T, s *site) {
		memory := func() (kib int) {
			runtime.GC()
			status, err := os.ReadFile("/proc/self/status")
			if err != nil {
				t.Skip(err)
			}
			for line := range strings.Lines(string(status)) {
				if strings.HasPrefix(line, "VmRSS:") {
					_, _ = fmt.Sscan(strings.TrimPrefix(line, "VmRSS:"), &kib)
				}
			}
			return kib
		}
		before := memory()
		address := s.Listener.Addr().String()
		ins := make([]*bufio.Reader, count)
		conns := make([]net.Conn, count)
		for i := range count {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /api/notes:watch?filter=n%%20%%3C%%2010 HTTP/1.1\r\nHost: x\r\nX-User: a\r\nAccept: text/event-stream\r\n\r\n")
			ins[i], conns[i] = bufio.NewReaderSize(conn, 512), conn
			if err := until(ins[i], "event: ready"); err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
		}
		t.Logf("%d streams: %d KiB more than %d", count, memory()-before, before)
		// A sample of the streams says when the events arrive. The others read in the meantime, as clients do.
		const writes, pause = 200, 10 * time.Millisecond
		arrived := make(chan time.Duration, writes*64)
		sent := make([]time.Time, writes)
		for i, in := range ins {
			sampled := i%max(1, count/50) == 0
			background.Go("a client", func() error {
				for n := range writes {
					if err := until(in, "event: enter"); err != nil {
						return err
					}
					if sampled {
						arrived <- time.Since(sent[n])
					}
				}
				return nil
			}, func(error) {})
		}
		for n := range writes {
			sent[n] = time.Now()
			s.create(t, `{"id": %d, "owner": "a"}`, n)
			time.Sleep(max(0, pause-time.Since(sent[n])))
		}
		var all []time.Duration
		for range writes * min(count, 50) {
			select {
			case took := <-arrived:
				all = append(all, took)
			case <-time.After(time.Minute):
				t.Fatalf("only %d events have arrived", len(all))
			}
		}
		slices.Sort(all)
		t.Logf("from the begin of the write to the client: p50 %v, p99 %v; %d KiB", all[len(all)/2], all[len(all)*99/100], memory()-before)
	})
}

func until(in *bufio.Reader, want string) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == want {
			return err
		}
	}
}
