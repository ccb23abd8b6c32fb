package record

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// A caller cannot find out a hidden reference by writing it. Its stored value is checked like any other.
func TestMaskedReferenceIsNotToldByGuessing(t *testing.T) {
	onEngines(t, `
ashlar: 1
name: tickets
tables:
  people:
    key: text
    fields: {seen: {type: bool}}
    access: {read: seen}
  tickets:
    key: int
    fields:
      reporter: {ref: people, reverse: reported, read: auth.kind == 'system'}
      open:     {ref: people, reverse: opened}
      n:        {type: int, default: 0}
    access: {read: true, update: true}
`, func(t *testing.T, db *DB) {
		runWrites(t, db, []write{
			{system, Create, "people", `{"id":"rita","seen":false}`, "ok"},
			{system, Create, "people", `{"id":"sam","seen":false}`, "ok"},
			{system, Create, "people", `{"id":"tom","seen":true}`, "ok"},
			{system, Create, "tickets", `{"id":1,"reporter_id":"rita","open_id":"rita"}`, "ok"},
			{ann, Update, "tickets/1", `{"open_id":"rita","n":1}`, "ok"}, // she reads it, and changes nothing
			{ann, Update, "tickets/1", `{"open_id":"sam"}`, "conflict"},
		})
		for _, body := range []string{`{"reporter_id":"%s"}`, `{"reporter_id":"%s","n":2}`, `{"id":1,"reporter_id":"%s"}`, `{"open_id":"rita","reporter_id":"%s"}`} {
			right := runWrite(t, db, write{who: ann, op: Update, path: "tickets/1", body: fmt.Sprintf(body, "rita")})
			wrong := runWrite(t, db, write{who: ann, op: Update, path: "tickets/1", body: fmt.Sprintf(body, "sam")})
			none := runWrite(t, db, write{who: ann, op: Update, path: "tickets/1", body: fmt.Sprintf(body, "nobody")})
			if right != wrong || wrong != none || !strings.HasPrefix(right, "conflict") {
				t.Errorf(body+":\n right guess: %s\n wrong guess: %s\n no such row: %s", "…", right, wrong, none)
			}
		}
		runWrites(t, db, []write{{ann, Update, "tickets/1", `{"reporter_id":"tom"}`, "ok"}})
	})
}

const sheets = `
ashlar: 1
name: sheets
roles: [editor]
tables:
  teams:
    key: text
    fields: {name: {type: text, max: 80}}
    access: {read: true}
  sheets:
    key: int
    fields:
      owner:  {type: text, max: 80, default: auth.id, immutable: true}
      team:   {ref: teams, reverse: sheets, optional: true, immutable: true}
      n:      {type: int, default: 0}
      stars:  {type: int, default: 0, write: "'editor' in auth.roles"}
      price:  {type: decimal, precision: 9, scale: 2, optional: true, write: "'editor' in auth.roles"}
      meta:   {type: json, optional: true, write: "'editor' in auth.roles"}
      since:  {type: json, optional: true, immutable: true}
      early:  {type: int, default: 0, write: n < 10}
      masked: {type: int, default: 7, write: "'editor' in auth.roles", read: "'editor' in auth.roles"}
      fixed:  {type: int, default: 7, immutable: true, read: "'editor' in auth.roles"}
      secret: {type: int, default: 7, immutable: true, secret: true}
    access: {read: true, create: owner == auth.id, update: owner == auth.id}
`

// sentSheet is the sheet 1, as its owner reads it and sends it back.
type sentSheet struct {
	t  *testing.T
	db *DB
}

// newSheet makes the sheet and the teams that it may refer to.
func newSheet(t *testing.T, db *DB) *sentSheet {
	t.Helper()
	a, _ := ann.ID()
	runWrites(t, db, []write{
		{system, Create, "teams", `{"id":"red","name":"Red"}`, "ok"},
		{system, Create, "teams", `{"id":"blue","name":"Blue"}`, "ok"},
		{system, Create, "sheets", `{"id":1,"owner":"` + a + `","team_id":"red","stars":3,"price":"1.50","meta":{"b":1,"a":[1,null]},"since":{"y":2,"z":null}}`, "ok"},
	})
	return &sentSheet{t, db}
}

// row returns the whole row as ann reads it.
func (s *sentSheet) row() string {
	s.t.Helper()
	const fields = "id,owner,team_id,n,stars,price,meta,since,early,created_at,updated_at"
	r, err := s.db.Get(context.Background(), ann, s.db.rules.Model.Table("sheets"), value.OfInt(1), Selection{Fields: fields}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(r.JSON)
}

// with returns the row with one text in place of another, without updated_at.
func (s *sentSheet) with(old, new string) string {
	s.t.Helper()
	if !strings.Contains(s.row(), old) {
		s.t.Fatalf("%s holds no %s", s.row(), old)
	}
	changed, _, _ := strings.Cut(strings.Replace(s.row(), old, new, 1), `,"updated_at"`)
	return changed + "}"
}

const deniedFault = "forbidden the access rules do not allow this "

// A client may send a row back as it read it. Unchanged members are allowed, even fixed ones.
func TestRowIsSentBack(t *testing.T) {
	onEngines(t, sheets, func(t *testing.T, db *DB) {
		sheet := newSheet(t, db)
		runWrites(t, db, []write{{ann, Update, "sheets/1", sheet.row(), "ok"}})
		changed := sheet.with(`"n":0`, `"n":1`)
		runWrites(t, db, []write{{ann, Update, "sheets/1", changed, "ok"}})
		if got := sheet.with(`"n":1`, `"n":1`); got != changed {
			t.Errorf("the row is %s\n     want %s", got, changed)
		}
		a, _ := ann.ID()
		runWrites(t, db, []write{
			{ann, Update, "sheets/1", `{"stars":3,"n":2}`, "ok"},
			{ann, Update, "sheets/1", `{"stars":4,"n":2}`, deniedFault + "[{/stars write"},
			{ann, Update, "sheets/1", `{"stars":4,"price":"1.5","meta":{"c":1}}`, deniedFault + "[{/stars write the write rule of this field does not allow it} {/meta write"},
			{ann, Update, "sheets/1", `{"price":"1.5"}`, "ok"},
			{ann, Update, "sheets/1", sheet.with(`"owner":"`+a, `"owner":"x`+a), "invalid the body has 1 fault [{/owner immutable"},
			{ann, Update, "sheets/1", sheet.with(`"id":1`, `"id":2`), "invalid the body has 1 fault [{/id immutable"},
			{ann, Update, "sheets/1", sheet.with(`"id":1`, `"id":"1"`), "invalid the body has 1 fault [{/id immutable"},
			{ann, Update, "sheets/1", sheet.with(`"team_id":"red"`, `"team_id":"blue"`), "invalid the body has 1 fault [{/team_id immutable"},
			{ann, Update, "sheets/1", sheet.with(`"team_id":"red"`, `"team_id":null`), "invalid the body has 1 fault [{/team_id immutable"},
			{ann, Update, "sheets/1", sheet.with(`"y":2`, `"y":3`), "invalid the body has 1 fault [{/since immutable"},
			{ann, Update, "sheets/1", `{"created_at":"2020-01-01T00:00:00Z","updated_at":null,"owner":5}`, "invalid the body has 2 faults [{/updated_at read_only the server sets it: leave it out, or send what the row has} {/owner immutable"},
			{ann, Update, "sheets/1", `{"created_at":"2020-01-01T00:00:00Z","updated_at":"2020-01-01T00:00:00Z","owner":"x"}`, "invalid the body has 3 faults"},
			{bob, Update, "sheets/1", sheet.row(), deniedFault + "[]"},
			{ann, Update, "sheets/9", sheet.row(), "invalid the body has 1 fault [{/id immutable"},
			{ann, Update, "sheets/9", `{"owner":"x"}`, "not_found"},
			{ann, Update, "sheets/1", sheet.with(`{`, `{"team":{"id":"red"},`), "invalid the body has 1 fault [{/team unknown leave it out: to refer to a row, give its id as team_id}]"},
			{ann, Create, "sheets", `{"created_at":"2020-01-01T00:00:00Z"}`, "invalid the body has 1 fault [{/created_at read_only"},
			{ann, Create, "sheets", `{"stars":1}`, deniedFault + "[{/stars write"},
			{nobody, Update, "sheets/1", `{"n":1}`, "unauthenticated"},
		})
	})
}

// An unchanged field has no rule to pass, not even for the new row.
func TestUnchangedFieldPassesNoRule(t *testing.T) {
	onEngines(t, sheets, func(t *testing.T, db *DB) {
		newSheet(t, db)
		runWrites(t, db, []write{
			{ann, Update, "sheets/1", `{"early":0,"n":10}`, "ok"},
			{ann, Update, "sheets/1", `{"early":0,"n":11}`, "ok"},
			{ann, Update, "sheets/1", `{"early":1,"n":1}`, deniedFault + "[{/early write"},
			{ann, Update, "sheets/1", `{"n":1}`, "ok"},
			{ann, Update, "sheets/1", `{"early":1,"n":10}`, deniedFault + "[{/early write"},
			{ann, Update, "sheets/1", `{"early":1,"n":9}`, "ok"},
		})
	})
}

// A hidden value is refused, guessed right or not.
func TestHiddenValueIsSentBack(t *testing.T) {
	onEngines(t, sheets, func(t *testing.T, db *DB) {
		newSheet(t, db)
		for _, f := range []string{"masked", "fixed", "secret"} {
			right := runWrite(t, db, write{who: ann, op: Update, path: "sheets/1", body: `{"` + f + `":7}`})
			wrong := runWrite(t, db, write{who: ann, op: Update, path: "sheets/1", body: `{"` + f + `":8}`})
			if right != wrong || strings.HasPrefix(right, "{") {
				t.Errorf("%s: %s where it is guessed, else %s", f, right, wrong)
			}
		}
		runWrites(t, db, []write{
			{system, Update, "sheets/1", `{"fixed":7,"id":1}`, "ok"},
			{system, Update, "sheets/1", `{"secret":7}`, "invalid"},
		})
	})
}

// A user sends back the email of its own account. Nobody else finds it out that way.
func TestEmailIsSentBack(t *testing.T) {
	onEngines(t, `
ashlar: 1
name: accounts
tables:
  users:
    access: {read: true, update: true}
`, func(t *testing.T, db *DB) {
		a, _ := ann.ID()
		own := `{"id":"` + a + `","email":"ann@example.com","name":"Ann"}`
		runWrites(t, db, []write{
			{system, Create, "users", own, "ok"},
			{ann, Update, "users/" + a, own, "ok"},
			{ann, Update, "users/" + a, `{"email":"bob@example.com"}`, "invalid the body has 1 fault [{/email read_only"},
			{bob, Update, "users/" + a, `{"id":"` + a + `","name":"Anne"}`, "ok"},
			{system, Update, "users/" + a, `{"email":"ann@example.com"}`, "ok"},
		})
		right := runWrite(t, db, write{who: bob, op: Update, path: "users/" + a, body: own})
		wrong := runWrite(t, db, write{who: bob, op: Update, path: "users/" + a, body: `{"email":"bob@example.com"}`})
		if right != wrong || !strings.HasPrefix(right, "invalid the body has 1 fault [{/email read_only") {
			t.Errorf("the email is told: %s where it is guessed, else %s", right, wrong)
		}
	})
}
