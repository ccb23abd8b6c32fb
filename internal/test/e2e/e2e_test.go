// Package e2e tests servers from outside. Each script of testdata is an app and a conversation with it over HTTP.
package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// An engine is a database engine under test. Every script runs on every engine.
type engine struct {
	name     string
	database func(t *testing.T) (address, direct string) // as in app.Config
}

func engines() []engine {
	return []engine{
		{"sqlite", func(*testing.T) (address, direct string) { return "", "" }},
		{"postgresql", func(t *testing.T) (address, direct string) { return pgtest.URL(t), "" }},
		{"pgbouncer", func(t *testing.T) (address, direct string) { return pgtest.Pooled(t) }},
	}
}

// TestScripts runs every script on every engine. The answers must match the script. They must also be the same on all
// engines, byte for byte, even in parts that the script leaves open.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts (%v)", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			var first []string
			for _, engine := range engines() {
				t.Run(engine.name, func(t *testing.T) {
					answers := runScript(t, engine, path)
					if first == nil {
						first = answers
					}
					if diff := cmp.Diff(first, answers); diff != "" {
						t.Errorf("the answers differ from %s's (-, +):\n%s", engines()[0].name, diff)
					}
				})
			}
		})
	}
}

// runScript runs a script on an engine and returns all answers, with generated parts replaced.
func runScript(t *testing.T, engine engine, path string) []string {
	script := readScript(t, path)
	address, direct := engine.database(t)
	world := serve(t, app.Config{Database: address, Direct: direct, Answers: app.DefaultAnswers}, script.app)
	var answers []string
	for _, st := range script.steps {
		answer := strings.ReplaceAll(world.run(t, filepath.Base(path), script, st), world.base, "http://ADDRESS")
		answers = append(answers, fmt.Sprintf("line %d: %s", st.line, answer))
	}
	return generated(answers)
}

// generatedParts are ids, entity tags and cursors. assignedParts are the assigned ids in the answers to creations. These
// ids differ between the engines: after a refused creation, PostgreSQL has used up a number.
var (
	generatedParts = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|Etag: "[^"]*"|"next":"[^"]*"`)
	assignedParts  = regexp.MustCompile(`(Location: /api/\w+/|\n\{"id":)\d+([\n,])`)
)

// generated replaces each generated part by its number, counted in the order of first appearance.
func generated(answers []string) []string {
	seen := map[string]string{}
	for i, text := range answers {
		if strings.Contains(text, ": 201 ") {
			text = assignedParts.ReplaceAllString(text, "${1}ASSIGNED${2}")
		}
		answers[i] = generatedParts.ReplaceAllStringFunc(text, func(part string) string {
			if seen[part] == "" {
				seen[part] = fmt.Sprintf("GENERATED %d", len(seen)+1)
			}
			return seen[part]
		})
	}
	return answers
}
