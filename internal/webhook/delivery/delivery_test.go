package delivery

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

func TestDelivered(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 204)
		secret := webhook.NewSecret()
		w.order(1, `"state":"paid","secret_note":"nobody reads it"`)
		w.endpoint(1, to.URL, fmt.Sprintf(`,"secret":%q`, string(secret.Text())))
		w.endpoint(2, to.URL+"/other", `,"events":["orders.delete"]`)
		w.endpoint(3, to.URL+"/off", `,"state":"disabled"`)
		id := w.tell("changes", "update", 1, "")
		w.eventually("the message arrives", func() bool { return len(to.got()) == 1 })
		w.eventually("it is noted", func() bool { return w.states("changes", 1) == Delivered })
		got := to.got()[0]
		if got.id != id || !strings.Contains(got.body, `"type":"orders.update"`) || !strings.Contains(got.body, `"data":{"id":1,"state":"paid"`) || strings.Contains(got.body, "nobody reads it") {
			t.Errorf("got %s %s", got.id, got.body)
		}
		for _, key := range []webhook.VerifyingKey{secret.VerifyingKey(), w.cfg.Key.VerifyingKey()} {
			if err := (&webhook.Verifier{Keys: []webhook.VerifyingKey{key}}).Verify(got.header, []byte(got.body)); err != nil {
				t.Error(err)
			}
		}
		if n := len(w.list("changes", 2)) + len(w.list("changes", 3)); n != 0 {
			t.Errorf("%d deliveries to endpoints that want none", n)
		}
		w.tell("changes", "delete", 1, "")
		w.eventually("the deletion arrives twice", func() bool { return len(to.got()) == 3 })
		for _, l := range to.got()[1:] {
			if !strings.HasSuffix(l.body, `"data":{"id":1}}`) {
				t.Errorf("a deletion tells %s", l.body)
			}
		}
	})
}

func TestAsUser(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 200)
		w.order(1, `"state":"paid","owner_id":"`+ann+`"`)
		w.order(2, `"state":"paid"`)
		w.endpoint(1, to.URL, "")
		w.tell("mine", "update", 1, "")
		w.eventually("the message arrives", func() bool { return len(to.got()) == 1 })
		w.tell("mine", "update", 2, "")
		w.eventually("the second one arrives", func() bool { return len(to.got()) == 2 })
		if got := to.got(); !strings.Contains(got[0].body, `"state":"paid"`) || strings.Contains(got[1].body, "state") {
			t.Errorf("got %v", got)
		}
	})
}

// A user as whom a webhook acts has roles. One who may do nothing now is told the id alone.
func TestAsUserWithRoles(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		const bob, carl = "01920000-0000-7000-8000-00000000000b", "01920000-0000-7000-8000-00000000000c"
		w, to := newWorld(t, open(), func(cfg *Config) {
			cfg.User = func(_ store.Tx, id string) (caller.Caller, error) {
				if id == carl {
					return caller.Caller{}, errs.New(errs.Forbidden, "suspended")
				}
				return caller.User(caller.Identity{ID: "another", Roles: []string{"integrator"}}), nil
			}
		}), receive(t, 200)
		for _, id := range []string{bob, carl} {
			w.row("users", `{"id":"`+id+`","email":"`+id+`@example.com"}`)
		}
		w.order(1, `"state":"paid","owner_id":"`+bob+`"`)
		w.order(2, `"state":"paid","owner_id":"`+carl+`"`)
		w.endpoint(1, to.URL, "")
		for n := range 2 {
			w.tell("mine", "update", n+1, "")
			w.eventually("the message arrives", func() bool { return len(to.got()) == n+1 })
		}
		if got := to.got(); !strings.Contains(got[0].body, `"state":"paid"`) || strings.Contains(got[1].body, "state") {
			t.Errorf("got %v", got)
		}
	})
}

// The times of the schedule are the ones of the specification, and the id of a message stays.
func TestSchedule(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 500)
		w.order(1, `"state":"a"`)
		w.endpoint(1, to.URL, "")
		w.tell("changes", "update", 1, "")
		for n := 1; n <= webhook.Attempts; n++ {
			w.eventually(fmt.Sprintf("attempt %d", n), func() bool { d := w.list("changes", 1); return len(d) == 1 && d[0].Attempts == n })
			if n < webhook.Attempts {
				pause, _ := webhook.Pause(n+1, 0, 0)
				d := w.list("changes", 1)[0]
				if got := d.NextAt.Sub(w.now()); got > pause || got < pause-20*time.Second {
					t.Errorf("the pause after attempt %d is %v, want %v", n, got, pause)
				}
				w.leap(pause + time.Second)
			}
		}
		w.eventually("it is given up", func() bool { return w.states("changes", 1) == Failed })
		if w.state(1) != `{"state":"failing"}` {
			t.Errorf("the endpoint is %s", w.state(1))
		}
		if tries := w.list("changes", 1)[0].Tries; len(tries) != webhook.Attempts || tries[0].Status != 500 || tries[0].Error == "" {
			t.Errorf("tries %v", tries)
		}
		for _, l := range to.got() {
			if l.id != to.got()[0].id || l.body != to.got()[0].body {
				t.Errorf("an attempt sent %v", l)
			}
		}
	})
}

func TestRetryAfterAndGone(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 429)
		to.answer(429, http.Header{"Retry-After": {"3600"}})
		w.order(1, `"state":"a"`)
		w.endpoint(1, to.URL, "")
		w.tell("changes", "update", 1, "")
		w.tell("changes", "create", 1, "")
		w.eventually("the first attempt", func() bool { return len(to.got()) > 0 })
		w.eventually("it waits", func() bool {
			return !strings.Contains(w.states("changes", 1), Sending) && len(w.list("changes", 1)) == 2
		})
		n := len(to.got())
		w.leap(50 * time.Minute)
		time.Sleep(300 * time.Millisecond)
		if len(to.got()) != n {
			t.Errorf("%d messages before the time that the receiver asked for", len(to.got())-n)
		}
		to.answer(410, nil)
		w.leap(15 * time.Minute)
		w.eventually("the endpoint is disabled", func() bool { return w.state(1) == `{"state":"disabled"}` })
		w.eventually("its deliveries are given up", func() bool { return w.states("changes", 1) == "failed failed" })
		w.eventually("it is counted", func() bool { return w.Stats().Disabled > 0 })
		if got := w.Stats(); got.Disabled != 1 {
			t.Errorf("stats %v", got)
		}
	})
}

// A failing endpoint gets one message at a time, and the others keep their attempts. When it works again, all arrive.
func TestBreaker(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 500)
		w.endpoint(1, to.URL, "")
		const messages = 30
		for i := 1; i <= messages; i++ {
			w.order(i, `"state":"a"`)
			w.tell("changes", "update", i, "")
		}
		w.eventually("the endpoint is failing", func() bool { return w.state(1) == `{"state":"failing"}` })
		w.eventually("nothing is on its way", func() bool {
			return !strings.Contains(w.states("changes", 1), Sending) && len(w.list("changes", 1)) == messages
		})
		before := len(to.got())
		if before > messages {
			t.Errorf("%d attempts to a dead endpoint", before)
		}
		w.leap(61 * time.Second)
		w.eventually("a trial", func() bool { return len(to.got()) > before })
		time.Sleep(300 * time.Millisecond)
		if n := len(to.got()) - before; n != 1 {
			t.Errorf("%d trials at once", n)
		}
		to.answer(200, nil)
		w.leap(3 * time.Minute)
		w.eventually("all arrive but the ones with a later time", func() bool { return strings.Count(w.states("changes", 1), Delivered) >= messages-before })
		w.leap(time.Hour)
		w.eventually("all arrive", func() bool { return strings.Count(w.states("changes", 1), Delivered) == messages })
		w.eventually("the endpoint is active", func() bool { return w.state(1) == `{"state":"active"}` })
	})
}

func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w, to := newWorld(t, open(), nil), receive(t, 500)
		w.endpoint(1, to.URL, "")
		w.order(1, `"state":"a"`)
		w.order(2, `"state":"a"`)
		var want []string
		want = append(want, w.tell("ordered", "update", 1, "1"))
		w.eventually("the first attempt", func() bool { return len(to.got()) == 1 })
		const messages = 12
		for range messages - 1 {
			want = append(want, w.tell("ordered", "update", 1, "1"))
		}
		w.eventually("all are stored", func() bool { return len(w.list("ordered", 1)) == messages })
		if got := w.states("ordered", 1); strings.Count(got, Held) != messages-1 {
			t.Errorf("states %s", got)
		}
		to.answer(200, nil)
		other := w.tell("ordered", "update", 2, "2")
		w.eventually("another order passes", func() bool { got := to.got(); return got[len(got)-1].id == other })
		w.leap(6 * time.Second)
		w.eventually("all arrive", func() bool { return strings.Count(w.states("ordered", 1), Delivered) == messages+1 })
		var got []string
		for _, l := range to.got() {
			if l.id != other && (len(got) == 0 || got[len(got)-1] != l.id) {
				got = append(got, l.id)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("order\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
