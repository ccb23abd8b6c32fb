package portable_test

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/portable"
)

func ExampleCheck() {
	m, _ := load.Files(map[string][]byte{"ashlar.yaml": []byte(`
ashlar: 1
name: blog
tables:
  posts:
    fields:
      stars: {type: int}
views:
  halves:
    key: uuid
    reads: [posts]
    query: "SELECT id, stars::bigint AS stars FROM posts"
    fields:
      stars: {type: int, optional: true}
`)})
	for _, problem := range portable.Check(m, m.Views[0]) {
		fmt.Println(problem.Offset, problem.Message)
	}
	// Output: 16 SQLite has no ::, write CAST(… AS …)
}
