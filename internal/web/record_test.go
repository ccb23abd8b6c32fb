package web

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// recordKeeper keeps a copy of each record.
type recordKeeper struct{ records chan telemetry.Record }

func (k recordKeeper) Take(r *telemetry.Record) { k.records <- *r }

type panickingSink struct{}

func (panickingSink) Take(*telemetry.Record) { panic("of a sink") }

func TestRecordOfARequestReachesEverySink(t *testing.T) {
	keeper := recordKeeper{make(chan telemetry.Record, 1)}
	s := newSite(t, Config{Sinks: []telemetry.Sink{panickingSink{}, keeper}}, func(m *Mux) {
		handle(m, "POST /eat", func(_ http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
	})
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	for _, tt := range []struct {
		name, body string
		header     http.Header
		parent     string
		sampled    bool
	}{
		{"a trace begins", "12345", nil, "0000000000000000", true},
		{"below a span", "", http.Header{"Traceparent": {parent}}, "00f067aa0ba902b7", false},
		{"an invalid parent is ignored", "12345", http.Header{"Traceparent": {"00-zz"}}, "0000000000000000", true},
		{"two parents are ignored", "1", http.Header{"Traceparent": {parent, parent}}, "0000000000000000", true},
		{"baggage is ignored", "12", http.Header{"Baggage": {"a=" + strings.Repeat("b", 64<<10)}}, "0000000000000000", true},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/eat", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = tt.header.Clone()
		if request.Header == nil {
			request.Header = http.Header{}
		}
		answer, err := s.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		r := <-keeper.records
		if answer.StatusCode != http.StatusOK || r.Received != int64(len(tt.body)) || r.Weight != 1 {
			t.Errorf("%s: status %d, %d bytes received, weight %v", tt.name, answer.StatusCode, r.Received, r.Weight)
		}
		if r.Trace == (telemetry.TraceID{}) || r.Span == (telemetry.SpanID{}) || r.Parent.String() != tt.parent || r.Sampled != tt.sampled {
			t.Errorf("%s: trace %v, span %v, parent %v, sampled %v", tt.name, r.Trace, r.Span, r.Parent, r.Sampled)
		}
	}
}
