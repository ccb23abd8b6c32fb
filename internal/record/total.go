package record

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// total counts the rows of all pages of the list. A count costs many times more than a page, so totals are cached. A cached
// total is valid until one of the tables in its statement changes.
func (p *page) total(reader store.Reader) (int64, error) {
	if p.probe.empty {
		return 0, nil
	}
	stmt, err := p.countStatement(sqlgen.AsPlanned)
	if err != nil {
		return 0, err
	}
	if stmt.UsesNow || p.inTx { // the total changes with the time, or with what the transaction wrote
		return p.count(reader, stmt)
	}
	return p.cachedTotal(reader, stmt)
}

// cachedTotal returns the total of the reader's snapshot. It reads the version of the tables in the same snapshot.
func (p *page) cachedTotal(reader store.Reader, stmt *sqlgen.Statement) (int64, error) {
	version := p.version
	if !p.versioned || !slices.Equal(p.deps.Tables, stmt.Tables) {
		var known bool
		var err error
		if version, known, err = reader.Version(nil, stmt.Tables); err != nil {
			return 0, err
		}
		if !known {
			return p.count(reader, stmt)
		}
	}
	key := p.totalKey(stmt)
	if found := p.req.db.find(key, version); found != nil {
		p.noteTotal(hit)
		return found.total, nil
	}
	p.noteTotal(miss)
	result, done, err := p.once(key, version, func() (*kept, error) {
		total, err := p.count(reader, stmt)
		if err != nil {
			return nil, err
		}
		return &kept{table: p.req.db.tables[p.shape.Table], version: slices.Clone(version), total: total}, nil
	})
	switch {
	case err != nil:
		return 0, err
	case !done:
		return p.count(reader, stmt)
	}
	return result.total, nil
}

func (p *page) count(reader store.Reader, stmt *sqlgen.Statement) (total int64, err error) {
	if stmt, err = p.cheapestCount(reader, stmt); err != nil || stmt == nil {
		return 0, err
	}
	err = p.req.Query(reader, stmt, nil, func(cols value.Row) error {
		total = cols.Int(0)
		return nil
	})
	return total, err
}

// totalKey is the statement with its arguments. Together they hold all that the caller may see.
func (p *page) totalKey(stmt *sqlgen.Statement) []byte {
	var room [16]value.Value
	key := append(append(make([]byte, 0, 512), 't'), stmt.SQL...)
	for _, arg := range stmt.Bind(room[:0], p.req.Values(), nil) {
		key = appendArgument(key, arg)
	}
	return key
}
