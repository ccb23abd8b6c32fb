package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	nextRevision  = `SELECT nextval('ashlar_revision')`
	nextRevisions = `SELECT nextval('ashlar_revision') FROM generate_series(1, 8)`
)

// revisionBlock is how many revisions one value of the sequence stands for. The sequence counts by it: see createRevision.
const revisionBlock = 64

// fewRevisions is when a group draws more, so that callers who make scripts find some.
const fewRevisions = 4 * revisionBlock

// spanOf returns the numbers from first to the last one that a value of the sequence stands for.
func spanOf(first, value int64) engine.Span {
	return engine.Span{Next: first, Last: value + revisionBlock - 1}
}

// Revision implements store.Tx. Writers do not queue for a sequence.
func (t *tx) Revision() (int64, error) {
	if t.over {
		return 0, engine.UsedAfterReturn()
	}
	if n, ok := t.db.revisions.Take(); ok {
		return n, nil
	}
	first, err := t.one(nextRevision)
	if err != nil {
		return 0, err
	}
	t.db.revisions.Add(spanOf(first+1, first))
	return first, nil
}

const nextCount = `SELECT nextval($1::text::regclass)`

// NextID implements store.Tx. Each counter is a sequence, which its first use makes.
func (t *tx) NextID(counter string) (int64, error) {
	sequence := sequenceOf(counter)
	if _, there := t.db.counters.Load(counter); !there {
		// Made in the transaction itself, the sequence would make others wait, or be undone.
		err := t.db.withSession(context.Background(), func(ctx context.Context, c *pgconn.PgConn) error {
			return locked(ctx, c, "CREATE SEQUENCE IF NOT EXISTS "+sqlgen.Quote(sequence))
		})
		if err != nil {
			return 0, err
		}
		t.db.counters.Store(counter, true)
	}
	return t.one(nextCount, value.OfText(sqlgen.Quote(sequence)))
}

const (
	drawCounts  = `SELECT nextval($1::text::regclass) FROM generate_series(1, $2::bigint)`
	lockCounter = `SELECT pg_advisory_xact_lock(1634955111, $1::text::regclass::oid::int)`
)

// fewCounts is how many numbers Skip draws one by one. It passes over more than that.
const fewCounts = 1024

// Skip implements store.Tx. It cannot read the sequence and then set it, because another transaction may draw in between.
// So it draws a few numbers. To pass over many, it takes a lock first. Then the sequence could only move back if others
// drew as many numbers between the read and the set.
func (t *tx) Skip(counter string, drawn, past int64) error {
	sequence := value.OfText(sqlgen.Quote(sequenceOf(counter)))
	if few := past - drawn; few <= fewCounts {
		_, err := t.Exec(drawCounts, []value.Value{sequence, value.OfInt(few)})
		return err
	}
	if _, err := t.Exec(lockCounter, []value.Value{sequence}); err != nil {
		return err
	}
	_, err := t.Exec(setCount, []value.Value{sequence, value.OfInt(past)})
	return err
}

// sequenceOf returns the name of a counter's sequence. No table of a model has such a name.
func sequenceOf(counter string) string {
	const prefix, most = "ashlar_next_", 63
	if len(prefix)+len(counter) <= most {
		return prefix + counter
	}
	sum := sha256.Sum256([]byte(counter))
	return prefix + hex.EncodeToString(sum[:16])
}

// A generation is kept in several rows, each for one writing connection. So writers of one table do not wait for each
// other's commit, which ends with a write to the disk. The number of a row is its stripe. No other connection of any node
// has the same stripe, because an advisory lock keeps it as long as the connection lasts.
//
// The statement is an upsert, because it finds its row without a search that SERIALIZABLE would track, as an UPDATE would.
const (
	moveGenerations = `INSERT INTO ashlar_generations ("table", stripe, generation)
SELECT t, $2::bigint, 1 FROM unnest($1::text[]) AS t
ON CONFLICT ("table", stripe) DO UPDATE SET generation = ashlar_generations.generation + 1`

	moveGeneration = `INSERT INTO ashlar_generations ("table", stripe, generation) VALUES ($1, $2, 1)
ON CONFLICT ("table", stripe) DO UPDATE SET generation = ashlar_generations.generation + 1`

	takeStripe = `SELECT s FROM generate_series(0, 4095) AS s WHERE pg_try_advisory_lock(1634955110, s) LIMIT 1`
)

var errNoStripe = errors.New("4,096 connections write to the database already")

// prepareMove returns the statement that moves the generations of the touched tables, and its values. It returns nil if no
// table is touched. It also returns the statements that must still be sent before.
func (t *tx) prepareMove(before []string) (*statement, []value.Value, []string, error) {
	if len(t.touched) == 0 {
		return nil, nil, before, nil
	}
	if !t.db.writers.pooled && t.s.c.stripe < 0 {
		var err error
		if t.s.c.stripe, err = t.takeStripe(); err != nil {
			return nil, nil, nil, err
		}
	}
	sql, args := t.move()
	st, before, err := t.s.prepare(sql, before)
	return st, args, before, err
}

// move returns the statement that moves the generations of the touched tables, and its values.
func (t *tx) move() (sql string, args []value.Value) {
	tables := value.OfList(t.touched)
	switch {
	case t.db.writers.pooled:
		return moveGenerationsPooled, []value.Value{tables}
	case len(t.touched) == 1:
		return moveGeneration, []value.Value{value.OfText(t.touched[0]), value.OfInt(t.s.c.stripe)}
	}
	return moveGenerations, []value.Value{tables, value.OfInt(t.s.c.stripe)}
}

func (t *tx) takeStripe() (int64, error) {
	stripe := int64(-1)
	_, err := t.s.query(takeStripe, nil, envelope{}, func(row value.Row) error {
		stripe = row.Int(0)
		return nil
	})
	if err == nil && stripe < 0 {
		err = engine.Internal(errNoStripe)
	}
	return stripe, err
}

const (
	// A sequence that was never used has given no number, whatever it says.
	lastRevision = `SELECT CASE WHEN is_called THEN last_value + 63 ELSE 0 END FROM ashlar_revision`
	lastCount    = `SELECT coalesce(pg_sequence_last_value(c.oid), 0) FROM pg_class AS c
WHERE c.relkind = 'S' AND c.relname = $1::text AND c.relnamespace = current_schema()::regnamespace`

	setRevision   = `SELECT setval('ashlar_revision', greatest($1::bigint, (SELECT last_value FROM ashlar_revision)))`
	setCount      = `SELECT setval($1::text::regclass, greatest($2::bigint, coalesce(pg_sequence_last_value($1::text::regclass), 1)))`
	setGeneration = `INSERT INTO ashlar_generations ("table", stripe, generation) VALUES ($1, -1, $2)
ON CONFLICT ("table", stripe) DO UPDATE SET generation = greatest(ashlar_generations.generation, excluded.generation)`
)

// Numbers implements store.DB. Sequences are not part of a snapshot. They may be further than the snapshot, which does no
// harm.
func (*DB) Numbers(reader store.Reader, counters []string) (store.Numbers, error) {
	read := func(sql string, args ...value.Value) (last int64, err error) {
		err = reader.Query(sql, args, func(row value.Row) error {
			last = row.Int(0)
			return nil
		})
		return last, err
	}
	numbers := store.Numbers{Counters: map[string]int64{}}
	var err error
	if numbers.Revision, err = read(lastRevision); err != nil {
		return numbers, err
	}
	for _, counter := range counters {
		if numbers.Counters[counter], err = read(lastCount, value.OfText(sequenceOf(counter))); err != nil {
			return numbers, err
		}
	}
	return numbers, nil
}

// SetNumbers implements store.DB. No connection has the stripe -1.
func (*DB) SetNumbers(tx store.Tx, numbers store.Numbers) error {
	if numbers.Revision > 0 {
		if _, err := tx.Exec(setRevision, []value.Value{value.OfInt(numbers.Revision)}); err != nil {
			return err
		}
	}
	for counter, last := range numbers.Counters {
		if last == 0 {
			continue
		}
		sequence := sqlgen.Quote(sequenceOf(counter))
		if _, err := tx.Exec("CREATE SEQUENCE IF NOT EXISTS "+sequence, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(setCount, []value.Value{value.OfText(sequence), value.OfInt(last)}); err != nil {
			return err
		}
	}
	for table, generation := range numbers.Generations {
		if _, err := tx.Exec(setGeneration, []value.Value{value.OfText(table), value.OfInt(generation)}); err != nil {
			return err
		}
	}
	return nil
}
