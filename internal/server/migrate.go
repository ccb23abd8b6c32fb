package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osuser "os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// copiesFolder holds copies of the database, in the data folder.
const copiesFolder = "copies"

// Database is the database of an app, open for changes of its tables.
type Database struct {
	rules  *rule.Rules
	cfg    Config
	folder folder
	db     store.DB
	beside bool // a server serves it from the same data folder
}

// OpenDatabase opens the database of the app in dir, to compare it with the model or to bring it there. A server may
// serve it meanwhile, on the former model. An embedded database that is not there yet is not made before Migrate is called.
func OpenDatabase(ctx context.Context, dir string, cfg Config) (*Database, error) {
	cfg = cfg.withDefaults(dir)
	rules, err := Load(dir)
	if err != nil {
		return nil, err
	}
	d := &Database{rules: rules, cfg: cfg, folder: folder{path: cfg.Data, cfg: cfg, rules: rules}}
	if cfg.Database == "" {
		if _, err := os.Stat(d.folder.database()); errors.Is(err, fs.ErrNotExist) {
			return d, nil
		}
	}
	return d, noRoom(d.open(ctx), cfg.Data)
}

func (d *Database) open(ctx context.Context) error {
	f, err := lockFolder(ctx, d.cfg, lockPatience)
	_, d.beside = errors.AsType[*sqlite.InUseError](err)
	if err != nil && !d.beside {
		return err
	}
	f.rules = d.rules
	d.folder = f
	if d.db, err = f.openStore(ctx, preparing); err != nil {
		return errors.Join(err, f.unlock())
	}
	return nil
}

// Close closes it.
func (d *Database) Close() error {
	if d.db == nil {
		return nil
	}
	return errors.Join(d.db.Close(), d.folder.unlock())
}

// Plan says how the database comes to the model.
func (d *Database) Plan(ctx context.Context) (*migrate.Plan, error) {
	if d.db == nil {
		return migrate.PlanForNewDatabase(), nil
	}
	return migrate.NewPlan(ctx, d.db, d.rules, d.options())
}

// Migrate brings the database to the model. What is lost must be allowed by name. Beside a server on the same data folder,
// which does not know of the change, it does what is safe alone.
func (d *Database) Migrate(ctx context.Context, allow []string, progress migrate.Progress) (_ migrate.Result, err error) {
	defer func() { err = noRoom(err, d.cfg.Data) }()
	if d.db == nil {
		if err := d.open(ctx); err != nil {
			return migrate.Result{}, err
		}
	}
	o := d.options()
	o.Allow, o.Progress, o.Hazards = allow, progress, migrate.Rewrites|migrate.Breaks
	if d.beside {
		o.Allow, o.Hazards, o.ServerRunning = nil, 0, true
	}
	return d.explain(migrate.Apply(ctx, d.db, d.rules, o))
}

// Undo takes the last change back, where nothing is lost by it.
func (d *Database) Undo(ctx context.Context, progress migrate.Progress) (_ migrate.Result, err error) {
	defer func() { err = noRoom(err, d.cfg.Data) }()
	if d.beside {
		return migrate.Result{}, fmt.Errorf("a server serves %s: stop it first, since it would go on with the model that is taken back", d.cfg.Data)
	}
	if d.db == nil {
		return migrate.Result{}, d.missing()
	}
	o := d.options()
	o.Progress, o.Hazards = progress, migrate.Rewrites|migrate.Breaks
	return migrate.Undo(ctx, d.db, o)
}

func (d *Database) missing() error {
	return fmt.Errorf("there is no database in %s yet: a server makes it when it starts", d.cfg.Data)
}

// explain says what to do where a plan was not allowed.
func (d *Database) explain(result migrate.Result, err error) (migrate.Result, error) {
	h, ok := errors.AsType[*migrate.HazardError](err)
	switch {
	case !ok:
		return result, err
	case !d.beside:
		return result, losses(d.rules.Model, h)
	default:
		return result, fmt.Errorf("a server serves %s, and the change is not safe beside it (%v): stop it first", d.cfg.Data, h.Hazards)
	}
}

// losses says what must be allowed.
func losses(m *model.Model, h *migrate.HazardError) error {
	var faults model.Faults
	told := map[string]bool{}
	for _, s := range h.Plan.Steps {
		if slices.Contains(h.Drops, s.Drop) && !told[s.Drop] {
			told[s.Drop] = true
			faults = append(faults, m.Fault(s.Pos, "%s: loses data; where that is meant, allow it: --allow drop:%s", s.Title, s.Drop))
		}
	}
	return faults.Sort()
}

// Verify compares the tables of the database with those that its model needs.
func (d *Database) Verify(ctx context.Context) ([]string, error) {
	if d.db == nil {
		return nil, d.missing()
	}
	return migrate.Verify(ctx, d.db)
}

// History is all changes of the database's model, the oldest first.
func (d *Database) History(ctx context.Context) ([]migrate.Entry, error) {
	if d.db == nil {
		return nil, d.missing()
	}
	return migrate.History(ctx, d.db)
}

func (d *Database) options() migrate.Options { return d.folder.migrating(d.db) }

// migrating are the options of a change of tables.
func (f folder) migrating(db store.DB) migrate.Options {
	o := migrate.Options{By: whoami(f.cfg.Version), Now: f.cfg.Now}
	if file, embedded := db.(*sqlite.DB); embedded {
		o.Copy = func(ctx context.Context) (string, error) { return f.copy(ctx, file) }
	}
	return o
}

// copy makes a verified copy of the database, named for when.
func (f folder) copy(ctx context.Context, db *sqlite.DB) (string, error) {
	dir := filepath.Join(f.path, copiesFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	name := filepath.Join(dir, "before-migration-"+f.cfg.Now().UTC().Format("20060102T150405.000000Z")+".db")
	return name, db.Copy(ctx, name)
}

// whoami is the user, the machine and the program, for the history.
func whoami(version string) string {
	who := "somebody"
	if u, err := osuser.Current(); err == nil {
		who = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown machine"
	}
	return fmt.Sprintf("%s@%s, ashlar %s", who, host, version)
}

// follow brings the tables to the model at the start of a server, where that is safe and it was not told otherwise.
func (f folder) follow(ctx context.Context, db store.DB, rules *rule.Rules) error {
	if f.cfg.KeepTables {
		return f.mustFollow(ctx, db, rules)
	}
	start := time.Now()
	result, err := migrate.Apply(ctx, db, rules, f.migrating(db))
	if h, ok := errors.AsType[*migrate.HazardError](err); ok {
		return f.orFormer(ctx, db, rules.Model, h.Plan)
	}
	if err != nil {
		return err
	}
	if result.Resumed != "" {
		f.cfg.Logger.Warn("an interrupted change of the tables was dealt with", "what", result.Resumed)
	}
	f.warnOfDamage(result)
	if result.Layout != 0 {
		f.cfg.Logger.Info("the system tables have a new layout, which earlier releases refuse", "was", result.Layout, "is", store.Layout)
	}
	for _, change := range result.Applied {
		f.cfg.Logger.Info("the database follows the model", "change", change)
	}
	for _, note := range result.Notes {
		f.cfg.Logger.Warn("rows that were there before are outside of a new limit", "rows", note.Text, "at", note.Pos.String())
	}
	if len(result.Applied) > 0 {
		f.cfg.Logger.Info("the tables are those of the model", "seconds", time.Since(start).Seconds())
	}
	return nil
}

func (f folder) warnOfDamage(result migrate.Result) {
	for _, entry := range result.Damaged {
		f.cfg.Logger.Warn("the history of the tables is damaged; --undo may need it, nothing else does", "what", entry)
	}
}

// orFormer lets a server on a former model start where the database has moved on by safe changes alone: the others have the
// new one already, and this one is started again. Any other plan is refused.
func (f folder) orFormer(ctx context.Context, db store.DB, m *model.Model, p *migrate.Plan) error {
	former, err := migrate.IsSafelyAhead(ctx, db, m)
	if err != nil || !former {
		return errors.Join(err, unsafe(m, p))
	}
	f.cfg.Logger.Warn("the database has a later model, beside which this one can be served: the tables are left as they are")
	return nil
}

// mustFollow makes the tables of a new database, and refuses an older one whose tables are not the model's.
func (f folder) mustFollow(ctx context.Context, db store.DB, rules *rule.Rules) error {
	plan, err := migrate.NewPlan(ctx, db, rules, f.migrating(db))
	if err != nil {
		return err
	}
	if plan.Layout != 0 {
		return fmt.Errorf("the database has layout %d of Ashlar's own tables, this release needs layout %d, and this server is told to leave tables as they are: run `ashlar migrate`", plan.Layout, store.Layout)
	}
	if plan.IsNew() || len(plan.Changes) == 0 {
		result, err := migrate.Apply(ctx, db, rules, f.migrating(db))
		f.warnOfDamage(result)
		return err
	}
	if former, err := migrate.IsSafelyAhead(ctx, db, rules.Model); err != nil || former {
		return err
	}
	var faults model.Faults
	for _, c := range plan.Changes {
		faults = append(faults, rules.Model.Fault(c.Pos, "the database has other tables, and this server is told to leave them: %v; run `ashlar migrate`", c))
	}
	return faults.Sort()
}

// firstMention reports whether a step has a cause that is not in told yet, and adds its causes to told. A step without a
// cause is known by its title.
func firstMention(told map[string]bool, s migrate.Step) bool {
	names := []string{s.Title}
	if len(s.Causes) > 0 {
		names = nil
		for _, c := range s.Causes {
			names = append(names, c.String())
		}
	}
	isFirst := false
	for _, name := range names {
		isFirst = isFirst || !told[name]
		told[name] = true
	}
	return isFirst
}

// unsafe says which changes a server does not make by itself, and what does.
func unsafe(m *model.Model, p *migrate.Plan) error {
	var faults model.Faults
	told := map[string]bool{}
	for _, s := range p.Steps {
		h := s.Hazards &^ migrate.BlocksWrites
		if h == 0 || !firstMention(told, s) {
			continue
		}
		how := "run `ashlar migrate`"
		if s.Drop != "" {
			how += " with --allow drop:" + s.Drop
		}
		faults = append(faults, m.Fault(s.Pos, "a server does not change the database like this by itself: %s (%v); %s, which shows what it would do with --plan", s.Title, h, how))
	}
	return faults.Sort()
}
