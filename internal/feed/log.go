package feed

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Position says which changes a reader has seen. Positions of different engines have different forms.
type Position string

// A Change names a row that a committed transaction created, changed or deleted.
type Change struct {
	Table string // "": any table
	Row   string // id of the row; "": any row of the table
	Op    byte   // c, u, d, or * for any row
}

var (
	errTooOld    = errors.New("the log has been trimmed since, or belongs to another copy of the database")
	errMalformed = errors.New("no position of this kind of database")
)

// A Log reads the changes of the watched tables in the order of positions.
type Log struct{ db store.DB }

// NewLog returns the log of a database, which Install has made.
func NewLog(db store.DB) *Log { return &Log{db} }

// Now returns the position of all changes so far. It sees every commit that was complete when it was called.
func (l *Log) Now(ctx context.Context) (at Position, err error) {
	defer errs.Wrap(&err, "feed.Now")
	err = l.db.Read(ctx, func(reader store.Reader) error {
		at, err = now(reader)
		return err
	})
	return at, err
}

const selectNewestSQLite = `SELECT id, mark FROM "ashlar_changes" ORDER BY id DESC LIMIT 1`

// selectNowPostgres also returns what names this copy of the database: the server, the timeline, which moves when a standby
// takes over, and the table of the log.
const selectNowPostgres = `SELECT pg_current_snapshot()::text, concat_ws(' ', (SELECT system_identifier FROM pg_control_system()),
substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 'ashlar_changes'::regclass::oid), (SELECT min(xid) FROM ashlar_changes)::text`

func now(reader store.Reader) (Position, error) {
	if reader.Dialect() == sqlgen.Postgres {
		snapshot, copyName, _, err := nowPostgres(reader)
		return Position("p" + copyName + "." + snapshot), err
	}
	at := Position("")
	err := reader.Query(selectNewestSQLite, nil, func(row value.Row) error {
		at = positionSQLite(row)
		return nil
	})
	if err == nil && at == "" {
		err = errors.New("the log of changes is empty: was it installed?")
	}
	return at, err
}

func positionSQLite(row value.Row) Position {
	return Position("s" + strconv.FormatInt(row.Int(0), 36) + "." + strconv.FormatInt(row.Int(1), 36))
}

func nowPostgres(reader store.Reader) (snapshot, copyName string, oldest uint64, err error) {
	err = reader.Query(selectNowPostgres, nil, func(row value.Row) (err error) {
		hash := fnv.New64a()
		_, _ = hash.Write(row.Bytes(1)) // never fails
		snapshot, copyName = string(row.Bytes(0)), strconv.FormatUint(hash.Sum64(), 36)
		oldest, err = strconv.ParseUint(string(row.Bytes(2)), 10, 64)
		return err
	})
	return snapshot, copyName, oldest, err
}

// Since calls each for the changes after a position, and returns the position after them. Every change is after exactly one
// of the positions that calls of Since lead to. An error of each ends the read and is returned as it is.
//
// The error is errTooOld if changes since then may have been deleted, and errMalformed if from is no position.
func (l *Log) Since(ctx context.Context, from Position, each func(Change) error) (to Position, err error) {
	err = l.db.Read(ctx, func(reader store.Reader) error {
		if reader.Dialect() == sqlgen.Postgres {
			to, err = sincePostgres(reader, from, each)
		} else {
			to, err = sinceSQLite(reader, from, each)
		}
		return err
	})
	return to, err
}

const selectSinceSQLite = `SELECT id, mark, "table", "row", op FROM "ashlar_changes" WHERE id >= $1 ORDER BY id`

func sinceSQLite(reader store.Reader, from Position, each func(Change) error) (to Position, err error) {
	id, mark, err := parseSQLite(from)
	if err != nil {
		return "", err
	}
	err = reader.Query(selectSinceSQLite, []value.Value{value.OfInt(id)}, func(row value.Row) error {
		if to == "" {
			if row.Int(0) != id || row.Int(1) != mark {
				return errTooOld
			}
			to = from
			return nil
		}
		to = positionSQLite(row)
		return eachOf(row, 2, each)
	})
	if err == nil && to == "" {
		err = errTooOld
	}
	return to, err
}

func parseSQLite(at Position) (id, mark int64, err error) {
	number, random, ok := strings.Cut(strings.TrimPrefix(string(at), "s"), ".")
	if !ok || !strings.HasPrefix(string(at), "s") {
		return 0, 0, errMalformed
	}
	id, err1 := strconv.ParseInt(number, 36, 64)
	mark, err2 := strconv.ParseInt(random, 36, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, errMalformed
	}
	return id, mark, nil
}

// eachOf calls each for the change in the columns from first on. The start of the log is no change.
func eachOf(row value.Row, first int, each func(Change) error) error {
	change := Change{Table: string(row.Bytes(first)), Row: string(row.Bytes(first + 1)), Op: row.Bytes(first + 2)[0]}
	if change.Op == 's' {
		return nil
	}
	return each(change)
}

// selectSincePostgres selects what the present snapshot sees and the earlier one did not. xmin of the earlier one lets the
// index leave out what is older.
const selectSincePostgres = `SELECT "table", "row", op FROM ashlar_changes
WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot) ORDER BY xid, seq`

func sincePostgres(reader store.Reader, from Position, each func(Change) error) (to Position, err error) {
	copyName, before, err := parsePostgres(from)
	if err != nil {
		return "", err
	}
	snapshot, present, oldest, err := nowPostgres(reader)
	if err != nil {
		return "", err
	}
	xmin, xmax := boundsOf(before)
	if _, newest := boundsOf(snapshot); present != copyName || xmin < oldest || xmax > newest {
		return "", errTooOld
	}
	to = Position("p" + present + "." + snapshot)
	if snapshot == before {
		return to, nil
	}
	err = reader.Query(selectSincePostgres, []value.Value{value.OfText(before)}, func(row value.Row) error { return eachOf(row, 0, each) })
	return to, err
}

// maxSnapshot bounds the text of a snapshot that a client sends back. A snapshot names the transactions under way, each with
// up to 20 digits.
const maxSnapshot = 4096

// parsePostgres returns the parts of a position. It accepts only what the server can read as a snapshot.
func parsePostgres(at Position) (copyName, snapshot string, err error) {
	copyName, snapshot, ok := strings.Cut(strings.TrimPrefix(string(at), "p"), ".")
	if !ok || !strings.HasPrefix(string(at), "p") || len(snapshot) > maxSnapshot {
		return "", "", errMalformed
	}
	parts := strings.Split(snapshot, ":")
	if len(parts) != 3 {
		return "", "", errMalformed
	}
	xmin, xmax := boundsOf(snapshot)
	if xmin == 0 || xmax < xmin {
		return "", "", errMalformed
	}
	last := uint64(0)
	for text := range strings.SplitSeq(parts[2], ",") {
		if parts[2] == "" {
			break
		}
		xid, err := strconv.ParseUint(text, 10, 63)
		if err != nil || xid < xmin || xid >= xmax || xid <= last {
			return "", "", errMalformed
		}
		last = xid
	}
	return copyName, snapshot, nil
}

// boundsOf returns the xmin and the xmax of a snapshot, or 0 for what cannot be read.
func boundsOf(snapshot string) (xmin, xmax uint64) {
	parts := strings.SplitN(snapshot, ":", 3)
	if len(parts) != 3 {
		return 0, 0
	}
	xmin, err1 := strconv.ParseUint(parts[0], 10, 63)
	xmax, err2 := strconv.ParseUint(parts[1], 10, 63)
	if err1 != nil || err2 != nil {
		return 0, 0
	}
	return xmin, xmax
}

// String returns a change for messages.
func (c Change) String() string { return fmt.Sprintf("%c %s %s", c.Op, c.Table, c.Row) }
