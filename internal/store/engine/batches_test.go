package engine

import (
	"strconv"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Each step is in one chunk, in the order in which the scripts came. There are few chunks.
func TestBatches(t *testing.T) {
	large, small := &store.Batch{Statements: []string{"1", "2", "4", "8"}}, &store.Batch{Statements: []string{"one"}}
	var all Batches
	for n := range int64(40) {
		for i := range n {
			all.Add(&store.Script{Steps: []store.Step{
				{Statement: store.Statement{SQL: "no batch"}},
				{Statement: store.Statement{Args: []value.Value{value.OfInt(i), value.OfInt(-i)}}, Batch: large},
				{Statement: store.Statement{Args: []value.Value{value.OfInt(i)}}, Batch: small},
			}}, &Notes{})
		}
		next, ones, chunks := int64(0), int64(0), all.Chunks()
		for _, chunk := range chunks {
			chunk.Note(time.Now())
			if chunk.SQL == "one" {
				if len(chunk.Args) != 1 || chunk.Args[0].Int != ones {
					t.Errorf("of %d: a chunk of the other batch has %v, want %d", n, chunk.Args, ones)
				}
				ones++
				continue
			}
			if rows, err := strconv.Atoi(chunk.SQL); err != nil || len(chunk.Args) != 2*rows {
				t.Fatalf("of %d: the statement of %s rows has %d values", n, chunk.SQL, len(chunk.Args))
			}
			for i := 0; i < len(chunk.Args); i += 2 {
				if chunk.Args[i].Int != next || chunk.Args[i+1].Int != -next {
					t.Errorf("of %d: row %d is %v", n, next, chunk.Args[i:i+2])
				}
				next++
			}
		}
		if next != n || ones != n || int64(len(chunks)) > n+n/8+3 {
			t.Errorf("of %d: %d and %d steps in %d chunks", n, next, ones, len(chunks))
		}
		if all.Clear(); len(all.Chunks()) > 0 {
			t.Error("chunks after Clear")
		}
	}
}

// Rows with a text come in its order.
func TestBatchOrder(t *testing.T) {
	var all Batches
	batch := &store.Batch{Statements: []string{"1", "2"}}
	for _, text := range []string{"c", "a", "b"} {
		all.Add(&store.Script{Steps: []store.Step{{Statement: store.Statement{Args: []value.Value{value.OfText(text)}}, Batch: batch}}}, &Notes{})
	}
	got := ""
	for _, chunk := range all.Chunks() {
		for _, arg := range chunk.Args {
			got += arg.Text
		}
	}
	if got != "abc" {
		t.Errorf("the rows come as %s, want abc", got)
	}
}

// The statement of a chunk is noted for each of its scripts, with a share of its time.
func TestChunkNotes(t *testing.T) {
	var all Batches
	batch := &store.Batch{Statements: []string{"one", "two"}}
	records := []*telemetry.Record{{Start: time.Now()}, {Start: time.Now()}}
	notes := make([]Notes, len(records))
	for i, record := range records {
		notes[i].For(telemetry.WithRecord(t.Context(), record))
		notes[i].Begin(time.Now())
		all.Add(&store.Script{Steps: []store.Step{{Statement: store.Statement{Args: []value.Value{value.OfInt(1)}}, Batch: batch}}}, &notes[i])
	}
	for _, chunk := range all.Chunks() {
		chunk.Note(time.Now().Add(-time.Hour))
	}
	for i, record := range records {
		notes[i].Report(time.Time{}, true)
		list := record.Statements.List
		if len(list) != 2 || list[0].SQL != "one" || list[0].Rows != 1 || list[0].Took < 30*time.Minute || list[0].Took > 59*time.Minute || list[1].SQL != Commit {
			t.Errorf("the record has %v", list)
		}
	}
}
