package budget

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	maxCounts   = 1000 // counts that are kept
	distinctTop = 200  // values of an index that are counted one by one
	sampleRows  = 500  // rows in which values are counted, if there are more values
)

// counts are what was counted lately.
type counts struct {
	known *cache.Recent[string, counted]

	mu    sync.Mutex
	going map[string]chan struct{} // counts under way, by key
}

type counted struct {
	n  float64
	at int64
}

func newCounts() *counts {
	return &counts{known: cache.NewRecent[string, counted](maxCounts, nil), going: map[string]chan struct{}{}}
}

// get returns a count, and counts if it is not known or too old. Requests that come at the same time wait for one of them.
func (c *counts) get(ctx context.Context, key string, now int64, count func() (float64, error)) (float64, error) {
	for {
		if known, ok := c.known.Get(key); ok && now-known.at < lookAgain.Microseconds() {
			return known.n, nil
		}
		done, own := c.begin(key)
		if own {
			return c.run(key, now, count)
		}
		if err := wait(ctx, done); err != nil {
			return 0, err
		}
	}
}

// begin returns the end of a count. If there was none under way, the caller must count.
func (c *counts) begin(key string) (done chan struct{}, own bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if done, ok := c.going[key]; ok {
		return done, false
	}
	done = make(chan struct{})
	c.going[key] = done
	return done, true
}

func (c *counts) run(key string, now int64, count func() (float64, error)) (n float64, err error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.going[key])
		delete(c.going, key)
	}()
	if n, err = count(); err == nil {
		c.known.Put(key, counted{n, now})
	}
	return n, err
}

// waitStep is how often a waiting read checks that it may go on. The gate tells that only by ctx.Err.
const waitStep = 5 * time.Millisecond

func wait(ctx context.Context, done chan struct{}) error {
	tick := time.NewTicker(waitStep)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-tick.C:
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
}

// counted returns a count, or 1 after an error.
func (e *estimator) counted(key string, count func() (float64, error)) float64 {
	if e.err != nil {
		return 1
	}
	n, err := e.budget.counts.get(e.ctx, key, e.now, count)
	if err != nil {
		e.err = err
		return 1
	}
	return n
}

// countRows returns the rows of a table. A table with more than twice the budget is only estimated.
func (e *estimator) countRows(table *model.Table) float64 {
	return e.counted(table.Name, func() (float64, error) {
		most := 2 * e.budget.rows
		n, err := e.number(sqlgen.CountUpTo(table, most))
		if err != nil || n < most {
			return float64(n), err
		}
		about, err := e.number(sqlgen.AboutRows(e.reader.Dialect(), table))
		return float64(max(n, about)), err
	})
}

// perValue returns the mean number of rows with the same values in the first n fields of an index.
func (e *estimator) perValue(table *model.Table, index []*model.Field, n int) float64 {
	fields := index[:n]
	unique := func(all []*model.Field) bool { return len(all) == n && sameFields(all, fields) }
	for _, all := range append(table.UniqueFields(), []*model.Field{table.ID()}) {
		if unique(all) {
			return 1
		}
	}
	rows := e.countRows(table)
	return e.counted(keyOf("=", table, fields), func() (float64, error) {
		different, err := e.number(sqlgen.CountDistinct(table, fields, distinctTop))
		if err != nil || different < distinctTop {
			return rows / float64(max(different, 1)), err
		}
		sampled, values, err := e.sample(table, fields, true)
		return min(rows/distinctTop, sampled/values), err
	})
}

// guessPerValue is perValue of fields without an index.
func (e *estimator) guessPerValue(table *model.Table, fields []*model.Field) float64 {
	rows := e.countRows(table)
	return e.counted(keyOf("~", table, fields), func() (float64, error) {
		sampled, values, err := e.sample(table, fields, false)
		return max(rows/different(sampled, values), 1), err
	})
}

// different estimates how many different values a table has, of which a sample has some. If most rows of the sample have a
// value of their own, the number of the others tells how likely it is that two rows have the same.
func different(sampled, values float64) float64 {
	if values <= sampled/2 {
		return values
	}
	return sampled * sampled / (2 * max(sampled-values, 1))
}

// sample counts the values of fields in some rows.
func (e *estimator) sample(table *model.Table, fields []*model.Field, indexed bool) (rows, values float64, err error) {
	err = e.reader.Query(sqlgen.SampleDistinct(table, fields, indexed, sampleRows), nil, func(row value.Row) error {
		rows, values = float64(row.Int(0)), float64(max(row.Int(1), 1))
		return nil
	})
	return rows, max(values, 1), err
}

// number returns the first column of a row.
func (e *estimator) number(sql string) (n int64, err error) {
	err = e.reader.Query(sql, nil, func(row value.Row) error {
		if !row.Null(0) {
			n = row.Int(0)
		}
		return nil
	})
	return n, err
}

func sameFields(a, b []*model.Field) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// keyOf names a count of values.
func keyOf(kind string, table *model.Table, fields []*model.Field) string {
	key := []string{table.Name, kind}
	for _, field := range fields {
		key = append(key, field.Name)
	}
	return strings.Join(key, " ")
}
