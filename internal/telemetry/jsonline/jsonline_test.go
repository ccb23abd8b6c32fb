package jsonline

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"
)

// record has one member.
type record struct{ value any }

func (r record) AddTo(line *Line) {
	switch v := r.value.(type) {
	case string:
		line.Text("k", v)
	case int64:
		line.Int("k", v)
	case float64:
		line.Float("k", v)
	case time.Duration:
		line.Millis("k", v)
	}
}

// TestLogIsThatOfSlog compares the lines of a Handler with slog's. A Handler may also refuse.
func TestLogIsThatOfSlog(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)
	for _, tt := range []struct {
		name, message string
		value         any
		want          bool
	}{
		{"text", "m", "v", true},
		{"quote", "m", `"`, false},
		{"quote in the message", `"`, "v", false},
		{"integer", "m", int64(-1 << 63), true},
		{"float", "m", 0.123, true},
		{"zero", "m", 0.0, true},
		{"small float", "m", 1e-7, false},
		{"large float", "m", 1e21, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got, want bytes.Buffer
			if ok := NewHandler(&got, nil).Log(at, slog.LevelWarn, tt.message, record{tt.value}); ok != tt.want {
				t.Fatalf("Log(%q, %v) = %v, want %v", tt.message, tt.value, ok, tt.want)
			}
			line := slog.NewRecord(at, slog.LevelWarn, tt.message, 0)
			line.Add("k", tt.value)
			if err := slog.NewJSONHandler(&want, nil).Handle(t.Context(), line); err != nil {
				t.Fatal(err)
			}
			if tt.want && got.String() != want.String() {
				t.Errorf("Log(%q, %v) wrote %s, slog %s", tt.message, tt.value, got.String(), want.String())
			}
			if !tt.want && got.Len() > 0 {
				t.Errorf("Log(%q, %v) wrote %s though it refused", tt.message, tt.value, got.String())
			}
		})
	}
}

// TestIsPlainLooksAtEachByte puts each byte at each place of texts of all short lengths.
func TestIsPlainLooksAtEachByte(t *testing.T) {
	for length := 1; length <= 19; length++ {
		for at := range length {
			text := bytes.Repeat([]byte("~"), length)
			for b := range 256 {
				text[at] = byte(b)
				want := b >= ' ' && b <= '~' && b != '"' && b != '\\'
				if got := isPlain(string(text)); got != want {
					t.Fatalf("isPlain(%q) = %v", text, got)
				}
			}
		}
	}
}

// TestTimesAreThoseOfSlog compares times and durations of all sizes, in several zones, with what slog writes.
func TestTimesAreThoseOfSlog(t *testing.T) {
	var got, want bytes.Buffer
	ours, slogs := NewHandler(&got, nil), slog.NewJSONHandler(&want, nil)
	random := rand.New(rand.NewPCG(1, 2))
	zones := []*time.Location{time.UTC, time.Local, time.FixedZone("east", 5*3600+1800), time.FixedZone("west", -3*3600)}
	at := time.Date(9999, 12, 31, 23, 59, 50, 0, time.UTC)
	for i := range 2000 {
		d := time.Duration(random.Int64N(int64(time.Microsecond)) << random.IntN(40))
		at = at.Add(time.Duration(random.Int64N(int64(time.Second)) / 1000 * (1000 / int64(1+i%1000))))
		now := at.In(zones[random.IntN(len(zones))])
		if now.Year() > 9999 { // slog refuses them
			at = time.Date(1+random.IntN(9998), 1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		got.Reset()
		want.Reset()
		if !ours.Log(now, slog.LevelInfo, "m", record{d}) {
			t.Fatalf("Log of %v and %v refuses", now, d)
		}
		line := slog.NewRecord(now, slog.LevelInfo, "m", 0)
		line.Add("k", float64(d.Microseconds())/1000)
		if err := slogs.Handle(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Fatalf("Log wrote %s, slog %s", got.String(), want.String())
		}
	}
}
