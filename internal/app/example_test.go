package app_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/app"
)

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "notes-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	text := `
ashlar: 1
name: notes
tables:
  notes:
    fields: {text: {type: text, max: 500}}
    access: {read: true, create: true}
`
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(text), 0o600); err != nil {
		panic(err)
	}
	loaded, err := app.Load(dir)
	if err != nil {
		panic(err)
	}
	for _, table := range loaded.Rules.Model.Tables {
		fmt.Println(table.Name)
	}
	// Output:
	// users
	// notes
}
