package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// FreeID finds an int id that no row has, after an id that a row has: input 0. It returns no row if it finds none.
//
// It gallops: hi grows by steps that double, until hi is free. Then it halves the distance to the last taken id until
// the two are neighbours. So it looks at about 120 ids at most, whether three are taken or three million. If ids are
// taken without gaps, it finds the first free one. The steps are random, so that a client cannot occupy just the ids
// that it would look at.
func (g *Generator) FreeID(table *model.Table) (*Statement, error) {
	// A column without an alias could be a field of the model.
	taken := func(id string) string {
		return "EXISTS (SELECT 1 FROM " + Quote(table.Name) + " AS t WHERE " + column("t", "id") + " = " + id + ")"
	}
	n, most, mid := g.input(0, value.Int), "9223372036854775807", "h.lo + (h.hi - h.lo) / 2"
	return g.finish("WITH RECURSIVE ashlar_gallop(lo, hi, step) AS (" +
		"SELECT " + n + ", CASE WHEN " + n + " < " + most + " THEN " + n + " + 1 END, " + g.Dialect.BigInt("1") +
		" UNION ALL SELECT g.hi, g.hi + g.step + " + g.Dialect.Random("g.step") + ", g.step * 2 FROM ashlar_gallop AS g" +
		" WHERE g.step < 2305843009213693952 AND g.hi <= " + most + " - 2 * g.step AND " + taken("g.hi") +
		"), ashlar_halve(lo, hi) AS (" +
		"SELECT g.lo, g.hi FROM ashlar_gallop AS g WHERE NOT " + taken("g.hi") +
		" UNION ALL SELECT CASE WHEN " + taken(mid) + " THEN " + mid + " ELSE h.lo END, CASE WHEN " + taken(mid) + " THEN h.hi ELSE " + mid + " END" +
		" FROM ashlar_halve AS h WHERE h.hi - h.lo > 1" +
		") SELECT h.hi FROM ashlar_halve AS h WHERE h.hi - h.lo = 1")
}
