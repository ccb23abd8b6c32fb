package archive

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

const (
	selectAll  = `SELECT key, body FROM healthy WHERE key >= ?1 AND key < ?2 UNION ALL SELECT key, body FROM kept WHERE key >= ?1 AND key < ?2 ORDER BY key DESC`
	selectKept = `SELECT key, body FROM kept WHERE key >= ?1 AND key < ?2 ORDER BY key DESC`

	selectProcesses = `SELECT id, node, build, revision FROM processes`
)

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// scan calls each for the records that a filter selects, the newest first. It ends without an error when each returns
// errEnough.
func scan(conn *lite.Conn, f Filter, before int64, each func(key int64, d *body, processes map[int64]process) error) error {
	processes, err := readProcesses(conn)
	if err != nil {
		return err
	}
	m, err := f.matcher(processes)
	if err != nil {
		return err
	}
	from, to := f.keys()
	if before > 0 {
		to = min(to, before)
	}
	sql := selectAll
	if f.keptOnly() {
		sql = selectKept
	}
	var d body
	var row []byte
	err = query(conn, sql, func(stmt *lite.Stmt) error {
		row = blob(stmt, 1, row)
		key := stmt.ColumnInt64(0)
		if !d.decode(row) || !m.selects(key, &d) {
			return m.passed(key)
		}
		return each(key, &d, processes)
	}, from, to)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func readProcesses(conn *lite.Conn) (map[int64]process, error) {
	processes := map[int64]process{}
	err := query(conn, selectProcesses, func(row *lite.Stmt) error {
		processes[row.ColumnInt64(0)] = process{row.ColumnText(1), row.ColumnText(2), row.ColumnText(3)}
		return nil
	})
	return processes, err
}

// matcher is a filter that is ready for many records.
type matcher struct {
	Filter
	trace     []byte
	processes map[int64]process
	buf       []byte
	passed    func(key int64) error // called for each record that does not match
	rest      *matcher              // of the records to leave out; nil leaves out none
}

func (f Filter) matcher(processes map[int64]process) (*matcher, error) {
	m := &matcher{Filter: f, processes: processes, passed: f.passed}
	if m.passed == nil {
		m.passed = func(int64) error { return nil }
	}
	for _, c := range f.Where {
		if !c.Dimension.known() {
			return nil, errs.New(errs.Malformed, "records have no dimension %q", errs.Clip(string(c.Dimension), 40))
		}
	}
	if f.Trace != "" {
		trace, err := hex.DecodeString(f.Trace)
		if err != nil || len(trace) != len(telemetry.TraceID{}) {
			return nil, errs.New(errs.Malformed, "a trace has 32 hexadecimal digits")
		}
		m.trace = trace
	}
	if f.except != nil {
		rest, err := f.except.matcher(processes)
		if err != nil {
			return nil, err
		}
		m.rest = rest
	}
	return m, nil
}

// selects reports whether the filter selects a record. The scan reads only keys of the filter's time.
func (m *matcher) selects(key int64, d *body) bool {
	return m.matches(d) && (m.rest == nil || !m.rest.covers(key) || !m.rest.matches(d))
}

// covers reports whether the key of a record lies in the time of the filter.
func (f *Filter) covers(key int64) bool {
	from, to := f.keys()
	return key >= from && key < to
}

func (m *matcher) matches(d *body) bool {
	took := d.duration()
	switch {
	case m.Failed && !d.failed(),
		m.Kept && !d.failed() && !d.slow(),
		m.MinDuration > 0 && took < m.MinDuration,
		m.MaxDuration > 0 && took >= m.MaxDuration,
		m.ID != "" && string(d.texts[textID]) != m.ID,
		m.trace != nil && !bytes.Equal(m.trace, d.trace[:]),
		m.Contains != "" && !m.contains(d),
		len(m.Under) > 0 && !m.under(d):
		return false
	}
	for _, c := range m.Where {
		value := d.valueOf(c.Dimension, m.processes, m.buf)
		if c.has(value) == c.Not {
			return false
		}
	}
	return true
}

func (m *matcher) under(d *body) bool {
	return slices.ContainsFunc(m.Under, func(prefix string) bool { return bytes.HasPrefix(d.texts[textPath], []byte(prefix)) })
}

func (c *Condition) has(value []byte) bool {
	for _, v := range c.Values {
		if string(value) == v {
			return true
		}
	}
	return false
}

func (m *matcher) contains(d *body) bool {
	for _, text := range [...]int{textPath, textError, textID} {
		if bytes.Contains(d.texts[text], []byte(m.Contains)) {
			return true
		}
	}
	return false
}
