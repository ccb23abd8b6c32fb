package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func packed(t testing.TB, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readCoded(t testing.TB, coding string, body []byte, limit int64, streamed bool) ([]byte, http.Header, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
	if streamed {
		r.ContentLength = -1
	}
	r.Header.Set("Content-Type", "application/json")
	for line := range strings.SplitSeq(coding, "|") {
		r.Header.Add("Content-Encoding", line)
	}
	w := httptest.NewRecorder()
	got, err := ReadBody(w, r, limit, "application/json")
	return got, w.Header(), err
}

func TestCompressedBodies(t *testing.T) {
	const limit = 400_000
	text := strings.Repeat(`{"a": 1} `, 30_000)
	for _, coding := range []string{"gzip", "X-GZIP", "identity|GZip, identity"} {
		good := packed(t, text)
		most := packed(t, strings.Repeat("x", limit))
		long := packed(t, strings.Repeat("x", limit+1))
		bomb := packed(t, strings.Repeat("x", 100*limit))
		for _, c := range []struct {
			name string
			body []byte
			want errs.Kind
			says string
		}{
			{"good", good, "", ""},
			{"short", packed(t, "{}"), "", ""},
			{"exactly the limit", most, "", ""},
			{"one more", long, errs.TooLarge, "once it is decompressed"},
			{"a bomb", bomb, errs.TooLarge, "once it is decompressed"},
			{"a bomb in a bomb", append(packed(t, string(bomb)), bomb...), errs.Malformed, "more bytes follow"},
			{"too long as sent", make([]byte, limit+1), errs.TooLarge, "that are accepted"},
			{"several", append(slices.Clone(good), good...), errs.Malformed, "more bytes follow"},
			{"several, the first empty", append(packed(t, ""), good...), errs.Malformed, "more bytes follow"},
			{"more bytes", append(slices.Clone(good), '\n'), errs.Malformed, "more bytes follow"},
			{"cut off", good[:len(good)/2], errs.Malformed, "cut off"},
			{"without its last byte", good[:len(good)-1], errs.Malformed, "cut off"},
			{"only its first bytes", good[:5], errs.Malformed, "cut off"},
			{"not compressed", []byte(`{"a": 1, "b": 2, "c": 3}`), errs.Malformed, "as Content-Encoding says"},
			{"a wrong checksum", append(slices.Clone(good[:len(good)-1]), ^good[len(good)-1]), errs.Malformed, "is damaged"},
			{"nothing", packed(t, ""), errs.Malformed, "the body is empty"},
			{"no bytes", nil, errs.Malformed, "the body is empty"},
		} {
			for _, streamed := range []bool{false, true} {
				got, header, err := readCoded(t, coding, c.body, limit, streamed)
				if errs.KindOf(err) != c.want || (err != nil && !strings.Contains(err.Error(), c.says)) {
					t.Errorf("%s, %s, streamed %v: %v, want %s with %q", coding, c.name, streamed, err, c.want, c.says)
				}
				if (c.name == "good" && string(got) != text) || int64(cap(got)) > 2*limit {
					t.Errorf("%s, %s: %d bytes in %d", coding, c.name, len(got), cap(got))
				}
				if len(header) > 0 {
					t.Errorf("%s, %s: the answer has %v", coding, c.name, header)
				}
			}
		}
	}
}

func TestOtherCodingsAreRefused(t *testing.T) {
	body := packed(t, "{}")
	for _, coding := range []string{"br", "deflate", "compress", "gzip, gzip", "gzip|gzip", "zstd", "zstd, gzip", "gzip;q=1", "*", "gzi p", "br|identity"} {
		_, header, err := readCoded(t, coding, body, 1000, false)
		if errs.KindOf(err) != errs.Unsupported || header.Get("Accept-Encoding") != "gzip" || header.Get("Accept") != "" {
			t.Errorf("%s: %v with %v, want a 415 with Accept-Encoding alone", coding, err, header)
		}
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "text/plain")
	if _, err := ReadBody(w, r, 1000, "application/json"); errs.KindOf(err) != errs.Unsupported || w.Header().Get("Accept-Encoding") != "" || w.Header().Get("Accept") != "application/json" {
		t.Errorf("text: %v with %v, want a 415 with Accept alone", err, w.Header())
	}
}

// The record counts the bytes that came over the network.
func TestRecordCountsBytesAsSent(t *testing.T) {
	receiver, err := NewReceiver(Config{})
	if err != nil {
		t.Fatal(err)
	}
	received := int64(0)
	handler := receiver.Handler(NewMux(Route{Pattern: "POST /x", Handler: func(w http.ResponseWriter, r *http.Request) error {
		if _, err := ReadBody(w, r, 1000, "application/json"); err != nil {
			return err
		}
		received = exchangeOf(r).in.bytes
		return Empty(w, http.StatusNoContent)
	}}))
	body := packed(t, strings.Repeat(" ", 999))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if received != int64(len(body)) {
		t.Errorf("%d bytes received, want %d", received, len(body))
	}
}

// What is read is never longer than the limit, and is what another reader makes of the body.
func FuzzCompressedBody(f *testing.F) {
	f.Add(packed(f, strings.Repeat(`{"a": 1}`, 100)))
	f.Add(packed(f, ""))
	f.Add(append(packed(f, "{}"), packed(f, "{}")...))
	f.Fuzz(func(t *testing.T, body []byte) {
		const limit = 2000
		got, err := inflate(body, limit)
		if len(got) > limit || (err != nil) != (got == nil) {
			t.Fatalf("%d bytes and %v", len(got), err)
		}
		if err != nil {
			return
		}
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("the other reader says %v", err)
		}
		if want, err := io.ReadAll(z); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got %q, want %q, %v", got, want, err)
		}
	})
}
