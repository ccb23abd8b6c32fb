//go:build linux

package netconn

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
)

// guests is a Known for tests: 127.0.0.1 alone is known.
type guests struct {
	here   atomic.Bool
	waited atomic.Int64
	queue  atomic.Int64
	taken  atomic.Int64
	queued atomic.Bool // there was a queue
}

var knownClient = caller.Caller{}.From("127.0.0.1:1").Client()

func (g *guests) Knows(client caller.Client) bool { return client == knownClient }
func (g *guests) Here() bool                      { return g.here.Load() }
func (g *guests) Waited(caller.Client)            { g.waited.Add(1) }
func (g *guests) SetTurns(turns admit.Stats) {
	g.queue.Store(int64(turns.Waiting))
	if turns.Waiting > 0 {
		g.queued.Store(true)
	}
	g.taken.Store(int64(turns.Taken))
}

// newGuestServer returns a server that parks from the first connection on. Its handler waits for a value of the channel that it
// returns, if the path is /wait.
func newGuestServer(t *testing.T, turns int) (*lotServer, *guests, chan bool, chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &guests{}
	g.here.Store(true)
	s := &lotServer{t: t, address: ln.Addr().String(), bounds: NewBounds(4*900, nil)}
	s.lot = NewLot(LotConfig{From: 1, Serve: func(ln net.Listener) { go s.http.Serve(ln) }, Known: g, Turns: turns, FirstWait: 2 * time.Second})
	free, began := make(chan bool), make(chan string, 10_000)
	s.http = &http.Server{ConnState: NoteState, IdleTimeout: time.Minute}
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began <- r.URL.Path
		switch r.URL.Path {
		case "/wait":
			<-free
		case "/sleep":
			time.Sleep(3 * turnTime)
		}
		fmt.Fprint(w, r.URL.Path)
	})
	Hook(s.http)
	go s.http.Serve(Listen(ln, &Traffic{}, s.bounds, s.lot))
	t.Cleanup(func() { _ = s.http.Close() })
	return s, g, free, began
}

// dialFrom connects from an address of this machine.
func (s *lotServer) dialFrom(ip string) *lotClient {
	s.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := dialer.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return newLotClient(s.t, c)
}

// New connections of newcomers wait in the Lot until they have sent something, and are closed if they do not.
func TestLot_NewcomersBegin(t *testing.T) {
	s, _, _, _ := newGuestServer(t, 2)
	known, silent, c := s.dialFrom("127.0.0.1"), s.dialFrom("127.0.0.2"), s.dialFrom("127.0.0.2")
	s.await(2)
	known.write(get("/known"))
	known.wants("/known")
	for i := range 3 {
		path := fmt.Sprint("/", i)
		c.write(get(path))
		c.wants(path)
	}
	if n, err := silent.c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a connection that sends nothing reads %d bytes, %v, want its end", n, err)
	}
	waitFor(t, "two open connections", func() bool { return s.bounds.count.Load() == 2 })
}

// While known clients come, few newcomers have a turn. A known client goes before the ones that wait.
func TestLot_NewcomersWaitForEachOther(t *testing.T) {
	s, g, free, began := newGuestServer(t, 2)
	crowd := make([]*lotClient, 20)
	for i := range crowd {
		crowd[i] = s.dialFrom("127.0.0.2")
	}
	known := s.dialFrom("127.0.0.1")
	known.write(get("/known"))
	known.wants("/known")
	<-began
	s.await(len(crowd) + 1)
	s.lot.mu.Lock() // Accept finds all of them at once
	for _, c := range crowd {
		c.write(get("/wait"))
	}
	known.write(get("/known"))
	time.Sleep(20 * time.Millisecond)
	s.lot.mu.Unlock()
	first := map[string]int{<-began: 1}
	for range 2 {
		first[<-began]++
	}
	if first["/known"] != 1 {
		t.Errorf("the known client is not among the first three: %v", first)
	}
	known.wants("/known")
	for range crowd {
		free <- true
	}
	for _, c := range crowd {
		c.wants("/wait")
	}
	s.await(len(crowd) + 1)
	if !g.queued.Load() || g.waited.Load() == 0 {
		t.Errorf("newcomers in a queue: %t, and somebody heard of them %d times", g.queued.Load(), g.waited.Load())
	}
	if waiting, taken := g.queue.Load(), g.taken.Load(); waiting != 0 || taken != 0 {
		t.Errorf("%d connections wait still, and %d have a turn", waiting, taken)
	}
}

// Requests that take long do not keep the other newcomers from their turn.
func TestLot_TurnsEnd(t *testing.T) {
	s, _, free, began := newGuestServer(t, 2)
	slow := []*lotClient{s.dialFrom("127.0.0.2"), s.dialFrom("127.0.0.2"), s.dialFrom("127.0.0.2")}
	for _, c := range slow {
		c.write(get("/wait"))
	}
	other := s.dialFrom("127.0.0.2")
	for range 5 {
		other.write(get("/quick"))
		other.wants("/quick")
	}
	for range slow {
		free <- true
	}
	for _, c := range slow {
		c.wants("/wait")
	}
	if got := len(began); got != len(slow)+5 {
		t.Errorf("%d requests began, want %d", got, len(slow)+5)
	}
}

// One newcomer with many connections leaves turns to another one.
func TestLot_NewcomersShareTurns(t *testing.T) {
	s, _, _, _ := newGuestServer(t, 4)
	for range 800 {
		s.dialFrom("127.0.0.2").write("G") // and never the rest, so each takes a whole turn
	}
	other := s.dialFrom("127.0.0.3")
	for range 5 {
		begun := time.Now()
		other.write(get("/"))
		other.wants("/")
		if took := time.Since(begun); took > longestQueue/2 {
			t.Errorf("the other newcomer waited for %v", took)
		}
	}
}

// Connections end at any time, also before the Lot has them.
func TestLot_NewcomersAreClosed(t *testing.T) {
	s, _, _, _ := newGuestServer(t, 2)
	s.bounds.BeginStop()
	stopped := make(chan struct{})
	var closing sync.WaitGroup
	closing.Go(func() {
		for {
			select {
			case <-stopped:
				return
			default:
				s.bounds.CloseQuiet(0)
			}
		}
	})
	for range 300 {
		c := s.dialFrom("127.0.0.2")
		if _, err := c.c.Read(make([]byte, 1)); err == nil {
			t.Error("a closed connection has bytes")
		}
	}
	close(stopped)
	closing.Wait()
	waitFor(t, "no open connections", func() bool { return s.bounds.count.Load() == 0 })
}

// While the process does not run in time, more newcomers have a turn, and then fewer again.
func TestLot_TurnsFollowTheMachine(t *testing.T) {
	l := NewLot(LotConfig{Turns: 2})
	now := time.Now()
	sleepy := func() { l.hungry, l.rung, l.freeAt = true, true, now.Add(-2*idleTime) }
	quick := func() { l.hungry, l.rung, l.freeAt = true, true, now.Add(-idleTime/2) }
	var got []int
	for _, was := range []func(){sleepy, sleepy, sleepy, sleepy, quick, quick, quick, quick, quick, quick, quick, quick, func() {}} {
		was()
		l.adapt(now)
		got = append(got, l.most)
		l.hungry = false
	}
	if want := []int{4, 8, 16, 16, 12, 9, 7, 6, 5, 4, 3, 2, 2}; !slices.Equal(got, want) {
		t.Errorf("the turns are %v, want %v", got, want)
	}
}

// Without known clients nobody waits.
func TestLot_NewcomersAlone(t *testing.T) {
	s, g, free, began := newGuestServer(t, 1)
	g.here.Store(false)
	crowd := make([]*lotClient, 30)
	for i := range crowd {
		crowd[i] = s.dialFrom("127.0.0.2")
		crowd[i].write(get("/wait"))
	}
	for range crowd { // all are at work
		<-began
	}
	for range crowd {
		free <- true
	}
	for _, c := range crowd {
		c.wants("/wait")
	}
	if g.waited.Load() != 0 {
		t.Error("newcomers waited")
	}
}

// A turn that ends is heard of at once. Else each would take a turnTime.
func TestLot_TurnsAreHandedOn(t *testing.T) {
	s, _, _, _ := newGuestServer(t, 1)
	crowd := make([]*lotClient, 300)
	for i := range crowd {
		crowd[i] = s.dialFrom("127.0.0.2")
	}
	s.await(len(crowd))
	begun := time.Now()
	for _, c := range crowd {
		c.write(get("/"))
	}
	for _, c := range crowd {
		c.wants("/")
	}
	if took, most := time.Since(begun), time.Duration(len(crowd))*turnTime/2; took > most {
		t.Errorf("%d turns took %v, want at most %v", len(crowd), took, most)
	}
}

// No request of newcomers or known clients is lost.
func TestLot_LosesNoNewcomers(t *testing.T) {
	s, _, _, _ := newGuestServer(t, 2)
	var all sync.WaitGroup
	for n := range 24 {
		c := s.dialFrom([]string{"127.0.0.1", "127.0.0.2", "127.0.0.2"}[n%3])
		all.Go(func() {
			for i := range 60 {
				path := fmt.Sprint("/", n, "/", i)
				c.write(get(path))
				c.wants(path)
			}
		})
	}
	all.Wait()
	s.await(24)
}

// A request that waits for its turn is not cut by the deadline of an idle connection.
func TestLot_NewcomersHaveNoIdleDeadline(t *testing.T) {
	s, _, _, _ := newGuestServer(t, 1)
	crowd := make([]*lotClient, 300)
	for i := range crowd {
		crowd[i] = s.dialFrom("127.0.0.2")
	}
	s.await(len(crowd))
	s.lot.mu.Lock()
	parked := maps.Values(maps.Clone(s.lot.parked))
	s.lot.mu.Unlock()
	for c := range parked {
		_ = c.SetReadDeadline(time.Now().Add(200 * turnTime)) // shorter than the queue
	}
	for _, c := range crowd {
		c.write(get("/sleep"))
	}
	for _, c := range crowd {
		c.wants("/sleep")
	}
}

// A server that stops answers the requests that wait for their turn, though their connections are idle for longer than a time of
// quiet.
func TestLot_NewcomersWaitDuringAStop(t *testing.T) {
	s, g, _, _ := newGuestServer(t, 1)
	crowd := make([]*lotClient, 60)
	for i := range crowd {
		crowd[i] = s.dialFrom("127.0.0.2")
	}
	s.await(len(crowd))
	for _, c := range crowd {
		c.write(get("/sleep"))
	}
	waitFor(t, "connections in the queue", g.queued.Load)
	s.bounds.BeginStop()
	waitFor(t, "an end of all connections", func() bool { return s.bounds.CloseQuiet(20*turnTime) == 0 })
	for _, c := range crowd {
		c.wants("/sleep")
	}
}

// A request knows how long its connection waited.
func TestLot_QueuedTimeIsTold(t *testing.T) {
	s, _, free, _ := newGuestServer(t, 1)
	waited := make(chan time.Duration, 10)
	inner := s.http.Handler
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		waited <- Queued(r.Context())
		if again := Queued(r.Context()); again != 0 {
			t.Errorf("a second call returns %v", again)
		}
		inner.ServeHTTP(w, r)
	})
	first, second := s.dialFrom("127.0.0.2"), s.dialFrom("127.0.0.2")
	s.await(2)
	s.lot.mu.Lock()
	first.write(get("/wait"))
	second.write(get("/wait"))
	time.Sleep(20 * time.Millisecond)
	s.lot.mu.Unlock()
	if a, b := <-waited, <-waited; max(a, b) < turnTime/2 {
		t.Errorf("they waited for %v and %v, and a turn takes %v", a, b, turnTime)
	}
	free <- true
	free <- true
	first.wants("/wait")
	second.wants("/wait")
}
