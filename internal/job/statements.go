package job

import (
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// statements are the statements that change jobs. The revision of a row is always 0: nobody changes a job by its revision.
type statements struct {
	insert, insertOnce, forgetOnce string

	take      string // the first jobs of a key: see leaseValues, then queue, key, number
	takeNamed string // also a list of names
	takeTurns string // PostgreSQL: the first jobs of some keys: see leaseValues, then keys, how many of each, queue, names or null
	takeThese string // SQLite: chosen jobs: see leaseValues, then a list of rowids
	promote   string // now, number
	ended     string // running jobs whose lease has ended: now, number
	settle    string // see settlement
	renew     string // end, now, ids, leases
	held      string // ids, leases
	delete    string // state, now, number
	lockQueue string // queue
}

func statementsOf(dialect sqlgen.Dialect) *statements {
	if dialect == sqlgen.Postgres {
		return postgresStatements()
	}
	return sqliteStatements()
}

const (
	selectClock = `SELECT clock_timestamp()`

	insertJob = `INSERT INTO ashlar_jobs (id, queue, name, state, key, lane, rank, run_at, turn_at, tries, once, once_until,
row_table, row_id, args, enqueued_by, trace, created_at, updated_at, attempt, _rev)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, 0, 0)`
	unlessThere = ` ON CONFLICT (once) WHERE once IS NOT NULL DO NOTHING`
	forgetOnce  = `UPDATE ashlar_jobs SET once = NULL WHERE once = $1 AND once_until <= $2 AND state IN ('done', 'dead', 'cancelled')`

	setLease     = `state = 'running', lane = '', attempt = attempt + 1, lease = $1, turn_at = $2, node = $3, updated_at = $4`
	takenColumns = `id, queue, name, key, attempt, tries, rank, run_at, row_table, row_id, args, errors, enqueued_by, trace, created_at, once IS NULL`
	inOrder      = `ORDER BY rank, run_at, id` // the one of the index

	fromKey       = `FROM ashlar_jobs WHERE queue = $5 AND state = 'waiting' AND lane = $6 ` + inOrder + ` LIMIT $7`
	fromKeyNamed  = `FROM ashlar_jobs WHERE queue = $5 AND state = 'waiting' AND lane = $6 AND `
	orderedNamed  = ` ` + inOrder + ` LIMIT $7`
	fromScheduled = `FROM ashlar_jobs WHERE state = 'scheduled' AND turn_at <= $1 ORDER BY turn_at LIMIT $2`
	fromFinished  = `FROM ashlar_jobs WHERE state = $1 AND turn_at <= $2 ORDER BY turn_at LIMIT $3`
	selectEnded   = `SELECT id, lease, attempt, tries, queue, errors, name FROM ashlar_jobs WHERE state = 'running' AND turn_at <= $1 ORDER BY turn_at LIMIT $2`

	nextTurn = `SELECT turn_at FROM ashlar_jobs WHERE state = 'scheduled' AND turn_at IS NOT NULL ORDER BY turn_at LIMIT 1`

	addQueue      = `INSERT INTO ashlar_queues (id, paused, next_start, created_at, updated_at, _rev) VALUES ($1, $2, 0, $3, $3, 0) ON CONFLICT (id) DO NOTHING`
	selectQueues  = `SELECT id, paused, workers, changed_by, updated_at FROM ashlar_queues`
	selectStart   = `SELECT next_start FROM ashlar_queues WHERE id = $1`
	setQueueStart = `UPDATE ashlar_queues SET next_start = $1 WHERE id = $2`
)

const (
	postgresKeys = `WITH RECURSIVE keys (key, turn) AS (
	(SELECT lane, 1 FROM ashlar_jobs WHERE queue = $1 AND state = 'waiting' AND lane >= $2 ORDER BY lane LIMIT 1)
	UNION ALL
	SELECT following.key, turn + 1 FROM keys, LATERAL (
		SELECT j.lane AS key FROM ashlar_jobs AS j WHERE j.queue = $1 AND j.state = 'waiting' AND j.lane > keys.key ORDER BY j.lane LIMIT 1
	) AS following WHERE turn < $3
)
SELECT key FROM keys ORDER BY turn`

	postgresTurns = `SELECT first.id FROM unnest($5::text[], $6::text[]::bigint[]) AS turns (key, most), LATERAL (
	SELECT j.id FROM ashlar_jobs AS j WHERE j.queue = $7 AND j.state = 'waiting' AND j.lane = turns.key COLLATE "C"
	AND ($8::text[] IS NULL OR j.name = ANY($8::text[])) ` + inOrder + ` LIMIT turns.most
) AS first`

	postgresSettle = `UPDATE ashlar_jobs AS j SET state = o.state, lane = CASE WHEN o.finished_at = 0 THEN j.key ELSE '' END, attempt = o.attempt, lease = NULL, updated_at = $11,
run_at = CASE WHEN o.run_at = 0 THEN j.run_at ELSE timestamptz 'epoch' + o.run_at * interval '1 microsecond' END,
turn_at = CASE WHEN o.turn_at <> 0 THEN timestamptz 'epoch' + o.turn_at * interval '1 microsecond' END,
finished_at = CASE WHEN o.finished_at <> 0 THEN timestamptz 'epoch' + o.finished_at * interval '1 microsecond' END,
errors = CASE WHEN o.errors = '' THEN j.errors ELSE o.errors::json END, result = NULLIF(o.result, '')::json,
once = CASE WHEN o.finished_at = 0 OR j.once_until > $11 THEN j.once END
FROM unnest($1::text[]::uuid[], $2::text[], $3::text[]::bigint[], $4::text[], $5::text[]::bigint[], $6::text[]::bigint[],
$7::text[]::bigint[], $8::text[]::bigint[], $9::text[], $10::text[])
	AS o (job, lease, was, state, attempt, run_at, turn_at, finished_at, errors, result)
WHERE j.id = o.job AND j.state = 'running' AND j.lease = o.lease AND j.attempt = o.was RETURNING j.id`
)

// postgresStatements lock rows in the order in which nodes want them, and pass over rows that another node has locked. The rows
// are chosen as an array, so that PostgreSQL looks each one up. For a join it takes LIMIT $1 for a tenth of the table, and reads
// the whole table. For chosen jobs it would rather read all that wait, in a table that was not analyzed yet: CASE hides the
// condition from it.
func postgresStatements() *statements {
	chosen := func(from string) string { return ` WHERE id = ANY(ARRAY(SELECT id ` + from + ` SKIP LOCKED))` }
	const ofLeases = `FROM ashlar_jobs JOIN unnest($3::text[]::uuid[], $4::text[]) AS held (job, token) ON id = job AND lease = token
WHERE state = 'running' AND turn_at > $2`
	return &statements{
		insert: insertJob, insertOnce: insertJob + unlessThere, forgetOnce: forgetOnce,
		take:      `UPDATE ashlar_jobs SET ` + setLease + chosen(fromKey+` FOR UPDATE`) + ` RETURNING ` + takenColumns,
		takeNamed: `UPDATE ashlar_jobs SET ` + setLease + chosen(fromKeyNamed+`name = ANY($8::text[])`+orderedNamed+` FOR UPDATE`) + ` RETURNING ` + takenColumns,
		takeTurns: `UPDATE ashlar_jobs SET ` + setLease + ` WHERE id = ANY(ARRAY(` + postgresTurns + `)) AND CASE WHEN state = 'waiting' THEN true END RETURNING ` + takenColumns,
		promote:   `UPDATE ashlar_jobs SET state = 'waiting', turn_at = NULL, updated_at = $1` + chosen(fromScheduled+` FOR UPDATE`) + ` RETURNING queue`,
		ended:     selectEnded + ` FOR UPDATE SKIP LOCKED`,
		settle:    postgresSettle,
		renew:     `UPDATE ashlar_jobs SET turn_at = $1` + chosen(ofLeases+` FOR UPDATE OF ashlar_jobs`) + ` RETURNING id`,
		held: `SELECT id FROM ashlar_jobs JOIN unnest($1::text[]::uuid[], $2::text[]) AS held (job, token) ON id = job AND lease = token
WHERE state = 'running'`,
		delete:    `DELETE FROM ashlar_jobs` + chosen(fromFinished+` FOR UPDATE`) + ` RETURNING id`,
		lockQueue: selectStart + ` FOR UPDATE`,
	}
}

const (
	sqliteKeys = `WITH RECURSIVE keys (key, turn) AS (
	SELECT (SELECT lane FROM ashlar_jobs WHERE queue = ?1 AND state = 'waiting' AND lane >= ?2 ORDER BY lane LIMIT 1), 1
	UNION ALL
	SELECT (SELECT j.lane FROM ashlar_jobs AS j WHERE j.queue = ?1 AND j.state = 'waiting' AND j.lane > keys.key ORDER BY j.lane LIMIT 1), turn + 1
	FROM keys WHERE key IS NOT NULL AND turn < ?3
)
SELECT key FROM keys WHERE key IS NOT NULL`
	sqliteOfKey   = sqliteFirst + inOrder + ` LIMIT ?3`
	sqliteOfNames = sqliteFirst + `AND name IN (SELECT value FROM json_each(?4)) ` + inOrder + ` LIMIT ?3`
	sqliteFirst   = `SELECT rowid FROM ashlar_jobs WHERE queue = ?1 AND state = 'waiting' AND lane = ?2 `

	// SQLite writes an index again if the statement sets its column, even to the same value. So a job without once has a statement of
	// its own.
	sqliteSettle     = sqliteSettleSet + `, once = CASE WHEN ?8 = 0 OR once_until > ?11 THEN once END` + sqliteSettleOf
	sqliteSettleFree = sqliteSettleSet + sqliteSettleOf + ` AND +once IS NULL`
	sqliteSettleSet  = `UPDATE ashlar_jobs SET state = ?4, lane = CASE WHEN ?8 = 0 THEN key ELSE '' END, attempt = ?5, lease = NULL, updated_at = ?11,
run_at = CASE WHEN ?6 = 0 THEN run_at ELSE ?6 END, turn_at = nullif(?7, 0), finished_at = nullif(?8, 0),
errors = CASE WHEN ?9 = '' THEN errors ELSE ?9 END, result = nullif(?10, '')`
	sqliteSettleOf = ` WHERE id = ?1 AND state = 'running' AND lease = ?2 AND attempt = ?3`

	sqliteRenew = `UPDATE ashlar_jobs SET turn_at = ?1 WHERE id = ?3 AND lease = ?4 AND state = 'running' AND turn_at > ?2 RETURNING id`
	sqliteHeld  = `SELECT id FROM ashlar_jobs WHERE id = ?1 AND lease = ?2 AND state = 'running'`
)

// sqliteStatements lock nothing, because SQLite has one writer.
//
// For a statement that may fail after some of its rows, SQLite keeps a copy of each page that it changes, and from 16 pages on it
// writes them to a file. After OR FAIL it keeps none; the transaction is undone in that case. For chosen jobs SQLite would rather
// read all that wait, in all queues: the plus sign hides the condition from it.
func sqliteStatements() *statements {
	numbered := func(sql string) string { return system.Numbered(sqlgen.SQLite, sql) }
	change := func(what, from string) string { return numbered(what + ` WHERE rowid IN (SELECT rowid ` + from + `)`) }
	const update = `UPDATE OR FAIL ashlar_jobs SET `
	return &statements{
		insert: numbered(insertJob), insertOnce: numbered(insertJob + unlessThere), forgetOnce: numbered(forgetOnce),
		take:      change(update+setLease, fromKey) + ` RETURNING ` + takenColumns,
		takeNamed: change(update+setLease, fromKeyNamed+`name IN (SELECT value FROM json_each($8))`+orderedNamed) + ` RETURNING ` + takenColumns,
		takeThese: numbered(update+setLease) + ` WHERE rowid IN (SELECT CAST(value AS INTEGER) FROM json_each(?5)) AND +state = 'waiting' RETURNING ` + takenColumns,
		promote:   change(update+`state = 'waiting', turn_at = NULL, updated_at = $1`, fromScheduled) + ` RETURNING queue`,
		ended:     selectEnded,
		settle:    sqliteSettle,
		renew:     sqliteRenew,
		held:      sqliteHeld,
		delete:    change(`DELETE FROM ashlar_jobs`, fromFinished) + ` RETURNING id`,
		lockQueue: selectStart,
	}
}
