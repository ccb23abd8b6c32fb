package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Reach is what the deletion of a row of a table can reach.
type Reach struct {
	Tables    []*model.Table // whose rows it may delete; the first is that of the row
	Cascades  []*model.Field // whose rows go with a row of Tables
	Clears    []*model.Field // that are cleared where they refer to such a row
	Restricts []*model.Field // that keep such a row from being deleted
}

// ReachOf works it out for a table of a model.
func ReachOf(m *model.Model, t *model.Table) *Reach {
	r := &Reach{Tables: []*model.Table{t}}
	for i := 0; i < len(r.Tables); i++ { // which grows
		for _, other := range m.Tables {
			for _, f := range other.Fields {
				if f.Ref == r.Tables[i] {
					r.add(f)
				}
			}
		}
	}
	return r
}

func (r *Reach) add(f *model.Field) {
	switch f.OnDelete {
	case model.Cascade:
		r.Cascades = append(r.Cascades, f)
		if !slices.Contains(r.Tables, f.Table) {
			r.Tables = append(r.Tables, f.Table)
		}
	case model.Clear:
		r.Clears = append(r.Clears, f)
	default:
		r.Restricts = append(r.Restricts, f)
	}
}

// indexOf is that of a table among Tables, -1 where no row of it is deleted.
func (r *Reach) indexOf(t *model.Table) int { return slices.Index(r.Tables, t) }

// Doomed is the table of the rows that a deletion reaches: t is the index of a row's table in Reach.Tables, and id its id,
// as text where the dialect gives every column one type. In CountReach and Look it is a common table expression; a sweep
// has it as a temporary table (see store.Sweeper).
const Doomed = "ashlar_doomed"

// manyRows is the number of a row of Doomed that stands for all that refer to one.
const manyRows = "-1000000"

// CountReach counts the rows that the deletion of a row reaches, those whose references it clears among them. It looks at
// few more than most of them, and counts no further: a LIMIT ends the recursion of PostgreSQL at any row, and that of SQLite
// when it has all rows that refer to one. Input 0 is the id of the row.
func (g *Generator) CountReach(r *Reach, most int) (*Statement, error) {
	steps := slices.Concat(r.Cascades, r.Clears)
	return g.finish(g.doomedRows(r, steps, most, "") + " SELECT sum(CASE WHEN t = " + manyRows + " THEN " + strconv.Itoa(most) + " ELSE 1 END)" +
		" FROM (SELECT t FROM " + Doomed + " LIMIT " + strconv.Itoa(most) + ") AS n")
}

// CheckReach says how many rows the deletion of a row reaches, as CountReach does without an end, and whether a row that stays
// refers to one of them by a reference that restricts. Input 0 is the id of the row.
func (g *Generator) CheckReach(r *Reach) (*Statement, error) {
	counts := []string{"(SELECT count(*) FROM " + Doomed + ")"}
	for _, f := range r.Clears {
		counts = append(counts, "(SELECT count(*) FROM "+g.referringRows(r, f)+")")
	}
	return g.finish(g.doomedRows(r, r.Cascades, 0, " MATERIALIZED") + " SELECT " + strings.Join(counts, " + ") + ", " + g.isRestricted(r))
}

// doomedRows writes the common table expression that follows references from a row. Those that lead to no table of r are
// followed no further: their rows have a number below zero. Where most is not 0, it follows no reference by which so many
// rows refer to one.
func (g *Generator) doomedRows(r *Reach, follow []*model.Field, most int, how string) string {
	root := "SELECT 0, " + g.Dialect.KeyText(g.inputOf(0, r.Tables[0].ID()))
	var steps []string
	for i, f := range follow {
		to := r.indexOf(f.Table)
		if f.OnDelete != model.Cascade {
			to = -1 - i
		}
		from := strconv.Itoa(r.indexOf(f.Ref))
		found := "SELECT " + strconv.Itoa(to) + " AS t, " + g.Dialect.KeyText(column("c", "id")) + " AS id FROM "
		refers := Quote(f.Table.Name) + " AS c WHERE " + column("c", f.Name) + " = "
		if g.Dialect.HasLateral() {
			steps = append(steps, found+refers+doomedKey(g.Dialect, "d", from, f.Ref.Key))
			continue
		}
		some := ""
		if most > 0 {
			many := "(SELECT 1 FROM " + refers + "d.id LIMIT 1 OFFSET " + strconv.Itoa(most-1) + ")"
			some = " AND " + many + " IS NULL"
			steps = append(steps, "SELECT "+manyRows+", d.id FROM "+Doomed+" AS d WHERE d.t = "+from+" AND "+many+" IS NOT NULL")
		}
		steps = append(steps, found+Doomed+" AS d CROSS JOIN "+refers+"d.id AND d.t = "+from+some)
	}
	next := ""
	switch {
	case len(steps) == 0:
	case g.Dialect.HasLateral():
		// PostgreSQL allows one recursive part only. It expects ten rows of each step and would rather read a table of 5,000
		// rows at every step than look ten times into its index; OFFSET keeps the two from being joined so.
		next = " UNION SELECT e.t, e.id FROM " + Doomed + " AS d CROSS JOIN LATERAL (" + strings.Join(steps, " UNION ALL ") + " OFFSET 0) AS e"
	default:
		next = " UNION " + strings.Join(steps, " UNION ")
	}
	return "WITH RECURSIVE " + Doomed + "(t, id) AS" + how + " (" + root + next + ")"
}

// doomedKey is the id of a doomed row as a key of that table, NULL where the row is of another.
func doomedKey(d Dialect, alias, table string, key model.Type) string {
	return "CASE WHEN " + alias + ".t = " + table + " THEN " + d.KeyFromText(alias+".id", key) + " END"
}

// referringRows are the rows c whose field refers to a doomed row d, as FROM names them, with a condition. They are looked up
// in the index of the field for each doomed row, whatever the planner makes of a table that it knows nothing of.
func (g *Generator) referringRows(r *Reach, f *model.Field) string {
	from := strconv.Itoa(r.indexOf(f.Ref))
	refers := column("c", f.Name) + " = " + doomedKey(g.Dialect, "d", from, f.Ref.Key)
	if g.Dialect.HasLateral() {
		return Doomed + " AS d CROSS JOIN LATERAL (SELECT c." + Quote("id") + " FROM " + Quote(f.Table.Name) + " AS c WHERE " + refers + " OFFSET 0) AS c WHERE d.t = " + from
	}
	return Doomed + " AS d CROSS JOIN " + Quote(f.Table.Name) + " AS c WHERE d.t = " + from + " AND " + refers
}

// isRestricted is the condition that a row which is not doomed itself restricts the deletion.
func (g *Generator) isRestricted(r *Reach) string {
	var any []string
	for _, f := range r.Restricts {
		sql := "EXISTS (SELECT 1 FROM " + g.referringRows(r, f)
		if own := r.indexOf(f.Table); own >= 0 {
			sql += " AND " + column("c", "id") + " NOT IN " + g.doomedIDs(r, own)
		}
		any = append(any, sql+")")
	}
	if len(any) == 0 {
		return g.Dialect.Bool(false)
	}
	return "(" + strings.Join(any, " OR ") + ")"
}
