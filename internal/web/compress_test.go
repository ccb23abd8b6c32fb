package web

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ashlar-dev/ashlar/internal/pieces"
)

func TestNegotiate(t *testing.T) {
	for _, tt := range []struct {
		header []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"identity"}, ""},
		{[]string{"br"}, ""},
		{[]string{"*"}, ""}, // a client that accepts anything gets the plain body
		{[]string{"gzip"}, "gzip"},
		{[]string{"GZip"}, "gzip"},
		{[]string{"x-gzip"}, "gzip"},
		{[]string{"zstd"}, "zstd"},
		{[]string{"gzip, deflate, br, zstd"}, "zstd"},
		{[]string{"gzip", "zstd"}, "zstd"},
		{[]string{"gzip, zstd;q=0"}, "gzip"},
		{[]string{"gzip;q=0, zstd; q=0.000"}, ""},
		{[]string{"gzip;q=0.001"}, "gzip"},
		{[]string{"gzip; Q=1"}, "gzip"},
		{[]string{"gzip;q=x"}, ""},
		{[]string{"gzip;q=NaN"}, ""},
		{[]string{"gzipped, xzstd"}, ""},
	} {
		if got := negotiate(tt.header); got != tt.want {
			t.Errorf("negotiate(%q) = %q, want %q", tt.header, got, tt.want)
		}
	}
}

// TestCompression reads bodies of every size in every coding, and compares them and their headers with the plain ones.
func TestCompression(t *testing.T) {
	bodies := map[string][]byte{}
	for _, size := range []int{0, 1, compressFrom - 1, compressFrom, 70_000, streamFrom - 1, streamFrom, 5_000_000} {
		var buf bytes.Buffer
		for i := 0; buf.Len() < size; i++ {
			fmt.Fprintf(&buf, `{"id":%d,"n":%d},`, i, i*i%7919)
		}
		bodies["/"+strconv.Itoa(size)] = buf.Bytes()[:size]
		bodies["/pieces/"+strconv.Itoa(size)] = buf.Bytes()[:size]
	}
	s := newSite(t, Config{}, func(m *Mux) {
		for path, body := range bodies {
			handle(m, "GET "+path, func(w http.ResponseWriter, _ *http.Request) error {
				if !strings.HasPrefix(path, "/pieces/") {
					return JSON(w, 200, body)
				}
				var text pieces.Text
				rest := text.Take(bytes.Clone(body))
				return LongJSON(w, 200, &text, rest)
			})
		}
	})
	for path, body := range bodies {
		for _, accept := range []string{"identity", "gzip", "zstd", "gzip, zstd"} {
			resp, got := s.do(t, "GET", path, "Accept-Encoding", accept)
			name := path + " with " + accept
			coding := resp.Header.Get("Content-Encoding")
			want := accept[strings.LastIndex(accept, " ")+1:]
			if want == "identity" || len(body) < compressFrom {
				want = ""
			}
			if coding != want || resp.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: Content-Encoding %q, want %q; Vary %q", name, coding, want, resp.Header.Get("Vary"))
				continue
			}
			if plain := decoded(t, coding, got); !bytes.Equal(plain, body) {
				t.Errorf("%s: %d bytes, want %d, or others", name, len(plain), len(body))
			}
			if coding != "" && len(got) > len(body)/3 {
				t.Errorf("%s: %d bytes became %d", name, len(body), len(got))
			}
			head, _ := s.do(t, "HEAD", path, "Accept-Encoding", accept)
			if head.Header.Get("Content-Encoding") != coding || (len(body) < streamFrom && head.ContentLength != int64(len(got))) {
				t.Errorf("%s: HEAD says %q and %d, GET %q and %d", name, head.Header.Get("Content-Encoding"), head.ContentLength, coding, len(got))
			}
		}
	}
}

func decoded(t *testing.T, coding, body string) []byte {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// brokenWriter fails after some bytes, like the connection of a client that went away.
type brokenWriter struct{ left int }

func (w *brokenWriter) Write(out []byte) (int, error) {
	if w.left -= len(out); w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(out), nil
}

// TestCompressAfterFailure uses writers again after an answer that broke off at any point. Random text makes the
// writers hold bytes back, so that bytes of one answer could show in the next.
func TestCompressAfterFailure(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	secret := make([]byte, 2_000_000)
	for i := range secret {
		secret[i] = "0123456789abcdef"[random.IntN(16)]
	}
	body := []byte(strings.Repeat(`{"id":1,"title":"mine"},`, 1000))
	for _, coding := range []string{"gzip", "zstd"} {
		for left := 0; left < len(secret); left = left*3 + 1 {
			if err := compress(&brokenWriter{left}, coding, nil, secret); err == nil && left < 500_000 {
				t.Fatalf("%s of %d bytes: no error", coding, left)
			}
			var out bytes.Buffer
			if err := compress(&out, coding, nil, body); err != nil {
				t.Fatal(err)
			}
			if got := decoded(t, coding, out.String()); !bytes.Equal(got, body) {
				t.Fatalf("%s after a failure at byte %d: %d bytes, want %d", coding, left, len(got), len(body))
			}
		}
	}
}

// The pool drops the buffer of a large answer, so that a burst of them does not fill the memory for long.
func TestCompressedBuffersKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	body := make([]byte, streamFrom-1)
	for i := range body {
		body[i] = byte(random.Uint32())
	}
	for range 50 {
		w := &response{client: t.Context(), ResponseWriter: &nullWriter{header: http.Header{}}}
		if err := writeCompressed(w, 200, "zstd", nil, body); err != nil {
			t.Fatal(err)
		}
		if buf, _ := compressed.Get().(*bytes.Buffer); buf != nil && buf.Cap() > maxKept {
			t.Fatalf("a buffer of %d bytes is kept", buf.Cap())
		}
	}
}

func BenchmarkCompress(b *testing.B) {
	var body []byte
	for i := range 100 {
		body = fmt.Appendf(body, `{"id":%d,"created_at":"2026-01-31T12:%02d:00.000000Z","title":"row number %d","amount":"%d.50","shared":true},`, i, i%60, i*7919, i*31)
	}
	for _, coding := range []string{"gzip", "zstd"} {
		b.Run(coding, func(b *testing.B) {
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := compress(&out, coding, nil, body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(body))/float64(out.Len()), "ratio")
		})
	}
}
