package sqlite

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	selectTrees = `SELECT name, tbl_name FROM sqlite_schema WHERE rootpage > 0`
	selectPages = `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`

	// selectTreeSize reads every page of a tree.
	selectTreeSize = `SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?1 AND aggregate = TRUE`
)

// A tree is a B-tree of the file: a table or an index.
type tree struct {
	name, table string
	size        int64 // -1 if it could not be read in time
}

// Sizes implements store.DB. It reads the whole file, each tree in a read of its own: a long read would keep the log from being
// used again. The trees that take longer than Config.ReadTimeout share what is left of the file.
func (db *DB) Sizes(ctx context.Context) (sizes store.Sizes, err error) {
	trees, bytes, err := db.trees(ctx)
	if err != nil {
		return sizes, err
	}
	for i := range trees {
		if trees[i].size, err = db.treeSize(ctx, trees[i].name); err != nil {
			return sizes, err
		}
	}
	rest := shareRest(trees, bytes)
	tables := map[string]store.TableSize{}
	for _, t := range trees {
		table := tables[t.table]
		table.Table = t.table
		if t.name == t.table {
			table.Rows += t.size
		} else {
			table.Indexes += t.size
		}
		tables[t.table] = table
	}
	byName := func(a, b store.TableSize) int { return cmp.Compare(a.Table, b.Table) }
	return store.Sizes{Tables: slices.SortedFunc(maps.Values(tables), byName), Rest: rest}, nil
}

// trees returns the trees of the database, and the size of all its pages.
func (db *DB) trees(ctx context.Context) (trees []tree, bytes int64, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		trees = nil
		err := r.Query(selectTrees, nil, func(row value.Row) error {
			trees = append(trees, tree{name: string(row.Bytes(0)), table: string(row.Bytes(1))})
			return nil
		})
		if err != nil {
			return err
		}
		return r.Query(selectPages, nil, func(row value.Row) error {
			bytes = row.Int(0)
			return nil
		})
	})
	// SQLite's own tables, such as its statistics, are the rest.
	trees = slices.DeleteFunc(trees, func(t tree) bool { return strings.HasPrefix(t.table, "sqlite_") })
	return trees, bytes, err
}

// treeSize returns the size of a tree. It is 0 if the tree is gone, and -1 if it takes too long to read.
func (db *DB) treeSize(ctx context.Context, name string) (size int64, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		return r.Query(selectTreeSize, []value.Value{value.OfText(name)}, func(row value.Row) error {
			size = row.Int(0)
			return nil
		})
	})
	if errs.KindOf(err) == errs.Unavailable && ctx.Err() == nil {
		return -1, nil
	}
	return size, err
}

// shareRest gives the trees without a size equal parts of the pages that no other tree has. It returns the rest.
func shareRest(trees []tree, bytes int64) (rest int64) {
	rest = bytes
	unknown := int64(0)
	for _, t := range trees {
		if t.size < 0 {
			unknown++
			continue
		}
		rest -= t.size
	}
	rest = max(0, rest)
	if unknown == 0 {
		return rest
	}
	for i := range trees {
		if trees[i].size < 0 {
			trees[i].size = rest / unknown
		}
	}
	return 0
}
