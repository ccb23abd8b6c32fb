package view

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

const agreeTables = `
ashlar: 1
name: agree
tables:
  lefts:
    key: int
    fields:
      n: {type: int, optional: true}
      m: {type: int}
      p: {type: decimal, precision: 9, scale: 2}
      q: {type: decimal, precision: 9, scale: 2, optional: true}
      r: {type: decimal, precision: 9, scale: 3, optional: true}
      w: {type: decimal, precision: 9, scale: 0, optional: true}
      f: {type: float, optional: true}
      g: {type: float}
      b: {type: bool}
      c: {type: bool, optional: true}
      at: {type: timestamp}
      late: {type: timestamp, optional: true}
      day: {type: date}
      eve: {type: date, optional: true}
      u: {type: uuid}
      v: {type: uuid, optional: true}
      s: {type: text}
      t: {type: text, optional: true}
      e: {type: enum, values: [a, B, c]}
      j: {type: json, optional: true}
  rights:
    key: int
    fields:
      n: {type: int, optional: true}
      m: {type: int}
      p: {type: decimal, precision: 9, scale: 2}
      q: {type: decimal, precision: 9, scale: 2, optional: true}
      r: {type: decimal, precision: 9, scale: 3, optional: true}
      w: {type: decimal, precision: 9, scale: 0, optional: true}
      f: {type: float, optional: true}
      g: {type: float}
      b: {type: bool}
      c: {type: bool, optional: true}
      at: {type: timestamp}
      late: {type: timestamp, optional: true}
      day: {type: date}
      eve: {type: date, optional: true}
      u: {type: uuid}
      v: {type: uuid, optional: true}
      s: {type: text}
      t: {type: text, optional: true}
      e: {type: enum, values: [a, B, c]}
      j: {type: json, optional: true}
views:
`

// ordinary are typical views.
var ordinary = [...]struct{ query, reads, fields string }{
	{"SELECT a.id, a.p - coalesce(a.q, 0) AS x, a.p * a.m AS y, a.p * a.p AS z FROM lefts AS a WHERE a.p > 0 AND NOT a.b", "lefts",
		"x: {type: decimal, precision: 18, scale: 2}, y: {type: decimal, precision: 18, scale: 2}, z: {type: decimal, precision: 18, scale: 4}"},
	{"SELECT 1 AS id, count(*) AS x, coalesce(sum(p), 0) AS y, CAST(sum(m) AS bigint) AS z, avg(m) AS w FROM lefts", "lefts",
		"x: {type: int}, y: {type: decimal, precision: 18, scale: 2}, z: {type: int, optional: true}, w: {type: float, optional: true}"},
	{"SELECT min(id) AS id, s AS x, count(*) FILTER (WHERE b) AS y, sum(CASE WHEN c THEN 1 ELSE 0 END) AS z FROM lefts GROUP BY 2 HAVING count(*) > 0 ORDER BY x", "lefts",
		"x: {type: text}, y: {type: int}, z: {type: int}"},
	{"SELECT a.id, a.s AS x, (SELECT max(r.day) FROM rights r WHERE r.m = a.m) AS y, (SELECT s FROM rights WHERE id = a.n) AS z FROM lefts a", "lefts, rights",
		"x: {type: text}, y: {type: date, optional: true}, z: {type: text, optional: true}"},
	{"SELECT id, s AS x FROM lefts WHERE lower(s) LIKE '%a%' OR substr(s, 1, 1) = 'Z' OR e IN ('a', 'B')", "lefts", "x: {type: text}"},
	{"SELECT id, row_number() OVER (PARTITION BY e ORDER BY n DESC NULLS LAST, id) AS x, rank() OVER (ORDER BY m) AS y, sum(p) OVER (ORDER BY at) AS z FROM lefts", "lefts",
		"x: {type: int}, y: {type: int}, z: {type: decimal, precision: 18, scale: 2}"},
	{"WITH RECURSIVE steps(id, up) AS (SELECT id, m FROM lefts WHERE id < 4 UNION SELECT l.id, l.m FROM lefts AS l JOIN steps ON l.id = steps.up) SELECT DISTINCT id FROM steps", "lefts", ""},
	{"WITH top AS MATERIALIZED (SELECT l.* FROM lefts AS l ORDER BY l.m DESC, l.id LIMIT 5), days(id, d) AS (SELECT r.id, coalesce(r.eve, '2026-01-01') FROM rights AS r) " +
		"SELECT top.id, top.at AS x, days.d AS y FROM top LEFT JOIN days ON days.id = top.id WHERE days.d IS NOT NULL -- of /* both", "lefts, rights",
		"x: {type: timestamp}, y: {type: date}"},
	{"SELECT id, day AS x FROM lefts UNION ALL SELECT -id, eve FROM rights ORDER BY x NULLS FIRST, 1 LIMIT 9", "lefts, rights", "x: {type: date, optional: true}"},
	{"SELECT min(a.id) AS id, string_agg(a.s, ', ' ORDER BY a.s) AS x, string_agg(a.t, '' ORDER BY a.m, a.t) AS y FROM lefts AS a GROUP BY a.e", "lefts",
		"x: {type: text}, y: {type: text, optional: true}"},
	{"SELECT a.id, CASE a.e WHEN 'a' THEN 1 WHEN 'B' THEN 2 ELSE 3 END AS x, CASE WHEN a.f > 1.5 THEN 'high' ELSE 'low' END AS y, a.j AS z FROM lefts AS a " +
		"WHERE a.day BETWEEN '1999-01-01' AND '2026-12-31' AND (a.u <> '018f0000-0000-7000-8000-0000000000a1' OR a.b IS NOT TRUE)", "lefts",
		"x: {type: int}, y: {type: enum, values: [high, low]}, z: {type: json, optional: true}"},
	{"SELECT a.id, a.m / 7 AS x, a.m % -3 AS y, 100 / nullif(a.m, 0) AS z, a.g / 3 AS w, CAST(a.m AS double precision) / 4 AS v FROM lefts AS a", "lefts",
		"x: {type: int}, y: {type: int}, z: {type: int, optional: true}, w: {type: float}, v: {type: float}"},
	{"SELECT \"id\", upper(trim(s)) || '-' || CAST(day AS text) || CAST(u AS text) || CAST(id AS text) AS x, length(s) * 2 AS y FROM \"lefts\" /* all */", "lefts", "x: {type: text}, y: {type: int}"},
	{"SELECT a.id FROM lefts AS a WHERE EXISTS (SELECT * FROM rights AS b WHERE b.m = a.m LIMIT 1) AND a.id NOT IN (SELECT m FROM rights WHERE b) AND a.late IS DISTINCT FROM a.at", "lefts, rights", ""},
	{"SELECT b.id, b.x FROM (SELECT min(id) AS id, max(p) AS x FROM lefts GROUP BY e HAVING max(p) > 0) AS b, (SELECT count(*) AS n FROM rights) AS c WHERE c.n > 1", "lefts, rights",
		"x: {type: decimal, precision: 9, scale: 2}"},
	{"SELECT a.id, a.s AS x, count(b.id) AS n FROM lefts AS a LEFT JOIN rights AS b ON b.m = a.m AND b.b GROUP BY a.id", "lefts, rights", "x: {type: text}, n: {type: int}"},
	{"SELECT 1 AS id, CAST(NULL AS date) AS x, CAST(NULL AS boolean) AS y WHERE EXISTS (SELECT 1 FROM lefts)", "lefts", "x: {type: date, optional: true}, y: {type: bool, optional: true}"},
}

// agreeRows returns statements that fill the tables.
func agreeRows(engine string) []string {
	ints := []string{"0", "1", "-1", "3", "7", "-5", "100", "NULL", "2", "5"}
	cents := []int{950, 5, 0, -1, 100, 333, -250, 1, 300, 1000}
	floats := []string{"0.0", "1.0", "-0.5", "2.25", "3.0", "100.125", "NULL", "-7.0", "0.25", "1.5"}
	texts := []string{"'a'", "'A'", "'ä'", "'Ä'", "'5'", "'05'", "''", "' x '", "'b_c'", "NULL", "'B%'", "'Zebra'", "'a'"}
	days := []string{"'2026-03-29'", "'1999-12-31'", "'0001-01-01'", "NULL", "'2026-01-01'"}
	micros := []string{"1774747800000000", "1774744200000000", "0", "NULL", "-1", "1767225600000000"}
	uuids := []string{"'018f0000-0000-7000-8000-0000000000a1'", "'ffffffff-0000-4000-8000-0000000000a1'", "NULL"}
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(all []string, optional bool) string {
		for {
			if text := all[r.IntN(len(all))]; text != "NULL" || optional {
				return text
			}
		}
	}
	decimal := func(scale int, optional bool) string {
		n := cents[r.IntN(len(cents))]
		switch {
		case optional && r.IntN(5) == 0:
			return "NULL"
		case engine == "sqlite":
			return strconv.Itoa(n)
		}
		return fmt.Sprintf("%d * %s", n, "1"+map[int]string{0: "", 2: "/100.0", 3: "/1000.0"}[scale])
	}
	boolean := func(optional bool) string {
		text := pick([]string{"1", "0", "NULL"}, optional)
		if engine == "postgres" && text != "NULL" {
			text = "(" + text + " = 1)"
		}
		return text
	}
	instant := func(optional bool) string {
		text := pick(micros, optional)
		if engine == "postgres" && text != "NULL" {
			text = "timestamptz 'epoch' + " + text + " * interval '1 microsecond'"
		}
		return text
	}
	var all []string
	for _, table := range []string{"lefts", "rights"} {
		for id := range 17 {
			values := []string{
				strconv.Itoa(id + 1), pick(ints, true), pick(ints, false), decimal(2, false), decimal(2, true), decimal(3, true), decimal(0, true),
				pick(floats, true), pick(floats, false), boolean(false), boolean(true), instant(false), instant(true),
				pick(days, false), pick(days, true), pick(uuids, false), pick(uuids, true), pick(texts, false), pick(texts, true),
				pick([]string{"'a'", "'B'", "'c'"}, false), pick([]string{"'[1, 2]'", "NULL"}, true), instant(false), instant(false), "1",
			}
			all = append(all, "INSERT INTO "+table+" (id, n, m, p, q, r, w, f, g, b, c, at, late, day, eve, u, v, s, t, e, j, created_at, updated_at, _rev) VALUES ("+
				strings.Join(values, ", ")+")")
		}
	}
	return all
}
