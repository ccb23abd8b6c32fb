package telemetry

import (
	"context"
	"net/http"
	"testing"
)

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestCallsCarryTheTraceOfTheirWork(t *testing.T) {
	var work Record
	work.Join(TraceContext{Trace: TraceID{1}, Span: SpanID{2}, Sampled: true})
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want string
	}{
		{"of a request", WithRecord(t.Context(), &work), "00-01000000000000000000000000000000-" + work.Span.String() + "-01"},
		{"of no work", t.Context(), ""},
		{"of a record without a trace", WithRecord(t.Context(), &Record{}), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			call := Outbound{transport(func(r *http.Request) (*http.Response, error) {
				got = r.Header.Get("traceparent")
				return nil, nil
			})}
			r, err := http.NewRequestWithContext(tt.ctx, http.MethodGet, "http://127.0.0.1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := call.RoundTrip(r); err != nil || got != tt.want {
				t.Errorf("traceparent is %q, want %q (%v)", got, tt.want, err)
			}
			if len(r.Header) != 0 {
				t.Errorf("the caller's request was changed: %v", r.Header)
			}
		})
	}
}
