package telemetry

import "net/http"

// Outbound sends requests to other services. Each carries the traceparent header of the work that its context belongs to, so
// that a trace goes on there.
type Outbound struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (o Outbound) RoundTrip(r *http.Request) (*http.Response, error) {
	own := RecordOf(r.Context())
	if own == nil || own.Trace == (TraceID{}) {
		return o.RoundTripper.RoundTrip(r)
	}
	r = r.Clone(r.Context()) // a RoundTripper must not change a request
	r.Header.Set("Traceparent", TraceContext{Trace: own.Trace, Span: own.Span, Sampled: own.Sampled}.Traceparent())
	return o.RoundTripper.RoundTrip(r)
}
