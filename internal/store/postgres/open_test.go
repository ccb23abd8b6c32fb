package postgres

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct{ name, sql, query, want string }{
		{"tables of another program", "CREATE TABLE orders (id int)", "", "tables of another program"},
		{"a later layout", "CREATE TABLE ashlar_engine AS SELECT 99::bigint AS layout", "", "later release"},
		{"a later layout with a name", `CREATE TABLE ashlar_engine AS SELECT 99::bigint AS layout; CREATE TABLE ashlar_meta AS SELECT 'release' AS id, 'ada@box, ashlar v7.0.0' AS value`, "",
			"layout 99, last changed by ada@box, ashlar v7.0.0; this one knows 1 to 3"},
		{"a layout that is too old", "CREATE TABLE ashlar_engine AS SELECT 0::bigint AS layout", "", "older than this release of Ashlar can upgrade (layout 0; this one knows 1 to 3): upgrade it first"},
		{"another schema that is not there", "", "search_path=nowhere", "no schema has been selected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.URL(t)
			exec(t, url, tt.sql)
			if tt.query != "" {
				url += "&" + tt.query
			}
			db, err := Open(context.Background(), url, Config{})
			if err == nil {
				db.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open() = %v, want it to say %q", err, tt.want)
			}
		})
	}
	if _, err := Open(context.Background(), "postgres://u:hush@127.0.0.1:1/x?connect_timeout=1", Config{}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("Open of an address where nobody listens = %v, want an error without the password", err)
	}
	if _, err := Open(context.Background(), "postgres://u:hush@host:port/x", Config{}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("Open of what is no address = %v, want an error without the password", err)
	}
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	if sql == "" {
		return
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// An encoding other than UTF8 cannot hold every text.
func TestOpenRefusesAnotherEncoding(t *testing.T) {
	url := pgtest.URL(t)
	name := "ashlar_latin_" + strings.ReplaceAll(strings.ToLower(t.Name()), "/", "_")
	exec(t, url, "CREATE DATABASE "+name+" ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), url)
		if err == nil {
			_, err = conn.Exec(context.Background(), "DROP DATABASE "+name)
			_ = conn.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(context.Background(), strings.Replace(url, "/"+config.Database, "/"+name, 1), Config{})
	if err == nil || !strings.Contains(err.Error(), "ENCODING 'UTF8'") {
		t.Errorf("Open() = %v, want it to say what encoding is needed", err)
	}
}

// Several nodes can start at once on a new database.
func TestOpenTogether(t *testing.T) {
	for range 5 {
		url := pgtest.URL(t)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				db, err := Open(context.Background(), url, Config{})
				if err != nil {
					t.Error(err)
					return
				}
				_ = db.Close()
			})
		}
		wg.Wait()
	}
}

// The address may come from a file, with the line break at its end.
func TestAddressWithLineBreak(t *testing.T) {
	address := pgtest.URL(t)
	if err := open(t, " "+address+"\n", Config{Direct: address + "\r\n"}).Close(); err != nil {
		t.Error(err)
	}
}
