package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// RedirectConfig configures Redirect.
type RedirectConfig struct {
	Names  []string // of the server, in lower case: no other is redirected to
	Port   string   // of the https URLs; "" is 443
	Answer func(ctx context.Context, token string) (string, error)
}

// acmeChallenge is the path under which an ACME authority asks (RFC 8555, 8.3).
const acmeChallenge = "/.well-known/acme-challenge/"

// answersAtOnce bounds the answers to ACME challenges that are looked up at once. Anybody may ask for one.
const answersAtOnce = 8

// Redirect returns the handler of the listener for HTTP without TLS. It redirects a GET or HEAD to the same path over https, and
// answers the challenges of ACME.
//
// Everything else is refused. A client that sends a body or a credential in the clear must notice: after a redirect it would go on
// doing so, and nobody would see it. A name that is not of this server is refused too, so that nobody can use the server to
// redirect to a host of his own.
func Redirect(cfg RedirectConfig) http.Handler {
	answers := make(chan struct{}, answersAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["X-Content-Type-Options"], header["Cache-Control"] = noSniff, noStore
		if token, ok := strings.CutPrefix(r.URL.Path, acmeChallenge); ok && cfg.Answer != nil {
			select {
			case answers <- struct{}{}:
				defer func() { <-answers }()
				cfg.answer(w, r, token)
			default:
				plainProblem(w, errs.Unavailable, "too many challenges are being answered: ask again")
			}
			return
		}
		host := HostName(r.Host)
		switch {
		case !slices.Contains(cfg.Names, host) && !IsLoopback(host):
			plainProblem(w, errs.Forbidden, "this server does not know the name that the request asks for: start it with --public, or list further names with --host")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			plainProblem(w, errs.Forbidden, "this was sent without encryption: send it to the https address")
		case len(r.Header["Authorization"]) > 0:
			plainProblem(w, errs.Forbidden, "a credential was sent without encryption, and others may have read it: replace it, and send the new one to the https address")
		default:
			header.Set("Location", "https://"+withPort(host, cfg.Port)+r.URL.RequestURI())
			w.WriteHeader(http.StatusPermanentRedirect)
		}
	})
}

func (c *RedirectConfig) answer(w http.ResponseWriter, r *http.Request, token string) {
	text, err := c.Answer(r.Context(), token)
	switch {
	case err != nil:
		plainProblem(w, errs.Unavailable, "the answer to the challenge could not be looked up: ask again")
	case text == "":
		plainProblem(w, errs.NotFound, notFound)
	default:
		_ = Bytes(w, http.StatusOK, "text/plain; charset=utf-8", []byte(text)) // if it fails, the client is gone
	}
}

// withPort returns the host of a URL.
func withPort(host, port string) string {
	if port != "" && port != "443" {
		return net.JoinHostPort(host, port)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		return "[" + host + "]"
	}
	return host
}

// plainProblem answers with a problem document outside of the chain.
func plainProblem(w http.ResponseWriter, kind errs.Kind, detail string) {
	found := problemOf(kind)
	p := document{Type: "/problems/" + string(kind), Title: found.Title, Status: found.Status, Detail: detail}
	if kind == errs.Unavailable {
		w.Header().Set("Retry-After", "1")
	}
	_ = Bytes(w, found.Status, "application/problem+json", p.encode()) // if it fails, the client is gone
}

// isPublicName reports whether browsers keep Strict-Transport-Security for a host: not for addresses (RFC 6797, 8.1.1). For names
// of this machine it would spoil other servers there.
func isPublicName(hostPort string) bool {
	host := HostName(hostPort)
	if host == "" || IsLoopback(host) {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}
