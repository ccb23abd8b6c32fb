package snapshot_test

import (
	"fmt"
	"log"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

func Example() {
	posts := &model.Table{Name: "posts", Key: model.Int}
	posts.AddField(&model.Field{Name: "id", Type: model.Int, System: true})
	posts.AddField(&model.Field{Name: "title", Type: model.Text})
	app := &model.Model{Name: "blog"}
	app.Add(posts)

	stored := snapshot.Encode(app)
	fmt.Printf("%s\n", stored)

	restored, err := snapshot.Decode(stored)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(restored.Table("posts").Field("title").Type)
	// Output:
	// {"ashlar":2,"name":"blog","tables":[{"name":"posts","key":"int","fields":[{"name":"id","type":"int","system":true},{"name":"title","type":"text"}],"access":{}}]}
	// text
}
