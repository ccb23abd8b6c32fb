package trace

import (
	"hash/maphash"
	"strings"
	"sync"
)

// Bounds of the texts of statements that are kept: together 4 MiB.
const (
	maxTexts = 1024
	maxText  = 4 << 10 // bytes of one text
)

// texts keeps the texts of recent statements once for all traces. A client can make new texts without end, by new
// filters. So a trace holds only the number of a text, and may outlive the text itself.
type texts struct {
	seed maphash.Seed

	mu    sync.RWMutex
	known map[uint64]uint32 // number of a text by its hash
	kept  []keptText        // at its number modulo maxTexts
	next  uint32
}

type keptText struct {
	number  uint32
	hash    uint64
	summary string
	sql     string // masked and clipped
}

func newTexts() *texts {
	return &texts{seed: maphash.MakeSeed(), known: map[uint64]uint32{}, kept: make([]keptText, maxTexts), next: 1}
}

// number returns the number of a text and its summary. It reads a new text once.
func (t *texts) number(sql string) (uint32, string) {
	hash := maphash.String(t.seed, sql)
	t.mu.RLock()
	number, ok := t.known[hash]
	summary := ""
	if ok {
		summary = t.kept[number%maxTexts].summary
	}
	t.mu.RUnlock()
	if ok {
		return number, summary
	}
	return t.add(hash, strings.Clone(summarize(sql).String()), mask(sql, maxText))
}

func (t *texts) add(hash uint64, summary, sql string) (uint32, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if number, ok := t.known[hash]; ok {
		return number, t.kept[number%maxTexts].summary
	}
	number := t.next
	t.next = max(1, t.next+1) // 0 is no text
	place := &t.kept[number%maxTexts]
	if place.number != 0 {
		delete(t.known, place.hash)
	}
	*place = keptText{number: number, hash: hash, summary: summary, sql: sql}
	t.known[hash] = number
	return number, summary
}

// sql returns the text of a number, or "" if it is not kept any more.
func (t *texts) sql(number uint32) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if kept := t.kept[number%maxTexts]; kept.number == number {
		return kept.sql
	}
	return ""
}
