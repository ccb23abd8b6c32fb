// Package jsonline writes log lines in JSON, byte for byte as slog.JSONHandler does, in a quarter of the time.
//
// Nearly all lines of a server are about its requests. Such a line takes 6 % of the CPU time of a short request with
// the attributes of slog, and 1.5 % without them. Drop the package when telemetry.BenchmarkRequestLog no longer shows the
// difference. Attributes as the input of this package were tried: they alone doubled its time.
package jsonline

import (
	"bytes"
	"encoding/hex"
	"io"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"
)

// A Handler is a slog.JSONHandler that also writes Records.
type Handler struct {
	slog.Handler
	out   io.Writer
	lines sync.Pool // of *Line
}

// NewHandler returns a Handler that writes each line with one call of w.Write, and one call at a time.
func NewHandler(w io.Writer, options *slog.HandlerOptions) *Handler {
	out := &syncWriter{w: w}
	return &Handler{Handler: slog.NewJSONHandler(out, options), out: out}
}

// A Record adds its members to a line.
type Record interface{ AddTo(line *Line) }

// Log writes a line and reports true. It reports false, and writes nothing, if a text of the record needs escapes. Then
// the caller logs it with attributes.
func (h *Handler) Log(at time.Time, level slog.Level, message string, r Record) bool {
	line, _ := h.lines.Get().(*Line)
	if line == nil {
		line = new(Line)
	}
	defer h.lines.Put(line)
	line.begin(at, level, message)
	r.AddTo(line)
	if line.refused {
		return false
	}
	line.buf = append(line.buf, '}', '\n')
	_, _ = h.out.Write(line.buf) // slog drops this error too
	return true
}

// A Line is one line under construction. Keys must need no escapes.
type Line struct {
	buf     []byte
	refused bool // a value is written differently by slog
	second  second
}

// A second is the text of the last second in which a line was written: the next line is often of the same.
type second struct {
	unix int64
	zone *time.Location
	text []byte // RFC 3339
}

const lengthToSecond = len("2006-01-02T15:04:05")

// append appends a time as time.RFC3339Nano does.
func (s *second) append(buf []byte, at time.Time) []byte {
	if at.Unix() != s.unix || at.Location() != s.zone || s.text == nil {
		s.unix, s.zone, s.text = at.Unix(), at.Location(), at.AppendFormat(s.text[:0], time.RFC3339)
	}
	if s.text[lengthToSecond-3] != ':' { // a year of more than four digits
		return at.AppendFormat(buf, time.RFC3339Nano)
	}
	buf = append(buf, s.text[:lengthToSecond]...)
	if rest := at.Nanosecond(); rest > 0 {
		digits := [...]byte{'.', '0', '0', '0', '0', '0', '0', '0', '0', '0'}
		for i := len(digits) - 1; i > 0; i, rest = i-1, rest/10 {
			digits[i] += byte(rest % 10)
		}
		buf = append(buf, bytes.TrimRight(digits[:], "0")...)
	}
	return append(buf, s.text[lengthToSecond:]...)
}

func (l *Line) begin(at time.Time, level slog.Level, message string) {
	l.refused = false
	l.buf = l.second.append(append(l.buf[:0], `{"time":"`...), at)
	l.buf = append(l.buf, '"')
	if level == slog.LevelInfo && message == "request" { // nearly all lines
		l.buf = append(l.buf, `,"level":"INFO","msg":"request"`...)
		return
	}
	l.Text("level", level.String())
	l.Text("msg", message)
}

// Text adds a string.
func (l *Line) Text(key, text string) {
	l.refused = l.refused || !isPlain(text)
	buf := append(append(l.buf, `,"`...), key...)
	buf = append(append(buf, `":"`...), text...)
	l.buf = append(buf, '"')
}

// Hex adds bytes in hexadecimal digits.
func (l *Line) Hex(key string, id []byte) {
	buf := append(append(l.buf, `,"`...), key...)
	l.buf = append(hex.AppendEncode(append(buf, `":"`...), id), '"')
}

// Int adds an integer.
func (l *Line) Int(key string, n int64) {
	buf := append(append(l.buf, `,"`...), key...)
	l.buf = strconv.AppendInt(append(buf, `":`...), n, 10)
}

// Float adds a number. slog would write a very small or large one with an exponent.
func (l *Line) Float(key string, f float64) {
	l.refused = l.refused || (f != 0 && !(math.Abs(f) >= 1e-6 && math.Abs(f) < 1e21))
	buf := append(append(l.buf, `,"`...), key...)
	l.buf = strconv.AppendFloat(append(buf, `":`...), f, 'f', -1, 64)
}

// Millis adds a time in milliseconds, of which it writes whole microseconds.
func (l *Line) Millis(key string, d time.Duration) {
	whole := d.Microseconds()
	if whole < 0 {
		l.Float(key, float64(whole)/1000)
		return
	}
	buf := append(append(l.buf, `,"`...), key...)
	buf = strconv.AppendInt(append(buf, `":`...), whole/1000, 10)
	if part := whole % 1000; part > 0 {
		buf = append(buf, '.', byte('0'+part/100), byte('0'+part/10%10), byte('0'+part%10))
		for buf[len(buf)-1] == '0' {
			buf = buf[:len(buf)-1]
		}
	}
	l.buf = buf
}

// isPlain reports whether a text is a JSON string without escapes. It looks at eight bytes at once.
func isPlain(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		eight := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if (eight|(eight-ones*' ')|hasZero(eight^ones*'"')|hasZero(eight^ones*'\\')|hasZero(eight^ones*0x7f))&(ones*0x80) != 0 {
			return false
		}
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// ones has 1 in each of its eight bytes.
const ones = 0x0101010101010101

// hasZero sets the highest bit of a byte only if some byte of eight is zero.
func hasZero(eight uint64) uint64 { return (eight - ones) &^ eight }

// syncWriter makes calls of Write one after the other.
type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
