// Package web is what every request passes: handlers return an error, and one place makes of it the answer and the log line.
package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// Handler answers a request, or returns why it cannot. It returns an error before it writes anything; an error after
// that aborts the connection, so that no client takes half an answer for a whole one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Config is how requests are received. The zero value works: everyone is anonymous, nothing is logged.
type Config struct {
	Logger        *slog.Logger                               // one line per request; nil: none
	Identify      func(*http.Request) (caller.Caller, error) // who asks; nil: everyone is anonymous
	MaxConcurrent int                                        // requests at work at once, more are answered 503; 0: 1024
	Probes        []string                                   // paths that MaxConcurrent does not bind, and that ask nobody who they are
	Timeout       time.Duration                              // of the context of a request; 0: 30 s
	CORS          []string                                   // origins whose pages may read answers, as https://app.example.com; empty: none
}

// Web receives requests.
type Web struct {
	log      *slog.Logger
	identify func(*http.Request) (caller.Caller, error)
	timeout  time.Duration
	origins  map[string]bool
	probes   []string
	most     int64
	atWork   atomic.Int64
}

// New returns a Web. The only error is an origin that is none.
func New(cfg Config) (*Web, error) {
	s := &Web{
		log:      cfg.Logger,
		identify: cfg.Identify,
		timeout:  orElse(cfg.Timeout, 30*time.Second),
		origins:  map[string]bool{},
		probes:   cfg.Probes,
		most:     int64(orElse(cfg.MaxConcurrent, 1024)),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.identify == nil {
		s.identify = func(*http.Request) (caller.Caller, error) { return caller.Caller{}, nil }
	}
	for _, o := range cfg.CORS {
		if err := checkOrigin(o); err != nil {
			return nil, err
		}
		s.origins[o] = true
	}
	return s, nil
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// checkOrigin asks for an origin exactly as a browser sends it, since it is compared as text.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return errors.New("an origin is empty: leave the setting out, or write it as https://app.example.com")
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != s:
		return fmt.Errorf("%q is not an origin: write it as https://app.example.com, without a path; * and null are not accepted", s)
	case strings.Contains(u.Host, "*"):
		return fmt.Errorf("the origin %q has a wildcard, which never matches: name each origin", s)
	case u.Port() == defaultPorts[u.Scheme]:
		return fmt.Errorf("the origin %q never matches: browsers leave out the port %s of %s, so write %s://%s", s, u.Port(), u.Scheme, u.Scheme, strings.TrimSuffix(u.Host, ":"+u.Port()))
	case strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("the origin %q never matches: it ends in a colon without a port", s)
	case !browserPort(u.Port()):
		return fmt.Errorf("the origin %q never matches: browsers send a port as a number up to 65535, without zeros before it", s)
	case addressOf(u.Hostname()) != u.Hostname():
		return fmt.Errorf("the origin %q never matches: browsers send its address as %s", s, addressOf(u.Hostname()))
	case !browserHost(u.Hostname()):
		return fmt.Errorf("the origin %q never matches: browsers send host names in lower-case ASCII (an international one as xn--…)", s)
	}
	return nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// browserPort says whether a browser could send a port in Origin, or none.
func browserPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || (err == nil && port == strconv.FormatUint(n, 10))
}

// addressOf returns an IP address as browsers send it in Origin, and any other host as it is.
func addressOf(host string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	return addr.String()
}

// browserHost says whether a browser could send a host name of these characters in Origin.
func browserHost(host string) bool {
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == ':':
		default:
			return false
		}
	}
	return host != ""
}
