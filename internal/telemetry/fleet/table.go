package fleet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	tableName   = "ashlar_telemetry"
	thingsTable = "ashlar_happenings"
)

// Tables is the fragment of system tables of this package. A row of the first one holds the sums of a node and step, or of
// all nodes and an hour. A row of the second one is an event, a group of errors or an incident of a node.
func Tables(*model.Model) []*model.Table {
	sums := system.NewTable(tableName, model.Text,
		system.Text("node"),
		system.Text("build"),
		system.Text("revision"),
		system.Timestamp("started_at"),
		system.Text("sums"),
	)
	things := system.NewTable(thingsTable, model.Text,
		system.Text("node"),
		system.Indexed(system.Timestamp("at")),
		system.Text("body"),
	)
	return []*model.Table{sums, things}
}

// The lengths of time of the two tiers.
const (
	step     = 2 * time.Minute
	keepStep = 25 * time.Hour // for how long a node's steps are kept
	keepHour = 400 * 24 * time.Hour
)

// The ids of rows begin with a letter for the tier and the time, so that the ids of a tier are in the order of time.
const (
	stepTier = "s"
	hourTier = "h"
	timeSize = 8 // hexadecimal digits of the seconds since 1970
)

// idAt returns what the ids of a tier from a time on begin with.
func idAt(tier string, at time.Time) value.Value {
	return value.OfText(tier + fmt.Sprintf("%0*x", timeSize, max(0, at.Unix())))
}

// timeOf returns the begin of the step or hour of an id.
func timeOf(id string) (time.Time, bool) {
	if len(id) < len(stepTier)+timeSize {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(id[len(stepTier):len(stepTier)+timeSize], 16, 64)
	return time.Unix(seconds, 0), err == nil
}

const (
	clockPostgres = `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	clockSQLite   = `SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
)

// readClock returns the time of the database, which all nodes agree on.
func readClock(r store.Reader) (at time.Time, err error) {
	sql := clockPostgres
	if r.Dialect() == sqlgen.SQLite {
		sql = clockSQLite
	}
	err = r.Query(sql, nil, func(row value.Row) error {
		at = time.UnixMicro(row.Int(0))
		return nil
	})
	return at, err
}

// A row is a row of the table.
type row struct {
	id       string
	node     string
	build    string
	revision string
	started  time.Time
	sum      sum
	at       time.Time // begin of the step or hour
}

const (
	insertRow = `INSERT INTO "ashlar_telemetry" ("id", "node", "build", "revision", "started_at", "sums", "created_at", "updated_at", "_rev")
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT ("id") DO NOTHING`
	updateHour = `UPDATE "ashlar_telemetry" SET "sums" = $1, "updated_at" = $2, "_rev" = $3 WHERE "id" = $4`
	selectRows = `SELECT "id", "node", "build", "revision", "started_at", "sums" FROM "ashlar_telemetry"
WHERE "id" >= $1 AND "id" < $2 ORDER BY "id" LIMIT $3`
	selectFirst = `SELECT "id" FROM "ashlar_telemetry" WHERE "id" >= $1 AND "id" < $2 ORDER BY "id" LIMIT 1`
	takeRows    = `DELETE FROM "ashlar_telemetry" WHERE "id" >= $1 AND "id" < $2 RETURNING "id", "node", "build", "revision", "started_at", "sums"`
	deleteRows  = `DELETE FROM "ashlar_telemetry" WHERE "id" >= $1 AND "id" < $2`
)

// insert writes a row, unless it is there already.
func (r *row) insert(tx store.Tx, now time.Time) error {
	text, err := r.sum.encode()
	if err != nil {
		return err
	}
	revision, err := system.Revision(tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(insertRow, []value.Value{
		value.OfText(r.id), value.OfText(r.node), value.OfText(r.build), value.OfText(r.revision), value.OfTimestamp(r.started.UnixMicro()),
		value.OfText(text), value.OfTimestamp(now.UnixMicro()), value.OfInt(revision),
	})
	return err
}

// scanRow reads a row. A row that cannot be read, such as one of a later release, is not ok.
func scanRow(in value.Row) (r row, ok bool) {
	r = row{
		id: string(in.Bytes(0)), node: string(in.Bytes(1)), build: string(in.Bytes(2)), revision: string(in.Bytes(3)),
		started: time.UnixMicro(in.Int(4)),
	}
	var err error
	if r.at, ok = timeOf(r.id); !ok {
		return row{}, false
	}
	r.sum, err = decodeSum(in.Bytes(5))
	return r, err == nil
}

// maxRows bounds the rows of one read: a day of 40 nodes.
const maxRows = 30_000

// readRows calls f for the rows of a tier between two times, in the order of time.
func readRows(r store.Reader, tier string, from, to time.Time, f func(row)) error {
	args := []value.Value{idAt(tier, from), idAt(tier, to), value.OfInt(maxRows)}
	return r.Query(selectRows, args, func(in value.Row) error {
		if found, ok := scanRow(in); ok {
			f(found)
		}
		return nil
	})
}

// processOf returns the process that wrote the row of an id, or "".
func processOf(id string) string {
	_, rest, _ := strings.Cut(id, "-")
	process, _, _ := strings.Cut(rest, ".")
	return process
}
