package mail

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// tlsPolicy says how a connection is encrypted.
type tlsPolicy uint8

const (
	startTLS    tlsPolicy = iota // STARTTLS, or no mail
	implicitTLS                  // from the first byte
	maybeTLS                     // STARTTLS if the server has it
	noTLS
)

// A Server is the address of an SMTP server, with its password. It prints REDACTED. The zero Server is none.
type Server struct {
	host, user, password string
	port                 int
	tls                  tlsPolicy
}

// Format prints nothing of the server.
func (s Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "mail.Server{REDACTED}") }

// MarshalText is Format for logs in JSON.
func (s Server) MarshalText() ([]byte, error) { return []byte("mail.Server{REDACTED}"), nil }

// Host returns the name of the server, for the log.
func (s Server) Host() string { return s.host }

// Password returns the password for the server.
func (s Server) Password() telemetry.Secret { return telemetry.Secret(s.password) }

// IsZero reports whether there is no server.
func (s Server) IsZero() bool { return s.host == "" }

// ParseServer parses the address of an SMTP server: smtp://user:password@host:587 or smtps://user:password@host:465. With
// smtp the server must offer STARTTLS, unless it is on this machine or the address ends with ?tls=off. Errors do not repeat
// the address.
func ParseServer(address string) (Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Server{}, errors.New("the address of the SMTP server is no URL: write smtp://user:password@host:587, with signs such as @ in the password as %40")
	}
	s := Server{host: u.Hostname()}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		s.port = 587
		if isLoopback(s.host) {
			s.tls = maybeTLS
		}
	case "smtps":
		s.port, s.tls = 465, implicitTLS
	default:
		return Server{}, errors.New("the address of the SMTP server must begin with smtp:// or smtps://")
	}
	if s.host == "" || strings.ContainsFunc(s.host, isUnprintable) {
		return Server{}, errors.New("the address of the SMTP server has no host")
	}
	if text := u.Port(); text != "" {
		if s.port, err = strconv.Atoi(text); err != nil || s.port < 1 || s.port > 65535 {
			return Server{}, errors.New("the address of the SMTP server has an invalid port")
		}
	}
	if (u.Path != "" && u.Path != "/") || u.Fragment != "" {
		return Server{}, errors.New("the address of the SMTP server ends with the port")
	}
	if (s.user == "") != (s.password == "") {
		return Server{}, errors.New("the address of the SMTP server needs a user and a password, or neither")
	}
	return s.withOptions(u)
}

// withOptions reads the query of the address.
func (s Server) withOptions(u *url.URL) (Server, error) {
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Server{}, errors.New("the address of the SMTP server has an invalid query")
	}
	for name := range options {
		if name != "tls" || options.Get(name) != "off" || u.Scheme != "smtp" {
			return Server{}, errors.New("the address of the SMTP server has an unknown option: smtp:// has only ?tls=off")
		}
		if s.user != "" && !isLoopback(s.host) {
			return Server{}, errors.New("the address of the SMTP server has ?tls=off and a password, which would cross the network in the clear")
		}
		s.tls = noTLS
	}
	return s, nil
}

// isLoopback reports whether a host is this machine. It asks no name server.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.Unmap().IsLoopback())
}
