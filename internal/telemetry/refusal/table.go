package refusal

import (
	"hash/maphash"
	"iter"
)

// The size of a table. All sets together hold 1024 clients, in about a megabyte.
const (
	sets    = 64
	setSize = 16
)

// A table holds the clients that were refused most in the last hour. A client may only stand in the set that its name chooses, so
// finding one looks at 16 entries. A new client takes the place of the one in its set that was refused least. So a crowd of
// clients that come once cannot push out one that comes often. The hash has a secret, so no client can choose a set.
type table struct {
	seed maphash.Seed
	sets [sets][]entry // each is made when it is needed
}

// name names an entry: one client may be refused by several limits.
type name struct {
	limit  string
	client Client
}

type entry struct {
	of      name // zero: the entry is free
	minutes minutes
	last    Request
}

func newTable() table { return table{seed: maphash.MakeSeed()} }

// entry returns the entry of a name, a new one if there is none.
func (t *table) entry(of name, minute int64) *entry {
	set := &t.sets[maphash.Comparable(t.seed, of)%sets]
	for i := range *set {
		if (*set)[i].of == of {
			return &(*set)[i]
		}
	}
	if len(*set) < setSize {
		*set = append(*set, entry{of: of})
		return &(*set)[len(*set)-1]
	}
	least, fewest := 0, ^uint64(0)
	for i := range *set {
		if n := (*set)[i].minutes.since(0, minute); n < fewest {
			least, fewest = i, n
		}
	}
	(*set)[least] = entry{of: of}
	return &(*set)[least]
}

// all returns all entries.
func (t *table) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for i := range t.sets {
			for j := range t.sets[i] {
				if !yield(&t.sets[i][j]) {
					return
				}
			}
		}
	}
}
