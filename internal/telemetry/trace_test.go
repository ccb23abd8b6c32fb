package telemetry

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const exampleParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestTraceparentIsReadAsTheStandardSays(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		want         string // what is written back; "" if the header is not valid
	}{
		{"sampled", exampleParent, exampleParent},
		{"not sampled", strings.TrimSuffix(exampleParent, "1") + "0", strings.TrimSuffix(exampleParent, "1") + "0"},
		{"other flags", strings.TrimSuffix(exampleParent, "01") + "ff", exampleParent},
		{"later version", "cc" + exampleParent[2:], exampleParent},
		{"later version with more", "cc" + exampleParent[2:] + "-what-will-be", exampleParent},
		{"later version with more, unseparated", "cc" + exampleParent[2:] + ".what", ""},
		{"forbidden version", "ff" + exampleParent[2:], ""},
		{"version 00 with more", exampleParent + "-what", ""},
		{"upper case", strings.ToUpper(exampleParent), ""},
		{"no digits", "zz" + exampleParent[2:], ""},
		{"trace of zeros", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", ""},
		{"span of zeros", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", ""},
		{"short", exampleParent[:54], ""},
		{"spaces", " " + exampleParent, ""},
		{"empty", "", ""},
		{"other separators", strings.ReplaceAll(exampleParent, "-", "_"), ""},
	} {
		parent, ok := ParseTraceparent(tt.header)
		got := ""
		if ok {
			got = parent.Traceparent()
		} else if parent != (TraceContext{}) {
			t.Errorf("%s: an invalid header left %v", tt.name, parent)
		}
		if got != tt.want {
			t.Errorf("%s: ParseTraceparent(%q) = %q, want %q", tt.name, tt.header, got, tt.want)
		}
	}
}

func FuzzParseTraceparent(f *testing.F) {
	f.Add(exampleParent)
	f.Add("cc" + exampleParent[2:] + "-more")
	f.Add("00-00000000000000000000000000000000-0000000000000000-00")
	f.Fuzz(func(t *testing.T, header string) {
		parent, ok := ParseTraceparent(header)
		if !ok {
			if parent != (TraceContext{}) {
				t.Errorf("an invalid header left %v", parent)
			}
			return
		}
		again, ok := ParseTraceparent(parent.Traceparent())
		if !ok || again != parent {
			t.Errorf("%q is read as %v, and what that writes as %v", header, parent, again)
		}
		if !strings.HasPrefix(header[3:], parent.Traceparent()[3:52]) {
			t.Errorf("%q is read as %q", header, parent.Traceparent())
		}
	})
}

func TestRecordJoinsATrace(t *testing.T) {
	parent, _ := ParseTraceparent(exampleParent)
	var below, root Record
	below.Join(parent)
	root.Join(TraceContext{})
	if below.Trace != parent.Trace || below.Parent != parent.Span || below.Span == parent.Span || !below.Sampled {
		t.Errorf("a record below %v is %v", parent, below)
	}
	if root.Trace == (TraceID{}) || root.Span == (SpanID{}) || root.Parent != (SpanID{}) || !root.Sampled {
		t.Errorf("the record of a new trace is %v", root)
	}
	parent.Sampled = false
	if below.Join(parent); below.Sampled {
		t.Error("a record is sampled below a parent that is not")
	}
}

// panicky panics with each record, and counts them.
type panicky struct{ taken int }

func (p *panicky) Take(*Record) {
	p.taken++
	panic("of a sink")
}

func TestSinkThatPanicsHarmsNoOther(t *testing.T) {
	var log strings.Builder
	bad, good := &panicky{}, &keeper{}
	sinks := NewSinks(NewLogger(&log, "json", 0), bad, good, bad)
	for range 3 {
		sinks.Take(&Record{ID: "R1"})
	}
	if diff := cmp.Diff([]string{"R1", "R1", "R1"}, good.ids); diff != "" || bad.taken != 6 {
		t.Errorf("records taken (-want +got):\n%s", diff)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "of a sink") {
		t.Errorf("%d lines tell of the panics, want 1: %s", n, log.String())
	}
}

type keeper struct{ ids []string }

func (k *keeper) Take(r *Record) { k.ids = append(k.ids, r.ID) }
