// Package tlscert keeps the certificates with which a server speaks TLS.
//
// A Source has them: Files reads a pair of files and reads them again when they change, ACME orders certificates and shares
// them with the other nodes of a database.
//
// The files form layers. From the top down:
//   - acme.go decides when a certificate is ordered, order.go orders one.
//   - files.go watches a pair of files.
//   - table.go holds what nodes share.
//   - pair.go reads and judges a certificate with its key, tlscert.go says what a Source is.
package tlscert

import (
	"context"
	"crypto/tls"
	"time"

	"golang.org/x/crypto/acme"
)

// A Source has the certificates of a listener.
type Source interface {
	// Certificate returns the certificate for a handshake.
	Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// Status returns what is known of each certificate.
	Status() []Status
	// Run keeps the certificates current until ctx ends.
	Run(ctx context.Context) error
}

// A Status says how a certificate is doing.
type Status struct {
	Names     []string  // for which it is valid, or is wanted
	Issuer    string    // "" while there is no certificate
	NotBefore time.Time // zero while there is none
	NotAfter  time.Time // zero while there is none
	Source    string    // the file, or the address of the ACME directory
	Error     string    // of the last attempt to get a newer one; "" if it went well
	Failed    time.Time // time of the Error
	Next      time.Time // time of the next attempt; zero if it is not planned
}

// Config returns the configuration of TLS for a listener whose certificates come from a source.
//
// Go's choice of cipher suites and curves is used: it has no weak ones, and changes with each release of Go. TLS 1.0 and 1.1 are
// refused (RFC 8996).
func Config(source Source) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1", acme.ALPNProto},
		GetCertificate: source.Certificate,
	}
}

// Ends returns when the first of the certificates of a source ends, zero without certificates.
func Ends(source Source) (first time.Time) {
	for _, one := range source.Status() {
		if first.IsZero() || (!one.NotAfter.IsZero() && one.NotAfter.Before(first)) {
			first = one.NotAfter
		}
	}
	return first
}

// soon is the time before its end from which a certificate is warned of, unless it is a short-lived one.
const soon = 14 * 24 * time.Hour

// EndsSoon reports whether a certificate is so near to its end that it should have been replaced.
func (s *Status) EndsSoon(now time.Time) bool {
	return !s.NotAfter.IsZero() && s.NotAfter.Sub(now) < min(soon, s.NotAfter.Sub(s.NotBefore)/6)
}
