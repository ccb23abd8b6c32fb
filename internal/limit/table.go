package limit

// setSize is the number of cells in a set of a table.
const setSize = 16

// A table holds the states of buckets. A bucket that is full again needs no cell: its state says no more than that. So the
// table reuses such cells, and drops them when it grows.
//
// A table consists of sets. A bucket may only stand in the set that its key names, so finding one looks at 16 cells. A
// table grows when a set is full of buckets that are not full. At its largest size it forgets the bucket of the set that
// would be full again first. The keys are hashes with a secret, so no client can choose a set.
type table struct {
	cells     []cell // a power of two of sets
	most      int    // cells at the largest size
	forgotten uint64 // buckets that were forgotten before they were full
}

// A cell is the state of a bucket.
type cell struct {
	key uint64 // 0: the cell is free
	tat int64  // see gcra
}

func newTable(most int) table {
	return table{cells: make([]cell, setSize), most: max(most, setSize)}
}

func (t *table) set(key uint64) []cell {
	first := int(key) & (len(t.cells) - 1) &^ (setSize - 1)
	return t.cells[first : first+setSize : first+setSize]
}

// state returns the state of a bucket. A bucket without a cell is full.
func (t *table) state(key uint64) int64 {
	set := t.set(key)
	for i := range set {
		if set[i].key == key {
			return set[i].tat
		}
	}
	return 0
}

// store sets the state of a bucket.
func (t *table) store(key uint64, tat, now int64) {
	for {
		set := t.set(key)
		soonest := 0
		for i := range set {
			if set[i].key == key {
				set[i].tat = tat
				return
			}
			if set[i].tat < set[soonest].tat {
				soonest = i
			}
		}
		if set[soonest].tat > now {
			if t.grow(now) {
				continue
			}
			t.forgotten++
		}
		set[soonest] = cell{key, tat}
		return
	}
}

// grow doubles the table, unless it has its largest size. It drops buckets that are full.
func (t *table) grow(now int64) bool {
	if 2*len(t.cells) > t.most {
		return false
	}
	old := t.cells
	t.cells = make([]cell, 2*len(old))
	for _, c := range old {
		if c.tat > now {
			t.insert(c)
		}
	}
	return true
}

// insert adds a cell to a table that has just doubled: the cells of each old set go to two new ones, so there is room.
func (t *table) insert(added cell) {
	set := t.set(added.key)
	for i := range set {
		if set[i].key == 0 {
			set[i] = added
			return
		}
	}
}
