package mail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func TestLettersAreSentAndForgotten(t *testing.T) {
	p, c := &post{}, &clock{}
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		p.mails = nil
		stop := a.run(t)
		a.queue(t, ada(1))
		until(t, "sent", []*node{a}, func() bool { return states(a.stored(t)) == "sent 1" })
		r := a.stored(t)[0]
		if r.Data != nil || r.SentAt == nil || r.Error != "" || r.Address != "ada1@example.com" {
			t.Errorf("the row is %+v", r)
		}
		all := p.all()
		if len(all) != 1 || all[0].to != "ada1@example.com" || !strings.Contains(all[0].text, "https://app.example.com/verify#secret-token") || all[0].subject != "12345678 is your code for Careers" {
			t.Errorf("sent %+v", all)
		}
		stop()
		c.leap(keepFinished + time.Hour)
		a.run(t)
		until(t, "deleted", []*node{a}, func() bool { return len(a.stored(t)) == 0 })
	})
}

// A letter is part of the transaction that queues it.
func TestQueueIsUndoneWithItsTransaction(t *testing.T) {
	p, c := &post{}, &clock{}
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		failure := errors.New("no")
		err := a.rows.Transact(t.Context(), own(), func(tx *record.Tx) error {
			return errors.Join(a.outbox.Queue(tx, ada(1)), failure)
		})
		if !errors.Is(err, failure) || len(a.stored(t)) != 0 {
			t.Errorf("Transact = %v, and the rows are %v", err, a.stored(t))
		}
	})
}

// The composer decides when it is the letter's turn.
func TestNothingToSendCountsAsSent(t *testing.T) {
	p, c := &post{}, &clock{}
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		a.run(t)
		letter := ada(1)
		letter.Data = map[string]string{"nothing": "to say"}
		a.queue(t, letter)
		until(t, "sent", []*node{a}, func() bool { return states(a.stored(t)) == "sent 1" })
		if len(p.all()) != 0 {
			t.Errorf("sent %v", p.all())
		}
	})
}

func TestEachLetterIsSentByOneNode(t *testing.T) {
	const letters = 60
	p, c := &post{}, &clock{}
	each(t, config(t, p, c), func(t *testing.T, a, b *node) {
		p.mails = nil
		a.run(t)
		b.run(t)
		for i := range letters / 2 {
			a.queue(t, ada(2*i))
			b.queue(t, ada(2*i+1))
		}
		until(t, "all sent", []*node{a, b}, func() bool { return strings.Count(states(a.stored(t)), "sent 1") == letters })
		to := map[string]int{}
		for _, m := range p.all() {
			to[m.to]++
		}
		if len(to) != letters || len(p.all()) != letters {
			t.Errorf("%d mails to %d addresses, want %d", len(p.all()), len(to), letters)
		}
	})
}

func TestWorkersAreBounded(t *testing.T) {
	var now, most atomic.Int64
	p, c := &post{}, &clock{}
	p.sendMail = func(*outgoing) error {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(10 * time.Millisecond)
		return nil
	}
	cfg := config(t, p, c)
	cfg.Workers = 3
	each(t, cfg, func(t *testing.T, a, _ *node) {
		most.Store(0)
		for i := range 25 {
			a.queue(t, ada(i))
		}
		a.run(t)
		until(t, "all sent", []*node{a}, func() bool { return strings.Count(states(a.stored(t)), "sent 1") == 25 })
		if most.Load() != 3 {
			t.Errorf("%d attempts at once, want 3", most.Load())
		}
	})
}

func TestTemporaryFailuresAreRepeatedWithPauses(t *testing.T) {
	p, c := &post{}, &clock{}
	var calls atomic.Int64
	p.sendMail = func(*outgoing) error {
		return fmt.Errorf("451 busy %d: \"12345678\" in https://app.example.com/verify#secret-token\r\n%01000d", calls.Add(1), 0)
	}
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		calls.Store(0)
		a.run(t)
		a.queue(t, ada(1))
		var last time.Duration
		for attempt := 1; attempt < maxAttempts; attempt++ {
			want := fmt.Sprint("waiting ", attempt)
			until(t, want, []*node{a}, func() bool {
				rows := a.stored(t)
				return states(rows) == want && strings.HasPrefix(rows[0].Error, fmt.Sprintf("451 busy %d:", attempt))
			})
			r := a.stored(t)[0]
			pause := r.DueAt.Sub(c.now())
			usual := min(firstPause<<(attempt-1), longestPause)
			if pause > usual*5/4 || pause < usual*3/4-2*time.Second {
				t.Errorf("the pause after attempt %d is %v, want about %v", attempt, pause, usual)
			}
			if strings.Contains(r.Error, "12345678") || strings.Contains(r.Error, "secret-token") || len(r.Error) > maxError+3 {
				t.Errorf("the error is %q", r.Error)
			}
			if len(p.all()) != 0 || r.Data["name"] != "Ada" {
				t.Errorf("the row is %+v", r)
			}
			last = pause
			c.leap(pause + time.Second)
		}
		until(t, "failed", []*node{a}, func() bool { return states(a.stored(t)) == fmt.Sprint("failed ", maxAttempts) })
		if r := a.stored(t)[0]; r.Data != nil || last < longestPause/2 {
			t.Errorf("the row is %+v after a last pause of %v", r, last)
		}
	})
}

func TestAttemptsHaveRecordsWithoutSecrets(t *testing.T) {
	p, c := &post{}, &clock{}
	p.sendMail = func(*outgoing) error {
		return errors.New(`451 busy: "12345678" in https://app.example.com/verify#secret-token`)
	}
	records := make(chan *telemetry.Record, 100)
	cfg := config(t, p, c)
	cfg.Jobs = telemetry.NewJobs(func(r *telemetry.Record) {
		if !r.Idle {
			records <- r
		}
	}, nil)
	each(t, cfg, func(t *testing.T, a, _ *node) {
		a.queue(t, ada(1))
		stop := a.run(t)
		until(t, "tried", []*node{a}, func() bool { return states(a.stored(t)) == "waiting 1" })
		stop()
		jobs := map[string]*telemetry.Record{}
		for len(records) > 0 {
			r := <-records
			jobs[r.Job] = r
		}
		found, tried := jobs["mail queue"], jobs["mail"]
		if found == nil || tried == nil {
			t.Fatalf("the records are of %v", slices.Sorted(maps.Keys(jobs)))
		}
		if found.Rows != 1 {
			t.Errorf("the look found %d letters", found.Rows)
		}
		if text := fmt.Sprint(tried.Err); tried.Problem != errs.Unavailable || !strings.Contains(text, "451 busy") || strings.Contains(text, "12345678") ||
			strings.Contains(text, "secret-token") || tried.Statements.Count == 0 {
			t.Errorf("the attempt has %d statements and the error %v", tried.Statements.Count, tried.Err)
		}
	})
}

func TestPermanentFailuresAreFinal(t *testing.T) {
	p, c := &post{}, &clock{}
	p.sendMail = func(*outgoing) error { return &permanentError{errors.New("550 no such user")} }
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		a.run(t)
		a.queue(t, ada(1))
		until(t, "failed", []*node{a}, func() bool { return states(a.stored(t)) == "failed 1" })
		if r := a.stored(t)[0]; r.Error != "550 no such user" || r.Data != nil {
			t.Errorf("the row is %+v", r)
		}
	})
}

// A composer that fails or panics, and an unknown template, cost an attempt and no worker.
func TestFaultyComposerCostsAnAttempt(t *testing.T) {
	p, c := &post{}, &clock{}
	cfg := config(t, p, c)
	cfg.Compose = func(_ context.Context, letter Letter) (Message, bool, error) {
		switch letter.Kind {
		case "panics":
			panic("lost")
		case "fails":
			return Message{}, false, errors.New("no database")
		}
		return Message{Template: letter.Kind}, true, nil
	}
	each(t, cfg, func(t *testing.T, a, _ *node) {
		a.run(t)
		a.queue(t, Letter{Kind: "panics", To: "a@example.com"}, Letter{Kind: "fails", To: "a@example.com"}, Letter{Kind: "unknown", To: "a@example.com"}, Letter{Kind: "known", To: "a@example.com"})
		want := map[string]string{"panics": "panic in mail panics: lost", "fails": "no database", "unknown": `there is no mail template "unknown"`, "known": ""}
		until(t, "one sent, three tried", []*node{a}, func() bool {
			for _, r := range a.stored(t) {
				if !strings.HasPrefix(r.Error, want[r.Kind]) || (r.State == sent) != (r.Kind == "known") || r.Attempts != 1 || (r.Error == "" && r.Kind != "known") {
					return false
				}
			}
			return true
		})
	})
}

// A letter whose worker died is sent when the lease ends.
func TestLeaseEnds(t *testing.T) {
	p, c := &post{}, &clock{}
	each(t, config(t, p, c), func(t *testing.T, a, b *node) {
		p.mails = nil
		a.queue(t, ada(1))
		ids, err := a.outbox.due(t.Context())
		if err != nil || len(ids) != 1 {
			t.Fatalf("due = %v, %v", ids, err)
		}
		taken, ok, err := a.outbox.claim(t.Context(), ids[0]) // and dies
		if err != nil || !ok {
			t.Fatalf("claim = %v, %v", ok, err)
		}
		if _, ok, err := b.outbox.claim(t.Context(), ids[0]); ok || err != nil {
			t.Errorf("another claim = %v, %v", ok, err)
		}
		b.run(t)
		time.Sleep(50 * time.Millisecond)
		if len(p.all()) != 0 {
			t.Error("the letter was sent under the lease of another")
		}
		c.leap(lease + time.Second)
		until(t, "sent", []*node{b}, func() bool { return states(b.stored(t)) == "sent 2" })
		if ok, err := a.outbox.update(t.Context(), &taken, change{"state": failed}); ok || err != nil {
			t.Errorf("the first worker still changes the row: %v, %v", ok, err)
		}
	})
}

// A hanging sender waits for the end of its context.
type hanging struct{ begun chan struct{} }

func (h hanging) send(ctx context.Context, _ *outgoing) error {
	h.begun <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

// A stop gives up an attempt that hangs, and another worker goes on at once.
func TestStopGivesUpAHangingAttempt(t *testing.T) {
	c := &clock{}
	h := hanging{make(chan struct{}, 10)}
	each(t, config(t, h, c), func(t *testing.T, a, b *node) {
		a.outbox.stopTime = 50 * time.Millisecond
		stop := a.run(t)
		a.queue(t, ada(1))
		<-h.begun
		stop()
		if got := states(a.stored(t)); got != "waiting 0" {
			t.Errorf("after a stop the letter is %s", got)
		}
		p := &post{}
		b.outbox.cfg.Sender = p
		b.run(t)
		until(t, "sent", []*node{b}, func() bool { return states(b.stored(t)) == "sent 1" })
	})
}

// A stop waits for the attempt under way.
func TestStop(t *testing.T) {
	p, c := &post{}, &clock{}
	begun := make(chan struct{}, 10)
	p.sendMail = func(*outgoing) error {
		begun <- struct{}{}
		time.Sleep(100 * time.Millisecond)
		return nil
	}
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		stop := a.run(t)
		a.queue(t, ada(1))
		<-begun
		stop()
		if got := states(a.stored(t)); got != "sent 1" {
			t.Errorf("after a stop the letter is %s", got)
		}
	})
}

func TestQueueRefuses(t *testing.T) {
	p, c := &post{}, &clock{}
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		for _, tt := range []struct {
			name   string
			letter Letter
			kind   errs.Kind
		}{
			{"address", Letter{Kind: "verify", To: "ada@example.com\r\nBcc: eve@example.com"}, errs.Invalid},
			{"no address", Letter{Kind: "verify"}, errs.Invalid},
			{"no kind", Letter{To: "ada@example.com"}, errs.Internal},
			{"data", Letter{Kind: "verify", To: "ada@example.com", Data: map[string]string{"a": strings.Repeat("x", maxData)}}, errs.Internal},
		} {
			err := a.rows.Transact(t.Context(), own(), func(tx *record.Tx) error { return a.outbox.Queue(tx, tt.letter) })
			if errs.KindOf(err) != tt.kind {
				t.Errorf("%s: Queue = %v, want %s", tt.name, err, tt.kind)
			}
		}
		long := strings.Repeat("l", 64) + "@" + strings.Repeat("d", 63) + "." + strings.Repeat("ü", 40) + ".example"
		a.queue(t, Letter{Kind: "verify", To: long, Lang: strings.Repeat("界\x00\xff", 500)})
		if rows := a.stored(t); len(rows) != 1 || rows[0].Address != long {
			t.Errorf("the rows are %+v", rows)
		}
	})
}

// The rows of finished letters hold nothing of their data, in no column.
func TestSentRowsHoldNoData(t *testing.T) {
	p, c := &post{}, &clock{}
	each(t, config(t, p, c), func(t *testing.T, a, _ *node) {
		a.run(t)
		letter := ada(1)
		letter.Data = map[string]string{"name": "Planted"}
		a.queue(t, letter)
		until(t, "sent", []*node{a}, func() bool { return states(a.stored(t)) == "sent 1" })
		err := a.Read(t.Context(), func(r store.Reader) error {
			return r.Query(`SELECT count(*) FROM ashlar_mails WHERE data IS NOT NULL`, nil, func(row value.Row) error {
				if row.Int(0) != 0 {
					t.Errorf("%d rows still have data", row.Int(0))
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
