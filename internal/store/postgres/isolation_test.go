package postgres

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func openNew(t *testing.T, cfg Config) *DB {
	t.Helper()
	db := open(t, pgtest.URL(t), cfg)
	t.Cleanup(func() { _ = db.Close() }) // refused where the test has closed it
	return db
}

func mustWrite(t *testing.T, db *DB, statements ...string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, r store.Reader, sql string, args ...value.Value) (n int64) {
	t.Helper()
	err := r.Query(sql, args, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", sql, err)
	}
	return n
}

func readNumber(t *testing.T, db *DB, sql string, args ...value.Value) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		n = number(t, r, sql, args...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var errRule = errors.New("a rule refuses to leave nobody on call")

// meet makes the first two callers wait for each other. Later calls pass.
func meet() func() {
	var mu sync.Mutex
	waiting, open := 0, make(chan struct{})
	return func() {
		mu.Lock()
		if waiting++; waiting == 2 {
			close(open)
		}
		mu.Unlock()
		<-open
	}
}

// Two doctors are on call, and each goes off since the other stays: neither write touches the other's row. Serializable
// writes must not both be done; that others can shows that the test sees it.
func TestWriteSkew(t *testing.T) {
	for _, serializable := range []bool{false, true} {
		t.Run(fmt.Sprintf("serializable %t", serializable), func(t *testing.T) {
			db := openNew(t, Config{Serializable: serializable})
			mustWrite(t, db, "CREATE TABLE doctors (id bigint PRIMARY KEY, on_call boolean NOT NULL)",
				"INSERT INTO doctors (id, on_call) VALUES (1, true), (2, true)")
			together := meet()
			answers := make([]error, 2)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					answers[i] = db.Write(t.Context(), func(tx store.Tx) error {
						others := number(t, tx, "SELECT count(*) FROM doctors WHERE on_call AND id <> $1", value.OfInt(int64(i+1)))
						together()
						if others == 0 {
							return errRule
						}
						_, err := tx.Exec("UPDATE doctors SET on_call = false WHERE id = $1", []value.Value{value.OfInt(int64(i + 1))})
						return err
					})
				})
			}
			wg.Wait()
			left := readNumber(t, db, "SELECT count(*) FROM doctors WHERE on_call")
			if serializable != (left == 1) {
				t.Errorf("%d doctors are on call, answers %v", left, answers)
			}
			if serializable && errors.Is(answers[0], errRule) == errors.Is(answers[1], errRule) {
				t.Errorf("answers %v, want one refused by the rule", answers)
			}
		})
	}
}

// Two writes that lock two rows in opposite orders are both done. The server ends one of them, which runs again.
func TestDeadlockIsRunAgain(t *testing.T) {
	db := openNew(t, Config{})
	mustWrite(t, db, "CREATE TABLE pairs (id bigint PRIMARY KEY, n bigint NOT NULL)", "INSERT INTO pairs (id, n) VALUES (1, 0), (2, 0)")
	together := meet()
	answers := make([]error, 2)
	runs := [2]int{}
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = db.Write(t.Context(), func(tx store.Tx) error {
				runs[i]++
				const add = "UPDATE pairs SET n = n + 1 WHERE id = $1"
				if _, err := tx.Exec(add, []value.Value{value.OfInt(int64(1 + i))}); err != nil {
					return err
				}
				together()
				_, err := tx.Exec(add, []value.Value{value.OfInt(int64(2 - i))})
				return err
			})
		})
	}
	wg.Wait()
	if answers[0] != nil || answers[1] != nil || runs[0]+runs[1] < 3 {
		t.Errorf("answers %v after %v runs, want both done and one run again", answers, runs)
	}
	if n := readNumber(t, db, "SELECT sum(n)::bigint FROM pairs"); n != 4 {
		t.Errorf("the rows were changed %d times, want 4", n)
	}
}

// The generation of a table is one number on all nodes, whoever wrote.
func TestGenerationsAcrossNodes(t *testing.T) {
	url := pgtest.URL(t)
	nodes := []*DB{open(t, url, Config{}), open(t, url, Config{}), open(t, url, Config{Serializable: true})}
	for _, n := range nodes {
		defer n.Close()
	}
	generation := func(db *DB) (n int64) {
		err := db.Read(t.Context(), func(r store.Reader) (err error) {
			n, err = r.Generation("posts")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for round := range 30 {
		before := generation(nodes[0])
		var wg sync.WaitGroup
		for i := range 9 {
			wg.Go(func() {
				err := nodes[(round+i)%3].Write(t.Context(), func(tx store.Tx) error { tx.MarkChanged("posts"); return nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i, node := range nodes {
			if n := generation(node); n != before+9 {
				t.Fatalf("round %d: node %d sees generation %d, want %d and 9 commits", round, i, n, before)
			}
		}
	}
}
