package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const onePost = "  posts:\n    key: int\n    fields:\n"

// refusedAs applies a model that is refused, and looks whether the database is as it was.
func refusedAs(t *testing.T, eng modeltest.Engine, db store.DB, before, after string, options migrate.Options, want ...string) {
	t.Helper()
	was := picture(t, db, load(t, before).Model)
	_, err := migrate.Apply(context.Background(), db, load(t, after), options)
	if err == nil {
		t.Fatal("Apply was not refused")
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("Apply = %v, want %q", err, part)
		}
	}
	whole(t, eng, db, before, was)
}

// Text that the new field has no room for was cut to 255 characters by another product.
func TestLoss_TextIsNotCut(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db, before := eng.Empty(t), onePost+"      a: {type: text, max: 500}\n"
		mustApply(t, db, load(t, before), migrate.Options{})
		long := strings.Repeat("ä", 400)
		insert(t, db, load(t, before).Model.Table("posts"), `{"id": 1, "a": "`+long+`"}`)
		after := onePost + "      a: {type: text, max: 255}\n"
		result := mustApply(t, db, load(t, after), migrate.Options{})
		if len(result.Applied) > 0 {
			t.Errorf("Applied = %v, want nothing: a limit changes no table", result.Applied)
		}
		if got, want := rows(t, db, load(t, after).Model.Table("posts")), `1 "`+long+`"`; got != want {
			t.Errorf("rows = %s, want %s", got, want)
		}
		refusedAs(t, eng, db, after, onePost+"      a: {type: enum, values: [b]}\n", anything, "1 row (1) in the way")
	})
}

// A value that the new type would cut or round is named, and stays.
func TestLoss_DigitsAreNotCut(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db, before := eng.Empty(t), onePost+"      at: {type: text}\n      n: {type: text}\n      j: {type: json}\n"
		mustApply(t, db, load(t, before), migrate.Options{})
		posts := load(t, before).Model.Table("posts")
		insert(t, db, posts, `{"id": 1, "at": "2024-03-10T02:30:00.123456000Z", "n": "0.5", "j": 2.50}`)
		insert(t, db, posts, `{"id": 2, "at": "2024-03-10T02:30:00.1234567Z", "n": "0.1234567890123456789", "j": 9007199254740993}`)
		const way = "1 row (2) in the way"
		for _, field := range []struct{ name, was, is, why string }{
			{"a timestamp", "at: {type: text}", "at: {type: timestamp}", "at must have at most 6 digits of a second, has 7: write .123456"},
			{"a float of text", "n: {type: text}", "n: {type: float}", "n has more digits than a float holds"},
			{"a float of json", "j: {type: json}", "j: {type: float}", "j has more digits than a float holds"},
		} {
			refusedAs(t, eng, db, before, strings.Replace(before, field.was, field.is, 1), anything, way, field.why)
		}
	})
}

// The rules of a field that was dropped came back to life, with a field of its name, in another product.
func TestLeak_DroppedFieldsStayDropped(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		with := onePost + "      n: {type: int}\n      note: {type: text, optional: true, read: \"false\", write: \"false\", unique: true}\n"
		without := onePost + "      n: {type: int}\n"
		again := onePost + "      n: {type: int}\n      note: {type: text, optional: true}\n"
		mustApply(t, db, load(t, with), migrate.Options{})
		insert(t, db, load(t, with).Model.Table("posts"), `{"id": 1, "n": 1, "note": "secret"}`)
		mustApply(t, db, load(t, without), allow("posts.note"))
		if _, err := migrate.Undo(context.Background(), db, anything); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Undo of a drop = %v, want that it is refused", err)
		}
		mustApply(t, db, load(t, again), anything)
		whole(t, eng, db, again, map[string]string{"posts": "1 1 null", "users": ""})
		m := storedModel(t, db)
		if f := m.Table("posts").Field("note"); f.Read != nil || f.Write != nil || f.Unique {
			t.Errorf("the field has what the former one had: %+v", f)
		}
		insert(t, db, load(t, again).Model.Table("posts"), `{"id": 2, "n": 1, "note": "secret"}`)
		insert(t, db, load(t, again).Model.Table("posts"), `{"id": 3, "n": 1, "note": "secret"}`)
	})
}

func storedModel(t *testing.T, db store.DB) (m *model.Model) {
	t.Helper()
	err := db.Read(context.Background(), func(r store.Reader) (err error) {
		m, err = migrate.StoredApp(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// An undo does not confuse the values of a column with the values of an earlier column of its name.
func TestUndoKnowsWhatWasGiven(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		without, given := onePost+"      n: {type: int}\n", onePost+"      n: {type: int}\n      a: {type: text, default: \"'x'\"}\n"
		optional := onePost + "      n: {type: int}\n      a: {type: text, optional: true}\n"
		mustApply(t, db, load(t, without), migrate.Options{})
		insert(t, db, load(t, without).Model.Table("posts"), `{"id": 1, "n": 1}`)
		mustApply(t, db, load(t, given), anything)
		if _, err := migrate.Undo(context.Background(), db, anything); err != nil {
			t.Fatalf("Undo of a field that rows were given = %v", err)
		}
		mustApply(t, db, load(t, optional), anything)
		insert(t, db, load(t, optional).Model.Table("posts"), `{"id": 2, "n": 1, "a": "x"}`)
		if _, err := migrate.Undo(context.Background(), db, anything); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Undo = %v, want that it is refused: somebody wrote the value", err)
		}
	})
}

func TestManyColumns(t *testing.T) {
	typed := func(typ string) string {
		var text strings.Builder
		text.WriteString(onePost)
		for i := range 200 {
			fmt.Fprintf(&text, "      f%d: {type: %s, optional: true}\n", i, typ)
		}
		return text.String()
	}
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, load(t, typed("int")), migrate.Options{})
		insert(t, db, load(t, typed("int")).Model.Table("posts"), `{"id": 1, "f0": 5, "f7": 7, "f199": -1}`)
		mustApply(t, db, load(t, typed("text")), anything)
		want := strings.Split("1 "+strings.Repeat("null ", 200), " ")[:201]
		want[1], want[8], want[200] = `"5"`, `"7"`, `"-1"`
		whole(t, eng, db, typed("text"), map[string]string{"posts": strings.Join(want, " "), "users": ""})
	})
}

// Names of the length that a name may have differ at their end, where what is made of them is cut.
func TestLongNames(t *testing.T) {
	long := func(end string) string { return strings.Repeat("abcde_", 10)[:60-len(end)-1] + "z" + end }
	source := func(table, a, b, ref, typ, more string) string {
		return fmt.Sprintf("  %s:\n    %s\n    key: int\n    fields:\n      %s: {type: %s, unique: true}\n      %s: {type: enum, values: [x, y], index: true}\n      %s: {ref: %s, optional: true, on_delete: clear, reverse: back}\n",
			table, more, a, typ, b, ref, table)
	}
	before := source(long("t"), long("a"), long("b"), long("r"), "text", "")
	after := source(long("u"), long("a"), long("c"), long("s"), "int", "was: "+long("t"))
	after = strings.Replace(after, "index: true", "index: true, was: "+long("b"), 1)
	after = strings.Replace(after, "reverse: back", "was: "+long("r"), 1)
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, load(t, before), migrate.Options{})
		table := load(t, before).Model.Table(long("t"))
		insert(t, db, table, fmt.Sprintf(`{"id": 1, %q: "5", %q: "x"}`, long("a"), long("b")))
		insert(t, db, table, fmt.Sprintf(`{"id": 2, %q: "6", %q: "y", "%s_id": 1}`, long("a"), long("b"), long("r")))
		mustApply(t, db, load(t, after), anything)
		whole(t, eng, db, after, map[string]string{long("u"): "1 5 \"x\" null\n2 6 \"y\" 1", "users": ""})
		if _, err := migrate.Undo(context.Background(), db, anything); err != nil {
			t.Fatalf("Undo: %v", err)
		}
		whole(t, eng, db, before, map[string]string{long("t"): "1 \"5\" \"x\" null\n2 \"6\" \"y\" 1", "users": ""})
	})
}

// What is too long for an index of PostgreSQL is refused on both engines before anything is done.
func TestLongTextIsNotIndexed(t *testing.T) {
	before := onePost + "      a: {type: text, optional: true}\n      j: {type: json, optional: true}\n"
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, load(t, before), migrate.Options{})
		table := load(t, before).Model.Table("posts")
		insert(t, db, table, `{"id": 1, "a": "`+strings.Repeat("ä", 600)+`"}`)
		insert(t, db, table, `{"id": 2, "a": "`+strings.Repeat("ä", 601)+`"}`)
		insert(t, db, table, `{"id": 3, "j": "`+strings.Repeat("x", 601)+`"}`)
		for _, edit := range [][2]string{
			{"a: {type: text", "a: {type: text, unique: true"},
			{"a: {type: text", "a: {type: text, index: true"},
			{"j: {type: json, optional: true}\n", "j: {type: json, optional: true}\n    indexes: [[id, a]]\n"},
		} {
			refusedAs(t, eng, db, before, strings.Replace(before, edit[0], edit[1], 1), anything, "1 row (2) in the way", "more than 600 characters")
		}
		refusedAs(t, eng, db, before, strings.Replace(before, "j: {type: json", "j: {type: text, index: true", 1), anything, "1 row (3) in the way", "more than 600 characters")
	})
}

// What others have made on a table stays where the table is made anew, and says so where it cannot.
func TestForeignIndexAndTrigger(t *testing.T) {
	engine := engines()[0]
	db, before := engine.Empty(t), onePost+"      a: {type: text}\n      b: {type: int}\n      c: {type: text, optional: true}\n"
	mustApply(t, db, load(t, before), migrate.Options{})
	insert(t, db, load(t, before).Model.Table("posts"), `{"id": 1, "a": "x", "b": 5}`)
	storetest.Exec(t, db, `CREATE INDEX "by_hand" ON "posts" (lower("a"))`,
		`CREATE TRIGGER "by_hand_too" AFTER UPDATE ON "posts" BEGIN INSERT INTO "posts" ("id", "a", "b", "created_at", "updated_at", "_rev") VALUES (NEW."id" + 100, 'made', 0, 0, 0, 0); END`)
	after := onePost + "      a: {type: text}\n      b: {type: text}\n      c: {type: text, optional: true}\n"
	mustApply(t, db, load(t, after), anything)
	if got, want := rows(t, db, load(t, after).Model.Table("posts")), `1 "x" "5" null`; got != want {
		t.Fatalf("rows = %s, want %s: nobody wrote them", got, want)
	}
	storetest.Exec(t, db, `UPDATE "posts" SET "a" = 'y'`)
	if got, want := rows(t, db, load(t, after).Model.Table("posts")), "1 \"y\" \"5\" null\n101 \"made\" \"0\" null"; got != want {
		t.Errorf("rows = %s, want %s: the trigger is gone", got, want)
	}
	drift, err := migrate.Verify(context.Background(), db)
	if err != nil || len(drift) != 2 || !strings.Contains(drift[0], `index by_hand on posts is not the model's`) || !strings.Contains(drift[1], `trigger by_hand_too on posts is not the model's`) {
		t.Errorf("Verify = %q, %v, want what was made by hand", drift, err)
	}
	storetest.Exec(t, db, `DROP TRIGGER "by_hand_too"`, `DROP INDEX "by_hand"`, `CREATE INDEX "by_hand" ON "posts" ("c")`)
	_, err = migrate.Apply(context.Background(), db, load(t, onePost+"      a: {type: text}\n      b: {type: text}\n"), allow("posts.c"))
	if err == nil || !strings.Contains(err.Error(), "an index or trigger that is not the model's") || !strings.Contains(err.Error(), "by_hand") {
		t.Errorf("Apply = %v, want the index that is in the way", err)
	}
	if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) != 1 {
		t.Errorf("Verify = %q, %v, want the index by hand alone", drift, err)
	}
}

// A view that somebody made on a column which is dropped, or written anew, is in the way.
func TestForeignView(t *testing.T) {
	for _, engine := range engines()[1:] {
		db, before := engine.Empty(t), onePost+"      a: {type: text}\n      b: {type: int}\n"
		mustApply(t, db, load(t, before), migrate.Options{})
		insert(t, db, load(t, before).Model.Table("posts"), `{"id": 1, "a": "x", "b": 5}`)
		storetest.Exec(t, db, `CREATE VIEW "by_hand" AS SELECT "id", "b" FROM "posts"`)
		refusedAs(t, engine, db, before, onePost+"      a: {type: text}\n", allow("posts.b"), "view by_hand depends on column b of table posts")
		refusedAs(t, engine, db, before, onePost+"      a: {type: text}\n      b: {type: text}\n", anything, "view by_hand depends on column b of table posts")
		storetest.Exec(t, db, `DROP VIEW "by_hand"`)
		mustApply(t, db, load(t, onePost+"      a: {type: text}\n      b: {type: text}\n"), anything)
	}
}

func TestDrift(t *testing.T) {
	const source = onePost + "      a: {type: text, index: true}\n      s: {type: enum, values: [x, y]}\n      n: {type: int, optional: true, unique: true}\n      up: {ref: posts, optional: true, on_delete: clear}\n"
	both := []struct{ sql, want string }{
		{`DROP INDEX "i_posts__a"`, "index i_posts__a"},
		{`CREATE INDEX "more" ON "posts" ("n")`, "index more"},
		{`ALTER TABLE "posts" ADD COLUMN "more" TEXT`, "column posts.more"},
		{`ALTER TABLE "posts" RENAME COLUMN "n" TO "m"`, "column posts.n is missing"},
		{`CREATE TABLE "more" ("id" TEXT PRIMARY KEY)`, "more"},
		{`ALTER TABLE "posts" RENAME TO "postings"`, "column posts.a is missing"},
	}
	own := map[string][]struct{ sql, want string }{
		"SQLite": {{`DROP TRIGGER "c_posts__up_id"`, "trigger c_posts__up_id"}, {`DROP TABLE "users"`, "column users.id is missing"}},
		"PostgreSQL": {{`DROP TRIGGER "c_posts__up_id" ON "posts"`, "trigger c_posts__up_id"}, {`DROP TABLE "users"`, "column users.id is missing"},
			{`ALTER TABLE "posts" DROP CONSTRAINT "k_posts__s"`, "constraint k_posts__s"}, {`ALTER TABLE "posts" DROP CONSTRAINT "f_posts__up_id"`, "constraint f_posts__up_id"},
			{`ALTER TABLE "posts" ALTER COLUMN "a" DROP NOT NULL`, "column posts.a"}, {`ALTER TABLE "posts" ALTER COLUMN "n" TYPE int`, "column posts.n"},
			{`ALTER TABLE "posts" ALTER COLUMN "a" TYPE text COLLATE "default"`, "column posts.a"},
			{`ALTER TABLE "posts" DISABLE TRIGGER "c_posts__up_id"`, "trigger c_posts__up_id"},
			{`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i_posts__a'::regclass`, "invalid"},
			{`ALTER TABLE "posts" DROP CONSTRAINT "f_posts__up_id", ADD CONSTRAINT "f_posts__up_id" FOREIGN KEY ("up_id") REFERENCES "posts" ("id") ON DELETE CASCADE DEFERRABLE`, "CASCADE"},
			{`ALTER TABLE "posts" DROP CONSTRAINT "p_posts__id" CASCADE`, "constraint p_posts__id"}},
	}
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		for _, tt := range slices.Concat(both, own[eng.Name]) {
			db := eng.Empty(t)
			mustApply(t, db, load(t, source), migrate.Options{})
			storetest.Exec(t, db, tt.sql)
			drift, err := migrate.Verify(context.Background(), db)
			if err != nil || !strings.Contains(strings.Join(drift, "\n"), tt.want) {
				t.Errorf("%s: Verify = %q, %v, want %q", tt.sql, drift, err, tt.want)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A database that a move has not finished filling is nobody's to change.
func TestUnfinishedMove(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db, rules := eng.Empty(t), load(t, before)
		mustApply(t, db, rules, migrate.Options{})
		if err := db.Write(context.Background(), func(tx store.Tx) error { return system.MarkMoving(tx, "elsewhere", time.Now()) }); err != nil {
			t.Fatal(err)
		}
		other := load(t, strings.Replace(before, "rank: {type: int}", "rank: {type: text}", 1))
		_, planned := migrate.NewPlan(context.Background(), db, other, migrate.Options{})
		_, applied := migrate.Apply(context.Background(), db, other, anything)
		_, same := migrate.Apply(context.Background(), db, rules, anything)
		_, undone := migrate.Undo(context.Background(), db, anything)
		_, verified := migrate.Verify(context.Background(), db)
		_, _, checked := migrate.Differences(context.Background(), db, other.Model)
		for name, err := range map[string]error{"Make": planned, "Apply": applied, "Apply of the same model": same, "Undo": undone, "Verify": verified, "Check": checked} {
			if errs.KindOf(err) != errs.Conflict || !strings.Contains(fmt.Sprint(err), "elsewhere") {
				t.Errorf("%s = %v, want that a move is not finished", name, err)
			}
		}
	})
}

// Without room for the copy nothing is done.
func TestNoRoomForTheCopy(t *testing.T) {
	engine := engines()[0]
	db := engine.Empty(t)
	mustApply(t, db, load(t, before), migrate.Options{})
	fill(t, db, load(t, before).Model)
	options := anything
	options.Copy = func(context.Context) (string, error) { return "", syscall.ENOSPC }
	after := strings.Replace(before, "rank: {type: int}", "rank: {type: text}", 1)
	refusedAs(t, engine, db, before, after, options, "a copy is made", "no space left")
	options.Copy = func(context.Context) (string, error) { return "copy.db", nil }
	if result := mustApply(t, db, load(t, after), options); result.Copy != "copy.db" {
		t.Errorf("Copy = %q", result.Copy)
	}
	history, err := migrate.History(context.Background(), db)
	if err != nil || len(history) != 2 || history[1].Copy != "copy.db" {
		t.Errorf("History = %+v, %v, want the copy's name", history, err)
	}
}

// References that would come to nothing are found where only converted values tell, and nothing is done.
func TestConvertedOrphans(t *testing.T) {
	before := onePost + "      team_id: {type: text, optional: true}\n  teams: {key: int}\n  news: {key: int, fields: {team_id: {type: int}}}\n"
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, load(t, before), migrate.Options{})
		m := load(t, before).Model
		insert(t, db, m.Table("teams"), `{"id": 1}`)
		insert(t, db, m.Table("posts"), `{"id": 1, "team_id": "1"}`)
		insert(t, db, m.Table("posts"), `{"id": 2, "team_id": "3"}`)
		insert(t, db, m.Table("posts"), `{"id": 3}`)
		bound := strings.Replace(before, "team_id: {type: text", "team: {ref: teams", 1)
		refusedAs(t, eng, db, before, bound, anything, "1 row (2) in the way", "rows of teams that are not there")
		_, err := migrate.Apply(context.Background(), db, load(t, bound), anything)
		if faults, ok := errors.AsType[model.Faults](err); !ok || len(faults) != 1 || faults[0].Pos.Line != 7 {
			t.Errorf("Apply = %v, want a fault in line 7", err)
		}
		insert(t, db, m.Table("teams"), `{"id": 3}`)
		mustApply(t, db, load(t, bound), anything)
		whole(t, eng, db, bound, map[string]string{"posts": "1 1\n2 3\n3 null", "teams": "1\n3", "news": "", "users": ""})
	})
}

// Rows that will be the same once missing values are given are in the way before anything is done.
func TestGivenDuplicates(t *testing.T) {
	before := onePost + "      a: {type: text, optional: true}\n      n: {type: int}\n    unique: [[a, n]]\n"
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, load(t, before), migrate.Options{})
		m := load(t, before).Model
		insert(t, db, m.Table("posts"), `{"id": 1, "n": 5}`)
		insert(t, db, m.Table("posts"), `{"id": 2, "n": 5}`)
		insert(t, db, m.Table("posts"), `{"id": 3, "n": 6}`)
		given := strings.Replace(before, "a: {type: text, optional: true}", "a: {type: text, default: \"'x'\"}", 1)
		refusedAs(t, eng, db, before, given, anything, "2 rows (1, 2) in the way")
		refusedAs(t, eng, db, before, strings.Replace(given, "n: {type: int}", "n: {type: text}", 1), anything, "same values")
		storetest.Exec(t, db, `UPDATE "posts" SET "n" = 7 WHERE "id" = 2`)
		mustApply(t, db, load(t, given), anything)
		if diff := cmp.Diff("1 \"x\" 5\n2 \"x\" 7\n3 \"x\" 6", rows(t, db, load(t, given).Model.Table("posts"))); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// A default that refers to a row which is not there is found before anything is done.
func TestGivenReferenceToNothing(t *testing.T) {
	before := onePost + "      tag: {ref: tags, optional: true}\n  tags: {key: text}\n"
	after := strings.Replace(before, "optional: true", "default: \"'t'\"", 1)
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, load(t, before), migrate.Options{})
		insert(t, db, load(t, before).Model.Table("posts"), `{"id": 1}`)
		refusedAs(t, eng, db, before, after, anything, "refers to t of tags, which is not there")
		insert(t, db, load(t, before).Model.Table("tags"), `{"id": "t"}`)
		mustApply(t, db, load(t, after), anything)
		whole(t, eng, db, after, map[string]string{"posts": `1 "t"`, "tags": `"t"`, "users": ""})
	})
}
