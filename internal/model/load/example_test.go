package load_test

import (
	"fmt"
	"log"

	"github.com/ashlar-dev/ashlar/internal/model/load"
)

func ExampleFiles() {
	app, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(`
ashlar: 1
name: blog
tables:
  posts:
    fields:
      title: {type: text, max: 100}
      author: {ref: users, reverse: posts}
    access: {read: true}
`)})
	if len(faults) > 0 {
		log.Fatal(faults)
	}
	for _, table := range app.Tables {
		fmt.Println(table.Name)
		for _, field := range table.Fields {
			fmt.Printf("  %s %s\n", field.Name, field.Type)
		}
	}
	// Output:
	// users
	//   id uuid
	//   email text
	//   name text
	//   created_at timestamp
	//   updated_at timestamp
	// posts
	//   id uuid
	//   title text
	//   author_id uuid
	//   created_at timestamp
	//   updated_at timestamp
}

func ExampleFiles_faults() {
	_, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(`
ashlar: 1
name: blog
tables:
  posts:
    fields:
      title: {type: txt}
      author: {ref: user}
`)})
	fmt.Println(faults)
	// Output:
	// ashlar.yaml:7:21: type cannot be "txt"; did you mean text?
	//         title: {type: txt}
	//                       ^
	// ashlar.yaml:8:21: there is no table "user"; did you mean users?
	//         author: {ref: user}
	//                       ^
}
