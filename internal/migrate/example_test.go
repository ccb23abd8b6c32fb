package migrate_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	loader "github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// compile loads the model of an app with these tables.
func compile(tables string) *rule.Rules {
	m, faults := loader.Files(map[string][]byte{"ashlar.yaml": []byte("ashlar: 1\nname: notes\ntables:\n" + tables)})
	if len(faults) > 0 {
		log.Fatal(faults)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		log.Fatal(faults)
	}
	return rules
}

// A field with a default and an index of its own are a safe change, which a server makes by itself.
func ExampleNewPlan() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "notes.db"), sqlite.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()

	present := compile("  notes: {key: int, fields: {text: {type: text}}}\n")
	if _, err := migrate.Apply(ctx, db, present, migrate.Options{}); err != nil {
		log.Fatal(err)
	}
	next := compile("  notes: {key: int, fields: {text: {type: text}, stars: {type: int, default: 3, index: true}}}\n")
	plan, err := migrate.NewPlan(ctx, db, next, migrate.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range plan.Steps {
		fmt.Printf("%s (%v)\n", step.Title, step.Hazards)
		for _, sql := range step.SQL {
			fmt.Println("  " + sql)
		}
	}
	fmt.Println("safe:", plan.Safe())
	// Output:
	// field added: notes.stars: required (safe)
	//   ALTER TABLE "notes" ADD COLUMN "stars" INTEGER NOT NULL DEFAULT 3
	// index added: notes [stars] (blocks writes)
	//   CREATE INDEX "i_notes__stars" ON "notes" ("stars", "id")
	// safe: true
}
