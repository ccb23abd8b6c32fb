package telemetry

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
)

// A TraceID names a trace: all work for one request of an outermost client, in all its services. Zero is none.
type TraceID [16]byte

// A SpanID names one piece of the work of a trace. Zero is none.
type SpanID [8]byte

func (id TraceID) String() string { return hex.EncodeToString(id[:]) }
func (id SpanID) String() string  { return hex.EncodeToString(id[:]) }

// MarshalText returns the id in hexadecimal digits, also for JSON.
func (id TraceID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// MarshalText returns the id in hexadecimal digits, also for JSON.
func (id SpanID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads hexadecimal digits.
func (id *TraceID) UnmarshalText(digits []byte) error { return readHex(id[:], digits) }

// UnmarshalText reads hexadecimal digits.
func (id *SpanID) UnmarshalText(digits []byte) error { return readHex(id[:], digits) }

func readHex(to, digits []byte) error {
	if len(digits) != 2*len(to) || !parseHex(to, string(digits)) {
		return errors.New("an id is not in hexadecimal digits")
	}
	return nil
}

// A TraceContext is a place in a trace (W3C Trace Context).
type TraceContext struct {
	Trace   TraceID
	Span    SpanID
	Sampled bool // the trace may be exported; the service where the trace began decides
}

// Begin returns the context of work below c. If c is zero a trace begins, and is sampled. The ids need
// not be secret, so they come from a fast source. The last half of a trace id stays random in all its bits, since samplers
// compare it with a ratio.
func (c TraceContext) Begin() TraceContext {
	own := c
	if own.Trace == (TraceID{}) {
		own.Sampled = true
		binary.LittleEndian.PutUint64(own.Trace[:8], rand.Uint64()|1) // never zero
		binary.LittleEndian.PutUint64(own.Trace[8:], rand.Uint64())
	}
	binary.LittleEndian.PutUint64(own.Span[:], rand.Uint64()|1)
	return own
}

// The parts of a traceparent header of version 00: 00-TRACE-SPAN-FLAGS.
const (
	traceAt, spanAt, flagsAt = 3, 36, 53
	parentLength             = 55
	sampledFlag              = 1
)

// ParseTraceparent reads the value of a traceparent header. Without a valid one there is no parent, and ok is false. A later
// version may add parts at the end.
func ParseTraceparent(header string) (parent TraceContext, ok bool) {
	if len(header) < parentLength || header[2] != '-' || header[35] != '-' || header[52] != '-' {
		return TraceContext{}, false
	}
	var version, flags [1]byte
	if !parseHex(version[:], header[:2]) || !parseHex(flags[:], header[flagsAt:parentLength]) ||
		!parseHex(parent.Trace[:], header[traceAt:spanAt-1]) || !parseHex(parent.Span[:], header[spanAt:flagsAt-1]) {
		return TraceContext{}, false
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(header) > parentLength:
		return TraceContext{}, false
	case len(header) > parentLength && header[parentLength] != '-':
		return TraceContext{}, false
	case parent.Trace == (TraceID{}), parent.Span == (SpanID{}):
		return TraceContext{}, false
	}
	parent.Sampled = flags[0]&sampledFlag != 0
	return parent, true
}

// Traceparent returns the value of the header for a call of another service.
func (c TraceContext) Traceparent() string {
	flags := "-00"
	if c.Sampled {
		flags = "-01"
	}
	return "00-" + c.Trace.String() + "-" + c.Span.String() + flags
}

// parseHex reads lower-case digits: the standard refuses upper case.
func parseHex(to []byte, digits string) bool {
	for i := range to {
		high, low := hexDigit(digits[2*i]), hexDigit(digits[2*i+1])
		if high < 0 || low < 0 {
			return false
		}
		to[i] = byte(high<<4 | low)
	}
	return true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
