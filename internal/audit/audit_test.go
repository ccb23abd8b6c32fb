package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func TestAppendedEventsAreListedAsTheyWere(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 120_000_000, time.UTC)
	user := caller.User(caller.Identity{ID: "u1", Proof: caller.Proof{Kind: caller.ProofSession, ID: "s1"}})
	event := Event{
		Action: "key.created", At: at, Account: "a1", Target: "reader <é & \u2028>", Address: "192.0.2.1", Request: "R1",
		Detail: map[string]any{"scopes": []string{"reader"}, "days": 30, "big": int64(1) << 60, "password": "hunter2", "mfa": true},
	}.By(user)
	each(t, func(t *testing.T, a, _ *node) {
		a.append(t, event)
		page, err := a.log.List(t.Context(), Filter{}, "", 10)
		if err != nil || len(page.Entries) != 1 {
			t.Fatalf("List = %v, %v", page, err)
		}
		got := page.Entries[0]
		want := Entry{
			ID: 1, At: at, Action: "key.created", ActorKind: "user", ActorID: "u1", Session: "s1", Account: "a1",
			Target: "reader <é & \u2028>", Address: "192.0.2.1", Request: "R1", Hash: got.Hash,
			Detail: []byte(`{"big":"1152921504606846976","days":30,"mfa":true,"password":"REDACTED","scopes":["reader"]}`),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the entry (-want +got):\n%s", diff)
		}
		if r, err := a.verify(t, ""); err != nil || r.Rows != 1 || r.Head.Hash != got.Hash {
			t.Errorf("Verify = %v, %v", r, err)
		}
	})
}

func TestEmptyLogIsSound(t *testing.T) {
	each(t, func(t *testing.T, a, _ *node) {
		if r, err := a.verify(t, ""); err != nil || r.Rows != 0 || r.Head != newHead() {
			t.Errorf("Verify = %v, %v", r, err)
		}
		var out bytes.Buffer
		if n, err := a.log.Export(t.Context(), &out, Filter{}); n != 0 || err != nil || out.Len() > 0 {
			t.Errorf("Export = %d, %v, %q", n, err, &out)
		}
	})
}

// A transaction that is undone leaves no gap.
func TestAppendIsPartOfItsTransaction(t *testing.T) {
	each(t, func(t *testing.T, a, b *node) {
		a.append(t, some(2)...)
		failure := errors.New("no")
		err := b.rows.Transact(t.Context(), own(), func(tx *record.Tx) error {
			return errors.Join(b.log.Append(tx, some(1)[0]), failure)
		})
		if !errors.Is(err, failure) {
			t.Fatal(err)
		}
		b.append(t, some(1)...)
		if r, err := a.verify(t, ""); err != nil || r.Rows != 3 || r.Head.ID != 3 {
			t.Errorf("Verify = %v, %v", r, err)
		}
	})
}

func TestConcurrentAppendsFormOneChain(t *testing.T) {
	const writers, times = 32, 6 // more than the connections of both nodes
	each(t, func(t *testing.T, a, b *node) {
		var writing sync.WaitGroup
		for i := range writers {
			writing.Go(func() {
				n := []*node{a, b}[i%2]
				for range times {
					n.append(t, Event{Action: "sign_in.failed", Account: fmt.Sprint(i)})
				}
			})
		}
		done := make(chan struct{})
		go func() { writing.Wait(); close(done) }()
		for verifying := true; verifying; {
			select {
			case <-done:
				verifying = false
			default:
			}
			if _, err := b.verify(t, ""); err != nil {
				t.Errorf("Verify beside writers: %v", err)
			}
		}
		if r, err := a.verify(t, ""); err != nil || r.Rows != writers*times || r.Head.ID != writers*times {
			t.Errorf("Verify = %v, %v", r, err)
		}
	})
}

func TestListFiltersAndPages(t *testing.T) {
	each(t, func(t *testing.T, a, _ *node) {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i, event := range some(9) {
			event.At = start.Add(time.Duration(i) * time.Hour)
			if i == 4 {
				event.Action = "key.created"
			}
			a.append(t, event)
		}
		for _, tt := range []struct {
			filter Filter
			want   string
		}{
			{Filter{}, "9 8 7 6 5 4 3 2 1"},
			{Filter{Action: "key.created"}, "5"},
			{Filter{Actor: "u1"}, "8 5 2"},
			{Filter{Account: "a0"}, "1"},
			{Filter{Since: start.Add(3 * time.Hour), Until: start.Add(5 * time.Hour)}, "5 4"},
			{Filter{Actor: "u1", Since: start.Add(3 * time.Hour)}, "8 5"},
			{Filter{Action: "nothing.known"}, ""},
		} {
			var ids []string
			for cursor, pages := "", 0; pages < 20; pages++ {
				page, err := a.log.List(t.Context(), tt.filter, cursor, 2)
				if err != nil {
					t.Fatal(err)
				}
				for _, entry := range page.Entries {
					ids = append(ids, fmt.Sprint(entry.ID))
				}
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("List(%+v) = %s, want %s", tt.filter, got, tt.want)
			}
		}
		if _, err := a.log.List(t.Context(), Filter{}, "forged", 2); errs.KindOf(err) != errs.Malformed {
			t.Errorf("a forged cursor: %v", err)
		}
	})
}

// The documented way to verify an export needs no Ashlar: this is the script of docs/operations.md.
const outsider = `
import hashlib, json, sys
prev = None
for line in sys.stdin:
    row = json.loads(line)
    claimed = row.pop("hash")
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == claimed, row["id"]
    assert prev is None or row.get("prev") == prev, row["id"]
    prev = claimed
print(prev)
`

func TestExportIsVerifiableByOthers(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	each(t, func(t *testing.T, a, _ *node) {
		a.append(t, some(walkPage+10)...)
		a.append(t, Event{Action: "sign_in.failed", Target: "<a&b> \u2028 é \t \"q\" \\ \x7f 漢", Detail: map[string]any{"b": 1, "a": []any{true, nil, "x"}}})
		var out bytes.Buffer
		n, err := a.log.Export(t.Context(), &out, Filter{})
		if err != nil || n != walkPage+11 || strings.Count(out.String(), "\n") != int(n) {
			t.Fatalf("Export = %d, %v", n, err)
		}
		run := exec.Command(python, "-c", outsider)
		run.Stdin = &out
		said, err := run.CombinedOutput()
		head, _ := a.log.head(t.Context())
		if err != nil || strings.TrimSpace(string(said)) != head.Hash {
			t.Errorf("the outsider's script says %s, %v; the head is %v", said, err, head)
		}
	})
}

func TestTrimKeepsTheChainVerifiable(t *testing.T) {
	each(t, func(t *testing.T, a, b *node) {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i, event := range some(10) {
			event.At = start.Add(time.Duration(i) * time.Hour)
			a.append(t, event)
		}
		before, err := a.verify(t, "")
		if err != nil {
			t.Fatal(err)
		}
		n, err := b.log.Trim(t.Context(), start.Add(4*time.Hour))
		if err != nil || n != 4 {
			t.Fatalf("Trim = %d, %v", n, err)
		}
		r, err := a.verify(t, before.Head.Hash)
		if err != nil || r.Rows != 7 || r.Head.First != 5 {
			t.Errorf("Verify after Trim = %+v, %v", r, err)
		}
		if n, err := a.log.Trim(t.Context(), start); n != 0 || err != nil {
			t.Errorf("a Trim of nothing = %d, %v", n, err)
		}
		if n, err := a.log.Trim(t.Context(), time.Now().Add(time.Hour)); n != 7 || err != nil {
			t.Errorf("a Trim of everything = %d, %v", n, err)
		}
		if r, err := a.verify(t, ""); err != nil || r.Rows != 1 || r.Head.First != 12 {
			t.Errorf("Verify after a Trim of everything = %+v, %v", r, err)
		}
		if _, err := a.verify(t, before.Head.Hash); err == nil {
			t.Error("a head that was trimmed away is still found")
		}
		a.append(t, some(1)...)
		if r, err := a.verify(t, ""); err != nil || r.Rows != 2 {
			t.Errorf("Verify = %+v, %v", r, err)
		}
	})
}

func TestRefusedEvents(t *testing.T) {
	for _, action := range []string{"", "ended", "Session.ended", "session.", "session ended", strings.Repeat("a", 100) + ".b"} {
		if _, err := (Event{Action: action}).entry(time.Now()); err == nil {
			t.Errorf("the action %q was accepted", action)
		}
	}
	if _, err := (Event{Action: "a.b", Detail: map[string]any{"f": func() {}}}).entry(time.Now()); err == nil {
		t.Error("a function was accepted as a detail")
	}
}

// Whatever a client sends can be stored on every engine.
func TestHostileTextsAreStored(t *testing.T) {
	hostile := "\x00\xff\xc3" + strings.Repeat("界", 5000)
	event := Event{
		Action: "sign_in.failed", ActorKind: hostile, ActorID: hostile, Account: hostile, Target: hostile, Address: hostile,
		Session: hostile, Key: hostile, Request: hostile, Detail: map[string]any{hostile: hostile},
	}
	each(t, func(t *testing.T, a, _ *node) {
		a.append(t, event, Event{Action: "sign_in.failed", Detail: map[string]any{"list": strings.Split(strings.Repeat("x,", 9000), ",")}})
		if r, err := a.verify(t, ""); err != nil || r.Rows != 2 {
			t.Errorf("Verify = %v, %v", r, err)
		}
	})
}

func FuzzEntryHashSurvivesItsJSON(f *testing.F) {
	f.Add("session.ended", "x", `{"a":1}`)
	f.Add("a.b", "\u2028<&>\x00\xff", `{"a":[1.5,1e400,null,{"b":"c"}]}`)
	f.Fuzz(func(t *testing.T, action, text, detail string) {
		var facts map[string]any
		_ = json.Unmarshal([]byte(detail), &facts)
		entry, err := Event{Action: action, Target: text, Account: text, Detail: facts}.entry(time.Now())
		if err != nil {
			return
		}
		if entry.Hash, err = entry.computeHash(); err != nil {
			t.Fatal(err)
		}
		line, err := entry.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := value.DecodeObject(line); err != nil {
			t.Fatalf("the entry is no strict JSON: %v\n%s", err, line)
		}
		var again Entry
		if err := json.Unmarshal(line, &again); err != nil {
			t.Fatal(err)
		}
		if hash, err := again.computeHash(); err != nil || hash != entry.Hash {
			t.Errorf("the hash of the stored entry is %s, %v; it was %s\n%s", hash, err, entry.Hash, line)
		}
	})
}
