package trace

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"

	"github.com/ashlar-dev/ashlar/internal/outbound"
)

// maxAnswer bounds what a collector may answer.
const maxAnswer = 64 << 10

// newHTTPClient returns a client with bounds. The library's own one follows redirects, and would send the spans and the
// headers to where they lead.
func newHTTPClient(cfg ExportConfig) *http.Client {
	egress := cfg.Egress
	if egress == nil {
		egress = outbound.New(outbound.Config{})
	}
	use := outbound.Use{Timeout: callTime, MaxAnswer: maxAnswer, MaxConns: 2}
	if u, err := url.Parse(cfg.URL); err == nil {
		use.Given = []string{outbound.GivenHost(u)}
	}
	client := egress.Client(use)
	client.Transport = absent{client.Transport}
	return client
}

// newClient returns OpenTelemetry's client for a collector.
func newClient(cfg ExportConfig, calls *http.Client) (otlptrace.Client, error) {
	headers, err := parseHeaders(string(cfg.Headers))
	if err != nil {
		return nil, err
	}
	return otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(cfg.URL),
		otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithHTTPClient(calls),
		otlptracehttp.WithMaxResponseSize(maxAnswer),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: callTime, MaxElapsedTime: retryTime,
		}),
	), nil
}

// absent makes the error of a collector that cannot be reached one that passes, so that the client tries again. A collector
// that is restarted loses nothing.
type absent struct{ http.RoundTripper }

func (a absent) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := a.RoundTripper.RoundTrip(r)
	if _, ok := errors.AsType[*net.OpError](err); ok {
		err = passing{err}
	}
	return answer, err
}

// CloseIdleConnections is what a client with this transport calls when it closes its connections.
func (a absent) CloseIdleConnections() {
	if closer, ok := a.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

type passing struct{ error }

func (p passing) Temporary() bool { return true }
func (p passing) Unwrap() error   { return p.error }

// parseHeaders reads the form of OTEL_EXPORTER_OTLP_HEADERS. An error never repeats a value.
func parseHeaders(list string) (map[string]string, error) {
	headers := map[string]string{}
	for i, pair := range strings.Split(list, ",") {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if name == "" && value == "" {
			continue
		}
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || name == "" || err != nil || strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(value, "\r\n") {
			return nil, fmt.Errorf("header %d of the collector is not name=value", i+1)
		}
		headers[name] = value
	}
	return headers, nil
}

// Endpoint returns the address for traces below the address of a collector. An address with a path is left as it is.
func Endpoint(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("write an address such as http://127.0.0.1:4318")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}
