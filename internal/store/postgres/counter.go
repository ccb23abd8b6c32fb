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

// revisionBlock is how many revisions one value of the sequence stands for, which it counts by: see createRevision.
const revisionBlock = 64

// fewRevisions is from when on a group draws more, so that those who make scripts find some.
const fewRevisions = 4 * revisionBlock

// spanOf returns the numbers from first on that a value of the sequence stands for.
func spanOf(first, value int64) engine.Span {
	return engine.Span{Next: first, Last: value + revisionBlock - 1}
}

// Revision implements store.Tx: writers do not queue for a sequence, and few ask it.
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

// NextID implements store.Tx. Each counter is a sequence, made when it is first used.
func (t *tx) NextID(counter string) (int64, error) {
	sequence := sequenceOf(counter)
	if _, there := t.db.counters.Load(counter); !there {
		// In the transaction itself, what makes the sequence would make others wait, or be undone.
		err := t.db.direct(context.Background(), func(ctx context.Context, c *pgconn.PgConn) error {
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

// fewCounts is how many numbers are drawn one by one rather than passed over.
const fewCounts = 1024

// Skip implements store.Tx. A sequence cannot be moved on by what it says at that very moment: between the look and the
// move another transaction may draw. A few numbers are therefore drawn. Many are passed over while nobody else does so,
// and then a move back would take as many draws at the moment between the look and the move.
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

// sequenceOf is the name of a counter's sequence, which is no name of a model's table.
func sequenceOf(counter string) string {
	const prefix, most = "ashlar_next_", 63
	if len(prefix)+len(counter) <= most {
		return prefix + counter
	}
	sum := sha256.Sum256([]byte(counter))
	return prefix + hex.EncodeToString(sum[:16])
}

// A generation is kept in rows that count for one writing connection each, so that writers of one table do not wait for
// each other's commit: with one row for the table the second would wait for the first one's disk. The number of the row, the
// stripe, is one that no other connection of any node has, kept by an advisory lock that lasts as long as the connection.
//
// An upsert finds its row without taking part in what SERIALIZABLE tracks, as an UPDATE would by its search.
const (
	moveGenerations = `INSERT INTO ashlar_generations ("table", stripe, generation)
SELECT t, $2::bigint, 1 FROM unnest($1::text[]) AS t
ON CONFLICT ("table", stripe) DO UPDATE SET generation = ashlar_generations.generation + 1`

	moveGeneration = `INSERT INTO ashlar_generations ("table", stripe, generation) VALUES ($1, $2, 1)
ON CONFLICT ("table", stripe) DO UPDATE SET generation = ashlar_generations.generation + 1`

	takeStripe = `SELECT s FROM generate_series(0, 4095) AS s WHERE pg_try_advisory_lock(1634955110, s) LIMIT 1`
)

var errNoStripe = errors.New("4,096 connections write to the database already")

// prepareMove returns the statement that moves the generations of the touched tables, with its values, and what is still
// to be sent before it; nil where there are none.
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

// move is the statement that moves the generations of the touched tables, and its values.
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
	_, err := t.s.query(takeStripe, nil, around{}, func(row value.Row) error {
		stripe = row.Int(0)
		return nil
	})
	if err == nil && stripe < 0 {
		err = engine.Internal(errNoStripe)
	}
	return stripe, err
}

const (
	// A sequence that was never asked has given nothing, whatever it says.
	lastRevision = `SELECT CASE WHEN is_called THEN last_value + 63 ELSE 0 END FROM ashlar_revision`
	lastCount    = `SELECT coalesce(pg_sequence_last_value(c.oid), 0) FROM pg_class AS c
WHERE c.relkind = 'S' AND c.relname = $1::text AND c.relnamespace = current_schema()::regnamespace`

	setRevision   = `SELECT setval('ashlar_revision', greatest($1::bigint, (SELECT last_value FROM ashlar_revision)))`
	setCount      = `SELECT setval($1::text::regclass, greatest($2::bigint, coalesce(pg_sequence_last_value($1::text::regclass), 1)))`
	setGeneration = `INSERT INTO ashlar_generations ("table", stripe, generation) VALUES ($1, -1, $2)
ON CONFLICT ("table", stripe) DO UPDATE SET generation = greatest(ashlar_generations.generation, excluded.generation)`
)

// Numbers implements store.DB. Sequences are not part of a snapshot: what they say may be later, which is as good.
func (*DB) Numbers(r store.Reader, counters []string) (store.Numbers, error) {
	read := func(sql string, args ...value.Value) (last int64, err error) {
		err = r.Query(sql, args, func(row value.Row) error {
			last = row.Int(0)
			return nil
		})
		return last, err
	}
	n := store.Numbers{Counters: map[string]int64{}}
	var err error
	if n.Revision, err = read(lastRevision); err != nil {
		return n, err
	}
	for _, counter := range counters {
		if n.Counters[counter], err = read(lastCount, value.OfText(sequenceOf(counter))); err != nil {
			return n, err
		}
	}
	return n, nil
}

// SetNumbers implements store.DB. The stripe -1 is no connection's.
func (*DB) SetNumbers(tx store.Tx, n store.Numbers) error {
	if n.Revision > 0 {
		if _, err := tx.Exec(setRevision, []value.Value{value.OfInt(n.Revision)}); err != nil {
			return err
		}
	}
	for counter, last := range n.Counters {
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
	for table, generation := range n.Generations {
		if _, err := tx.Exec(setGeneration, []value.Value{value.OfText(table), value.OfInt(generation)}); err != nil {
			return err
		}
	}
	return nil
}
