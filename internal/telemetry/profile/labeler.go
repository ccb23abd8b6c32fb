package profile

import (
	"context"
	"maps"
	"runtime/pprof"
	"sync"
	"sync/atomic"
)

// Names of labels. Package background knows the last one too.
const (
	routeLabel     = "route"
	tableLabel     = "table"
	operationLabel = "operation"
	keyLabel       = "key"
	jobLabel       = "job"
)

// A Labeler makes the labels of requests, and keeps them. So a request allocates nothing for its labels. There are as many as
// the model has routes and tables, and a bounded number with keys.
type Labeler struct {
	kinds atomic.Pointer[map[kind]*kindLabels] // replaced as a whole when a kind is added

	mu sync.Mutex // held to add a kind
}

// kind is a kind of requests. Only the model makes kinds, so a Labeler keeps them all.
type kind struct{ route, table, operation string }

// kindLabels are the labels of requests of one kind.
type kindLabels struct {
	kind
	keyless *Attached

	mu   sync.RWMutex
	keys map[string]*Attached
}

// maxKeys bounds the keys of a kind whose labels are kept. Then they are made anew.
const maxKeys = 256

// Attached are labels that can be attached to a goroutine.
type Attached struct{ ctx context.Context }

// NewLabeler returns a Labeler without labels.
func NewLabeler() *Labeler {
	l := &Labeler{}
	l.kinds.Store(&map[kind]*kindLabels{})
	return l
}

// Of returns the labels of a request. table, operation and key may be empty.
func (l *Labeler) Of(route, table, operation, key string) *Attached {
	own := kind{route, table, operation}
	labels := (*l.kinds.Load())[own]
	if labels == nil {
		labels = l.add(own)
	}
	if key == "" {
		return labels.keyless
	}
	return labels.of(key)
}

func (l *Labeler) add(own kind) *kindLabels {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := *l.kinds.Load()
	if labels := before[own]; labels != nil {
		return labels
	}
	after := maps.Clone(before)
	labels := &kindLabels{kind: own, keyless: own.attached(""), keys: map[string]*Attached{}}
	after[own] = labels
	l.kinds.Store(&after)
	return labels
}

func (k *kindLabels) of(key string) *Attached {
	k.mu.RLock()
	labels := k.keys[key]
	k.mu.RUnlock()
	if labels != nil {
		return labels
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if labels := k.keys[key]; labels != nil {
		return labels
	}
	if len(k.keys) >= maxKeys {
		clear(k.keys)
	}
	labels = k.attached(key)
	k.keys[key] = labels
	return labels
}

func (k kind) attached(key string) *Attached {
	var list []string
	for _, label := range [...]struct{ name, value string }{
		{keyLabel, key}, {operationLabel, k.operation}, {routeLabel, k.route}, {tableLabel, k.table},
	} {
		if label.value != "" {
			list = append(list, label.name, label.value)
		}
	}
	return &Attached{pprof.WithLabels(context.Background(), pprof.Labels(list...))}
}

// Attach attaches the labels to the calling goroutine, in place of others.
func (a *Attached) Attach() { pprof.SetGoroutineLabels(a.ctx) }

// Value lets a context carry the labels: its Value calls this one. Then pprof.SetGoroutineLabels finds them in the context.
func (a *Attached) Value(key any) any { return a.ctx.Value(key) }
