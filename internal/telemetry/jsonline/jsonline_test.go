package jsonline

import (
	"bytes"
	"log/slog"
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
