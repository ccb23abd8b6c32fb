package oidc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Bounds of the calls to a provider.
const (
	callTime   = 10 * time.Second
	maxAnswer  = 1 << 20 // bytes; discovery documents and key sets have some thousand
	retryAfter = 5 * time.Second
)

// newClient returns an HTTP client with a deadline and bounded bodies. It follows no redirect to another host, and none that
// would carry a code or secret. A call for a request carries its trace.
//
// The operator gave the issuer, which may be in a private network. Its document names further hosts, which must be public: else
// an issuer elsewhere could make this server call the services around it.
func newClient(egress *outbound.Egress, issuer string, transport http.RoundTripper) *http.Client {
	if egress == nil {
		egress = outbound.New(outbound.Config{})
	}
	use := outbound.Use{Timeout: callTime, MaxAnswer: maxAnswer}
	if u, err := url.Parse(issuer); err == nil && issuer != "" {
		use.Given = []string{outbound.GivenHost(u)}
	}
	client := egress.Client(use)
	client.CheckRedirect = checkRedirect
	if transport != nil {
		client.Transport = bounded{telemetry.Outbound{RoundTripper: transport}}
	}
	return client
}

func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	sameOrigin := next.URL.Scheme == first.URL.Scheme && next.URL.Host == first.URL.Host
	if !sameOrigin || first.Method != http.MethodGet || first.Header.Get("Authorization") != "" || len(via) > 3 {
		return errRedirect
	}
	return nil
}

var errRedirect = errors.New("the provider redirects this call, which is not followed")

// bounded cuts the bodies of answers.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

// A Misconfigured error says that a provider cannot work with its settings.
type Misconfigured struct {
	Key  string // key of the provider in the model that is wrong
	Text string // what is wrong and what was seen
}

func (m *Misconfigured) Error() string { return m.Text }

func misconfigured(key, format string, args ...any) error {
	return &Misconfigured{Key: key, Text: fmt.Sprintf(format, args...)}
}

// refused returns the error for an answer that fails a check. The client learns no detail.
func refused(format string, args ...any) error {
	return errs.Wrapf(fmt.Errorf(format, args...), errs.Unauthenticated, "the sign-in at the provider is not valid: begin again")
}
