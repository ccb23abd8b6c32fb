package advise

import (
	"context"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// declared returns the indexes of the model's lines. Others come from references and from unique fields.
func declared(m *model.Model) (all []Index) {
	for _, table := range m.Tables {
		for _, field := range table.Fields {
			if field.Index && !field.Unique && field.Ref == nil {
				all = append(all, indexing.Of(table, []*model.Field{field}))
			}
		}
		for _, fields := range table.Indexes {
			// Without this index the model would make one for the reference.
			isReference := fields[0].Ref != nil && (fields[0].Reverse() == nil || len(fields) == 1)
			if !isReference {
				all = append(all, indexing.Of(table, fields))
			}
		}
	}
	return all
}

// findUnused reports the indexes of the model that no plan uses. It runs the shapes once more without each of them.
func (t *trial) findUnused(ctx context.Context) error {
	if t.cfg.Usage.Span() < t.cfg.LeastAge {
		t.report.TooYoung = true
		return nil
	}
	var statements []string
	for i := range t.cfg.Usage.Shapes {
		for _, stmt := range t.cfg.Usage.Shapes[i].Statements {
			statements = append(statements, stmt.SQL)
		}
	}
	for _, p := range t.plays {
		statements = append(statements, p.sql...)
	}
	slices.Sort(statements)
	used, since, err := t.cfg.Live.UsedIndexes(ctx, slices.Compact(statements))
	if err != nil {
		return err
	}
	if !since.IsZero() && t.cfg.Now().Sub(since) < t.cfg.LeastAge {
		t.report.TooYoung = true
		return nil
	}
	v, err := t.variant(nil, nil)
	if err != nil {
		return err
	}
	for _, index := range declared(v.rules.Model) {
		table, fields := index.In(v.rules.Model)
		name := sqlgen.NewIndex(table, false, fields).Name
		if slices.Contains(used, name) {
			continue
		}
		needed, err := t.needed(ctx, v, index)
		if err != nil {
			return err
		}
		if needed {
			continue
		}
		size, err := t.cfg.Bench.Meter.IndexSize(ctx, name)
		if err != nil {
			return err
		}
		t.report.Remove = append(t.report.Remove, Removal{Index: index, Names: index.Names(v.rules.Model), Pos: table.Pos, Size: size, Writes: t.writes(index.Table)})
	}
	return nil
}

// needed returns true if a shape takes more work without an index of the model.
func (t *trial) needed(ctx context.Context, with *variant, index Index) (bool, error) {
	t.step("running without the index on %s (%v)", index.Table, index.Fields)
	without, err := t.variant(t.added, &index)
	if err != nil {
		return false, err
	}
	if err := t.drop(ctx, with, index); err != nil {
		return false, err
	}
	needed := false
	for _, p := range t.plays {
		if !p.reads(index.Table) {
			continue
		}
		after, err := t.measure(ctx, without, p)
		if err != nil {
			return false, err
		}
		const worse = 1.1
		needed = needed || float64(after.Steps) > worse*float64(p.now.Steps)
	}
	_, err = t.create(ctx, with, index)
	return needed, err
}
