package job

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// Ids are UUIDs of version 7 with the time at which they were made. They are in its order, and never repeat.
func TestNewID(t *testing.T) {
	at, last, seen := time.Now(), "", map[string]bool{}
	for i := range 5000 {
		at = at.Add(time.Microsecond)
		text := newID(at)
		id, err := uuid.Parse(text)
		if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 || text != id.String() {
			t.Fatalf("id %d is %s, version %d: %v", i, text, id.Version(), err)
		}
		if sec, nsec := id.Time().UnixTime(); time.Unix(sec, nsec).UnixMilli() != at.UnixMilli() {
			t.Errorf("id %s has the time %v, want %v", text, time.Unix(sec, nsec), at)
		}
		if text <= last {
			t.Errorf("id %s comes after %s", text, last)
		}
		last = text
	}
	for range 5000 {
		id := newID(at)
		if seen[id] {
			t.Fatalf("id %s twice", id)
		}
		seen[id] = true
	}
	if id := newID(time.Unix(-1, 0)); id[:14] != "00000000-0000-" {
		t.Errorf("before 1970: %s", id)
	}
}
