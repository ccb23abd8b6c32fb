package record

import (
	"context"
	"maps"
	"testing"

	"cel.dev/cel-go/common/types"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A write does what the oracle says of its rules. The rules are about the old row, the new row and the other rows before
// the write, and about the references that it sets. After each write, the rows are equal to the oracle's.
func TestWritesObeyTheRules(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	tally, decided := map[errs.Kind]int{}, 0
	for i := range worlds {
		world := storeData(t, oracle.NewWithWrites(t, random(i)).Fill(5))
		for range queries {
			table := world.Model.Tables[1+world.IntN(len(world.Model.Tables)-1)]
			var kind errs.Kind
			switch world.IntN(5) {
			case 0:
				kind = world.deletes(t, table)
			case 1:
				kind = world.creates(t, table)
			default:
				kind = world.updates(t, table)
			}
			tally[kind]++
			decided += world.alone
			world.alone = 0
		}
		world.sameRows(t)
		world.db.Close()
	}
	t.Logf("writes by their outcome: %v; %d were decided by leaving out the row itself", tally, decided)
	if effort.Raced {
		return // its few cases may miss some of these
	}
	if decided == 0 {
		t.Error("no rule would have found its own row: it proves little")
	}
	for _, kind := range []errs.Kind{"", errs.Forbidden, errs.NotFound, errs.Invalid, errs.Conflict} {
		if tally[kind] == 0 {
			t.Errorf("no write came to %q: it proves little", kind)
		}
	}
}

// expect compares the outcome of a write with the oracle's. A refusal of every row comes first.
// kindOf is errs.KindOf, but it takes a challenge to prove more for the denial that it is. TestStepUpForARow tests challenges.
func kindOf(err error) errs.Kind {
	if challenge(err) != nil {
		return errs.Forbidden
	}
	return errs.KindOf(err)
}

func (s *stored) expect(t *testing.T, what string, table *model.Table, op Op, err error, want errs.Kind) errs.Kind {
	t.Helper()
	got := kindOf(err)
	if always := kindOf(s.rows.Allow(s.Caller, table, op)); always != "" {
		if want == "" {
			t.Fatalf("%s %s is refused whatever the row, but the oracle lets it: %v\n%s", what, table.Name, err, s.Source)
		}
		want = always
	}
	if got != want {
		t.Fatalf("%s %s: %v, want %q\n%s", what, table.Name, err, want, s.Source)
	}
	return got
}

func (s *stored) denied() errs.Kind {
	if s.Caller.IsAnonymous() {
		return errs.Unauthenticated
	}
	return errs.Forbidden
}

// allows asks an access rule about the old row or the new one. after has all rows with the new row.
func (s *stored) allows(after *oracle.Data, rule oracle.Expr, table *model.Table, rec, old oracle.Record) bool {
	allowed := s.AskWrite(rule.CEL, table, rec, old) == oracle.True
	if allowed != (after.Ask(rule.CEL, table, rec, old, false) == oracle.True) {
		s.alone++
	}
	return allowed
}

// some returns the id of a row that may exist.
func (s *stored) some(table *model.Table) oracle.Record {
	if rows := s.Seen(table); len(rows) > 0 && s.IntN(4) > 0 {
		return rows[s.IntN(len(rows))]
	}
	id := oracle.ID(table, s.IntN(oracle.MaxRows))
	if rec := s.Find(table, id); rec != nil {
		return rec
	}
	return oracle.Record{"id": id}
}

// reach returns the refusal that comes before any rule of writing, or "".
func (s *stored) reach(table *model.Table, rec oracle.Record) errs.Kind {
	if found := s.Find(table, rec["id"]); found == nil || !s.Visible(table, found, true) {
		return errs.NotFound
	}
	return ""
}

func (s *stored) deletes(t *testing.T, table *model.Table) errs.Kind {
	t.Helper()
	rec := s.some(table)
	want := s.reach(table, rec)
	switch {
	case want != "":
	case !s.allows(s.Data, s.Writes[table.Name].Delete, table, rec, nil):
		want = s.denied()
	case s.ReferredByOthers(table, rec):
		want = errs.Conflict
	}
	err := s.rows.Delete(context.Background(), s.Caller, table, idOf(table, rec["id"]), nil)
	if got := s.expect(t, "delete", table, Delete, err, want); got != "" {
		return got
	}
	s.Remove(table, rec)
	return ""
}

func (s *stored) creates(t *testing.T, table *model.Table) errs.Kind {
	t.Helper()
	after := s.Clone()
	rec := after.Add(table)
	if rec == nil {
		return "full"
	}
	rec["created_at"], rec["updated_at"] = types.Timestamp{Time: s.Now}, types.Timestamp{Time: s.Now}
	var members []value.Member
	for _, field := range table.Fields {
		if !field.System || field == table.ID() {
			members = append(members, value.Member{Name: field.Name, Raw: oracle.AppendJSON(nil, field, rec[field.Name])})
		}
	}
	after.Put(table, rec)
	rules := s.Writes[table.Name]
	want := s.judged(after, table, rec, nil, rules.Create, members)
	written, err := s.rows.Create(context.Background(), s.Caller, table, members)
	return s.settle(t, "create", table, Create, after, rec, written, err, want)
}

func (s *stored) updates(t *testing.T, table *model.Table) errs.Kind {
	t.Helper()
	old := s.some(table)
	rec := maps.Clone(old)
	rec["updated_at"] = types.Timestamp{Time: s.Now}
	var members []value.Member
	for _, i := range s.Perm(len(table.Fields) - 1)[:1+s.IntN(3)] {
		if field := table.Fields[1+i]; !field.System && field.Type != model.JSON { // a patch of json is merged
			rec[field.Name] = s.Random(field)
			members = append(members, value.Member{Name: field.Name, Raw: oracle.AppendJSON(nil, field, rec[field.Name])})
		}
	}
	want := s.reach(table, old)
	after := s.Clone()
	if want == "" {
		after.Put(table, rec)
		if s.allows(s.Data, s.Writes[table.Name].From, table, old, nil) {
			want = s.judged(after, table, rec, old, s.Writes[table.Name].To, members)
		} else {
			want = s.denied()
		}
	}
	written, err := s.rows.Update(context.Background(), s.Caller, table, idOf(table, old["id"]), members, nil)
	return s.settle(t, "update", table, Update, after, rec, written, err, want)
}

// judged returns the rules' verdict on the new row. Access rules see the rows before the write, checks see them after it.
// "hidden" stands for a reference to a hidden row: a refusal of a kind that depends on the other rules.
func (s *stored) judged(after *oracle.Data, table *model.Table, rec, old oracle.Record, rule oracle.Expr, members []value.Member) errs.Kind {
	for _, m := range members {
		field := table.Field(m.Name)
		changes := field.Ref != nil && rec[field.Name].Type() != types.NullType && (old == nil || !oracle.Same(rec[field.Name], s.Value(field, old, true)))
		itself := old == nil && field.Ref == table && oracle.Same(rec[field.Name], rec["id"])
		if !changes || itself {
			continue
		}
		if to := s.Find(field.Ref, rec[field.Name]); to == nil || !s.Visible(field.Ref, to, true) {
			return "hidden"
		}
	}
	switch {
	case !s.allows(after, rule, table, rec, old):
		return s.denied()
	case after.Ask(s.Writes[table.Name].Check.CEL, table, rec, old, false) != oracle.True:
		return errs.Invalid
	}
	return ""
}

func (s *stored) settle(t *testing.T, what string, table *model.Table, op Op, after *oracle.Data, rec oracle.Record, written Row, err error, want errs.Kind) errs.Kind {
	t.Helper()
	if want == "hidden" {
		want = kindOf(err)
		if want != errs.Conflict && want != errs.Invalid && want != s.denied() {
			t.Fatalf("%s %s with a hidden reference: %v\n%s", what, table.Name, err, s.Source)
		}
	}
	if got := s.expect(t, what, table, op, err, want); got != "" {
		return got
	}
	s.Data = after
	shown := ""
	if s.Visible(table, rec, true) {
		query := &posed{table: table}
		shown = string(query.appendRow(nil, s.Data, table, &viewNode{all: true}, rec, ""))
	}
	if string(written.JSON) != shown {
		t.Fatalf("%s %s answers %s, want %s\n%s", what, table.Name, written.JSON, shown, s.Source)
	}
	return ""
}

// sameRows compares every row with the oracle's, in the eyes of the system.
func (s *stored) sameRows(t *testing.T) {
	t.Helper()
	for _, table := range s.Model.Tables {
		for i := range oracle.MaxRows {
			id := oracle.ID(table, i)
			row, err := s.rows.Get(context.Background(), system, table, idOf(table, id), Selection{}, nil)
			rec := s.Find(table, id)
			if rec == nil {
				if errs.KindOf(err) != errs.NotFound {
					t.Fatalf("%s %v should not be there: %s %v", table.Name, id, row.JSON, err)
				}
				continue
			}
			want := []byte{'{'}
			for i, field := range table.Fields {
				if i > 0 {
					want = append(want, ',')
				}
				want = append(append(append(want, '"'), field.Name...), `":`...)
				want = oracle.AppendJSON(want, field, rec[field.Name])
			}
			if want = append(want, '}'); string(row.JSON) != string(want) {
				t.Fatalf("%s is %s %v, want %s", table.Name, row.JSON, err, want)
			}
		}
	}
}
