package record

import (
	"sync"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

const (
	maxVariants     = 256     // statements of one shape of request: one a class of callers, of which a model has few
	maxVariantBytes = 1 << 20 // of their text
)

// variants are the statements of one shape of request, by what the slots came to. The zero value is ready.
type variants struct {
	size *atomic.Int64 // of the shape that they belong to, in bytes; nil: nobody asks

	mu      sync.RWMutex
	byClass map[string]*variant
	bytes   int
}

// variant is one statement, and what is known of its cost.
type variant struct {
	*sqlgen.Statement
	costs [4]cost     // see page.cost; of a single row the first
	used  atomic.Bool // since drop last looked
}

// get returns the statement of the request's class, and makes it where there is none yet. extra tells statements apart
// that the states do not.
func (v *variants) get(r *request, extra string, make func(*sqlgen.Generator) (*sqlgen.Statement, error)) (*sqlgen.Statement, error) {
	found, err := v.variant(r, extra, make)
	if err != nil {
		return nil, err
	}
	return found.Statement, nil
}

// variant is get, with the cost.
func (v *variants) variant(r *request, extra string, make func(*sqlgen.Generator) (*sqlgen.Statement, error)) (*variant, error) {
	var buf [128]byte
	key := class(buf[:0], r, r.states, extra)
	v.mu.RLock()
	found := v.byClass[string(key)]
	v.mu.RUnlock()
	if found != nil {
		if !found.used.Load() {
			found.used.Store(true)
		}
		return found, nil
	}
	s, err := make(r.generator())
	if err != nil {
		return nil, err
	}
	return v.put(string(key), &variant{Statement: s}), nil
}

// put keeps a variant, unless another request was faster, and returns the one that is kept.
func (v *variants) put(key string, s *variant) *variant {
	v.mu.Lock()
	defer v.mu.Unlock()
	if found := v.byClass[key]; found != nil {
		return found
	}
	size := len(key) + len(s.SQL)
	if size > maxVariantBytes {
		return s
	}
	for len(v.byClass) >= maxVariants || v.bytes+size > maxVariantBytes {
		v.drop()
	}
	if v.byClass == nil {
		v.byClass = map[string]*variant{}
	}
	v.byClass[key] = s
	v.grow(size)
	return s
}

// drop drops a variant that was not used since drop last passed it. Where all were used it drops any.
func (v *variants) drop() {
	for range 2 {
		for key, s := range v.byClass {
			if s.used.Swap(false) {
				continue
			}
			delete(v.byClass, key)
			v.grow(-len(key) - len(s.SQL))
			return
		}
	}
}

func (v *variants) grow(bytes int) {
	v.bytes += bytes
	if v.size != nil {
		v.size.Add(int64(bytes))
	}
}

func class(dst []byte, r *request, states []rule.State, extra string) []byte {
	if r.who().IsSystem() {
		dst = append(dst, 's')
	}
	for _, s := range states {
		dst = append(dst, byte(s))
	}
	return append(append(dst, '|'), extra...)
}

// verdicts are what was decided for each class of callers. The zero value is ready.
type verdicts struct {
	mu      sync.RWMutex
	byClass map[string]bool
}

// holds returns the verdict on the request's class, and decides where there is none yet.
func (v *verdicts) holds(r *request, decide func() bool) bool {
	var buf [128]byte
	key := class(buf[:0], r, r.states[:len(r.db.rules.Slots.List)], "") // without those of a filter, which decide nothing here
	v.mu.RLock()
	verdict, known := v.byClass[string(key)]
	v.mu.RUnlock()
	if known {
		return verdict
	}
	verdict = decide()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byClass == nil {
		v.byClass = map[string]bool{}
	}
	for other := range v.byClass {
		if len(v.byClass) < maxVariants {
			break
		}
		delete(v.byClass, other)
	}
	v.byClass[string(key)] = verdict
	return verdict
}
