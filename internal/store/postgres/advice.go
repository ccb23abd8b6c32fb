package postgres

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// withHint adds advice to an error of connecting, if we know any.
func withHint(err error) error {
	if advice := adviceOn(err); advice != "" {
		return fmt.Errorf("%w\n%s", err, advice)
	}
	return err
}

// Errors of the driver that have no type, and one of pgbouncer, which has one code for all of its own.
const (
	refusesTLS = "server refused TLS connection"
	noPEM      = "unable to add CA to cert pool"
	wantsTLS   = "SSL required"
)

func adviceOn(err error) string {
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "The certificate there is signed by nobody who is trusted here. Name a file with the certificate of who signed it in the address: sslrootcert=FILE"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("The certificate there is for another host than %s, which the address names. Name the host as the certificate does, or have one made for it.", e.Host)
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return "The certificate there cannot be accepted. Have a new one made, and look at the clocks of both machines."
	}
	text := err.Error()
	switch {
	case strings.Contains(text, refusesTLS):
		return "Nobody there speaks TLS. Turn it on (ssl = on in postgresql.conf, client_tls_sslmode in pgbouncer.ini), or write sslmode=disable where nobody else is on the network."
	case strings.Contains(text, wantsTLS), refusedPlain(err):
		return "TLS may be asked for there, and the address does without. Write sslmode=verify-full in it."
	case strings.Contains(text, noPEM):
		return "The file of sslrootcert holds no certificate in the form PEM, which begins with -----BEGIN CERTIFICATE-----."
	}
	return adviceOnAddress(err)
}

// adviceOnAddress returns advice about errors that have nothing to do with TLS.
func adviceOnAddress(err error) string {
	refusal, answered := errors.AsType[*pgconn.PgError](err)
	_, attempted := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case !attempted:
		return ""
	case !answered:
		return "Is PostgreSQL running there, and is that the right address?"
	case refusal.Code == "28P01", refusal.Code == "28000":
		return "Correct the user and the password in the address of the database."
	case refusal.Code == "3D000":
		return "Make it, with ENCODING 'UTF8', or correct the address of the database."
	}
	return ""
}

// refusedPlain reports whether the server refuses connections without TLS from this user or host.
func refusedPlain(err error) bool {
	refusal, refused := errors.AsType[*pgconn.PgError](err)
	attempt, attempted := errors.AsType[*pgconn.ConnectError](err)
	return refused && refusal.Code == "28000" && attempted && attempt.Config.TLSConfig == nil && !strings.HasPrefix(attempt.Config.Host, "/")
}
