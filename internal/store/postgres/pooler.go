package postgres

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// Behind a pooler that shares sessions (pgbouncer in transaction mode) each transaction may run on another connection of
// the server. So nothing lasts from one to the next: no setting, no prepared statement, no lock of a session.
// Where Config.Direct says that there is one
//
//   - each transaction, of reads too, begins with BEGIN and with one statement that makes the settings, for it alone;
//   - statements have no name: they are parsed each time, with the types of their parameters that were asked for once. The
//     names that pgbouncer keeps from 1.21 on are not relied on;
//   - the number under which a writer counts generations is locked for the transaction (see moveGenerations).
//   - no statement is cancelled by a request to: one makes pgbouncer 1.18 and 1.19 end, now and then
//     (https://github.com/pgbouncer/pgbouncer/pull/846). The connection is closed instead, and the server sees that.
//
// The first two go in the packet of the first statement, so that it costs the server work, and no round trip.

var errPooler = errors.New("the address of the database is that of a pooler which shares sessions: " +
	"name the database itself as well (--database-direct)")

// refusesSettings is pgbouncer's message about settings at the start of a connection. It has no translations.
const refusesSettings = "unsupported startup parameter"

// isPooler reports whether an error of connecting comes from a pooler.
func isPooler(err error) bool {
	return errors.Is(err, errPooler) || (err != nil && strings.Contains(err.Error(), refusesSettings))
}

// tracked are the settings that a pooler keeps for each of its clients.
var tracked = [...]string{"application_name", "client_encoding", "datestyle", "timezone", "options"}

// perTransaction divides settings into those for the start of a connection, and a statement that makes all of them for one
// transaction.
func (r poolKind) perTransaction(settings map[string]string) (first map[string]string, opening []string) {
	first = map[string]string{}
	calls := []string{}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if slices.Contains(tracked[:], strings.ToLower(name)) {
			first[name] = settings[name]
		}
		if name != "options" && name != "application_name" && name != "default_transaction_isolation" {
			calls = append(calls, setting(name, literal(settings[name])))
		}
	}
	calls = append(calls, setting("client_connection_check_interval", whereKnown))
	mode := " READ ONLY"
	if !r.readOnly {
		mode = ""
		calls = append(calls, setting(stripeSetting, freeStripe))
	}
	return first, []string{
		"BEGIN ISOLATION LEVEL " + strings.ToUpper(r.isolation) + mode,
		"SELECT " + strings.Join(calls, ", "),
	}
}

// serverPatience is how much longer than its own deadline a statement may take. The server may end it too, and then we know
// that the statement is to blame.
const serverPatience = 500 * time.Millisecond

// pooledWatcher closes the connection when the context of its statement has ended.
func pooledWatcher(c *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn(), DeadlineDelay: serverPatience}
}

var errNoCancel = errors.New("no request to cancel is sent to a pooler")

// neverCancel lets a connection dial only until it is made. pgx dials later only to send a request to cancel.
func neverCancel(_ context.Context, config *pgx.ConnConfig) error {
	var made atomic.Bool
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if made.Load() {
			return nil, errNoCancel
		}
		return dial(ctx, network, address)
	}
	config.AfterConnect = func(context.Context, *pgconn.PgConn) error {
		made.Store(true)
		return nil
	}
	return nil
}

// setting is a call that makes a setting until the end of the transaction.
func setting(name, expression string) string {
	return "set_config(" + literal(name) + ", " + expression + ", true)"
}

// whereKnown makes the server look every second whether the pooler has closed the connection of a statement. On Windows it
// cannot.
const whereKnown = "CASE WHEN version() ~ '(mingw|Visual|msvc)' THEN '0' ELSE '1s' END"

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// A writer's stripe is the first that no transaction has, or one above it that all others share.
const (
	stripeSetting = "ashlar.stripe"
	freeStripe    = `coalesce((SELECT s FROM generate_series(0, 4095) AS s WHERE pg_try_advisory_xact_lock(1634955110, s) LIMIT 1), 4096)::text`

	moveGenerationsPooled = `INSERT INTO ashlar_generations ("table", stripe, generation)
SELECT t, current_setting('ashlar.stripe')::bigint, 1 FROM unnest($1::text[]) AS t
ON CONFLICT ("table", stripe) DO UPDATE SET generation = ashlar_generations.generation + 1`
)
