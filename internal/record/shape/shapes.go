package shape

import (
	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

const (
	// maxBytes bounds the shapes of clients' parameters, in bytes. Clients choose the size of a shape.
	maxBytes = 32 << 20
	// leastBytes is the least size of a shape in the count. It bounds the number of shapes.
	leastBytes = maxBytes / 1000
)

// Shapes keeps the shapes of tables. It is safe for concurrent use.
type Shapes struct {
	rules    *rule.Rules
	defaults map[*model.Table]defaults
	recent   *cache.Recent[Key, *Shape]
}

// defaults are the shapes of reads without parameters. They are always known.
type defaults struct{ row, list *Shape }

// NewShapes returns the shapes of tables.
func NewShapes(rules *rule.Rules, tables []*model.Table) *Shapes {
	weigh := func(_ Key, shape *Shape) int { return max(leastBytes, shape.size()) }
	s := &Shapes{rules: rules, defaults: map[*model.Table]defaults{}, recent: cache.NewRecent(maxBytes, weigh)}
	for _, table := range tables {
		s.defaults[table] = defaults{row: s.mustMake(Key{Table: table}), list: s.mustMake(Key{Table: table, List: true})}
	}
	return s
}

// mustMake makes the shape of a read without parameters. Without parameters there is no error.
func (s *Shapes) mustMake(key Key) *Shape {
	shape, err := newShape(s.rules, key)
	if err != nil {
		panic(err)
	}
	return shape
}

// Get returns the shape of a key. It keeps no new shape: see Keep.
func (s *Shapes) Get(key Key) (*Shape, error) {
	if key.isDefault() {
		if key.List {
			return s.defaults[key.Table].list, nil
		}
		return s.defaults[key.Table].row, nil
	}
	if shape, ok := s.recent.Get(key); ok {
		return shape, nil
	}
	return newShape(s.rules, key)
}

// Keep keeps a shape for later requests. Call it only after the gate admitted the read: refused clients must not push out
// the shapes of others.
func (s *Shapes) Keep(key Key, shape *Shape) {
	if key.isDefault() {
		return
	}
	if size := int64(shape.size()); shape.kept.Swap(size) != size {
		s.recent.Put(key, shape)
	}
}
