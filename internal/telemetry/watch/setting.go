package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A Setting is something that this process was started with. It has a Value or a Secret, or neither if it is not set.
type Setting struct {
	Name   string // as people write it: --readers
	Value  string
	Secret telemetry.Secret // is never written anywhere
}

// The first letters of marks.
const (
	plainMark  = "="
	secretMark = "#"
)

// mark returns what is kept of a setting to see that it changes, "" if it is not set. Of a secret these are twelve bits of a
// salted hash: enough to see a change, and too few to guess the value by.
func (s *Setting) mark(salt string) string {
	switch {
	case s.Secret != "":
		sum := sha256.Sum256([]byte(salt + "\x00" + s.Name + "\x00" + string(s.Secret)))
		return secretMark + hex.EncodeToString(sum[:2])[:3]
	case s.Value != "":
		return plainMark + s.Value
	}
	return ""
}

// changedSettings compares the marks of two processes.
func changedSettings(before, marks map[string]string) (events []archive.Event) {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range marks {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		former, present := before[name], marks[name]
		switch {
		case former == present:
		case strings.HasPrefix(former, secretMark), strings.HasPrefix(present, secretMark):
			events = append(events, event(archive.EventSetting, "The setting %s was changed.", name))
		default:
			events = append(events, event(archive.EventSetting, "The setting %s was changed from %s to %s.", name, quoted(former), quoted(present)))
		}
	}
	return events
}

// quoted returns the value of a plain mark for people.
func quoted(mark string) string {
	if mark == "" {
		return "its default"
	}
	return oneLine(strings.TrimPrefix(mark, plainMark))
}
