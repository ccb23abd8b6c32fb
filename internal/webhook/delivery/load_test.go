package delivery

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

const (
	loadEndpoints = 20
	loadDead      = 6 // 30 %
)

// Dead endpoints do not delay the others. Half of them take each message and never answer, half of them refuse it.
func TestDeadEndpointsDelayNobody(t *testing.T) {
	messages := 50 // to 20 endpoints: 1,000 deliveries
	if os.Getenv("ASHLAR_NIGHTLY") != "" {
		messages = 5000
	}
	each(t, func(t *testing.T, open func() store.DB) {
		w := newWorld(t, open(), nil)
		l := &load{world: w, began: map[string]time.Time{}}
		l.open()
		p99 := func(all []time.Duration) time.Duration { slices.Sort(all); return all[len(all)*99/100] }
		alone := p99(l.run(messages))
		l.kill()
		beside := p99(l.run(messages))
		for again := 0; again < 2 && beside > 2*alone; again++ { // something else may have kept the machine busy
			t.Logf("p99 is %v beside dead endpoints, and %v without them: measured again", beside, alone)
			beside = min(beside, p99(l.run(messages)))
		}
		t.Logf("p99 of %d deliveries: %v without dead endpoints, %v beside them", messages*(loadEndpoints-loadDead), alone, beside)
		if beside > 2*alone {
			t.Errorf("p99 is %v beside dead endpoints, and %v without them", beside, alone)
		}
	})
}

// A load sends messages to endpoints of which some may be dead.
type load struct {
	*world
	mu    sync.Mutex
	dead  bool
	began map[string]time.Time // when a message was added, by its id
	took  []time.Duration
}

func (l *load) open() {
	for i := range loadEndpoints {
		isMortal, never := i < loadDead, i%2 == 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			at := time.Now()
			_, _ = io.Copy(io.Discard, r.Body)
			l.mu.Lock()
			dead := l.dead && isMortal
			if began, ok := l.began[r.Header.Get(webhook.IDHeader)]; ok && !isMortal {
				l.took = append(l.took, at.Sub(began))
			}
			l.mu.Unlock()
			switch {
			case dead && never:
				<-r.Context().Done()
			case dead:
				w.WriteHeader(http.StatusInternalServerError)
			}
		}))
		l.t.Cleanup(server.Close)
		l.endpoint(i+1, server.URL, "")
	}
	l.order(1, `"state":"a"`)
}

func (l *load) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
}

// run adds messages at a steady pace, and returns how long each took to each endpoint that does not die.
func (l *load) run(messages int) []time.Duration {
	l.mu.Lock()
	l.took = nil
	l.mu.Unlock()
	for range messages {
		began := time.Now()
		l.mu.Lock() // a message may arrive before its id is known here
		id := l.tell("changes", "update", 1, "")
		l.began[id] = began
		l.mu.Unlock()
		time.Sleep(loadPause)
	}
	want := messages * (loadEndpoints - loadDead)
	l.eventually(fmt.Sprintf("%d deliveries", want), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.took) >= want
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.took)
}

// loadPause is the time between two messages. The machine must have time to spare, or the test measures how much it has.
const loadPause = 60 * time.Millisecond
