package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// wantSecret fails if a text holds a secret, or a piece of it between @s.
func wantSecret(t *testing.T, secret, address, text string) {
	t.Helper()
	for _, piece := range append(strings.Split(secret, "@"), secret, url.QueryEscape(secret), url.PathEscape(secret)) {
		if len(piece) >= minSecret && strings.Contains(text, piece) {
			t.Errorf("%q of the address %q is shown: %s", piece, address, text)
		}
	}
}

func TestLeak_PasswordOfAnAddress(t *testing.T) {
	const secret = "S3cr3tPw"
	passfile := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(passfile, []byte("127.0.0.1:1:db:user:"+secret+"\n"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		"postgres://user:" + secret + "@127.0.0.1:1/db",
		"postgres://user:p@" + secret + "@127.0.0.1:1/db",
		"postgres://user:p%40" + secret + "@127.0.0.1:1/db",
		"postgres://user@" + secret + "@127.0.0.1:1/db",
		"postgres://user:" + secret + "/x@127.0.0.1:1/db",
		"postgres://user:12/" + secret + "@127.0.0.1:1/db",
		"postgres://user:12?" + secret + "@127.0.0.1:1/db",
		"postgres://user:" + secret + "%@127.0.0.1:1/db",
		"postgres://user:" + secret + "@127.0.0.1:port/db",
		"postgres://user:" + secret + "@/%zz",
		"postgres://127.0.0.1:1/db?password=" + secret,
		"postgres://127.0.0.1:1/db?password=" + secret + "&port=x",
		"postgres://127.0.0.1:1/db?Password=" + secret,
		"postgres://127.0.0.1:1/db?sslpassword=" + secret + "&sslmode=" + secret,
		"postgres://127.0.0.1:1/db?" + secret,
		"postgres://127.0.0.1:1/db?passfile=" + passfile + "&user=user",
		"mysql://user:" + secret + "@127.0.0.1/db",
		"postgres:user:" + secret + "@127.0.0.1/db",
		"user:" + secret + "@127.0.0.1/db",
		secret,
		"host=127.0.0.1 port=1 password = " + secret,
		"host=127.0.0.1 port=x password = " + secret,
		"host=127.0.0.1 port=1 password= " + secret,
		"host=127.0.0.1 port=1 Password=" + secret,
		"host=127.0.0.1 port=x PASSWORD='" + secret + "'",
		`host=127.0.0.1 port=x password='a\' ` + secret + `'`,
		`host=127.0.0.1 port=x password='a\' ` + secret,
		`host=127.0.0.1 port=x password=` + strings.ReplaceAll(secret, "3", `\3`),
		"host=127.0.0.1 port=1 password=a " + secret,
		"host=127.0.0.1 port=1 password=a " + secret + " sslmode=disable",
		"host=127.0.0.1 port=1 password=a@" + secret + "@127.0.0.1",
		"host=user:" + secret + "@127.0.0.1 port=1",
		"host=127.0.0.1 port=1 dbname=postgres://user:" + secret + "@127.0.0.1/db",
		"host=127.0.0.1 port=1 sslpassword=" + secret + " sslkey=/nowhere sslcert=/nowhere sslmode=require",
		"host=127.0.0.1 port=1 passwd=" + secret,
	} {
		_, err := Open(context.Background(), address, Config{})
		if err == nil {
			t.Fatalf("Open(%q) connects", address)
		}
		wantSecret(t, secret, address, err.Error()+fmt.Sprintf("%+v", err))
		_, err = Open(context.Background(), "postgres://127.0.0.1:1/db", Config{Direct: address})
		wantSecret(t, secret, address, err.Error())
		name, err := Name(address)
		wantSecret(t, secret, address, fmt.Sprint(name, err))
	}
}

// A server refuses a password, or does not know the database. The error does not hold the password.
func TestLeak_PasswordThatIsRefused(t *testing.T) {
	const secret = "S3cr3t@Pw/d"
	good, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*url.URL, url.Values){
		func(_ *url.URL, q url.Values) { q.Set("user", "nobody") },
		func(u *url.URL, _ url.Values) { u.Path = "/nothing" },
	} {
		bad, query := *good, good.Query()
		query.Set("password", secret)
		change(&bad, query)
		bad.RawQuery = query.Encode()
		if _, err := Open(context.Background(), bad.String(), Config{}); err == nil {
			t.Errorf("Open of another address than the database's succeeds")
		} else {
			wantSecret(t, secret, bad.String(), err.Error())
		}
	}
}

// However an address is damaged, the error does not hold its password.
func TestLeak_PasswordOfAnyAddress(t *testing.T) {
	const letters = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	const signs = "@@@/:?#%&='\\ +;,[]{}$!"
	seed := uint64(time.Now().UnixNano())
	g := rand.New(rand.NewPCG(seed, 1))
	pick := func(from ...string) string { return from[g.IntN(len(from))] }
	for i := range 30_000 {
		var secret strings.Builder
		secret.WriteString("Zq")
		for range 6 + g.IntN(6) {
			secret.WriteByte(letters[g.IntN(len(letters))])
		}
		for range g.IntN(3) {
			secret.WriteByte(signs[g.IntN(len(signs))])
			for range 4 + g.IntN(4) {
				secret.WriteByte(letters[g.IntN(len(letters))])
			}
		}
		pw := secret.String()
		written := pick(pw, pw, url.PathEscape(pw), url.QueryEscape(pw), "'"+pw+"'", "'"+strings.NewReplacer("'", `\'`, `\`, `\\`).Replace(pw)+"'")
		address := pick("postgres://", "postgresql://", "mysql://", "postgres:", "", "POSTGRES://") + pick("user:", "user:", ":", "us%er:") + written + pick("@h.invalid:1/db", "@h.invalid:x/db", "@/db", "@h.invalid:1,i.invalid:2/db", "@[::1/db")
		if g.IntN(2) == 0 {
			blank := pick("", "", " ", "\t")
			address = pick("host=h.invalid ", "", "port=x ", "user='u ", "host=127.0.0.1 port=1 ") + pick("password", "password", "Password", "PASSWORD", "sslpassword", "passwd") + blank + "=" + blank + written + pick("", " port=x", " dbname=db", " sslmode=none")
		} else if g.IntN(4) == 0 {
			address = "postgres://h.invalid:1/db?" + pick("password=", "sslpassword=", "x=1&password=", "Password=") + written + pick("", "&port=x", "&sslmode=none")
		}
		said := []string{}
		name, err := Name(address)
		said = append(said, name, fmt.Sprint(err))
		if err == nil { // as an error of connecting may quote what was read
			config, _ := parseAddress("address", address)
			quoted := fmt.Errorf("lookup %s: no such host; user %q, database %q: %s", config.Host, config.User, config.Database, address)
			said = append(said, withoutSecrets(quoted, address).Error())
		}
		wantSecret(t, pw, address, strings.Join(said, "\n"))
		if t.Failed() {
			t.Fatalf("case %d of seed %d", i, seed)
		}
	}
}

// What works today, and is unusual, is still an address.
func TestAddress(t *testing.T) {
	for _, address := range []string{
		"postgres://ashlar:secret@db.example.com/careers?sslmode=verify-full",
		"postgres://a,b/careers?target_session_attrs=read-write",
		"postgres://u@a:5432,b:5433/careers",
		"postgres://u:p%40ss%2Fw@[::1]:5432/careers?search_path=apps&application_name=x",
		"postgres://us%40tenant:secret@h/careers",
		"postgres://u:se?cr#et@h/careers",
		"postgres:///careers?host=/run/postgresql",
		"host=/run/postgresql dbname=careers",
		"host=db.example.com user=u@tenant password='it\\'s a \\\\ secret' dbname=careers",
		"host = h password = 'x y' dbname = d",
		"postgres://postgres:postgres@localhost/postgres",
	} {
		if _, err := parseAddress("address", address); err != nil {
			t.Errorf("parseAddress(%q) = %v", address, err)
		}
	}
	if name, err := Name("postgres://postgres:postgres@localhost/postgres"); err != nil || name != "the PostgreSQL database postgres on localhost:5432" {
		t.Errorf("Name = %q, %v", name, err)
	}
}
