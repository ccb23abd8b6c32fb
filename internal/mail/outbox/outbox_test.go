package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const app = `
ashlar: 1
name: app
tables:
  notes: {key: int, fields: {title: {type: text}}}
`

// A world is an outbox on a database, with a folder that gets its mails.
type world struct {
	t       *testing.T
	rows    *record.DB
	jobs    *job.Queue
	outbox  *Outbox
	mailbox mail.Mailbox
	records chan *telemetry.Record
}

// each runs a test on each engine. The letters say what compose returns.
func each(t *testing.T, compose Composer, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 2})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newWorld(t, db, compose))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		db, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newWorld(t, db, compose))
	})
}

func newWorld(t *testing.T, db store.DB, compose Composer) *world {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	rules := modeltest.Rules(t, app)
	if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{job.Tables}}); err != nil {
		t.Fatal(err)
	}
	from, err := mail.ParseFrom("Careers <no-reply@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	templates, err := mail.NewTemplates(mail.TemplateConfig{App: "Careers", Public: "https://app.example.com", From: from})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, records: make(chan *telemetry.Record, 1000)}
	w.rows = record.New(db, rules, record.Config{System: system.Model(rules.Model, migrate.Tables, job.Tables)})
	records := telemetry.NewJobs(func(r *telemetry.Record) { w.records <- r }, nil)
	w.jobs = job.Open(db, job.Config{Queues: []job.QueueConfig{QueueConfig()}, Records: records, Logger: slog.New(slog.DiscardHandler)})
	folder := t.TempDir()
	w.mailbox = mail.OpenMailbox(folder)
	w.outbox = New(Config{Jobs: w.jobs, Compose: compose, Mailer: mail.NewMailer(templates, mail.Files(folder))})
	return w
}

func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.jobs.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func (w *world) queue(letter mail.Letter) error {
	return w.rows.Transact(w.t.Context(), caller.System("test"), func(tx *record.Tx) error { return w.outbox.Queue(tx, letter) })
}

// mails returns what the mailbox holds.
func (w *world) mails() (all []mail.Mail, err error) {
	listed, err := w.mailbox.List(100)
	for _, one := range listed {
		m, err := w.mailbox.Read(one.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, err
}

// found returns the jobs of letters.
func (w *world) found() []job.Detail {
	w.t.Helper()
	page, err := w.jobs.Find(w.t.Context(), job.Filter{Queue: Queue}, "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []job.Detail
	for _, one := range page.Jobs {
		d, err := w.jobs.Get(w.t.Context(), one.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// until waits for a state of the only letter, and returns its job.
func (w *world) until(state string) (d job.Detail) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if all := w.found(); len(all) == 1 && all[0].State == state {
			return all[0]
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the letter never was %s: %+v", state, w.found())
		}
	}
}

// echo composes what a letter's data says.
func echo(_ context.Context, letter mail.Letter) (mail.Message, bool, error) {
	return mail.Message{Template: letter.Kind, Data: mail.Data{Name: letter.Data["name"], Code: "12345678", Path: "/verify#secret-token", Minutes: 10}}, letter.Data["nothing"] == "", nil
}

func ada() mail.Letter {
	return mail.Letter{Kind: "verify", To: "ada@example.com", Lang: "de, en;q=0.5", Data: map[string]string{"name": "Ada"}}
}

func TestLetterIsSent(t *testing.T) {
	each(t, echo, func(t *testing.T, w *world) {
		w.run()
		if err := w.queue(ada()); err != nil {
			t.Fatal(err)
		}
		d := w.until("done")
		mails, err := w.mails()
		if err != nil || len(mails) != 1 || mails[0].To != "<ada@example.com>" || !strings.Contains(mails[0].Text, "https://app.example.com/verify#secret-token") {
			t.Errorf("the mailbox has %+v, %v", mails, err)
		}
		if text := fmt.Sprint(d); strings.Contains(text, "12345678") || strings.Contains(text, "secret-token") {
			t.Errorf("the job holds the secret: %s", text)
		}
	})
}

// A letter is part of the transaction that queues it.
func TestQueueIsUndoneWithItsTransaction(t *testing.T) {
	each(t, echo, func(t *testing.T, w *world) {
		failure := errors.New("no")
		err := w.rows.Transact(t.Context(), caller.System("test"), func(tx *record.Tx) error {
			return errors.Join(w.outbox.Queue(tx, ada()), failure)
		})
		if all := w.found(); !errors.Is(err, failure) || len(all) != 0 {
			t.Errorf("Transact = %v, and the jobs are %v", err, all)
		}
	})
}

// The composer decides when it is the letter's turn.
func TestNothingToSendCountsAsSent(t *testing.T) {
	each(t, echo, func(t *testing.T, w *world) {
		w.run()
		letter := ada()
		letter.Data = map[string]string{"nothing": "to say"}
		if err := w.queue(letter); err != nil {
			t.Fatal(err)
		}
		d := w.until("done")
		if mails, err := w.mails(); err != nil || len(mails) != 0 || !strings.Contains(d.Result, "nothing to say") {
			t.Errorf("the mailbox has %v, %v, and the result is %s", mails, err, d.Result)
		}
	})
}

// What fails is tried again. Neither the row, nor the record, nor the error of SendNow has a secret.
func TestFailuresAreRepeatedWithoutSecrets(t *testing.T) {
	compose := func(ctx context.Context, letter mail.Letter) (mail.Message, bool, error) {
		message, _, _ := echo(ctx, letter)
		return message, true, errors.New("451 busy: \"12345678\" in https://app.example.com/verify#secret-token\r\n" + strings.Repeat("x", 1000))
	}
	each(t, compose, func(t *testing.T, w *world) {
		w.run()
		if err := w.queue(ada()); err != nil {
			t.Fatal(err)
		}
		d := w.until("scheduled")
		var texts []string
		for _, f := range d.Failures {
			texts = append(texts, f.Error)
		}
		for r := range w.records {
			if r.Job == Queue {
				texts = append(texts, fmt.Sprint(r.Err))
				if r.Problem != errs.Unavailable || r.Operation != "verify" {
					t.Errorf("the record says %s of %s", r.Problem, r.Operation)
				}
				break
			}
		}
		texts = append(texts, fmt.Sprint(w.outbox.SendNow(t.Context(), "1", ada())))
		if len(texts) != 3 {
			t.Fatalf("the errors are %q", texts)
		}
		for _, text := range texts {
			if !strings.Contains(text, "451 busy") || strings.Contains(text, "12345678") || strings.Contains(text, "secret-token") || len(text) > 400 {
				t.Errorf("an error is %q", text)
			}
		}
		if s := w.outbox.Stats(); s.Repeated == 0 || s.Sent != 0 {
			t.Errorf("Stats = %+v", s)
		}
	})
}

// Several letters at once are bounded, and each is sent once.
func TestWorkersAreBounded(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	compose := func(ctx context.Context, letter mail.Letter) (mail.Message, bool, error) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
		return echo(ctx, letter)
	}
	each(t, compose, func(t *testing.T, w *world) {
		var want []string
		for i := range 20 {
			letter := ada()
			letter.To = fmt.Sprintf("ada%02d@example.com", i)
			want = append(want, letter.To)
			if err := w.queue(letter); err != nil {
				t.Fatal(err)
			}
		}
		w.run()
		for deadline := time.Now().Add(30 * time.Second); w.outbox.Stats().Sent < 20; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("Stats = %+v", w.outbox.Stats())
			}
		}
		mails, err := w.mails()
		var got []string
		for _, m := range mails {
			got = append(got, strings.Trim(m.To, "<>"))
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the mailbox has %v, %v", got, err)
		}
	})
	if most > 2*QueueConfig().Workers { // of two engines
		t.Errorf("%d letters were composed at once", most)
	}
}

// Nobody edits a letter: it would be a way into any account.
func TestLettersAreNotEdited(t *testing.T) {
	each(t, echo, func(t *testing.T, w *world) {
		if err := w.queue(ada()); err != nil {
			t.Fatal(err)
		}
		d := w.until("waiting")
		err := w.jobs.Edit(t.Context(), d.ID, job.Edit{Args: []byte(strings.ReplaceAll(d.Args, "ada@", "eve@")), State: d.State, UpdatedAt: d.UpdatedAt})
		if errs.KindOf(err) != errs.Invalid || w.until("waiting").Args != d.Args {
			t.Errorf("Edit = %v", err)
		}
	})
}

func TestQueueRefuses(t *testing.T) {
	each(t, echo, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			name   string
			letter mail.Letter
			kind   errs.Kind
		}{
			{"address", mail.Letter{Kind: "verify", To: "ada@example.com\r\nBcc: eve@example.com"}, errs.Invalid},
			{"no address", mail.Letter{Kind: "verify"}, errs.Invalid},
			{"no kind", mail.Letter{To: "ada@example.com"}, errs.Internal},
			{"data", mail.Letter{Kind: "verify", To: "ada@example.com", Data: map[string]string{"a": strings.Repeat("x", maxData)}}, errs.Internal},
		} {
			if err := w.queue(tt.letter); errs.KindOf(err) != tt.kind {
				t.Errorf("%s: Queue = %v, want %s", tt.name, err, tt.kind)
			}
		}
		long := strings.Repeat("l", 64) + "@" + strings.Repeat("d", 63) + "." + strings.Repeat("ü", 40) + ".example"
		if err := w.queue(mail.Letter{Kind: "verify", To: long, Lang: strings.Repeat("界\x00\xff", 500)}); err != nil || len(w.found()) != 1 {
			t.Errorf("Queue = %v, and the jobs are %v", err, w.found())
		}
	})
}
