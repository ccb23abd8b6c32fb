package record

import (
	"sync"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// maxVariants bounds the statements kept for one shape of request: one a class of callers, of which a model has few.
const maxVariants = 256

// variants are the statements of one shape of request, by what the slots came to. The zero value is ready.
type variants struct {
	mu      sync.RWMutex
	byClass map[string]*sqlgen.Statement
}

// get returns the statement of the request's class, and makes it where there is none yet. extra tells statements apart
// that the states do not.
func (v *variants) get(r *request, extra string, make func(*sqlgen.Generator) (*sqlgen.Statement, error)) (*sqlgen.Statement, error) {
	var buf [128]byte
	key := class(buf[:0], r, r.states, extra)
	v.mu.RLock()
	s := v.byClass[string(key)]
	v.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	s, err := make(r.generator())
	if err != nil {
		return nil, err
	}
	v.put(string(key), s)
	return s, nil
}

func (v *variants) put(key string, s *sqlgen.Statement) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byClass == nil || len(v.byClass) >= maxVariants {
		v.byClass = map[string]*sqlgen.Statement{} // starting anew is simpler than remembering what was used last, and as rare
	}
	v.byClass[key] = s
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
	if v.byClass == nil || len(v.byClass) >= maxVariants {
		v.byClass = map[string]bool{}
	}
	v.byClass[string(key)] = verdict
	return verdict
}
