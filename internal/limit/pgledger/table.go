package pgledger

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/system"
)

const tableName = "ashlar_limits"

// Tables is the fragment of system tables of this package. A row is a bucket that is not full. Its id is a hash with a secret
// of the app, so the table tells nothing about addresses and callers. No generation moves with it, since nobody keeps
// answers about it.
//
// Times are nanoseconds since 1970. The columns from step on hold the first want. They are there only because ON CONFLICT
// sees nothing but columns of the table.
func Tables(*model.Model) []*model.Table {
	return []*model.Table{system.NewTable(tableName, model.Text,
		system.Int("full_at"),  // when the bucket will be full
		system.Int("asked_at"), // time of the last want
		system.Int("granted"),  // to the last want
		system.Int("step"), system.Int("depth"), system.Int("debt"), system.Int("need"), system.Int("take"),
	)}
}

const readCommitted = `SET TRANSACTION ISOLATION LEVEL READ COMMITTED`

var (
	ticksPerNano = strconv.Itoa(limit.TicksPerNano)
	takeShare    = strconv.Itoa(limit.TakeShare)
	mostLag      = strconv.Itoa(limit.MostLag)
)

// lag returns the SQL for how far a bucket is from full, in ticks, at the time of the want. It is bounded in case the clock
// of the database was set back.
func lag(bucket, want string) string {
	return "LEAST(" + ticksPerNano + " * GREATEST(" + bucket + ".full_at - " + want + ".asked_at, 0), " + mostLag + " * " + want + ".depth)"
}

// grant returns the SQL for the operations that a want gets of a bucket with a lag.
func grant(lag, want string) string {
	room := "GREATEST((" + want + ".depth - " + lag + ") / " + want + ".step - " + want + ".debt, 0)"
	return "LEAST(" + room + ", GREATEST(" + want + ".need, LEAST(" + want + ".take, " + room + " / " + takeShare + ")))"
}

// fullAt returns the SQL for when the bucket will be full after a grant.
func fullAt(lag, grant, want string) string {
	after := "LEAST(" + lag + " + (" + want + ".debt + " + grant + ") * " + want + ".step, " + mostLag + " * " + want + ".depth)"
	return want + ".asked_at + (" + after + " + " + ticksPerNano + " - 1) / " + ticksPerNano
}

// The time of a want is read before its row is locked. If another transaction has the lock, it may get a later time and the
// row first. Then the row is as if the want had come at its own time after the other one, and full_at still never goes back.
//
// synchronous_commit is off, so nobody waits for the disk. After a crash of PostgreSQL, the counts of less than a second are
// lost. A function that is volatile is called even though nobody reads its column.
var reserve = `INSERT INTO ashlar_limits AS b (id, full_at, asked_at, granted, step, depth, debt, need, take, created_at, updated_at, _rev)
SELECT w.id, ` + fullAt("0", grant("0", "w"), "w") + `, w.asked_at, ` + grant("0", "w") + `, w.step, w.depth, w.debt, w.need, w.take, now(), now(), 0
FROM (
	SELECT id, step, depth, debt, need, take, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000 AS asked_at
	FROM unnest($1::text[], $2::text[]::bigint[], $3::text[]::bigint[], $4::text[]::bigint[], $5::text[]::bigint[], $6::text[]::bigint[])
		AS given (id, step, depth, debt, need, take)
) AS w, (SELECT set_config('synchronous_commit', 'off', true)) AS fast
ORDER BY w.id
ON CONFLICT (id) DO UPDATE SET
	full_at = ` + fullAt(lag("b", "EXCLUDED"), grant(lag("b", "EXCLUDED"), "EXCLUDED"), "EXCLUDED") + `,
	asked_at = EXCLUDED.asked_at,
	granted = ` + grant(lag("b", "EXCLUDED"), "EXCLUDED") + `
RETURNING b.id, b.granted, b.full_at - b.asked_at`

// deleteFull deletes rows of buckets that are full. It passes over rows that a transaction works on.
const deleteFull = `DELETE FROM ashlar_limits WHERE id IN (
	SELECT id FROM ashlar_limits WHERE full_at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000
	LIMIT $1 FOR UPDATE SKIP LOCKED
) RETURNING id`
