package api

import (
	"sync"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// budget bounds the memory of answers that wait for their clients to take them: large ones alone, since the number of
// requests bounds the others.
type budget struct {
	mu   sync.Mutex
	free int
}

const (
	largeAnswer = 1 << 20   // bytes from which on an answer counts
	allAnswers  = 256 << 20 // bytes of all large answers together
)

// take reserves the memory of an answer and returns what gives it back.
func (b *budget) take(size int) (give func(), err error) {
	if size < largeAnswer {
		return func() {}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free < size {
		return nil, errs.New(errs.Unavailable, "too many large answers are under way")
	}
	b.free -= size
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.free += size
	}, nil
}
