package statement

import (
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// leastSize is the size, in bytes, that a statement counts at least. It includes what a statement takes besides its text.
const leastSize = 2 << 10

// A Cache keeps statements by class of callers. A model has few classes, but a client may choose what else tells
// statements apart, so a Cache is bounded. It is safe for concurrent use.
type Cache struct {
	variants *cache.Recent[string, *Variant]
}

// A Variant is one statement with its cost.
type Variant struct {
	*sqlgen.Statement
	Costs [4]gate.Cost // by kind of page; a single row has the first
	Spent atomic.Int64 // nanoseconds that the whole answer lately took, if its statements stand here together

	// Verdicts say what a list reads, without and with its total. They are nil until a request has looked.
	Verdicts [2]atomic.Pointer[budget.Verdict]
}

// NewCache returns a Cache that holds statements of about that many bytes together.
func NewCache(bytes int) *Cache {
	weigh := func(key string, v *Variant) int { return max(leastSize, len(key)+len(v.SQL)) }
	return &Cache{cache.NewRecent(bytes, weigh)}
}

// Size returns how many bytes the statements take.
func (c *Cache) Size() int { return c.variants.Size() }

// Get returns the statement for the class of the request, and writes it if there is none yet. kind and extra tell apart
// statements of one class.
func (c *Cache) Get(b *Binding, kind byte, extra string, write func(*sqlgen.Generator) (*sqlgen.Statement, error)) (*sqlgen.Statement, error) {
	v, err := c.Variant(b, kind, extra, write)
	if err != nil {
		return nil, err
	}
	return v.Statement, nil
}

// Variant is Get with the cost of the statement.
func (c *Cache) Variant(b *Binding, kind byte, extra string, write func(*sqlgen.Generator) (*sqlgen.Statement, error)) (*Variant, error) {
	var buf [128]byte
	key := append(append(b.appendClass(buf[:0], b.states), kind), extra...)
	if v, ok := cache.GetBytes(c.variants, key); ok {
		return v, nil
	}
	stmt, err := write(b.Generator())
	if err != nil {
		return nil, err
	}
	v := &Variant{Statement: stmt}
	c.variants.Put(string(key), v)
	return v, nil
}

// maxVerdicts bounds a Verdicts, in verdicts.
const maxVerdicts = 512

// Verdicts keeps decisions by class of callers. It is safe for concurrent use.
type Verdicts struct {
	known *cache.Recent[string, bool]
}

// NewVerdicts returns an empty Verdicts.
func NewVerdicts() *Verdicts { return &Verdicts{cache.NewRecent[string, bool](maxVerdicts, nil)} }

// Get returns the verdict for the class of the request, and decides if there is none yet. kind tells apart verdicts of one
// class. The slots of a filter do not count.
func (v *Verdicts) Get(b *Binding, kind byte, decide func() bool) bool {
	var buf [128]byte
	key := append(b.appendClass(buf[:0], b.states[:len(b.rules.Slots.List)]), kind)
	verdict, ok := cache.GetBytes(v.known, key)
	if !ok {
		verdict = decide()
		v.known.Put(string(key), verdict)
	}
	return verdict
}
