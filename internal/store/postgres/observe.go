package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const selectServer = `SELECT concat_ws('|', coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'local'), current_setting('server_version'),
extract(epoch FROM pg_postmaster_start_time())::float8, pg_is_in_recovery())`

// selectLocks has a line for each session that others wait for. Of sessions of other roles, PostgreSQL shows the name of the
// program and no state. The names come last and in JSON, because whoever connects chooses them.
const selectLocks = `SELECT coalesce(string_agg(line, E'\n'), '') FROM (
SELECT concat_ws('|', holder.pid, count(*), max(extract(epoch FROM clock_timestamp() - waiting.query_start))::float8,
coalesce(extract(epoch FROM clock_timestamp() - holder.xact_start)::float8, 0), coalesce(extract(epoch FROM holder.backend_start)::float8, 0),
coalesce(extract(epoch FROM holder.xact_start)::float8, 0), coalesce(holder.state, ''),
coalesce(max((SELECT max(relname) FROM pg_locks JOIN pg_class ON oid = relation
	WHERE pid = waiting.pid AND (NOT granted OR locktype = 'tuple') AND relkind IN ('r', 'p'))), ''),
to_json(coalesce(holder.usename, '')), to_json(coalesce(holder.application_name, ''))) AS line
FROM pg_stat_activity AS waiting CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS by(pid) JOIN pg_stat_activity AS holder ON holder.pid = by.pid
WHERE waiting.wait_event_type = 'Lock' AND waiting.datname = current_database()
GROUP BY holder.pid, holder.usename, holder.application_name, holder.state, holder.backend_start, holder.xact_start
ORDER BY min(waiting.query_start) LIMIT 5) AS found`

// Server implements store.DB.
func (db *DB) Server(ctx context.Context) (found store.Server, err error) {
	text, err := db.ask(ctx, selectServer)
	if err != nil {
		return store.Server{}, err
	}
	parts := strings.Split(text, "|")
	if len(parts) != 4 {
		return store.Server{}, fmt.Errorf("the database server says %q about itself", text)
	}
	return store.Server{Address: parts[0], Version: parts[1], Started: time.UnixMicro(int64(1e6 * decimal(parts[2]))), Standby: parts[3] == "t"}, nil
}

// Locks implements store.DB.
func (db *DB) Locks(ctx context.Context) (locks []store.Lock, err error) {
	text, err := db.ask(ctx, selectLocks)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if parts := strings.SplitN(strings.TrimSuffix(line, "\n"), "|", 10); len(parts) == 10 {
			locks = append(locks, lockOf(parts))
		}
	}
	return locks, nil
}

func lockOf(parts []string) store.Lock {
	role, program := unquoted(parts[8]), unquoted(parts[9])
	if program == "" {
		program = "a session"
	}
	holder := fmt.Sprintf("%s (role %s, process %s)", program, role, parts[0])
	if state := parts[6]; state != "" {
		holder += fmt.Sprintf(", %s for %v", state, seconds(parts[3]).Round(time.Second))
	}
	return store.Lock{
		Holder: holder, Key: strings.Join([]string{parts[0], parts[4], parts[5]}, "|"), Table: parts[7],
		Waiting: wholeNumber(parts[1]), Longest: seconds(parts[2]),
	}
}

// unquoted returns a text of JSON without what would end a line.
func unquoted(text string) string {
	plain, err := strconv.Unquote(text) // JSON of PostgreSQL has no escape that Go does not know, but \/
	if err != nil {
		return strings.Trim(text, `"`)
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, plain)
}

func decimal(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64) // the server writes numbers
	return f
}

func seconds(text string) time.Duration { return time.Duration(decimal(text) * float64(time.Second)) }

// ask returns the text that a query makes. While all connections for reads are taken, it asks on a connection of its own: that
// may be the very trouble that somebody wants to see.
func (db *DB) ask(ctx context.Context, sql string) (text string, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		return r.Query(sql, nil, func(row value.Row) error {
			text = string(row.Bytes(0))
			return nil
		})
	})
	if !errors.Is(err, store.ErrBusy) {
		return text, err
	}
	err = db.withSession(ctx, func(ctx context.Context, raw *pgconn.PgConn) error {
		text, err = one(ctx, raw, sql)
		return err
	})
	return text, err
}
