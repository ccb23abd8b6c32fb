package redisledger

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/gomodule/redigo/redis"
)

// An Address is where a Redis or Valkey is. It may hold a password, which it never prints.
type Address struct{ url string }

// ParseAddress parses redis://[user:password@]host[:port][/database], or rediss:// for a connection with TLS.
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Address{}, errors.New("it is no URL: write redis://host:6379")
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return Address{}, errors.New("it must begin with redis:// or rediss://, such as redis://host:6379")
	case u.Hostname() == "":
		return Address{}, errors.New("it names no host: write redis://host:6379")
	case !isPort(u.Port()):
		return Address{}, errors.New("its port must be from 1 to 65535, such as redis://host:6379")
	case !isDatabase(strings.TrimPrefix(u.Path, "/")) || u.RawQuery != "" || u.Fragment != "":
		return Address{}, errors.New("only the number of a database may follow the host, such as redis://host:6379/2")
	}
	return Address{text}, nil
}

// isPort reports whether a text is a port, or empty.
func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return text == "" || (err == nil && port > 0)
}

// isDatabase reports whether a text is the number of a database, or empty.
func isDatabase(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil
}

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.url == "" }

// Host returns the host and the port, for people.
func (a Address) Host() string {
	u, err := url.Parse(a.url)
	if err != nil || u.Host == "" {
		return ""
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "6379")
	}
	return u.Host
}

// Text returns the whole address, with its password.
func (a Address) Text() string { return a.url }

// Format prints no password.
func (a Address) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.Host()) }

// explain says what is wrong, with what to do.
func (a Address) explain(err error) error {
	refused, isAnswer := errors.AsType[redis.Error](err)
	switch {
	case err == nil:
		return nil
	case isAnswer && (strings.HasPrefix(string(refused), "WRONGPASS") || strings.HasPrefix(string(refused), "NOAUTH") || strings.HasPrefix(string(refused), "ERR AUTH")):
		return fmt.Errorf("the Redis at %s refuses the password: write it into the address, as redis://:password@host", a.Host())
	}
	return fmt.Errorf("the Redis at %s: %w", a.Host(), err)
}
