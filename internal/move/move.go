// Package move copies a whole database into an empty one, on the same engine or on another.
//
// It copies stored rows with their revisions, past package record. No request reaches it
// (docs/decisions/0009-move.md).
package move

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Config configures a move. The zero value works.
type Config struct {
	From     string   // name of the source, for people
	Progress Progress // may be nil

	// Online lets others write to the source during the move. The target then has the state in which the move found the
	// source: a copy, not a successor.
	Online bool
}

// Progress learns about the progress of a move.
type Progress interface {
	Step(name string, rows int64) // begins a step; rows is 0 if unknown
	Add(rows int64)
}

type nobody struct{}

func (nobody) Step(string, int64) {}
func (nobody) Add(int64)          {}

// Table is the result for one table.
type Table struct {
	Name     string
	From, To Sum // sums of the rows read from the source, and read back from the target
}

// Report is the result of a move.
type Report struct {
	Tables  []Table
	Dropped []string // tables dropped first, from an unfinished move
}

// Rows returns the number of rows of all tables.
func (r Report) Rows() (n int64) {
	for _, t := range r.Tables {
		n += t.From.Rows
	}
	return n
}

// Run copies the database of the model m into an empty one. It reads the source in one snapshot and never changes it.
// Until the last step the target is marked as unfinished (system.CheckNotMoving). After an error the same call starts
// over. Refusals are of kind errs.Conflict. The caller makes sure that nobody serves the target. If somebody writes
// to the source during the move, the move fails, unless it is Online.
func Run(ctx context.Context, m *model.Model, from, to store.DB, cfg Config) (report Report, err error) {
	defer errs.Wrap(&err, "move.Run(%s)", m.Name)
	if cfg.Progress == nil {
		cfg.Progress = nobody{}
	}
	mv := &mover{ctx: ctx, cfg: cfg, app: m, from: from, to: to, dialect: to.Dialect()}
	if err := mv.checkSource(); err != nil {
		return Report{}, err
	}
	err = to.Load(ctx, func(l store.Load) error {
		mv.load = l
		return mv.run()
	})
	return Report{mv.report(), mv.left}, err
}

// mover carries out a move.
type mover struct {
	ctx      context.Context // context of Run
	cfg      Config
	app      *model.Model
	own      *model.Model // system tables of the source
	model    *model.Model // both
	from, to store.DB
	dialect  sqlgen.Dialect // dialect of the target
	load     store.Load

	tables  []*table
	left    []string          // tables left by an earlier move
	meta    map[string]string // the source's ashlar_meta
	numbers store.Numbers     // the source's counters and generations
}

func (mv *mover) run() error {
	if err := mv.begin(); err != nil {
		return err
	}
	if err := mv.from.Read(mv.ctx, mv.copyAll); err != nil {
		return err
	}
	if err := mv.checkUnchanged(); err != nil { // now, since building indexes takes long
		return err
	}
	if err := mv.complete(); err != nil {
		return err
	}
	if err := mv.compare(); err != nil {
		return err
	}
	if err := mv.checkUnchanged(); err != nil {
		return err
	}
	return mv.to.Write(mv.ctx, mv.end)
}

// checkSource refuses a source if the move would lose something of it.
func (mv *mover) checkSource() error {
	changes, isNew, err := migrate.Differences(mv.ctx, mv.from, mv.app)
	switch {
	case errs.KindOf(err) == errs.Conflict:
		return errs.New(errs.Conflict, "the source is not whole: a move into it was interrupted or still goes on")
	case err != nil:
		return err
	case isNew:
		return errs.New(errs.Conflict, "the source holds no app: nothing was ever served from it")
	case len(changes) > 0:
		return errs.New(errs.Conflict, "the source has other tables than the model: %v%s. Bring it to the model first with `ashlar migrate`, or take the model that it was served with",
			changes[0], andMore(len(changes)-1))
	}
	return mv.from.Read(mv.ctx, func(reader store.Reader) error {
		if err := migrate.Unfinished(reader); err != nil {
			return err
		}
		if err := mv.checkLayout(reader); err != nil {
			return err
		}
		stored, err := system.TableNames(reader)
		if err != nil {
			return err
		}
		if mv.own, err = system.StoredModel(reader, mv.app); err != nil {
			return err
		}
		mv.model = system.Whole(mv.own, mv.app)
		mv.tables = tablesOf(mv.model)
		if unknown := mv.unknown(stored); len(unknown) > 0 {
			return errs.New(errs.Conflict, "the source holds tables that neither the model nor this release of Ashlar knows, and that would be left behind: %s",
				strings.Join(unknown, ", "))
		}
		return nil
	})
}

func (mv *mover) checkLayout(reader store.Reader) error {
	layout, err := system.Layout(reader)
	if err == nil && layout < store.Layout {
		err = errs.New(errs.Conflict, "the source has the layout of an earlier release of Ashlar: bring it to this one first with `ashlar migrate`")
	}
	return err
}

func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}

// unknown returns the stored tables left out by the move.
func (mv *mover) unknown(stored []string) []string {
	known := map[string]bool{system.MetaTable: true}
	for _, name := range mv.from.EngineTables() {
		known[name] = true
	}
	for _, t := range mv.tables {
		known[t.name] = true
	}
	var unknown []string
	for _, name := range stored {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// begin marks the target and drops the tables of an unfinished move.
func (mv *mover) begin() error {
	err := mv.to.Write(mv.ctx, func(tx store.Tx) (err error) {
		mv.left, err = mv.mark(tx)
		return err
	})
	if err != nil || len(mv.left) == 0 {
		return err
	}
	mv.cfg.Progress.Step("dropping what an unfinished move has left", 0)
	drops := make([]string, len(mv.left))
	for i, name := range mv.left {
		drops[i] = mv.dialect.DropTable(name)
	}
	return mv.load.Exec(drops...)
}

// copyAll copies every table in one snapshot of the source.
func (mv *mover) copyAll(reader store.Reader) (err error) {
	if mv.meta, err = system.All(reader); err != nil {
		return err
	}
	if mv.numbers, err = mv.count(reader); err != nil {
		return err
	}
	for _, t := range mv.tables {
		if err := mv.copy(reader, t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// count reads the counters and generations of the source.
func (mv *mover) count(reader store.Reader) (store.Numbers, error) {
	var counters []string
	for _, target := range mv.model.Tables {
		counters = append(counters, "id:"+target.Name)
	}
	n, err := mv.from.Numbers(reader, counters)
	if err != nil {
		return n, err
	}
	n.Generations, err = mv.generations(reader)
	return n, err
}

func (mv *mover) generations(reader store.Reader) (map[string]int64, error) {
	all := map[string]int64{}
	for _, target := range mv.model.Tables {
		n, err := reader.Generation(target.Name)
		if err != nil {
			return nil, err
		}
		all[target.Name] = n
	}
	return all, nil
}

// checkUnchanged returns an error if somebody has written to the source since the snapshot.
func (mv *mover) checkUnchanged() error {
	if mv.cfg.Online {
		return nil
	}
	var written []string
	err := mv.from.Read(mv.ctx, func(reader store.Reader) error {
		now, err := mv.generations(reader)
		for _, target := range mv.model.Tables {
			if now[target.Name] != mv.numbers.Generations[target.Name] {
				written = append(written, target.Name)
			}
		}
		return err
	})
	if err == nil && len(written) > 0 {
		err = errs.New(errs.Conflict, "the source was written to while it was moved (%s): stop every server of it, and run the same command again", strings.Join(written, ", "))
	}
	return err
}

// complete makes the indexes and references, and reads the rows back at the same time.
func (mv *mover) complete() error {
	ctx, cancel := context.WithCancel(mv.ctx)
	defer cancel()
	verified := background.Async("a reader of the target", func() error { return mv.to.Read(ctx, mv.readBack) })
	err := mv.index()
	if err != nil {
		cancel()
		<-verified
		return err
	}
	return <-verified
}

func (mv *mover) index() error {
	for _, t := range mv.tables {
		for _, i := range sqlgen.Indexes(t.model) {
			if err := mv.load.Exec(i.Create()); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	for _, t := range mv.tables {
		if err := mv.load.Exec(append(sqlgen.Creates(sqlgen.Define(mv.dialect, t.model).ForeignKeys), mv.dialect.Analyze(t.name)...)...); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return mv.load.CheckReferences()
}

// ErrDiffers is wrapped by the error for different checksums.
var ErrDiffers = errors.New("the rows that were read back differ from those that were copied")

// compare returns an error if a table of the target differs from the source's.
func (mv *mover) compare() error {
	for _, t := range mv.tables {
		if t.from != t.to {
			return fmt.Errorf("%s: %w", t.name, ErrDiffers)
		}
	}
	return nil
}

// end makes the target whole: it stores the meta, counters and generations of the source, and removes the mark.
func (mv *mover) end(tx store.Tx) error {
	for key, text := range mv.meta {
		if err := system.Set(tx, key, text, time.Now()); err != nil {
			return err
		}
	}
	if err := system.UnmarkMoving(tx); err != nil {
		return err
	}
	if err := mv.to.SetNumbers(tx, mv.numbers); err != nil {
		return err
	}
	for _, target := range mv.model.Tables {
		tx.MarkChanged(target.Name) // one more than any node of the source may remember
	}
	return nil
}

func (mv *mover) report() []Table {
	all := make([]Table, len(mv.tables))
	for i, t := range mv.tables {
		all[i] = Table{t.name, t.from, t.to}
	}
	return all
}
