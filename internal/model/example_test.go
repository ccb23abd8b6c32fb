package model_test

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func ExampleModel_Fault() {
	app := &model.Model{Lines: map[string][]string{
		"ashlar.yaml": {"ashlar: 1", "name: My Blog"},
	}}
	at := model.Pos{File: "ashlar.yaml", Line: 2, Col: 7}
	fmt.Println(app.Fault(at, "the name of an app cannot contain %q", " "))
	// Output:
	// ashlar.yaml:2:7: the name of an app cannot contain " "
	//   name: My Blog
	//         ^
}

func ExampleTable_AddField() {
	posts := &model.Table{Name: "posts", Key: model.UUID}
	posts.AddField(&model.Field{Name: "id", Type: model.UUID, System: true})
	posts.AddField(&model.Field{Name: "title", Type: model.Text})
	fmt.Println(posts.ID().Name, posts.Field("title").Type, posts.Field("body"))
	// Output: id text <nil>
}
