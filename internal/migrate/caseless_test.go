package migrate_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	addressIndex = `CREATE UNIQUE INDEX "u_users__email" ON "users" ("email")`
	noAddress    = `DROP INDEX "l_users__email"`
)

// former makes of a database one of a server for which the case of an address counted.
func former(t *testing.T, db store.DB, rules *rule.Rules) {
	t.Helper()
	storetest.Exec(t, db, noAddress, addressIndex)
	text := string(snapshot.Encode(rules.Model))
	text = strings.Replace(strings.Replace(text, `"ashlar":2`, `"ashlar":1`, 1), `,"caseless":true`, "", 1)
	if strings.Contains(text, "caseless") || !strings.Contains(text, `"ashlar":1`) {
		t.Fatalf("the stored model is not a former one: %s", text)
	}
	err := db.Write(context.Background(), func(tx store.Tx) error {
		if _, err := tx.Exec(`UPDATE "ashlar_migrations" SET "model" = $1`, []value.Value{value.OfText(text)}); err != nil {
			return err
		}
		return system.Set(tx, system.ModelKey, text, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A database of a server for which the case of an address counted comes to the index in which it does not. Where two
// users have the same address but for case, nothing is done, and both are named.
func TestAddressesThatDifferInCase(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db, rules := eng.Empty(t), load(t, "  posts: {key: int}\n")
		users := rules.Model.Table("users")
		mustApply(t, db, rules, migrate.Options{})
		former(t, db, rules)
		const one, two, three = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002", "00000000-0000-7000-8000-000000000003"
		insert(t, db, users, `{"id": "`+one+`", "email": "ada@x.example"}`)
		insert(t, db, users, `{"id": "`+two+`", "email": "ADA@x.example"}`)
		insert(t, db, users, `{"id": "`+three+`", "email": "ÄDA@x.example"}`)
		insert(t, db, users, `{"id": "00000000-0000-7000-8000-000000000004"}`)
		was := rows(t, db, users)
		_, err := migrate.Apply(context.Background(), db, rules, migrate.Options{})
		for _, want := range []string{"2 rows", one, two, "the same email but for upper and lower case"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("Apply = %v, want %q", err, want)
			}
		}
		if strings.Contains(err.Error(), three) || rows(t, db, users) != was {
			t.Errorf("Apply = %v\nrows\n%s\nwere\n%s", err, rows(t, db, users), was)
		}
		if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify of the former model = %q, %v", drift, err)
		}

		storetest.Exec(t, db, `UPDATE "users" SET "email" = 'ada2@x.example' WHERE "id" = '`+two+`'`)
		plan, err := migrate.NewPlan(context.Background(), db, rules, migrate.Options{})
		if err != nil || !plan.Safe() {
			t.Fatalf("the plan is %v, %v, want a safe one", plan, err)
		}
		result := mustApply(t, db, rules, migrate.Options{}) // as a start of the server does
		if want := "unique changed: users.email: was case counts, is without regard to case"; len(result.Applied) != 1 || result.Applied[0] != want {
			t.Errorf("Applied = %q, want %q", result.Applied, want)
		}
		if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify = %q, %v", drift, err)
		}
		if err := tryInsert(db, users, `{"id": "00000000-0000-7000-8000-000000000005", "email": "Ada@X.example"}`); err == nil {
			t.Error("an address that differs in case was taken")
		}
		insert(t, db, users, `{"id": "00000000-0000-7000-8000-000000000006", "email": "äda@x.example"}`) // not of A to Z

		storetest.Exec(t, db, noAddress)
		if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) != 1 || !strings.Contains(drift[0], "l_users__email") {
			t.Errorf("Verify without the index = %q, %v", drift, err)
		}
		storetest.Exec(t, db, sqlgen.Indexes(users)[0].Create())
		if _, err := migrate.Undo(context.Background(), db, anything); err != nil {
			t.Fatalf("Undo: %v", err)
		}
		if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify after Undo = %q, %v", drift, err)
		}
		insert(t, db, users, `{"id": "00000000-0000-7000-8000-000000000007", "email": "ADA@x.example"}`) // case counts again
	})
}

// The table users is renamed away, and another takes its name: each gets its index.
func TestUsersRenamed(t *testing.T) {
	before := "  people: {fields: {email: {type: text, optional: true, unique: true}}}\n"
	after := "  users: {was: people}\n  people: {was: users, fields: {email: {type: text, optional: true, unique: true}, name: {type: text, optional: true}}}\n"
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, load(t, before), migrate.Options{})
		insert(t, db, load(t, before).Model.Table("people"), `{"id": "00000000-0000-7000-8000-000000000001", "email": "a@x.example"}`)
		insert(t, db, load(t, before).Model.Table("people"), `{"id": "00000000-0000-7000-8000-000000000002", "email": "A@x.example"}`)
		insert(t, db, load(t, before).Model.Table("users"), `{"id": "00000000-0000-7000-8000-000000000003", "email": "b@x.example"}`)
		refusedAs(t, eng, db, before, after, anything, "2 rows", "the same email but for upper and lower case")
		storetest.Exec(t, db, `DELETE FROM "people" WHERE "email" = 'A@x.example'`)
		mustApply(t, db, load(t, after), anything)
		if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify = %q, %v", drift, err)
		}
		now := load(t, after).Model
		if err := tryInsert(db, now.Table("users"), `{"id": "00000000-0000-7000-8000-000000000009", "email": "A@x.example"}`); err == nil {
			t.Error("an address of users that differs in case was taken")
		}
		insert(t, db, now.Table("people"), `{"id": "00000000-0000-7000-8000-000000000009", "email": "B@x.example"}`)
	})
}

// A row of an index may be as long as the model lets it: in texts of four-byte characters that do not compress, both
// engines take it.
func TestWidestIndexRows(t *testing.T) {
	const tables = `  numbers:
    key: int
    fields:
      a: {type: text, max: 600, index: true}
      b: {type: text, max: 64}
      c: {type: text, max: 368, unique: true}
      d: {type: text, max: 300}
      e: {type: timestamp}
      f: {type: decimal, precision: 18, scale: 9}
      g: {type: enum, values: [short, 𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀]}
      h: {type: text}
      i: {type: text}
      j: {type: text, optional: true}
      none: {type: text, optional: true, index: true}
    unique: [[c, d]]
    indexes: [[a, b], [e, f, g, h, i, j]]
  names:
    key: text
    fields:
      a: {type: text, max: 600}
      n: {ref: names, optional: true, reverse: back}
      m: {ref: names, optional: true}
      t: {type: text, index: true}
    unique: [[n, m, t]]
    indexes: [[a], [n, m]]
`
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db, rules := eng.Empty(t), load(t, tables)
		mustApply(t, db, rules, migrate.Options{})
		r := rand.New(rand.NewPCG(1, 2))
		wide := func(n int64) string {
			text := make([]rune, n)
			for i := range text {
				text[i] = rune(0x10000 + r.IntN(0x10000))
			}
			return string(text)
		}
		for _, t2 := range []string{"numbers", "names"} {
			table := rules.Model.Table(t2)
			id := value.OfInt(1)
			if table.Key == model.Text {
				id = value.OfText(wide(*table.ID().Max))
			}
			err := db.Write(context.Background(), func(tx store.Tx) error {
				var columns, places []string
				var args []value.Value
				add := func(name string, v value.Value) {
					columns, args = append(columns, sqlgen.Quote(name)), append(args, v)
					places = append(places, "$"+strconv.Itoa(len(args)))
				}
				for _, field := range table.Fields {
					switch {
					case field.Name == "id" || field.Ref != nil:
						add(field.Name, id)
					case field.Name == "none":
						add(field.Name, value.Value{})
					case field.Type == model.Text:
						if field.Max == nil {
							t.Fatalf("%s.%s has no max", t2, field.Name)
						}
						add(field.Name, value.OfText(wide(*field.Max)))
					case field.Type == model.Enum:
						add(field.Name, value.OfText(field.Values[1].Name))
					case field.Type == model.Decimal:
						add(field.Name, value.OfDecimal(999999999999999999, 9))
					default:
						add(field.Name, value.OfTimestamp(1))
					}
				}
				add(sqlgen.Revision, value.OfInt(1))
				sql := "INSERT INTO " + sqlgen.Quote(t2) + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
				_, err := tx.Exec(sql, args)
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", t2, err)
			}
		}
	})
}

// Rows that are there keep an index from being made of texts that are too long together.
func TestTextsTooLongTogetherAreNotIndexed(t *testing.T) {
	before := "  posts:\n    key: text\n    fields:\n      a: {type: text, max: 300}\n      b: {type: text, optional: true}\n"
	after := before + "    unique: [[a, b]]\n"
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db, posts := eng.Empty(t), load(t, before).Model.Table("posts")
		mustApply(t, db, load(t, before), migrate.Options{})
		insert(t, db, posts, `{"id": "short", "a": "x", "b": "`+strings.Repeat("y", 600)+`"}`)
		insert(t, db, posts, `{"id": "long", "a": "`+strings.Repeat("𐀀", 300)+`", "b": "`+strings.Repeat("𐀀", 400)+`"}`)
		refusedAs(t, eng, db, before, after, anything, "1 row (long) in the way", "a, b have more than 2674 bytes together, which no index holds")
		storetest.Exec(t, db, `DELETE FROM "posts" WHERE "id" = 'long'`)
		mustApply(t, db, load(t, after), anything)
	})
}
