package profile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime/pprof"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	format "github.com/google/pprof/profile"
)

var errInUse = errors.New("cpu profiling already in use")

var list, get = Labels{Route: "GET /api/{table}", Table: "posts", Operation: "list"}, Labels{Route: "GET /api/{table}/{id}", Table: "posts", Operation: "get"}

func labels(l Labels) map[string]string {
	all := map[string]string{}
	for name, value := range map[string]string{"route": l.Route, "table": l.Table, "operation": l.Operation, "key": l.Key, "job": l.Job} {
		if value != "" {
			all[name] = value
		}
	}
	return all
}

func TestUsageIsScaledToTheTimeOfTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keyed := list
		keyed.Key = "key1"
		p := &profiler{data: encoded(t,
			call{"net/http.(*conn).serve web.serve record.List", labels(list), 50},
			call{"net/http.(*conn).serve web.serve record.List", labels(keyed), 20},
			call{"background.Go mail.send", labels(Labels{Job: "mail"}), 10},
			call{"runtime.gcBgMarkWorker runtime.scanobject", nil, 12},
			call{"runtime.mcall runtime.schedule", nil, 5},
			call{"net/http.(*conn).serve net/http.readRequest", nil, 2},
			call{"main.main", nil, 1},
		)}
		r := faked(p, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait()
		begin := time.Now()
		p.used.Store(int64(2 * time.Second)) // 1 second is in the samples
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if p.samples() {
			t.Error("samples are taken all the time")
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		end := time.Now()
		if !p.samples() {
			t.Error("no samples are taken in the next minute")
		}
		want := []Usage{
			{list, time.Second},
			{keyed, 400 * time.Millisecond},
			{Labels{Rest: Collector}, 240 * time.Millisecond},
			{Labels{Job: "mail"}, 200 * time.Millisecond},
			{Labels{Rest: Scheduler}, 100 * time.Millisecond},
			{Labels{Rest: Connections}, 40 * time.Millisecond},
			{Labels{Rest: Other}, 20 * time.Millisecond},
		}
		if diff := cmp.Diff(want, r.Usage(begin, end)); diff != "" {
			t.Error(diff)
		}
		if from, to := r.Span(); !from.Equal(begin) || !to.Equal(end) {
			t.Errorf("Span = %v, %v, want %v, %v", from, to, begin, end)
		}
		for i := range want {
			want[i].CPU /= 4
		}
		if diff := cmp.Diff(want, r.Usage(begin.Add(-time.Hour), begin.Add(15*time.Second))); diff != "" {
			t.Errorf("a quarter of the window:\n%s", diff)
		}
		if got := r.Usage(end, end.Add(time.Hour)); len(got) != 0 {
			t.Errorf("usage after the end = %v", got)
		}
		cancel()
		if err := <-ended; err != nil || p.samples() {
			t.Errorf("Run = %v, and a profile under way: %v", err, p.samples())
		}
	})
}

func TestFlameIsTheTreeOfCallsOfAFilter(t *testing.T) {
	begin := time.Now()
	now := begin
	p := &profiler{data: encoded(t,
		call{"serve List query step", labels(list), 30},
		call{"serve List query", labels(list), 10},
		call{"serve List encode", labels(list), 50},
		call{"serve Get query", labels(get), 10},
		call{"serve rare", labels(get), 0},
		call{"serve refuse", labels(Labels{Route: list.Route}), 20},
	)}
	r := faked(p, Config{Now: func() time.Time { return now }})
	r.setRunning(true)
	now = now.Add(time.Minute)
	r.setRunning(false)
	leaf := func(name string, n int, children ...*Frame) *Frame {
		return &Frame{Name: name, CPU: time.Duration(n) * period, Children: children}
	}
	for _, tt := range []struct {
		name   string
		filter Filter
		want   *Frame
	}{
		{"all", Filter{}, leaf("all", 120, leaf("serve", 120,
			leaf("List", 90, leaf("encode", 50), leaf("query", 40, leaf("step", 30))), leaf("refuse", 20), leaf("Get", 10, leaf("query", 10))))},
		{"route", Filter{Labels: Labels{Route: get.Route}}, leaf("all", 10, leaf("serve", 10, leaf("Get", 10, leaf("query", 10)), leaf("rare", 0)))},
		{"operation and table", Filter{Labels: Labels{Operation: "list", Table: "posts"}}, leaf("all", 90, leaf("serve", 90,
			leaf("List", 90, leaf("encode", 50), leaf("query", 40, leaf("step", 30)))))},
		{"route with and without a table", Filter{Labels: Labels{Route: list.Route}}, leaf("all", 110, leaf("serve", 110,
			leaf("List", 90, leaf("encode", 50), leaf("query", 40, leaf("step", 30))), leaf("refuse", 20)))},
		{"route without a table", Filter{Labels: Labels{Route: list.Route}, NoTable: true}, leaf("all", 20, leaf("serve", 20, leaf("refuse", 20)))},
		{"nothing", Filter{Labels: Labels{Job: "none"}}, leaf("all", 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "route" {
				tt.want.Children[0].Children = tt.want.Children[0].Children[:1]
			}
			if diff := cmp.Diff(tt.want, r.Flame(begin, now, tt.filter)); diff != "" {
				t.Error(diff)
			}
		})
	}
	file, err := r.Profile(begin, now)
	if err != nil {
		t.Fatal(err)
	}
	if merged, err := format.ParseData(file); err != nil || len(merged.Sample) < 4 {
		t.Errorf("Profile is no profile of all samples: %v", err)
	}
	if file, err := r.Profile(now, now.Add(time.Hour)); file != nil || err != nil {
		t.Errorf("Profile without profiles = %d bytes, %v", len(file), err)
	}
}

func TestRecorderGivesWayToOthers(t *testing.T) {
	p := &profiler{data: encoded(t, call{"serve", labels(list), 10})}
	now := time.Now()
	begin := now
	r := faked(p, Config{Now: func() time.Time { return now }})
	r.setRunning(true)
	pass := func() { now = now.Add(time.Second) }
	pass()
	var file bytes.Buffer
	if err := r.StartCPUProfile(&file); err != nil {
		t.Fatal(err)
	}
	if err := r.StartCPUProfile(io.Discard); err == nil {
		t.Error("two callers record at once")
	}
	pass()
	r.next() // a minute is over
	if file.Len() > 0 {
		t.Error("the profile of a caller was cut short")
	}
	r.StopCPUProfile()
	if !bytes.Equal(file.Bytes(), p.data) {
		t.Error("the caller did not get its profile")
	}
	if p.to == nil {
		t.Error("the recorder did not go on")
	}
	if got := r.Usage(begin, now); len(got) != 1 || got[0].CPU != 20*period {
		t.Errorf("Usage = %v, want the caller's profile too", got)
	}
	if err := r.StartCPUProfile(gone{}); err != nil {
		t.Fatal(err)
	}
	pass()
	r.StopCPUProfile()
	if got := r.Usage(begin, now); len(got) != 1 || got[0].CPU != 30*period {
		t.Errorf("Usage = %v, want the profile of a caller who went away too", got)
	}
	r.StopCPUProfile() // a second stop does nothing
	r.setRunning(false)
	if p.to != nil {
		t.Error("a profile is under way after the end")
	}

	p.to = io.Discard // somebody else in the process records
	r.setRunning(true)
	if err := r.StartCPUProfile(io.Discard); !errors.Is(err, errInUse) {
		t.Errorf("StartCPUProfile = %v, want %v", err, errInUse)
	}
	p.to = nil
	r.next()
	if p.to == nil {
		t.Error("the recorder did not try again")
	}
	r.setRunning(false)
}

func TestEachEndOfAProfileIsTold(t *testing.T) {
	p := &profiler{data: encoded(t, call{"serve", labels(list), 10})}
	var told []Usage
	r := faked(p, Config{Ended: func(usage []Usage) { told = append(told, usage...) }})
	r.setRunning(true)
	r.next()
	r.next()
	r.setRunning(false)
	if len(told) != 3 || told[0].Labels != list {
		t.Errorf("the ends of three profiles told %v", told)
	}
}

func TestProfilesInMemoryAreBounded(t *testing.T) {
	p := &profiler{data: encoded(t, call{"serve", labels(list), 10})}
	now := time.Now()
	begin := now
	r := faked(p, Config{Keep: 3, Now: func() time.Time { return now }})
	for range 5 {
		r.setRunning(true)
		now = now.Add(time.Minute)
		r.setRunning(false)
	}
	if got := len(r.between(begin, now)); got != 3 {
		t.Errorf("%d profiles are kept, want 3", got)
	}
	big := &window{from: now, to: now.Add(time.Minute), bytes: make([]byte, maxBytes)}
	r.keep(big)
	if got := r.between(begin, big.to); len(got) != 1 || got[0] != big {
		t.Errorf("%d profiles are kept beside one that takes all room", len(got)-1)
	}
}

func TestRowsOfAWindowAreBounded(t *testing.T) {
	var calls []call
	for i := range 3 * maxUsage {
		keyed := list
		keyed.Key = string(rune('a'+i%26)) + time.Duration(i).String()
		calls = append(calls, call{"serve", labels(keyed), int64(1 + i%7)})
	}
	w, err := newWindow(time.Now(), time.Now().Add(time.Minute), encoded(t, calls...), 0)
	if err != nil {
		t.Fatal(err)
	}
	sum := time.Duration(0)
	for _, u := range w.usage {
		sum += u.CPU
	}
	want := int64(0)
	for _, c := range calls {
		want += c.count
	}
	if len(w.usage) != maxUsage+1 || w.usage[0].Labels != list || sum != time.Duration(want)*period {
		t.Errorf("%d rows with %v, the first %v; want %d with %v", len(w.usage), sum, w.usage[0], maxUsage+1, time.Duration(want)*period)
	}
}

func TestABrokenProfileIsLeftOut(t *testing.T) {
	p := &profiler{data: []byte("no profile")}
	r := faked(p, Config{})
	r.setRunning(true)
	r.setRunning(false)
	if from, to := r.Span(); !from.IsZero() || !to.IsZero() {
		t.Errorf("Span = %v, %v, want none", from, to)
	}
}

func TestLabelsOfRequestsAreKept(t *testing.T) {
	l := NewLabeler()
	first := l.Of(list.Route, "posts", "list", "")
	keyed := l.Of(list.Route, "posts", "list", "key1")
	if allocs := testing.AllocsPerRun(100, func() {
		l.Of(list.Route, "posts", "list", "").Attach()
		l.Of(list.Route, "posts", "list", "key1").Attach()
	}); allocs != 0 {
		t.Errorf("labels that are known cost %v allocations", allocs)
	}
	if l.Of(list.Route, "posts", "list", "") != first || l.Of(list.Route, "posts", "list", "key1") != keyed {
		t.Error("labels are made twice")
	}
	for i := range 10 * maxKeys {
		l.Of(list.Route, "posts", "list", time.Duration(i).String())
	}
	if got := len((*l.kinds.Load())[kind{list.Route, "posts", "list"}].keys); got > maxKeys {
		t.Errorf("labels of %d keys are kept, want at most %d", got, maxKeys)
	}
}

// worker spends CPU time, and is found in the profile.
func worker(until time.Duration) {
	for n := 0; ProcessTime() < until; n++ {
		_ = bytes.Repeat([]byte{byte(n)}, 1<<12)
	}
}

func TestTimeIsFoundByItsLabels(t *testing.T) {
	r := New(Config{})
	begin := time.Now()
	used := ProcessTime()
	if used == 0 {
		t.Skip("the CPU time of the process is not known on this system")
	}
	if err := r.StartCPUProfile(io.Discard); err != nil {
		t.Skip("the test itself is profiled")
	}
	defer pprof.SetGoroutineLabels(t.Context())
	NewLabeler().Of(list.Route, list.Table, list.Operation, "key1").Attach()
	worker(used + 300*time.Millisecond)
	r.StopCPUProfile()
	end := time.Now()
	used = ProcessTime() - used

	keyed := list
	keyed.Key = "key1"
	sum := time.Duration(0)
	for _, u := range r.Usage(begin, end) {
		sum += u.CPU
	}
	got := r.Usage(begin, end)
	if !slices.ContainsFunc(got, func(u Usage) bool { return u.Labels == keyed }) {
		t.Fatalf("Usage = %v, want some of %v", got, keyed)
	}
	if sum > used || sum < used/2 {
		t.Errorf("the sum of usage is %v, the process used %v", sum, used)
	}
	if !hasFrame(r.Flame(begin, end, Filter{Labels: Labels{Key: "key1"}}), "github.com/ashlar-dev/ashlar/internal/telemetry/profile.worker") {
		t.Error("the flame graph lacks the function")
	}
	if f := r.Flame(begin, end, Filter{Labels: Labels{Key: "key2"}}); f.CPU != 0 {
		t.Errorf("another key has used %v", f.CPU)
	}
}

func hasFrame(f *Frame, name string) bool {
	if f.Name == name {
		return true
	}
	for _, child := range f.Children {
		if hasFrame(child, name) {
			return true
		}
	}
	return false
}
