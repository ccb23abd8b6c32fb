package advise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// world is a database of the careers example without one of its indexes, with rows and recorded queries.
type world struct {
	db      store.DB
	without *Index
	load    func() (*model.Model, error)
	rules   *rule.Rules
	rows    map[string]int // of each table
	ids     map[string][]value.Value
	random  *rand.Rand
}

// sizes returns the numbers of rows. In the nightly form they are as in the O*NET database, with 35 skills for each occupation.
func sizes() map[string]int {
	if effort.Nightly() {
		return map[string]int{
			"users": 300, "job_zones": 5, "wages": 1400, "outlooks": 1100, "occupations": 1016, "skills": 35, "occupation_skills": 35_000,
			"employers": 900, "suggestions": 6000, "profiles": 300, "profile_skills": 3500,
		}
	}
	return map[string]int{
		"users": 100, "job_zones": 5, "wages": 600, "outlooks": 500, "occupations": 500, "skills": 35, "occupation_skills": 3500,
		"employers": 450, "suggestions": 2000, "profiles": 100, "profile_skills": 700,
	}
}

// openWorld makes the tables of careers without an index, and fills them.
func openWorld(t *testing.T, engine modeltest.Engine, without *Index) *world {
	t.Helper()
	w := &world{db: engine.Empty(t), without: without, rows: sizes(), ids: map[string][]value.Value{}, random: rand.New(rand.NewPCG(3, 4))}
	w.load = func() (*model.Model, error) {
		m, faults := load.Dir("../../examples/careers")
		if len(faults) > 0 {
			return nil, faults
		}
		if without != nil {
			without.RemoveFrom(m)
		}
		return m, nil
	}
	m, err := w.load()
	if err != nil {
		t.Fatal(err)
	}
	w.rules = modeltest.Compile(t, m)
	modeltest.Migrate(t, w.db, w.rules)
	err = w.db.Load(t.Context(), func(l store.Load) error {
		for _, name := range []string{"users", "job_zones", "wages", "outlooks", "occupations", "skills", "occupation_skills", "employers", "suggestions", "profiles", "profile_skills"} {
			if err := w.fill(l, m.Table(name)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	analyze(t, w.db)
	return w
}

// analyze gives the planner of PostgreSQL its statistics, as autovacuum does in time.
func analyze(t *testing.T, db store.DB) {
	t.Helper()
	if !db.Dialect().HasStatistics() {
		return
	}
	err := db.Alter(t.Context(), func(s store.Session) error {
		_, err := s.Exec("ANALYZE", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) fill(l store.Load, table *model.Table) error {
	raw := sqlgen.RawTable{Name: table.Name}
	for _, field := range table.Fields {
		raw.Columns = append(raw.Columns, field.Name)
	}
	raw.Columns = append(raw.Columns, sqlgen.Revision)
	i := -1
	return l.Copy(w.emptied(table), raw.Load(w.db.Dialect()), func() ([]value.Value, error) {
		if i++; i == w.rows[table.Name] {
			return nil, nil
		}
		row := make([]value.Value, 0, len(raw.Columns))
		for _, field := range table.Fields {
			row = append(row, w.value(table, field, i))
		}
		w.ids[table.Name] = append(w.ids[table.Name], row[0])
		return append(row, value.OfInt(int64(i)+1)), nil
	})
}

// emptied returns what PostgreSQL wants to happen in the transaction that loads a table.
func (w *world) emptied(table *model.Table) []string {
	if !w.db.Dialect().HasStatistics() {
		return nil
	}
	return []string{"TRUNCATE " + sqlgen.Quote(table.Name) + " CASCADE"}
}

// value returns the value of a field in row i.
func (w *world) value(table *model.Table, field *model.Field, i int) value.Value {
	switch name := table.Name + "." + field.Name; {
	case name == "occupation_skills.occupation_id", name == "profile_skills.profile_id":
		return w.ids[field.Ref.Name][i/35]
	case name == "occupation_skills.skill_id", name == "profile_skills.skill_id":
		return w.ids["skills"][i%35]
	case name == "suggestions.state":
		if i >= w.rows[table.Name]*19/20 { // the latest are not answered yet
			return value.OfText("open")
		}
		return value.OfText([]string{"accepted", "declined"}[i%2])
	case name == "employers.kind":
		return value.OfText(map[bool]string{true: "sector", false: "company"}[i%15 == 0])
	case name == "profiles.owner_id":
		return w.ids["users"][i]
	case name == "skills.source", name == "wages.level":
		return value.OfText(field.Values[0].Name)
	case field.Name == "wage_match", field.Name == "wage_id", field.Name == "parent_id":
		return value.Value{}
	case field.Ref != nil && len(w.ids[field.Ref.Name]) > 0:
		return w.ids[field.Ref.Name][w.random.IntN(len(w.ids[field.Ref.Name]))]
	}
	return w.plain(field, i)
}

func (w *world) plain(field *model.Field, i int) value.Value {
	switch field.Type {
	case model.UUID:
		return value.OfUUID(fmt.Sprintf("018f0000-0000-7%03x-8000-%012x", w.random.IntN(4096), i))
	case model.Int:
		return value.OfInt(int64(i) + 1)
	case model.Float:
		return value.OfFloat(1 + 4*w.random.Float64())
	case model.Decimal:
		return value.OfDecimal(int64(1+w.random.IntN(9_000)), uint8(field.Scale))
	case model.Bool:
		return value.OfBool(w.random.IntN(2) == 0)
	case model.Timestamp:
		return value.OfTimestamp(1_760_000_000_000_000 + int64(i)*60_000_000)
	case model.Date:
		return value.OfDate("2025-08-01")
	case model.Enum:
		return value.OfText(field.Values[w.random.IntN(len(field.Values))].Name)
	case model.JSON:
		return value.Value{}
	default:
		text := fmt.Sprintf("%s number %d of %s", field.Name, w.random.IntN(1_000_000)*10_000+i, field.Table.Name)
		if field.Format == "email" {
			text = fmt.Sprintf("somebody%d@example.com", i)
		}
		if field.Max != nil && int64(len(text)) > *field.Max {
			text = fmt.Sprintf("t%d", i)
		}
		return value.OfText(text)
	}
}

// A pageView is a query of the pages of a career guide.
type pageView struct {
	table string
	query record.Query
	calls float64       // in the ten days that are recorded
	who   caller.Caller // of all of them
}

func (w *world) traffic() []pageView {
	user := caller.Identity{ID: "018f0000-0000-7000-8000-000000000005", Verified: true}
	editor := user
	editor.Roles = []string{"editor"}
	byOccupation := record.Query{Filter: "occupation_id == arg.o", Args: map[string]string{"o": w.ids["occupations"][7].Text}, Sort: "-importance", Limit: 3}
	byOccupation.Fields = "skill.name,importance"
	return []pageView{
		{"occupations", record.Query{Filter: "job_zone_id == 3", Sort: "title", Limit: 20}, 20_000, caller.Caller{}},
		{"occupations", record.Query{Filter: "title.contains('77')"}, 9_000, caller.Caller{}},
		{"occupation_skills", byOccupation, 30_000, caller.Caller{}},
		{"employers", record.Query{Filter: "kind == 'sector'"}, 3_000, caller.Caller{}},
		{"wages", record.Query{Sort: "-annual_median", Limit: 20}, 2_000, caller.Caller{}},
		{"outlooks", record.Query{Filter: "change_percent > 100.0", Sort: "-change_percent", Limit: 20}, 2_000, caller.Caller{}},
		{"suggestions", record.Query{Filter: "state == arg.s", Args: map[string]string{"s": "open"}, Sort: "created_at", Limit: 20, Total: true}, 500, caller.User(editor)},
		{"suggestions", record.Query{}, 500, caller.User(user)},
		{"skill_gaps", record.Query{Sort: "-importance"}, 1_000, caller.User(user)},
		{"profiles", record.Query{}, 1_000, caller.User(user)},
	}
}

// recorded returns what a Recorder has after the traffic.
func (w *world) recorded(t *testing.T) *Usage {
	t.Helper()
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	recorder, err := NewRecorder(filepath.Join(t.TempDir(), "queries.json"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	rows := record.New(w.db, w.rules, record.Config{})
	for _, view := range w.traffic() {
		r := &telemetry.Record{Start: time.Now(), Weight: view.calls, Table: view.table, Operation: "list", CallerKind: view.who.Kind().String()}
		if view.query.Limit == 0 {
			view.query.Limit = apilimit.DefaultLimit
		}
		if _, err := rows.List(telemetry.WithRecord(t.Context(), r), view.who, w.rules.Model.Table(view.table), view.query, nil); err != nil {
			t.Fatalf("%s: %v", view.table, err)
		}
		recorder.Take(r)
	}
	start := time.Now()
	for _, table := range []string{"suggestions", "occupation_skills"} {
		r := &telemetry.Record{Start: start, Weight: 100, Table: table, Operation: "update", Shape: "update " + table, CallerKind: "user"}
		r.Add("UPDATE", start, time.Millisecond, 1)
		recorder.Take(r)
	}
	now = now.Add(10 * 24 * time.Hour)
	return recorder.Usage()
}

// config returns the configuration of advice in the database itself, which nobody else uses.
func (w *world) config(t *testing.T) Config {
	t.Helper()
	meter, ok := w.db.(store.Meter)
	if !ok {
		t.Fatalf("%T is no store.Meter", w.db)
	}
	return Config{Model: w.load, Usage: w.recorded(t), Bench: Bench{DB: w.db, Meter: meter}, Budget: time.Hour}
}

// trial returns the queries of the world, run once.
func (w *world) trial(t *testing.T) *trial {
	t.Helper()
	trial, err := newTrial(t.Context(), w.config(t).withDefaults(), &Report{})
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func (w *world) advise(t *testing.T) *Report {
	t.Helper()
	report, err := Run(t.Context(), w.config(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, untried := range report.Untried {
		t.Errorf("%s was not run: %s", untried.Shape, untried.Why)
	}
	return report
}

func engines() []modeltest.Engine {
	return []modeltest.Engine{modeltest.SQLite(sqlite.Config{Readers: 2}), modeltest.Postgres(postgres.Config{Readers: 4, Writers: 4})}
}

// removable returns the indexes of careers that lines of its model ask for.
func removable(t *testing.T) []Index {
	t.Helper()
	m, faults := load.Dir("../../examples/careers")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var all []Index
	for _, table := range m.Tables {
		for _, field := range table.Fields {
			if field.Index {
				all = append(all, indexing.Of(table, []*model.Field{field}))
			}
		}
		for _, fields := range table.Indexes {
			all = append(all, indexing.Of(table, fields))
		}
	}
	return all
}

// The advice finds each index that is removed from careers, and proposes no other. Usually the test removes one on each engine.
func TestFindsEveryIndexThatCareersLacks(t *testing.T) {
	effort.SkipRaced(t)
	all := removable(t)
	if len(all) != 6 {
		t.Errorf("careers declares %d indexes, want 6: %v", len(all), all)
	}
	if !effort.Nightly() {
		all = all[3:4] // with an equality and an order, under a rule that depends on roles
	}
	for _, engine := range engines() {
		for _, index := range all {
			t.Run(engine.Name+"/"+index.Key(), func(t *testing.T) {
				found := openWorld(t, engine, &index).advise(t)
				for _, added := range found.Add {
					t.Logf("%s: %+v", added.Key(), added.Gains)
				}
				if len(found.Add) != 1 || found.Add[0].Key() != index.Key() {
					t.Fatalf("advised %d indexes, want only [%s]", len(found.Add), index.Key())
				}
				if engine.Name == "SQLite" || effort.Nightly() {
					checkGains(t, engine, &found.Add[0])
				}
			})
		}
	}
}

// checkGains runs the queries of an advised index in a database whose model has it from the start.
func checkGains(t *testing.T, engine modeltest.Engine, added *Addition) {
	t.Helper()
	w := openWorld(t, engine, nil)
	trial := w.trial(t)
	for _, gain := range added.Gains {
		i := slices.IndexFunc(trial.plays, func(p *play) bool { return p.shape.Text == gain.Shape && p.shape.CallerKind == gain.CallerKind })
		if i < 0 {
			t.Fatalf("%s was not run", gain.Shape)
		}
		stated, measured := gain.Factor(), float64(gain.Before.Steps)/float64(trial.plays[i].now.Steps)
		if measured < stated/2 || measured > stated*2 {
			t.Errorf("%s: stated a factor of %.1f, measured %.1f", gain.Shape, stated, measured)
		}
		stated, measured = float64(gain.Before.Took-gain.After.Took), float64(gain.Before.Took-trial.plays[i].now.Took)
		const noise = float64(20 * time.Microsecond)
		if effort.Nightly() && math.Abs(stated-measured) > noise && (measured < stated/2 || measured > stated*2) { // a quiet machine
			t.Errorf("%s: stated to save %v a call, measured %v", gain.Shape, time.Duration(stated), time.Duration(measured))
		}
	}
}

// With all of its indexes, careers gets no advice to add one, nor to remove one.
func TestSaysNothingAboutCareersAsItIs(t *testing.T) {
	effort.SkipRaced(t)
	for _, engine := range engines() {
		if engine.Name != "SQLite" && !effort.Nightly() {
			continue
		}
		t.Run(engine.Name, func(t *testing.T) {
			report := openWorld(t, engine, nil).advise(t)
			for _, added := range report.Add {
				t.Errorf("advised to add %s: %+v", added.Key(), added.Gains)
			}
			for _, removed := range report.Remove {
				t.Errorf("advised to remove %s", removed.Key())
			}
		})
	}
}
