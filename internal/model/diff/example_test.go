package diff_test

import (
	"fmt"
	"log"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/load"
)

func parse(source string) *model.Model {
	app, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		log.Fatal(faults)
	}
	return app
}

func ExampleBetween() {
	before := parse(`
ashlar: 1
name: blog
tables:
  posts:
    fields:
      title: {type: text}
      rank: {type: int}
`)
	after := parse(`
ashlar: 1
name: blog
tables:
  articles:
    was: posts
    fields:
      title: {type: text, unique: true}
      rank: {type: float, optional: true}
      author: {ref: users}
`)
	for _, change := range diff.Between(before, after) {
		fmt.Println(change)
	}
	// Output:
	// table renamed: articles: was posts
	// type changed: articles.rank: was int, is float
	// optional changed: articles.rank: was required, is optional
	// field added: articles.author_id: required
	// unique added: articles [title]
	// index added: articles [author_id]
}
