package job

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// arrivals tell who waits for jobs of a queue that there may be some.
type arrivals struct {
	mu       sync.Mutex
	visitors map[string][]chan struct{} // by queue; at ofScheduled, the one that promotes scheduled jobs
	expected map[string]bool            // queues of jobs whose write was under way
	latest   time.Time                  // when the latest of them came
	poke     chan struct{}
}

func (a *arrivals) init() {
	a.visitors, a.expected, a.poke = map[string][]chan struct{}{}, map[string]bool{}, make(chan struct{}, 1)
}

// visit returns a channel that receives when jobs of a queue may have come, until leave is called.
func (a *arrivals) visit(queue string) (arrived chan struct{}, leave func()) {
	arrived = make(chan struct{}, 1)
	return arrived, a.join(queue, arrived)
}

// join makes a channel with room for one receive as visit says.
func (a *arrivals) join(queue string, arrived chan struct{}) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.visitors[queue] = append(a.visitors[queue], arrived)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.visitors[queue] = slices.DeleteFunc(a.visitors[queue], func(c chan struct{}) bool { return c == arrived })
	}
}

// ofScheduled stands among names of queues for scheduled jobs of any queue. A job that waits at once concerns its queue alone:
// each look at the scheduled ones costs two writes, which keep the writes of clients from their group.
const ofScheduled = ""

// wake wakes who waits for jobs of these queues.
func (a *arrivals) wake(queues map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for queue := range queues {
		for _, c := range a.visitors[queue] {
			poke(c)
		}
	}
}

func (a *arrivals) wakeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, visitors := range a.visitors {
		for _, c := range visitors {
			poke(c)
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// expect notes that a write with a job is about to be committed.
func (q *Queue) expect(spec Insert) {
	a := &q.arrivals
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expected[spec.Queue] = true
	if !spec.RunAt.IsZero() {
		a.expected[ofScheduled] = true
	}
	a.latest = time.Now()
	poke(a.poke)
}

const (
	lookPause  = time.Millisecond // between two looks for the commit of an expected write
	lookTime   = 3 * time.Second  // for which a write is expected; the poll finds a later one
	tellPause  = 20 * time.Millisecond
	tellTime   = 5 * time.Second
	mostTold   = 20 // queues in one message
	allQueues  = "*"
	tellNotify = `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1::text, $2::text)::text`
)

// watch wakes the loops of this process once an expected write has been committed. No engine calls back after a commit. So watch
// compares the count of writes to the table, which costs nothing, each millisecond while a write is expected.
func (q *Queue) watch(ctx context.Context) error {
	a := &q.arrivals
	told := make(chan map[string]bool, 1)
	ended := q.goTell(ctx, told)
	defer func() { <-ended }()
	last := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.poke:
		}
		for again := true; again; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(lookPause):
			}
			written := q.db.Written(jobsTable)
			a.mu.Lock()
			expected := maps.Clone(a.expected)
			if again = time.Since(a.latest) < lookTime; !again {
				clear(a.expected)
			}
			a.mu.Unlock()
			if written != last {
				last = written
				a.wake(expected)
				tell(told, expected)
			}
		}
	}
}

// tell adds queues to the ones that wait to be announced.
func tell(told chan map[string]bool, queues map[string]bool) {
	select {
	case former := <-told:
		maps.Copy(queues, former)
	default:
	}
	told <- queues
}

// announce tells other nodes of new jobs, at most once each tellPause. NOTIFY in the transaction of each write would make all
// commits of the server take turns, because PostgreSQL holds one lock for it until the commit is on the disk.
func (q *Queue) announce(ctx context.Context, told chan map[string]bool) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case queues := <-told:
			names := slices.Sorted(maps.Keys(queues))
			if len(names) > mostTold {
				names = []string{allQueues}
			}
			message := strings.Join(append([]string{q.cfg.Node}, names...), "\n")
			_ = q.notify(ctx, message) // who does not hear of a job finds it with the next poll
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tellPause):
		}
	}
}

func (q *Queue) notify(ctx context.Context, message string) error {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	return q.db.Write(ctx, func(tx store.Tx) error {
		return tx.Query(tellNotify, []value.Value{value.OfText(jobsTable), value.OfText(message)}, func(value.Row) error { return nil })
	})
}

// hear wakes the loops for a message of announce.
func (q *Queue) hear(message string) {
	node, names, _ := strings.Cut(message, "\n")
	if node == q.cfg.Node {
		return
	}
	if names == allQueues {
		q.arrivals.wakeAll()
		return
	}
	queues := map[string]bool{}
	for name := range strings.SplitSeq(names, "\n") {
		queues[name] = true
	}
	q.arrivals.wake(queues)
}
