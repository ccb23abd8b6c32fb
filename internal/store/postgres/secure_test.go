package postgres

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const overTLS = "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"

// The engine connects with TLS and a SCRAM password: to the server, and through a pooler that connects to the server in the
// same way.
func TestSecure(t *testing.T) {
	authority := pgtest.NewAuthority(t)
	c := pgtest.StartSecureCluster(t, authority)
	p := pgtest.StartSecurePooler(t, c, authority)
	verified := []string{"sslmode", "verify-full", "sslrootcert", authority.Root}
	for _, tt := range []struct {
		name, address string
		cfg           Config
	}{
		{"straight", c.SecureURL("postgres", verified...), Config{}},
		{"through a pooler", p.SecureURL("postgres", verified...), Config{Direct: c.SecureURL("postgres", verified...)}},
		{"with no more than the authority verified", c.SecureURL("postgres", "sslmode", "verify-ca", "sslrootcert", authority.Root), Config{}},
		{"with nothing verified", p.SecureURL("postgres", "sslmode", "require"), Config{Direct: c.SecureURL("postgres", "sslmode", "require")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t, tt.address, tt.cfg)
			defer db.Close()
			if n := readNumber(t, db, overTLS); n != 1 {
				t.Error("a read came to the server without TLS")
			}
			err := db.Write(t.Context(), func(tx store.Tx) error {
				if n := number(t, tx, overTLS); n != 1 {
					t.Error("a write came to the server without TLS")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			err = db.Alter(t.Context(), func(s store.Session) error {
				return s.Query(overTLS, nil, func(row value.Row) error {
					if row.Int(0) != 1 {
						t.Error("a change of tables came to the server without TLS")
					}
					return nil
				})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Open reports what is wrong with a certificate, or with the TLS settings of an address, and what to do.
func TestOpenAdvises(t *testing.T) {
	t.Parallel()
	authority, stranger := pgtest.NewAuthority(t), pgtest.NewAuthority(t)
	c := pgtest.StartSecureCluster(t, authority)
	p := pgtest.StartSecurePooler(t, c, authority)
	direct := c.SecureURL("postgres", "sslmode", "verify-full", "sslrootcert", authority.Root)
	named := func(host, address string) string { return strings.Replace(address, "127.0.0.1", host, 1) }
	forgotten := func(address string) string {
		return strings.Replace(address, url.UserPassword("ashlar", pgtest.Password).String(), "ashlar:wrong", 1)
	}
	noCertificate := filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(noCertificate, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, address, direct, want string }{
		{"an authority that is not known", c.SecureURL("postgres", "sslmode", "verify-full"), "", "sslrootcert=FILE"},
		{"another authority", c.SecureURL("postgres", "sslmode", "verify-full", "sslrootcert", stranger.Root), "", "sslrootcert=FILE"},
		{"another authority, whatever the host", c.SecureURL("postgres", "sslmode", "verify-ca", "sslrootcert", stranger.Root), "", "sslrootcert=FILE"},
		{"another authority of a pooler", p.SecureURL("postgres", "sslmode", "verify-full", "sslrootcert", stranger.Root), direct, "sslrootcert=FILE"},
		{"another host", named("localhost", direct), "", "Name the host as the certificate does"},
		{"another host of a pooler", named("localhost", p.SecureURL("postgres", "sslmode", "verify-full", "sslrootcert", authority.Root)), direct, "Name the host as the certificate does"},
		{"no TLS in the address", c.SecureURL("postgres", "sslmode", "disable"), "", "Write sslmode=verify-full"},
		{"no TLS in the address of a pooler", p.SecureURL("postgres", "sslmode", "disable"), direct, "Write sslmode=verify-full"},
		{"no file of the authority", c.SecureURL("postgres", "sslmode", "verify-full", "sslrootcert", "nowhere.crt"), "", "open nowhere.crt"},
		{"no certificate of the authority", c.SecureURL("postgres", "sslmode", "verify-full", "sslrootcert", noCertificate), "", "-----BEGIN CERTIFICATE-----"},
		{"another password", forgotten(direct), "", "password authentication failed"},
		{"another password at a pooler", forgotten(p.SecureURL("postgres", "sslmode", "require")), direct, "SASL authentication failed"},
	} {
		t.Run(tt.name, func(t *testing.T) { refuses(t, tt.address, tt.direct, tt.want) })
	}
	t.Run("no TLS on the other side", func(t *testing.T) {
		plain := newNetwork(t, pgtest.StartCluster(t).Socket())
		refuses(t, strings.Replace(plain.url(), "sslmode=disable", "sslmode=require", 1), "", "ssl = on")
	})
}

// refuses fails unless Open refuses an address with a matching error that does not hold the password.
func refuses(t *testing.T, address, direct, want string) {
	t.Helper()
	db, err := Open(context.Background(), address, Config{Direct: direct, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		db.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), pgtest.Password) {
		t.Errorf("Open() = %v, want it to say %q", err, want)
	}
}
