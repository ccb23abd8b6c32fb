package profile

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	format "github.com/google/pprof/profile"
)

// A call is a sample for fakes: a stack from the outermost function to the innermost, with labels and a number of samples.
type call struct {
	stack  string // names of functions, with spaces between
	labels map[string]string
	count  int64
}

const period = 10 * time.Millisecond

// encoded returns a CPU profile as package runtime/pprof writes it.
func encoded(t *testing.T, calls ...call) []byte {
	t.Helper()
	p := &format.Profile{
		SampleType: []*format.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &format.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: int64(period),
	}
	locations := map[string]*format.Location{}
	for _, c := range calls {
		s := &format.Sample{Value: []int64{c.count, c.count * int64(period)}, Label: map[string][]string{}}
		for name, value := range c.labels {
			s.Label[name] = []string{value}
		}
		for _, name := range strings.Fields(c.stack) {
			if locations[name] == nil {
				id := uint64(len(locations) + 1)
				f := &format.Function{ID: id, Name: name}
				locations[name] = &format.Location{ID: id, Line: []format.Line{{Function: f}}}
				p.Function, p.Location = append(p.Function, f), append(p.Location, locations[name])
			}
			s.Location = append([]*format.Location{locations[name]}, s.Location...)
		}
		p.Sample = append(p.Sample, s)
	}
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A profiler stands for runtime/pprof, of which a process has one.
type profiler struct {
	data []byte // of the next profile

	mu sync.Mutex
	to io.Writer // nil if no profile is taken

	used atomic.Int64 // CPU time of the process, in nanoseconds
}

func (p *profiler) start(w io.Writer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.to != nil {
		return errInUse
	}
	p.to = w
	return nil
}

func (p *profiler) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	half := len(p.data) / 2
	if _, err := p.to.Write(p.data[:half]); err == nil {
		_, _ = p.to.Write(p.data[half:])
	}
	p.to = nil
}

func (p *profiler) samples() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.to != nil
}

// gone is the connection of a caller who went away.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// faked returns a Recorder whose profiles come from p.
func faked(p *profiler, cfg Config) *Recorder {
	r := New(cfg)
	r.vary = func(d time.Duration) time.Duration { return d }
	r.start, r.stop, r.cpu = p.start, p.stop, func() time.Duration { return time.Duration(p.used.Load()) }
	return r
}
