package view_test

import (
	"fmt"
	"log"

	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/view"
)

func ExampleCheck() {
	m, _ := load.Files(map[string][]byte{"ashlar.yaml": []byte(`
ashlar: 1
name: blog
tables:
  posts:
    fields:
      title: {type: text}
views:
  titles:
    key: uuid
    reads: [posts]
    query: "SELECT id, title AS name FROM posts"
    fields:
      title: {type: text, optional: true}
`)})
	db, err := sqlite.OpenScratch(sqlgen.Create(sqlgen.SQLite, m))
	if err != nil {
		log.Print(err)
		return
	}
	defer db.Close()
	faults, err := view.Check(m, view.SQLite(db.Describe))
	if err != nil {
		log.Print(err)
	}
	for _, fault := range faults {
		fmt.Println(fault.Message)
	}
	// Output:
	// the query returns what is no field of titles: "name"; name a column with AS, or declare a field
	// the query does not return title: it returns id, name
}
