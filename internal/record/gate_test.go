package record

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sleeping is an engine without rows. The context sets the time of its statements.
type sleeping struct {
	store.DB
	connections chan struct{}
	ended       atomic.Int64 // reads that were cut off
}

type takes struct{}

// taking returns the context of a request with statements of that time.
func taking(d time.Duration) context.Context {
	return context.WithValue(context.Background(), takes{}, d)
}

func (*sleeping) Dialect() sqlgen.Dialect { return sqlgen.SQLite }

func (s *sleeping) Readers() (all, quick int) { return cap(s.connections), cap(s.connections) }

func (s *sleeping) Read(ctx context.Context, read func(store.Reader) error) error {
	select {
	case s.connections <- struct{}{}:
	default:
		panic("a read came though all connections are taken")
	}
	defer func() { <-s.connections }()
	return read(sleepingReader{ctx: ctx, of: s})
}

type sleepingReader struct {
	store.Reader
	ctx context.Context
	of  *sleeping
}

func (sleepingReader) Version(dst []int64, _ []string) ([]int64, bool, error) {
	return append(dst, 1), true, nil
}

func (sleepingReader) FinalStatement() {}

func (sleepingReader) Outside() (n int64, known bool) { return 0, true }

func (sleepingReader) State() (state store.State, known bool) { return state, false }

func (r sleepingReader) Query(string, []value.Value, func(value.Row) error) error {
	const step = 5 * time.Millisecond
	for left := r.ctx.Value(takes{}).(time.Duration); left > 0; left -= step {
		time.Sleep(min(step, left))
		if err := r.ctx.Err(); err != nil {
			r.of.ended.Add(1)
			return err
		}
	}
	return nil
}

func openSleeping(t *testing.T, connections int) (*DB, *sleeping, *model.Table) {
	t.Helper()
	rules := modeltest.Rules(t, large)
	engine := &sleeping{connections: make(chan struct{}, connections)}
	return New(engine, rules, Config{}), engine, rules.Model.Table("posts")
}

// An outcome counts the answers and refusals of some clients, and their longest wait beyond the work itself.
type outcome struct {
	served, refused atomic.Int64
	longest         atomic.Int64
}

func (o *outcome) String() string {
	return fmt.Sprintf("%d served, %d refused, %v the longest", o.served.Load(), o.refused.Load(), time.Duration(o.longest.Load()))
}

func askers(t *testing.T, group *sync.WaitGroup, db *DB, table *model.Table, who caller.Caller, n int, lasting, work time.Duration, queries func(i int) Query) *outcome {
	o := &outcome{}
	until := time.Now().Add(lasting)
	for client := range n {
		group.Go(func() {
			for i := 0; time.Now().Before(until); i++ {
				began := time.Now()
				_, err := db.List(taking(work), who, table, queries(client<<20|i), nil)
				o.longest.Store(max(o.longest.Load(), int64(time.Since(began)-work)))
				switch {
				case err == nil:
					o.served.Add(1)
				case errs.KindOf(err) == errs.Unavailable:
					o.refused.Add(1)
					time.Sleep(10 * time.Millisecond)
				default:
					t.Errorf("%v", err)
				}
			}
		})
	}
	return o
}

func sameQuery(query Query) func(int) Query { return func(int) Query { return query } }

// Ordinary clients of a slow list wait for each other. None is refused.
func TestGateServesClientsOfASlowList(t *testing.T) {
	for _, work := range []time.Duration{30, 60, 76, 199, 400} {
		work *= time.Millisecond
		t.Run(work.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, _, posts := openSleeping(t, 4)
				var group sync.WaitGroup
				o := askers(t, &group, db, posts, nobody, 8, 10*time.Second, work, sameQuery(Query{Limit: 20}))
				group.Wait()
				t.Log(o)
				if most := 2 * 10 * time.Second / work; o.refused.Load() > 0 || o.served.Load() < int64(most)*8/10 {
					t.Errorf("%v, want none refused and %d served", o, most)
				}
			})
		})
	}
}

// proveFast runs lists of all posts, and variants of a query, so that their shapes are known as fast.
func proveFast(t *testing.T, db *DB, posts *model.Table, proven Query) {
	t.Helper()
	for i := range 50 {
		for _, query := range []Query{{Limit: 20}, {Sort: "-n", Limit: 20}, {Filter: proven.Filter + fmt.Sprintf(" || n == %d", i), Args: proven.Args, Limit: 20}} {
			if _, err := db.List(taking(time.Millisecond), nobody, posts, query, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// One client sends slow queries without end: of known and unknown shapes, and of shapes that were fast for another
// argument. Others still get quick answers. No query holds a connection for long while another waits.
func TestGateKeepsRoomForOthers(t *testing.T) {
	proven := Query{Filter: "n > arg.x", Args: map[string]string{"x": "1"}, Limit: 20}
	for _, tt := range []struct {
		name string
		q    func(i int) Query
		work time.Duration
	}{
		{"unknown", func(i int) Query { return Query{Filter: fmt.Sprintf("n == %d", i), Limit: 20} }, 5 * time.Second},
		{"one shape", sameQuery(Query{Filter: "n == 1", Limit: 20}), 5 * time.Second},
		{"known as fast", func(i int) Query {
			query := proven
			query.Filter += fmt.Sprintf(" || n == %d", i%50)
			return query
		}, 5 * time.Second},
		{"below what is slow", func(i int) Query { return Query{Filter: fmt.Sprintf("n == %d", i), Limit: 20} }, 190 * time.Millisecond},
		{"the list of all", sameQuery(Query{Limit: 20}), 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, engine, posts := openSleeping(t, 4)
				proveFast(t, db, posts, proven)
				var group sync.WaitGroup
				attack := askers(t, &group, db, posts, nobody, 16, 30*time.Second, tt.work, tt.q)
				time.Sleep(time.Second)
				others := map[string]*outcome{
					"a known list":   askers(t, &group, db, posts, ann, 2, 20*time.Second, time.Millisecond, sameQuery(Query{Sort: "-n", Limit: 20})),
					"a plain list":   askers(t, &group, db, posts, bob, 2, 20*time.Second, time.Millisecond, sameQuery(Query{Limit: 20})),
					"an unknown one": askers(t, &group, db, posts, editor, 2, 20*time.Second, time.Millisecond, func(i int) Query { return Query{Filter: fmt.Sprintf("n < %d", i), Limit: 20} }),
				}
				group.Wait()
				t.Logf("attackers: %v; %d reads were cut off", attack, engine.ended.Load())
				for name, o := range others {
					t.Logf("%s: %v", name, o)
					if o.refused.Load() > 0 || o.served.Load() < 100 || o.longest.Load() > int64(time.Second) {
						t.Errorf("%s: %v", name, o)
					}
				}
				if len(engine.connections) > 0 {
					t.Error("a connection was not given back")
				}
			})
		})
	}
}

// A query gets slow that was fast before. It goes on while nobody waits, without a second run.
func TestGateCutsOffNobodyWithoutNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, engine, posts := openSleeping(t, 4)
		query := Query{Filter: "n == arg.x", Args: map[string]string{"x": "1"}, Limit: 20}
		for _, work := range []time.Duration{1, 3000, 1, 1, 100, 1} {
			work *= time.Millisecond
			began := time.Now()
			if _, err := db.List(taking(work), nobody, posts, query, nil); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > work+5*time.Millisecond {
				t.Errorf("a query of %v took %v", work, took)
			}
		}
		if n := engine.ended.Load(); n > 0 {
			t.Errorf("%d reads were cut off though nobody waited", n)
		}
	})
}

// A request may wait for another's count. It loses its connection like the request that counts.
func TestGateCutsOffWhoWaitsForACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _, posts := openSleeping(t, 4)
		if _, err := db.List(taking(time.Millisecond), ann, posts, Query{Limit: 20}, nil); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				_, _ = db.List(taking(4*time.Second), nobody, posts, Query{Limit: 20, Total: true, Filter: "n == 1"}, nil)
			})
		}
		time.Sleep(500 * time.Millisecond)
		for range 20 {
			began := time.Now()
			if _, err := db.List(taking(time.Millisecond), ann, posts, Query{Limit: 20}, nil); err != nil || time.Since(began) > 100*time.Millisecond {
				t.Errorf("beside it: %v after %v", err, time.Since(began))
			}
			time.Sleep(10 * time.Millisecond)
		}
		group.Wait()
	})
}

// Refused queries push out no shape in use.
func TestExhaustion_RefusedQueriesPushOutNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _, posts := openSleeping(t, 4)
		list := func(ctx context.Context, filter string) error {
			_, err := db.List(ctx, nobody, posts, Query{Filter: filter, Limit: 20}, nil)
			return err
		}
		get := func(filter string) *shape.Shape {
			s, err := db.shapes.Get(shape.Key{Table: posts, Filter: filter, List: true})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if err := list(taking(0), "n == 1"); err != nil {
			t.Fatal(err)
		}
		known := get("n == 1")
		for range 16 {
			go list(taking(20*time.Second), "n == 3")
		}
		time.Sleep(10 * time.Second)
		const attempts = 3000
		refused := 0
		for i := range attempts {
			ctx, cancel := context.WithTimeout(taking(20*time.Second), 0)
			if err := list(ctx, fmt.Sprintf("n == 1%d", i)); err != nil {
				refused++
			}
			cancel()
		}
		if refused != attempts || get("n == 1") != known {
			t.Errorf("%d of %d requests were refused, and pushed out a shape that was known", refused, attempts)
		}
		time.Sleep(time.Hour)
	})
}
