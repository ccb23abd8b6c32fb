package outbound

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// transport is the http.RoundTripper of a client.
type transport struct {
	egress *Egress
	use    Use
	base   *http.Transport
	traced http.RoundTripper // base with the trace of the work
}

// A hop is what the dial of a request must know about it. It travels in the context: net/http hands the dialer no more than
// the address.
type hop struct {
	given bool     // the operator named the host
	plain bool     // without TLS
	proxy *url.URL // nil: none
}

type hopKey struct{}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.send(r)
	t.egress.counts.tally(answer, err)
	return answer, err
}

func (t *transport) send(r *http.Request) (*http.Response, error) {
	next := hop{given: slices.Contains(t.use.Given, GivenHost(r.URL)), plain: r.URL.Scheme == "http"}
	err := checkForm(r.URL)
	if err == nil && !next.given {
		err = t.egress.checkHost(r.URL)
	}
	if err == nil {
		next.proxy, err = t.egress.proxy(r, next)
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(context.WithValue(r.Context(), hopKey{}, next)) // a RoundTripper must not change a request
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "Ashlar")
	}
	answer, err := t.traced.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &boundedBody{ReadCloser: answer.Body, left: t.use.MaxAnswer, bound: t.use.MaxAnswer}
	return answer, nil
}

// CloseIdleConnections closes connections that no call uses.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// dialHop connects for a request. Whatever a name resolved to before, the check sees the address that is connected to.
func (e *Egress) dialHop(ctx context.Context, network, address string) (net.Conn, error) {
	next, _ := ctx.Value(hopKey{}).(hop)
	if (next.given || next.proxy != nil) && e.cfg.Dial != nil {
		return e.cfg.Dial(ctx, network, address)
	}
	dialer := net.Dialer{Timeout: connectTime, Resolver: e.cfg.resolver}
	if !next.given && next.proxy == nil {
		dialer.ControlContext = e.control(address, next.plain)
	}
	return dialer.DialContext(ctx, network, address)
}

// A boundedBody is the body of an answer. Past its bound it fails, so that no caller takes a part for the whole.
type boundedBody struct {
	io.ReadCloser
	left, bound int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, &TooLarge{b.bound}
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, &TooLarge{b.bound}
	}
	return n, err
}
