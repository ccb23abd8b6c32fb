package oidc

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func TestCallsForARequestCarryItsTrace(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("traceparent")
		http.NotFound(w, r)
	}))
	defer server.Close()
	var work telemetry.Record
	work.Join(telemetry.TraceContext{})
	provider, err := New(Config{Name: "own", Issuer: server.URL, ClientID: "app", ClientSecret: "s", Redirect: "http://127.0.0.1/callback"})
	if err != nil {
		t.Fatal(err)
	}
	if err := provider.Check(telemetry.WithRecord(t.Context(), &work)); err == nil {
		t.Error("the provider has no discovery document, and Check found none missing")
	}
	parent, ok := telemetry.ParseTraceparent(got)
	if !ok || parent.Trace != work.Trace || parent.Span != work.Span {
		t.Errorf("traceparent is %q, want trace %v, span %v", got, work.Trace, work.Span)
	}
}
