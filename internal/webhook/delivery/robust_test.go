package delivery

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// After five days of failures an endpoint is disabled, and its owner is told once. When it is active again, a replay sends
// what has failed.
func TestDisabledAfterFiveDays(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		var notices []Notice
		var mu sync.Mutex
		w := newWorld(t, open(), func(cfg *Config) {
			cfg.Disabled = func(_ context.Context, _ *record.Tx, notice Notice) (func(), error) {
				return func() {
					mu.Lock()
					defer mu.Unlock()
					notices = append(notices, notice)
				}, nil
			}
		})
		to := receive(t, 503)
		w.order(1, `"state":"a"`)
		w.endpoint(1, to.URL, "")
		for range 8 {
			w.tell("changes", "update", 1, "")
		}
		w.eventually("the endpoint is failing", func() bool { return w.state(1) == `{"state":"failing"}` })
		for day := range 6 {
			n := len(to.got())
			w.leap(24 * time.Hour)
			w.tell("changes", "update", 1, "")
			w.eventually(fmt.Sprintf("a trial on day %d", day), func() bool {
				return len(to.got()) > n || w.state(1) == `{"state":"disabled"}`
			})
		}
		w.eventually("the endpoint is disabled", func() bool { return w.state(1) == `{"state":"disabled"}` })
		w.eventually("nothing waits", func() bool { return !strings.Contains(w.states("changes", 1), Waiting) })
		w.eventually("the owner is told", func() bool { mu.Lock(); defer mu.Unlock(); return len(notices) == 1 })
		if n := notices[0]; n.Owner != "ann@example.com" || n.Gone || n.ID != "1" || n.Host != "127.0.0.1" {
			t.Errorf("notice %+v", n)
		}
		to.answer(200, nil)
		if _, _, err := w.ReplayEndpoint(t.Context(), ours(), "changes", "1", Which{Failed: true}); err == nil {
			t.Error("a disabled endpoint was replayed")
		}
		w.patch("endpoints", 1, `{"state":"active"}`)
		n := strings.Count(w.states("changes", 1), Failed)
		replayed, _, err := w.ReplayEndpoint(t.Context(), ours(), "changes", "1", Which{Failed: true})
		if err != nil || replayed != n {
			t.Fatalf("replayed %d of %d: %v", replayed, n, err)
		}
		w.eventually("all arrive", func() bool { return strings.Count(w.states("changes", 1), Delivered) == len(w.list("changes", 1)) })
	})
}

// A delivery whose sender is gone is sent by another one, and what is older than the tables keep is deleted.
func TestRescueAndRetention(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 200)
		w.order(1, `"state":"a"`)
		w.endpoint(1, to.URL, "")
		w.tell("changes", "update", 1, "")
		w.eventually("it arrives", func() bool { return w.states("changes", 1) == Delivered })
		err := w.db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(w.sql.of(`UPDATE ashlar_deliveries SET state = 'sending', sender = 'gone:1', next_at = $1`), []value.Value{stamp(w.now().Add(-time.Second))})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.eventually("it arrives again", func() bool { return w.states("changes", 1) == Delivered && len(to.got()) == 2 })
		w.ahead.Store(int64(keepTime + time.Hour))
		if err := w.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := w.list("changes", 1); len(left) != 0 {
			t.Errorf("%d deliveries are left", len(left))
		}
	})
}

// A message and its deliveries are there once, however often the job of the message runs.
func TestStoredOnce(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 200)
		w.order(1, `"state":"a"`)
		for i := range 250 { // more than a page
			w.endpoint(i+1, to.URL, "")
		}
		id := w.tell("changes", "update", 1, "")
		w.eventually("all arrive", func() bool { return len(to.got()) == 250 })
		if _, err := w.cfg.Queue.Retry(t.Context(), []string{id}); err != nil {
			t.Fatal(err)
		}
		w.eventually("the job runs again", func() bool { s, err := w.cfg.Queue.State(t.Context(), id); return err == nil && s.State == "done" })
		time.Sleep(200 * time.Millisecond)
		if n := len(to.got()); n != 250 {
			t.Errorf("%d messages, want 250", n)
		}
	})
}

func TestRotationOfSecrets(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 200)
		w.order(1, `"state":"a"`)
		w.endpoint(1, to.URL, "")
		first, err := w.NewSecret(t.Context(), ours(), "changes", "1")
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.NewSecret(t.Context(), ours(), "changes", "1")
		if err != nil {
			t.Fatal(err)
		}
		signed := func(n int, secret string) bool {
			w.eventually("it arrives", func() bool { return len(to.got()) == n })
			key, err := webhook.ParseVerifyingKey(secret)
			if err != nil {
				t.Fatal(err)
			}
			got := to.got()[n-1]
			v := webhook.Verifier{Keys: []webhook.VerifyingKey{key}, Now: w.now}
			return v.Verify(got.header, []byte(got.body)) == nil
		}
		w.tell("changes", "update", 1, "")
		if !signed(1, first) || !signed(1, second) {
			t.Error("the message is not signed by both secrets")
		}
		w.leap(formerTime + time.Minute)
		w.tell("changes", "update", 1, "")
		if signed(2, first) || !signed(2, second) {
			t.Error("after a day the former secret signs, or the present one does not")
		}
	})
}
