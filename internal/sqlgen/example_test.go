package sqlgen_test

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const blog = `
ashlar: 1
name: blog
tables:
  posts:
    key: int
    fields:
      author: {ref: users}
      title:  {type: text, max: 100}
    access: {read: author_id == auth.id}
`

// A statement has the access rule inside. Bind gives it the caller of a request.
func Example() {
	m, _ := load.Files(map[string][]byte{"ashlar.yaml": []byte(blog)})
	rules, _ := rule.CompileModel(m)
	posts := m.Table("posts")

	ann := &rule.Env{Caller: caller.User(caller.Identity{ID: "ann"})}
	states, slots := make([]rule.State, len(rules.Slots.List)), make([]value.Value, len(rules.Slots.List))
	rules.Slots.Bind(ann, states, slots)

	g := &sqlgen.Generator{Dialect: sqlgen.SQLite, Rules: rules, Folder: rule.Folder{States: states}}
	get, err := g.Get(posts, posts.Fields[:1])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(get.SQL)
	for _, v := range get.Bind(nil, slots, []value.Value{value.OfInt(7)}) {
		fmt.Println(string(value.AppendValue(nil, v)))
	}
	// Output:
	// SELECT t0."id", t0."_rev" FROM "posts" AS t0 WHERE t0."id" = ?1 AND (t0."author_id" = ?2)
	// 7
	// "ann"
}

// The parts of a definition are separate. A migration of PostgreSQL builds an index while others write.
func ExampleDefine() {
	m, _ := load.Files(map[string][]byte{"ashlar.yaml": []byte(blog)})
	def := sqlgen.Define(sqlgen.Postgres, m.Table("posts"))
	fmt.Println(def.Table)
	fmt.Println(def.ForeignKeys[0].ForNewRows().Create())
	index := def.Indexes[0]
	index.Concurrently = true
	fmt.Println(index.Create())
	// Output:
	// CREATE TABLE "posts" (
	//   "id" bigint NOT NULL CONSTRAINT "p_posts__id" PRIMARY KEY,
	//   "author_id" uuid NOT NULL,
	//   "title" text COLLATE "C" NOT NULL,
	//   "created_at" timestamptz NOT NULL,
	//   "updated_at" timestamptz NOT NULL,
	//   "_rev" bigint NOT NULL
	// )
	// ALTER TABLE "posts" ADD CONSTRAINT "f_posts__author_id" FOREIGN KEY ("author_id") REFERENCES "users" ("id") ON DELETE NO ACTION DEFERRABLE NOT VALID
	// CREATE INDEX CONCURRENTLY "i_posts__author_id" ON "posts" ("author_id", "id")
}
