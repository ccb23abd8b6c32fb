package record

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// scripting is a store that counts scripts and runs none.
type scripting struct {
	store.DB
	scripts int
}

func (s *scripting) Script(context.Context, func(int64) (*store.Script, error)) (bool, error) {
	s.scripts++
	return false, nil
}

// A caller with many refusals writes by functions for a while. Others still write by scripts.
func TestRefusedCallersWriteApart(t *testing.T) {
	db := withUsers(t)
	engine := &scripting{DB: db.store}
	db.store = engine
	no, fault := errs.New(errs.Forbidden, "no"), errors.New("a fault of ours")
	asScript := func(who caller.Caller, answer error) bool {
		t.Helper()
		before := engine.scripts
		r := db.request(who)
		defer r.end()
		if err := r.write(context.Background(), nil, func(store.Tx) error { return answer }); !errors.Is(err, answer) {
			t.Errorf("write() = %v, want %v", err, answer)
		}
		return engine.scripts > before
	}
	for i := range manyRefusals {
		if !asScript(ann, no) || !asScript(bob, fault) || !asScript(caller.Caller{}, nil) {
			t.Fatalf("after %d refusals a write is no script", i)
		}
	}
	if asScript(ann, nil) {
		t.Errorf("after %d refusals a write is a script", manyRefusals)
	}
	if !asScript(bob, nil) || !asScript(caller.Caller{}, nil) {
		t.Error("the writes of others are no scripts either")
	}
	for range manyRefusals {
		asScript(caller.Caller{}.From("192.0.2.1:4000"), no)
	}
	if asScript(caller.Caller{}.From("192.0.2.1:5000"), nil) || !asScript(caller.Caller{}.From("192.0.2.2:4000"), nil) {
		t.Error("anonymous callers are not told apart by their address")
	}
	if db.refusals.often(ann, time.Now().Add(refusalsTime)) {
		t.Error("refusals are never forgotten")
	}
	session := func(id string) caller.Caller {
		return caller.User(caller.Identity{ID: "carla", Proof: caller.Proof{Kind: caller.ProofSession, ID: id}})
	}
	for i := range manyRefusals {
		if !asScript(session("ended"), errEnded) {
			t.Fatalf("after %d refusals of its guard a write is no script", i)
		}
	}
	if asScript(session("ended"), nil) {
		t.Errorf("after %d refusals of its guard a write is a script", manyRefusals)
	}
	if !asScript(session("goes on"), nil) {
		t.Error("an ended session slows down another one of its user")
	}
	for i := range maxRefused + 1 {
		db.refusals.note(refusalKey{proof: string(rune('a' + i))}, time.Now())
	}
	if n := db.refusals.known.Len(); n > maxRefused {
		t.Errorf("%d callers are remembered, want at most %d", n, maxRefused)
	}
}
