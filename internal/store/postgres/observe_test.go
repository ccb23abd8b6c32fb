package postgres

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

func TestServerSaysWhoItIs(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{})
	defer db.Close()
	got, err := db.Server(t.Context())
	if err != nil || got.Address == "" || got.Version == "" || got.Started.IsZero() || got.Started.After(time.Now()) || got.Standby {
		t.Errorf("Server = %+v, %v", got, err)
	}
}

func TestLocksNameTheSessionThatOthersWaitFor(t *testing.T) {
	url := pgtest.URL(t)
	db := open(t, url, Config{Readers: 1})
	defer db.Close()
	if locks, err := db.Locks(t.Context()); err != nil || len(locks) > 0 {
		t.Errorf("Locks = %+v, %v; nobody waits", locks, err)
	}
	connect := func(program string) *pgx.Conn {
		cfg, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		cfg.RuntimeParams["application_name"] = program
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		return conn
	}
	run := func(conn *pgx.Conn, sql string) {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
	}
	holder, waiting := connect("night | \"job\"\n<b>"), connect("waits")
	run(holder, "CREATE TABLE notes (id int); INSERT INTO notes VALUES (1)")
	run(holder, "BEGIN; UPDATE notes SET id = 2")
	released := make(chan struct{})
	go func() {
		defer close(released)
		run(waiting, "UPDATE notes SET id = 3")
	}()
	for {
		locks, err := db.Locks(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(locks) == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		got := locks[0]
		want := regexp.MustCompile(`^night \| "job".*<b> \(role \w+, process \d+\), idle in transaction for \d+s$`)
		if len(locks) != 1 || !want.MatchString(got.Holder) || strings.Contains(got.Holder, "\n") || got.Table != "notes" || got.Waiting != 1 || got.Longest <= 0 || got.Key == "" {
			t.Errorf("Locks = %+v", locks)
		}
		break
	}
	run(holder, "ROLLBACK")
	<-released
}
