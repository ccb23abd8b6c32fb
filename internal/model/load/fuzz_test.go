package load

import (
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// FuzzLoad loads any two files. Files must not panic, point outside the files or accept a broken model.
func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(archive.Files[0].Data), string(archive.Files[len(archive.Files)-2].Data))
	}
	f.Add(readFile(f, "careers.yaml"), "a: {fields: {b: {ref: occupations, reverse: all}}}")
	f.Add(wholeAccounts, "{}")
	f.Add(wholeOperate, "{}")
	f.Add(wholeLimits, "a: {cache: {public: 60s, stale: 1s}}")
	f.Add(wholeJobs, "a: {watch: true}")
	f.Add(withoutJobs+"jobs: {a: {cron: '@daily', zone: UTC, table: orders, update: {where: 'true', set: {note: }}, as: system}}", "{}")
	f.Add(withoutJobs+"queues: {q: {each: {by: tenant_id}}}\njobs: {a: {args: {tenant_id: {type: int}}, work: go, queue: q, once: true}}", "{}")
	f.Fuzz(func(t *testing.T, main, table string) {
		app, faults := Files(map[string][]byte{model.MainFile: []byte(main), "tables/a.yaml": []byte(table)})
		for _, fault := range faults {
			if fault.Pos.Line < 1 || fault.Pos.Col < 1 || fault.Message == "" || !utf8.ValidString(fault.String()) {
				t.Errorf("fault %+v", fault)
			}
		}
		if app == nil {
			if len(faults) == 0 {
				t.Error("neither a model nor faults")
			}
			return
		}
		checkInvariants(t, app, len(faults) == 0)
		if len(faults) == 0 {
			checkRoundTrip(t, app)
		}
	})
}
