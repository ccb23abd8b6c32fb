package move

import (
	"context"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// copy copies one table. One goroutine reads while this one writes.
func (mv *mover) copy(reader store.Reader, t *table) error {
	rows, err := rowsOf(reader, t)
	if err != nil {
		return err
	}
	mv.cfg.Progress.Step(t.name, rows)
	ctx, cancel := context.WithCancel(mv.ctx)
	defer cancel()
	p := newPipe(t.fields, mv.cfg.Progress)
	background.Go("a reader of rows", func() error { return p.fill(ctx, reader, t.raw().Select()) }, p.filled)
	err = mv.load.Copy(t.create(mv.dialect), t.raw().Load(mv.dialect), p.next)
	cancel()
	if own := p.drain(); own != nil && err == nil {
		err = own
	}
	t.from = p.sum.sum
	return err
}

func rowsOf(reader store.Reader, t *table) (n int64, err error) {
	err = reader.Query(t.raw().Count(), nil, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}

// readBack sums up the rows of every table of the target.
func (mv *mover) readBack(reader store.Reader) error {
	var rows int64
	for _, t := range mv.tables {
		rows += t.from.Rows
	}
	mv.cfg.Progress.Step("reading back", rows)
	for _, t := range mv.tables {
		s := summer{fields: t.fields}
		err := reader.Query(t.raw().Select(), nil, func(row value.Row) error {
			s.add(row)
			if s.sum.Rows%batchRows == 0 {
				mv.cfg.Progress.Add(batchRows)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		t.to = s.sum
	}
	mv.cfg.Progress.Step("building indexes", 0)
	return nil
}

// A pipe carries rows from the reading goroutine to the writing one, in a few batches at a time.
type pipe struct {
	fields []*model.Field
	full   chan *batch // closed by filled
	free   chan *batch
	sum    summer
	err    error // result of fill, valid once full is closed

	current  *batch // batch being read by next
	at       int
	progress Progress // learns of written rows
}

// batch holds some rows, their values one after another.
type batch struct {
	values []value.Value
	rows   int
	bytes  int // size of the texts
}

// A batch is full at this many rows or bytes.
const (
	batchRows  = 512
	batchBytes = 256 << 10
	batches    = 4
)

func newPipe(fields []*model.Field, progress Progress) *pipe {
	p := &pipe{fields: fields, full: make(chan *batch, batches), free: make(chan *batch, batches), sum: summer{fields: fields}, progress: progress}
	for range batches {
		p.free <- &batch{}
	}
	return p
}

// fill reads all rows into batches until ctx ends.
func (p *pipe) fill(ctx context.Context, reader store.Reader, sql string) error {
	b, err := p.empty(ctx)
	if err == nil {
		err = reader.Query(sql, nil, func(row value.Row) (err error) {
			p.sum.add(row)
			b.add(p.fields, row)
			if b.rows < batchRows && b.bytes < batchBytes {
				return nil
			}
			p.full <- b // full has room for every batch
			b, err = p.empty(ctx)
			return err
		})
	}
	if err == nil {
		p.full <- b
	}
	return err
}

// filled ends the pipe: no batch follows.
func (p *pipe) filled(err error) {
	p.err = err
	close(p.full)
}

func (p *pipe) empty(ctx context.Context) (*batch, error) {
	select {
	case b := <-p.free:
		b.values, b.rows, b.bytes = b.values[:0], 0, 0
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *batch) add(fields []*model.Field, row value.Row) {
	for col, field := range fields {
		v := value.Scan(field, row, col)
		b.bytes += len(v.Text)
		b.values = append(b.values, v)
	}
	b.rows++
}

// next returns the values of the next row, nil after the last one. The values are valid until the next call.
func (p *pipe) next() ([]value.Value, error) {
	for p.current == nil || p.at == p.current.rows {
		if p.current != nil {
			p.progress.Add(int64(p.current.rows))
			p.free <- p.current
		}
		p.at = 0
		var more bool
		if p.current, more = <-p.full; !more {
			return nil, p.err
		}
	}
	width := len(p.fields)
	p.at++
	return p.current.values[(p.at-1)*width : p.at*width], nil
}

// drain waits until fill has ended, and returns its error. The caller has ended the context of fill.
func (p *pipe) drain() error {
	for range p.full {
	}
	return p.err
}
