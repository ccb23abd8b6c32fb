package advise

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// tasks is a model with rows that the tests choose.
const tasks = `
ashlar: 1
name: tasks
tables:
  tasks:
    key: int
    fields:
      title: {type: text, max: 100}
      notes: {type: text}
      done:  {type: bool}
      team:  {type: int}
      due:   {type: date, optional: true}
      rank:  {type: float}
    indexes: [%s]
    access: {read: true, write: true}
`

// tasksWorld opens tasks with so many rows.
func tasksWorld(t *testing.T, engine modeltest.Engine, rows int, indexes string) (Config, *model.Model) {
	t.Helper()
	source := fmt.Sprintf(tasks, indexes)
	db, rules := engine.Open(t, source)
	table := rules.Model.Table("tasks")
	raw := sqlgen.RawTable{Name: "tasks"}
	for _, field := range table.Fields {
		raw.Columns = append(raw.Columns, field.Name)
	}
	raw.Columns = append(raw.Columns, sqlgen.Revision)
	i := 0
	var create []string
	if db.Dialect().HasStatistics() {
		create = []string{"TRUNCATE tasks"}
	}
	err := db.Load(t.Context(), func(l store.Load) error {
		return l.Copy(create, raw.Load(db.Dialect()), func() ([]value.Value, error) {
			if i++; i > rows {
				return nil, nil
			}
			due := value.OfDate(fmt.Sprintf("2026-%02d-%02d", 1+i%12, 1+i*7%28))
			if i%3 == 0 {
				due = value.Value{}
			}
			return []value.Value{
				value.OfInt(int64(i)), value.OfText(fmt.Sprint("task ", i*7919%100_003)), value.OfText("notes"), value.OfBool(i%2 == 0), value.OfInt(int64(i * 31 % 97)),
				due, value.OfFloat(float64(i * 104729 % 10_007)), value.OfTimestamp(1_760_000_000_000_000), value.OfTimestamp(1_760_000_000_000_000), value.OfInt(int64(i)),
			}, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	analyze(t, db)
	meter := db.(store.Meter)
	until := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	return Config{
		Model: func() (*model.Model, error) {
			m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
			if len(faults) > 0 {
				return nil, faults
			}
			return m, nil
		},
		Usage:  &Usage{Since: until.Add(-10 * 24 * time.Hour), Until: until},
		Bench:  Bench{DB: db, Meter: meter},
		Budget: time.Hour,
	}, rules.Model
}

// listed adds recorded calls of a list of tasks.
func (c *Config) listed(calls float64, parameters string) {
	text := strings.TrimRight("list tasks "+parameters, " ")
	c.Usage.Shapes = append(c.Usage.Shapes, Shape{Operation: "list", Table: "tasks", Text: text, CallerKind: "anonymous", Calls: calls})
}

func run(t *testing.T, cfg Config) *Report {
	t.Helper()
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, untried := range report.Untried {
		t.Errorf("%s was not run: %s", untried.Shape, untried.Why)
	}
	return report
}

func keys(report *Report) (all []string) {
	for _, added := range report.Add {
		all = append(all, strings.Join(added.Fields, ","))
	}
	return all
}

func TestAdvises(t *testing.T) {
	effort.SkipRaced(t)
	for _, tt := range []struct {
		name    string
		rows    int
		lists   []string
		indexes string
		want    []string
	}{
		{"nothing for a table of few rows", 30, []string{"filter(team == arg.t) sort(-rank)"}, "", nil},
		{"nothing for a condition that half of the rows meet", 2000, []string{"filter(done)"}, "", nil},
		{"nothing for a piece of text", 2000, []string{"filter(title.contains(arg.t))"}, "", nil},
		{"nothing for text that no index holds", 2000, []string{"filter(notes == arg.n)"}, "", nil},
		{"nothing for two directions", 2000, []string{"sort(-rank,title)"}, "[rank, title]", nil},
		{"nothing that is there already", 2000, []string{"filter(team == arg.t) sort(rank)"}, "[team, rank]", nil},
		{"the field that is compared", 2000, []string{"filter(title == arg.t)"}, "", []string{"title"}},
		{"an equality before the order", 4000, []string{"filter(team == arg.t) sort(-rank) limit(5)"}, "", []string{"team,rank"}},
		{"a sort whose values may be missing", 2000, []string{"sort(due) limit(10)"}, "", []string{"due"}},
		{"one index for two queries", 3900, []string{"filter(team == arg.t) sort(rank) limit(5)", "filter(team == arg.t)"}, "", []string{"team,rank"}},
		{"two indexes for two queries", 2000, []string{"filter(title == arg.t)", "sort(rank) limit(5)"}, "", []string{"rank", "title"}},
	} {
		for i, engine := range engines() {
			if i > 0 && !effort.Nightly() && tt.rows < 4000 { // PostgreSQL takes longer
				continue
			}
			t.Run(tt.name+"/"+engine.Name, func(t *testing.T) {
				cfg, _ := tasksWorld(t, engine, tt.rows, tt.indexes)
				for _, list := range tt.lists {
					cfg.listed(10_000, list)
				}
				report := run(t, cfg)
				got := keys(report)
				slices.Sort(got)
				if !slices.Equal(got, tt.want) {
					t.Errorf("advised to add %v, want %v", got, tt.want)
					for _, added := range report.Add {
						t.Logf("%v: %+v", added.Fields, added.Gains)
					}
				}
			})
		}
	}
}

// An index that no query needs is named once the records are old enough. One that a query needs is not.
func TestNamesUnusedIndexes(t *testing.T) {
	effort.SkipRaced(t)
	cfg, _ := tasksWorld(t, engines()[0], 2000, "[team], [rank], [title]")
	cfg.listed(1000, "filter(team == arg.t)")
	cfg.listed(1000, "sort(rank) limit(5)")
	report := run(t, cfg)
	if len(report.Remove) != 1 || !slices.Equal(report.Remove[0].Names, []string{"title"}) || report.Remove[0].Size == 0 {
		t.Errorf("advised to remove %+v, want the index on title", report.Remove)
	}
	cfg.Usage.Since = cfg.Usage.Until.Add(-time.Hour)
	if report = run(t, cfg); len(report.Remove) != 0 || !report.TooYoung {
		t.Errorf("after an hour of records, advised to remove %+v", report.Remove)
	}
}

// Writes may cost more than an index saves.
func TestWritesWeighAgainstAnIndex(t *testing.T) {
	effort.SkipRaced(t)
	cfg, _ := tasksWorld(t, engines()[0], 2000, "")
	cfg.listed(1, "filter(title == arg.t)")
	cfg.Usage.Shapes = append(cfg.Usage.Shapes, Shape{Operation: "create", Table: "tasks", Text: "create tasks", CallerKind: "anonymous", Calls: 1e9})
	if report := run(t, cfg); len(report.Add) != 0 {
		t.Errorf("advised to add %v for one read beside a billion writes", keys(report))
	}
}

// What cannot be run again is said, and the rest is tried.
func TestSaysWhatWasNotRun(t *testing.T) {
	effort.SkipRaced(t)
	cfg, _ := tasksWorld(t, engines()[0], 100, "")
	cfg.listed(5, "filter(nothing == arg.t)")
	cfg.listed(5, "filter(team == arg.t")
	cfg.Usage.Shapes = append(cfg.Usage.Shapes, Shape{Operation: "list", Table: "former", Text: "list former", CallerKind: "anonymous", Calls: 1})
	cfg.listed(5, "")
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Untried) != 3 {
		t.Errorf("not run: %+v, want three shapes", report.Untried)
	}
	cfg.Budget = time.Nanosecond
	if report, err = Run(t.Context(), cfg); err != nil || !report.TimedOut {
		t.Errorf("Run without time = %+v, %v", report, err)
	}
}
