package start

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const imports = `
ashlar: 1
name: imports
tables:
  tenants:
    key: int
    fields: {name: {type: text, optional: true}}
    access: {read: true, write: true}
  files:
    key: int
    fields:
      tenant: {ref: tenants, optional: true, on_delete: cascade}
      kind:   {type: text, optional: true}
      other:  {type: text, optional: true}
      big:    {type: bool, default: false}
      at:     {type: timestamp, optional: true}
      day:    {type: date, optional: true}
      price:  {type: decimal, precision: 10, scale: 2, optional: true}
    access: {read: true, write: true}
queues:
  fair: {each: {by: kind, at_once: 1}}
jobs:
  single:  {on: files.create, once: true, when: big, work: pull}
  each:    {on: files.create, once: {by: [kind, other]}, work: pull}
  hourly:  {on: files.update, once: {by: [tenant_id], within: 1h}, work: pull}
  typed:   {on: files.delete, once: {by: [big, at, day, price]}, work: pull}
  fairly:  {on: files.create, queue: fair, work: pull}
`

func TestOnce(t *testing.T) {
	each(t, imports, func(t *testing.T, w *world) {
		w.must(`create tenants {"id":1}`)
		added := func(name string, want int, do string) {
			t.Helper()
			count := func() int {
				return len(w.query(1, `SELECT id FROM ashlar_jobs WHERE name = '`+name+`' AND state <> 'done'`))
			}
			before := count()
			w.must(do)
			if got := count() - before; got != want {
				t.Errorf("%s: %d jobs %s more, want %d", do, got, name, want)
			}
		}
		finish := func() {
			w.exec(`UPDATE ashlar_jobs SET state = 'done', once = CASE WHEN once_until IS NOT NULL THEN once END`)
		}
		next := 0
		file := func(body string) string { next++; return fmt.Sprintf(`create files {"id":%d%s}`, next, body) }
		long := strings.Repeat("y", 250)
		added("single", 0, file(``))
		added("single", 1, file(`,"big":true`))
		added("single", 0, file(`,"big":true`))
		added("each", 0, file(``))
		added("each", 1, file(`,"kind":""`))
		added("each", 1, file(`,"kind":"a"`))
		added("each", 1, file(`,"kind":"a:1:b"`))
		added("each", 1, file(`,"kind":"a","other":"b"`))
		added("each", 0, file(`,"kind":"a","other":"b"`))
		added("each", 1, file(`,"kind":"a1","other":""`))
		added("each", 1, file(`,"kind":"`+long+`"`))
		added("each", 0, file(`,"kind":"`+long+`"`))
		added("each", 1, file(`,"kind":"`+long+`z"`))
		added("each", 1, file(`,"kind":"`+long[:190]+`"`))
		added("each", 1, file(`,"other":"`+long[:190]+`"`))
		finish()
		added("single", 1, file(`,"big":true`))
		added("each", 1, file(`,"kind":"a","other":"b"`))

		added("hourly", 1, `update files/1 {"kind":"x"}`)
		added("hourly", 0, `update files/2 {"kind":"x"}`)
		added("hourly", 1, `update files/2 {"tenant_id":1}`) // of the new value
		added("hourly", 0, `update files/2 {"kind":"y"}`)
		finish()
		added("hourly", 0, `update files/2 {"kind":"z"}`) // within an hour
		w.exec(`UPDATE ashlar_jobs SET once_until = created_at`)
		added("hourly", 1, `update files/2 {"kind":"z"}`)

		w.must(`update files/3 {"at":"2026-01-02T03:04:05Z","day":"2026-01-02","price":"1.50"}`, `update files/4 {"at":"2026-01-02T03:04:05Z","day":"2026-01-02","price":"1.50"}`,
			`update files/4 {"big":true}`, `update files/3 {"big":true}`, `update files/5 {"at":"2026-01-02T03:04:06Z","tenant_id":1}`)
		added("typed", 1, `delete files/3`)
		added("typed", 0, `delete files/4`)
		added("typed", 2, `delete tenants/1`) // files 2 and 5 go along
	})
}

// The key of a fair queue is the value of the row. A long one is hashed.
func TestKeys(t *testing.T) {
	each(t, imports, func(t *testing.T, w *world) {
		long := strings.Repeat("é", 201)
		w.must(`create files {"id":1}`, `create files {"id":2,"kind":"a b"}`, `create files {"id":3,"kind":"`+long+`"}`)
		got := w.query(3, `SELECT row_id, key, lane FROM ashlar_jobs WHERE name = 'fairly'`)
		hash := strings.TrimPrefix(got[2], "3 ")[:64]
		if diff := cmp.Diff([]string{"1", "2 a b a b", "3 " + hash + " " + hash}, got); diff != "" {
			t.Error(diff)
		}
	})
}
