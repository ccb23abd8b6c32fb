package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Batches collects the steps of scripts that run together: see store.Batch. The zero value is ready.
type Batches struct {
	all  []batch
	args []value.Value // of the chunks
}

type batch struct {
	of   *store.Batch
	rows []batchRow
}

type batchRow struct {
	args  []value.Value
	notes *Notes // of its script
}

// Add collects the steps of a script that have a Batch.
func (b *Batches) Add(script *store.Script, notes *Notes) {
	for i := range script.Steps {
		if step := &script.Steps[i]; step.Batch != nil {
			own := b.batch(step.Batch)
			own.rows = append(own.rows, batchRow{step.Args, notes})
		}
	}
}

func (b *Batches) batch(of *store.Batch) *batch {
	for i := range b.all {
		if b.all[i].of == of {
			return &b.all[i]
		}
	}
	if len(b.all) < cap(b.all) { // its lists are large enough
		b.all = b.all[:len(b.all)+1]
	} else {
		b.all = append(b.all, batch{})
	}
	last := &b.all[len(b.all)-1]
	last.of = of
	return last
}

// Clear forgets all steps.
func (b *Batches) Clear() {
	for i := range b.all {
		own := &b.all[i]
		clear(own.rows)
		own.of, own.rows = nil, own.rows[:0]
	}
	b.all = b.all[:0]
	clear(b.args)
	b.args = b.args[:0]
}

// A Chunk is one statement for some of the steps.
type Chunk struct {
	store.Statement
	single string // the statement of one step
	rows   []batchRow
}

// Chunks returns the statements of all steps. They are good until Clear.
func (b *Batches) Chunks() (all []Chunk) {
	for i := range b.all {
		of, rows := b.all[i].of, b.all[i].rows
		slices.SortStableFunc(rows, func(a, b batchRow) int { return strings.Compare(a.args[0].Text, b.args[0].Text) })
		for len(rows) > 0 {
			size, count := 0, 1
			for size+1 < len(of.Statements) && 2*count <= len(rows) {
				size, count = size+1, 2*count
			}
			first := len(b.args)
			for _, row := range rows[:count] {
				b.args = append(b.args, row.args...)
			}
			all = append(all, Chunk{store.Statement{SQL: of.Statements[size], Args: b.args[first:len(b.args):len(b.args)]}, of.Statements[0], rows[:count]})
			rows = rows[count:]
		}
	}
	return all
}

// Note notes the statement, which began at a time and has ended, for each of its steps with their share of the time.
func (c *Chunk) Note(began time.Time) {
	took := time.Since(began) / time.Duration(len(c.rows))
	for _, row := range c.rows {
		row.notes.Add(c.single, began, took, 1)
	}
}
