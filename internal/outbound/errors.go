package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
)

// A Refused error says that a client does not call a host. Its text is for operators: it has the address that the name of the
// host resolved to, which may be a secret of the network.
type Refused struct {
	Host    string
	Address netip.Addr // invalid if no address was looked up
	Why     string
}

func (r *Refused) Error() string {
	if r.Address.IsValid() && r.Address.String() != r.Host {
		return fmt.Sprintf("%q at %s is not called: %s", r.Host, r.Address, r.Why)
	}
	return fmt.Sprintf("%q is not called: %s", r.Host, r.Why)
}

// publicError returns the part of a refusal that whoever wrote the URL may see.
func publicError(err error) error {
	if refused, ok := errors.AsType[*Refused](err); ok {
		if refused.Address.IsValid() {
			return errors.New("the address is not public")
		}
		return errors.New(refused.Why)
	}
	return err
}

// A TooLarge error ends the body of an answer.
type TooLarge struct{ Bound int64 }

func (t *TooLarge) Error() string { return fmt.Sprintf("the answer is larger than %d bytes", t.Bound) }

// Cause returns an error of a client without the URL, which may hold a token.
func Cause(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// A Failure is why a call had no answer. Whoever wrote the URL may see it.
type Failure string

// The failures. A name that does not resolve and one that resolves to a private address are both Unreachable: otherwise the
// difference would tell which names there are in the network of the server.
const (
	Unreachable Failure = "unreachable" // no address, or none that may be called, or nobody listens there
	TimedOut    Failure = "timeout"
	Insecure    Failure = "tls"
	Oversized   Failure = "too_large"
	Broken      Failure = "broken" // the connection ended, or the answer is no HTTP
)

// FailureOf returns the failure that an error stands for. It is "" for nil.
func FailureOf(err error) Failure {
	_, isLarge := errors.AsType[*TooLarge](err)
	_, isRefused := errors.AsType[*Refused](err)
	_, isName := errors.AsType[*net.DNSError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	operation, isOperation := errors.AsType[*net.OpError](err)
	timed, isTimed := errors.AsType[net.Error](err)
	switch {
	case err == nil:
		return ""
	case isRefused || isName:
		return Unreachable
	case isLarge:
		return Oversized
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || (isTimed && timed.Timeout()):
		return TimedOut
	case isCertificate || isRecord || (isOperation && (operation.Op == "remote error" || operation.Op == "local error")): // an alert of TLS
		return Insecure
	case isOperation && operation.Op == "dial":
		return Unreachable
	default:
		return Broken
	}
}
