package console

import (
	"sync"
	"time"
)

// A verification is the last result of a verification of the audit log by this process.
type verification struct {
	mu      sync.Mutex
	running bool
	last    *verified
}

// verified is what a verification found.
type verified struct {
	At     time.Time
	Rows   int64
	Head   string
	Broken string // why the chain is broken, or ""
}

func (v *verification) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.running {
		return false
	}
	v.running = true
	return true
}

// end keeps the result, if there is one.
func (v *verification) end(found *verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.running = false
	if found != nil {
		v.last = found
	}
}
