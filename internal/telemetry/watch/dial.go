package watch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"time"
)

// dialTime bounds a look at a certificate.
const dialTime = 5 * time.Second

// LookAtCertificate connects to the server of a URL, as a client would. ok is false if there is no certificate to judge: the URL
// has no https, or its server cannot be reached.
func LookAtCertificate(ctx context.Context, address string, roots *x509.CertPool, now func() time.Time) (found Certificate, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return Certificate{}, false
	}
	found.Address = u.Host
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "443")
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, Time: now}}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err == nil {
		defer func() { _ = conn.Close() }()
		found.Ends = conn.(*tls.Conn).ConnectionState().PeerCertificates[0].NotAfter
		return found, true
	}
	bad, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return Certificate{}, false
	}
	if len(bad.UnverifiedCertificates) > 0 {
		found.Ends = bad.UnverifiedCertificates[0].NotAfter
	}
	if invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](bad.Err); !isInvalid || invalid.Reason != x509.Expired || found.Ends.After(now()) {
		found.Refused = bad.Err
	}
	return found, true
}
