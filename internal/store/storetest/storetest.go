// Package storetest is the suite that every engine of store.DB passes.
package storetest

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// Run runs the suite. open opens the database of t, which is empty at first. If the suite closes the database and calls
// open again with the same t, open opens the same database. open leaves closing to the suite.
//
// The statements of the suite work in every dialect, with parameters as $1, $2, in the order of their use.
//
// writers is how many functions of Write the database runs at once.
func Run(t *testing.T, writers int, open func(t *testing.T) store.DB) {
	run(t, writers, open, func(*testing.T) {})
}

// RunParallel is Run with tests beside each other. It suits an engine whose tests wait more than they compute.
func RunParallel(t *testing.T, writers int, open func(t *testing.T) store.DB) {
	run(t, writers, open, (*testing.T).Parallel)
}

func run(t *testing.T, writers int, open func(t *testing.T) store.DB, begin func(*testing.T)) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *fixture)
	}{
		{"a commit is visible", commitVisible},
		{"a failing function is undone", failureUndone},
		{"a panicking function is undone", panicUndone},
		{"neighbours of failing functions are unaffected", neighboursUnaffected},
		{"a refusal waits for the row it rests on", refusalWaits},
		{"a function starts from what it resets", functionResets},
		{"a context that ended before is not begun", endedContext},
		{"a context that ends while waiting is skipped", endedWhileWaiting},
		{"a context that ends while running cuts nothing", endedWhileRunning},
		{"more writes than can wait are refused", overload},
		{"a transaction is over after its function", usedAfter},
		{"changed rows are counted", changesCounted},
		{"a change and what came of it", changeThenRead},
		{"scripts do what functions do", scripts},
		{"scripts of many at once", scriptsTogether},
		{"batches of many scripts", batchesTogether},
		{"a batch that fails undoes its script", batchFails},
		{"batches reach the records of their scripts", batchesNoted},
		{"revisions never repeat", revisions},
		{"counters count from one", counters},
		{"counters skip numbers", skips},
		{"generations move with commits", generations},
		{"versions of any number of tables", versions},
		{"generations inside a transaction are nobody else's", generationInside},
		{"a read is one snapshot", snapshot},
		{"a guard decides about a read", guardedReads},
		{"a guard decides about a transaction", guardedWrites},
		{"a guard decides about a script", guardedScripts},
		{"a guard sees what ended before", guardedNow},
		{"an error of a row ends the query", rowError},
		{"queries nest", nested},
		{"a reader cannot write", readerWrites},
		{"a cancelled read stops", cancelledRead},
		{"a read ends with what Err of its context says", cutRead},
		{"a read with an ended context is not begun", endedRead},
		{"many readers at once", manyReaders},
		{"a panic in a read leaves the pool whole", readPanic},
		{"the failure of a statement is typed", statementFails},
		{"constraints are typed and leave the transaction usable", constraints},
		{"a deferred deletion takes along what also restricts it", deferredDeletion},
		{"values of every kind come back", values},
		{"lists are bound as JSON", lists},
		{"loaded values of every kind come back", loadValues},
		{"many rows are loaded", loadMany},
		{"a load that fails says why", loadFails},
		{"references are checked after a load", loadReferences},
		{"a load is cut short", loadCut},
		{"a load works beside reads and writes", loadBeside},
		{"numbers are carried over", numbers},
		{"tables change", tablesChange},
		{"a panic in a change of tables undoes it", alterPanics},
		{"changes of tables take turns", alterTakesTurns},
		{"counters and generations follow a table", alterMovesNames},
		{"a change of tables ends with its context", alterEnds},
		{"queries are described", describes},
		{"an engine says what it does not do", unsupported},
		{"an engine counts what it does", stats},
		{"statements reach the record of their work", noted},
		{"statements of many at once reach their own records", notedTogether},
		{"a record has the time in the queue", notedQueue},
		{"an engine counts the work of a statement", meters},
		{"tables and indexes have their sizes", sizes},
		{"an engine tells plans", plans},
		{"an engine tells what a plan reads", explains},
		{"calls after Close are refused", afterClose},
		{"Close lets queued writes finish", closeDrains},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begin(t)
			tt.run(t, newFixture(t, writers, open))
		})
	}
}
