package plan

import "github.com/ashlar-dev/ashlar/internal/store"

// Loop is work on rows in batches. Outside of a transaction each batch commits by itself. An interrupted loop may run
// again.
type Loop interface {
	Run(s store.Session, note func(rows int64)) error
	Table() string // table whose rows the loop reads; "" if they are few or cannot be counted beforehand
}

// Batch is the number of rows that one statement of a loop reads.
const Batch = 1000

// RepeatStatement runs a statement that changes a batch of rows until it finds none.
type RepeatStatement struct{ TableName, SQL string }

// Table implements Loop.
func (r *RepeatStatement) Table() string { return r.TableName }

// Run implements Loop.
func (r *RepeatStatement) Run(session store.Session, note func(int64)) error {
	for {
		changed, err := session.Exec(r.SQL, nil)
		if err != nil || changed == 0 {
			return err
		}
		note(changed)
	}
}
