package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Reach is what the deletion of a row of a table can reach.
type Reach struct {
	Tables    []*model.Table // tables that may lose rows, the table of the row first
	Cascades  []*model.Field // references that delete their rows
	Clears    []*model.Field // references that are cleared
	Restricts []*model.Field // references that forbid the deletion
}

// ReachOf returns the reach of a table. tables are all tables of the database.
func ReachOf(tables []*model.Table, table *model.Table) *Reach {
	reach := &Reach{Tables: []*model.Table{table}}
	for i := 0; i < len(reach.Tables); i++ { // add appends to Tables
		for _, other := range tables {
			for _, field := range other.Fields {
				if field.Ref == reach.Tables[i] {
					reach.add(field)
				}
			}
		}
	}
	return reach
}

func (r *Reach) add(field *model.Field) {
	switch field.OnDelete {
	case model.Cascade:
		r.Cascades = append(r.Cascades, field)
		if !slices.Contains(r.Tables, field.Table) {
			r.Tables = append(r.Tables, field.Table)
		}
	case model.Clear:
		r.Clears = append(r.Clears, field)
	default:
		r.Restricts = append(r.Restricts, field)
	}
}

// indexOf returns the index of a table in Tables, or -1 if no row of it is deleted.
func (r *Reach) indexOf(t *model.Table) int { return slices.Index(r.Tables, t) }

// Doomed is the table of the rows that a deletion reaches. The column t is the index of a table in Reach.Tables. The
// column id is the id of the row, as KeyText writes it. In CountReach and CheckReach the table is a common table
// expression; a sweep has it as a temporary table (see store.Sweeper).
const Doomed = "ashlar_doomed"

// manyRows is the t of a row in Doomed for all rows that refer to one row.
const manyRows = "-1000000"

// CountReach counts the rows that the deletion of a row deletes or clears. It stops soon after most rows, since a LIMIT
// ends the recursion: PostgreSQL stops at any row, SQLite once it has all rows that refer to one. Input 0 is the id of
// the row.
func (g *Generator) CountReach(reach *Reach, most int) (*Statement, error) {
	steps := slices.Concat(reach.Cascades, reach.Clears)
	return g.finish(g.doomedRows(reach, steps, most, "") + " SELECT sum(CASE WHEN t = " + manyRows + " THEN " + strconv.Itoa(most) + " ELSE 1 END)" +
		" FROM (SELECT t FROM " + Doomed + " LIMIT " + strconv.Itoa(most) + ") AS n")
}

// CheckReach counts the rows that the deletion of a row deletes or clears, all of them. The second column says whether
// some remaining row forbids the deletion, by a reference that restricts. Input 0 is the id of the row.
func (g *Generator) CheckReach(reach *Reach) (*Statement, error) {
	counts := []string{"(SELECT count(*) FROM " + Doomed + ")"}
	for _, f := range reach.Clears {
		counts = append(counts, "(SELECT count(*) FROM "+g.referringRows(reach, f)+")")
	}
	return g.finish(g.doomedRows(reach, reach.Cascades, 0, " MATERIALIZED") + " SELECT " + strings.Join(counts, " + ") + ", " + g.isRestricted(reach))
}

// doomedRows returns the common table expression that follows references from a row. A reference that does not cascade
// is followed no further: its rows have a t below zero. If most is not 0, a reference by which so many rows refer to one
// is not followed at all.
func (g *Generator) doomedRows(reach *Reach, follow []*model.Field, most int, how string) string {
	root := "SELECT 0, " + g.Dialect.KeyText(g.inputOf(0, reach.Tables[0].ID()))
	var steps []string
	for i, field := range follow {
		to := reach.indexOf(field.Table)
		if field.OnDelete != model.Cascade {
			to = -1 - i
		}
		from := strconv.Itoa(reach.indexOf(field.Ref))
		found := "SELECT " + strconv.Itoa(to) + " AS t, " + g.Dialect.KeyText(column("c", "id")) + " AS id FROM "
		refers := Quote(field.Table.Name) + " AS c WHERE " + column("c", field.Name) + " = "
		if g.Dialect.HasLateral() {
			steps = append(steps, found+refers+doomedKey(g.Dialect, "d", from, field.Ref.Key))
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
		// PostgreSQL allows only one recursive part. It expects ten rows in each step, and would rather read a table of
		// 5,000 rows in each step than look ten times into its index. OFFSET prevents that join.
		next = " UNION SELECT e.t, e.id FROM " + Doomed + " AS d CROSS JOIN LATERAL (" + strings.Join(steps, " UNION ALL ") + " OFFSET 0) AS e"
	default:
		next = " UNION " + strings.Join(steps, " UNION ")
	}
	return "WITH RECURSIVE " + Doomed + "(t, id) AS" + how + " (" + root + next + ")"
}

// doomedKey returns the id of a doomed row as a key of a table, or NULL if the row is of another table.
func doomedKey(d Dialect, alias, table string, key model.Type) string {
	return "CASE WHEN " + alias + ".t = " + table + " THEN " + d.KeyFromText(alias+".id", key) + " END"
}

// referringRows returns a FROM clause, with its WHERE, of the rows c whose field refers to a doomed row d. It looks them
// up in the index of the field, whatever the planner assumes about the size of the common table expression.
func (g *Generator) referringRows(reach *Reach, field *model.Field) string {
	from := strconv.Itoa(reach.indexOf(field.Ref))
	refers := column("c", field.Name) + " = " + doomedKey(g.Dialect, "d", from, field.Ref.Key)
	if g.Dialect.HasLateral() {
		return Doomed + " AS d CROSS JOIN LATERAL (SELECT c." + Quote("id") + " FROM " + Quote(field.Table.Name) + " AS c WHERE " + refers + " OFFSET 0) AS c WHERE d.t = " + from
	}
	return Doomed + " AS d CROSS JOIN " + Quote(field.Table.Name) + " AS c WHERE d.t = " + from + " AND " + refers
}

// isRestricted returns the condition that a remaining row restricts the deletion.
func (g *Generator) isRestricted(reach *Reach) string {
	var any []string
	for _, field := range reach.Restricts {
		sql := "EXISTS (SELECT 1 FROM " + g.referringRows(reach, field)
		if own := reach.indexOf(field.Table); own >= 0 {
			sql += " AND " + column("c", "id") + " NOT IN " + g.doomedIDs(reach, own)
		}
		any = append(any, sql+")")
	}
	if len(any) == 0 {
		return g.Dialect.Bool(false)
	}
	return "(" + strings.Join(any, " OR ") + ")"
}
