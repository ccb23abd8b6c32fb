package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// Bounds of looks at a database that may take long.
const (
	damageTime = 20 * time.Second
	auditTime  = 10 * time.Second
	reachTime  = 10 * time.Second
)

// largeLog is the size from which a log of SQLite tells of a reader that holds it. Servers cut it back to 64 MiB.
const largeLog = 256 << 20

// sqliteDatabase looks at the embedded database, of which it changes nothing.
func sqliteDatabase(ctx context.Context, e *examination) {
	path := filepath.Join(e.Data, e.Layout.Database)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		e.add(Note, "There is no database yet.", "The first start of a server makes it.")
		return
	}
	server, err := sqlite.Server(e.Data)
	if err != nil {
		e.add(Warning, "It is not known whether a server runs: "+err.Error()+".", "Run this as the user who runs the server.")
		return
	}
	db, err := sqlite.Inspect(path, server != "")
	switch {
	case errors.Is(err, sqlite.ErrUnclean):
		e.add(Warning, "The last server was ended without closing the database, so the database was not looked at.", "Start a server, which recovers it, and run this again.")
		return
	case err != nil:
		e.add(Error, "The database cannot be opened: "+err.Error()+".", "Restore it from a backup if it is damaged, or name the right data folder with --data.")
		return
	}
	defer func() {
		if err := db.Close(); err != nil {
			e.add(Warning, "A copy of the database was left behind: "+err.Error()+".", "Delete it: it holds the rows.")
		}
	}()
	e.log(db, server)
	if e.damage(ctx, db) {
		e.tables(ctx, db, server != "")
		e.acmeCertificates(ctx, db)
	}
}

func (e *examination) log(db *sqlite.Inspection, server string) {
	switch {
	case server == "" && db.LogSize > 0:
		e.add(Note, "No server runs, and the last one was ended without closing the database. Nothing is lost by that.", "The next start recovers it.")
	case db.LogSize > largeLog:
		e.add(Warning, fmt.Sprintf("The log of the database has %s: something reads for so long that it cannot be cut back.", disk.SizeText(uint64(db.LogSize))),
			"Look for a program that keeps the database open, such as a shell of SQLite with a transaction.")
	}
}

// damage lets SQLite look for damage. It reports whether the tables can be read.
func (e *examination) damage(ctx context.Context, db *sqlite.Inspection) bool {
	bounded, cancel := context.WithTimeout(ctx, damageTime)
	defer cancel()
	damage, done, err := db.QuickCheck(bounded)
	switch {
	case err != nil:
		e.add(Error, "The database is damaged: "+err.Error()+".", "Stop the server, keep a copy of the data folder, and restore a backup.")
		return false
	case len(damage) > 0:
		e.add(Error, fmt.Sprintf("The database is damaged: %s.", strings.Join(damage, "; ")), "Stop the server, keep a copy of the data folder, and restore a backup.")
		return false
	case !done:
		e.add(Note, fmt.Sprintf("The database was searched for damage for %v, which was not enough for all of it.", damageTime), "")
	}
	return true
}

// tables compares the tables with the model, and verifies the audit log.
func (e *examination) tables(ctx context.Context, db store.DB, served bool) {
	changes, isNew, err := migrate.Differences(ctx, db, e.Rules.Model)
	if err != nil {
		e.add(Error, "The tables cannot be compared with the model: "+err.Error()+".", "Run `ashlar migrate DIR --plan`.")
		return
	}
	if isNew {
		e.add(Note, "The database has no tables yet.", "The first start of a server makes them.")
		return
	}
	if err := db.Read(ctx, migrate.Unfinished); err != nil {
		e.add(Error, "A change of the tables was interrupted, or is under way.", "Run `ashlar migrate DIR`, or start a server, unless one is at it.")
	}
	if len(changes) > 0 {
		first := make([]string, 0, 3)
		for _, change := range changes[:min(len(changes), 3)] {
			first = append(first, change.String())
		}
		do := "Run `ashlar migrate DIR --plan` to see what the next start would do."
		if served {
			do = "Run `ashlar migrate DIR --plan`, then restart the servers: they run with another model."
		}
		e.add(Warning, fmt.Sprintf("The tables are not those of the model: %s.", enumerate(first, len(changes))), do)
		return
	}
	e.auditLog(ctx, db)
}

// enumerate lists the first of n things.
func enumerate(first []string, n int) string {
	text := strings.Join(first, "; ")
	if n > len(first) {
		text += fmt.Sprintf("; and %d more", n-len(first))
	}
	return text
}

// auditLog verifies the audit log from its first row, for a while.
func (e *examination) auditLog(ctx context.Context, db store.DB) {
	own, err := migrate.SystemModel(ctx, db, e.Rules.Model, migrate.Options{System: e.System, Now: e.Now})
	if err != nil {
		e.add(Warning, "The system tables cannot be read: "+err.Error()+".", "Run `ashlar migrate DIR --verify`.")
		return
	}
	log := audit.New(record.New(db, e.Rules, record.Config{Now: e.Now, System: own}), audit.Config{Now: e.Now})
	bounded, cancel := context.WithTimeout(ctx, auditTime)
	defer cancel()
	_, err = log.Verify(bounded, "", nil)
	if broken, ok := errors.AsType[*audit.ChainError](err); ok {
		e.add(Error, "The audit log was changed: "+broken.Error()+".", "Run `ashlar audit verify DIR`, compare with an exported log, and find out who can write to the database.")
	} else if bounded.Err() != nil {
		e.add(Note, fmt.Sprintf("The audit log was verified for %v, which was not enough for all of it.", auditTime), "Run `ashlar audit verify DIR` for the rest.")
	} else if err != nil {
		e.add(Warning, "The audit log cannot be verified: "+err.Error()+".", "Run `ashlar audit verify DIR`.")
	}
}

// postgresDatabase looks at the database server, at our role there, and at the tables.
func postgresDatabase(ctx context.Context, e *examination) {
	bounded, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	server, err := postgres.Inspect(bounded, e.Database, e.Direct)
	if err != nil {
		e.add(Error, "The database cannot be reached: "+err.Error()+".", "Compare the address, the password and pg_hba.conf of the server.")
		return
	}
	e.server(&server)
	e.postgresTables(ctx)
}

func (e *examination) postgresTables(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	db, err := postgres.Open(bounded, e.Database, postgres.Config{Direct: e.Direct, Existing: true, Readers: 1, Writers: 1, Groups: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		e.add(Note, "The database of the app was not looked at: "+err.Error()+".", "The first start of a server makes its tables.")
		return
	}
	e.tables(ctx, db, true)
	e.acmeCertificates(ctx, db)
	if err := db.Close(); err != nil {
		e.add(Note, "The connection to the database was not closed well: "+err.Error()+".", "")
	}
}

// server judges what a database server says about itself.
func (e *examination) server(s *postgres.Server) {
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if s.Settings[name] == "off" {
			e.add(Error, fmt.Sprintf("PostgreSQL has %s = off: it loses acknowledged writes, or damages tables, in a power cut.", name), "ALTER SYSTEM SET "+name+" = on; SELECT pg_reload_conf();")
		}
	}
	if s.Settings["data_checksums"] == "off" {
		e.add(Note, "PostgreSQL keeps no checksums of its pages (data_checksums), so damage of the disk shows late.", "Turn them on with pg_checksums while the server is stopped.")
	}
	if s.Standby {
		e.add(Error, "The address leads to a standby, which takes no writes.", "Name the primary in the address, or add target_session_attrs=read-write.")
	}
	e.connections(s)
	e.role(s)
	if limit := s.Settings["idle_in_transaction_session_timeout"]; limit == "0ms" || limit == "0" {
		e.add(Note, "PostgreSQL ends no transaction that is left open (idle_in_transaction_session_timeout = 0), and such a one keeps old rows from being removed.", "ALTER SYSTEM SET idle_in_transaction_session_timeout = '5min'. Servers of Ashlar keep none open that long.")
	}
	if s.Remote && !s.Encrypted {
		e.add(Error, "The connection to the database is not encrypted, and the database is on another machine.", "Add sslmode=verify-full to the address.")
	}
	if off := s.Offset.Abs(); off > s.Accuracy+2*time.Second {
		severity := Warning
		if off > 30*time.Second {
			severity = Error
		}
		e.add(severity, fmt.Sprintf("The clocks of this machine and of the database server differ by %v.", off.Round(time.Millisecond)), "Let NTP keep both. Times of rows and the ends of tokens come from servers of the app.")
	}
	if s.Pooled {
		e.add(Note, "The database is reached through a pooler, which shares its connections: each transaction sends its settings along.", "")
	}
}

// ownConnections is how many connections a server keeps for its writes, in groups and for changes of the tables.
const ownConnections = 12 + 4 + 2

func (e *examination) connections(s *postgres.Server) {
	most, _ := strconv.Atoi(s.Settings["max_connections"])
	reserved, _ := strconv.Atoi(s.Settings["superuser_reserved_connections"])
	readers := e.Readers
	if readers == 0 {
		readers = 12
	}
	if need := readers + ownConnections; !s.Pooled && most > 0 && need > most-reserved {
		e.add(Error, fmt.Sprintf("One server of the app needs up to %d connections, and PostgreSQL allows %d (max_connections).", need, most-reserved), "Raise max_connections, lower --readers, or use a pooler.")
	} else if !s.Pooled && most > 0 && s.Used+need > most-reserved {
		e.add(Warning, fmt.Sprintf("PostgreSQL has %d of %d connections in use, and one more server of the app needs up to %d.", s.Used, most-reserved, need), "Raise max_connections, lower --readers, or use a pooler, before you add servers.")
	}
}

func (e *examination) role(s *postgres.Server) {
	switch {
	case slices.Contains(s.Powers, "SUPERUSER"):
		e.add(Warning, fmt.Sprintf("The role %s is a superuser: whoever gets its password owns the whole database server, its files included.", s.Role), "Make a role of its own that owns only this database: see docs/postgresql.md.")
	case len(s.Powers) > 0:
		e.add(Warning, fmt.Sprintf("The role %s may do more than it needs: %s.", s.Role, strings.Join(s.Powers, ", ")), "ALTER ROLE "+s.Role+" NO"+strings.Join(s.Powers, " NO")+";")
	}
}
