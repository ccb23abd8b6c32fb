// Package redisledger keeps the limits that nodes share in Redis or Valkey.
//
// The files form layers: redisledger.go is the ledger, connect.go connects, script.go has what runs in Redis, address.go reads
// addresses.
package redisledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/ashlar-dev/ashlar/internal/limit"
)

// A Ledger is a limit.Ledger, and a background.Service that closes the connection in the end. It connects again after an
// error.
type Ledger struct {
	address Address
	script  *redis.Script

	mu      sync.Mutex
	conn    redis.Conn // nil: not connected
	dialing *dial      // nil: nobody connects
	closed  bool
}

// New returns the ledger at an address. It does not connect yet.
func New(address Address) *Ledger {
	return &Ledger{address: address, script: redis.NewScript(-1, reserve)}
}

// defaultTime bounds a call whose context has no deadline.
const defaultTime = time.Second

// Reserve implements limit.Ledger. One script reserves for all wants, so nobody sees half of a batch.
func (l *Ledger) Reserve(ctx context.Context, wants []limit.Want) ([]limit.Grant, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("the ledger is closed")
	}
	if err := l.connect(ctx); err != nil {
		return nil, l.address.explain(err)
	}
	grants, err := parse(redis.Strings(l.do(ctx, wants)))
	if err == nil && len(grants) != len(wants) {
		err = fmt.Errorf("%d of %d buckets came back", len(grants), len(wants))
	}
	if err != nil {
		l.disconnect()
	}
	return grants, l.address.explain(err)
}

// Run closes the ledger when ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	<-ctx.Done()
	l.close()
	return ctx.Err()
}

func (l *Ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.disconnect()
}

func (l *Ledger) do(ctx context.Context, wants []limit.Want) (any, error) {
	args := make([]any, 0, 2+6*len(wants))
	args = append(args, len(wants))
	for i := range wants {
		args = append(args, fmt.Sprintf("ashlar:limit:%016x", wants[i].Bucket))
	}
	for i := range wants {
		want := &wants[i]
		step, depth := want.Ticks()
		args = append(args, micros(step), micros(depth), min(want.Debt, want.MostDebt()), want.Need, want.Take)
	}
	return l.script.DoContext(ctx, l.conn, args...)
}

// micros returns ticks in microseconds. Numbers of Lua are floats with 53 bits: 400 days in ticks do not fit.
func micros(ticks int64) string {
	return strconv.FormatFloat(float64(ticks)/limit.TicksPerNano/1000, 'g', -1, 64)
}

func parse(answer []string, err error) ([]limit.Grant, error) {
	if err != nil {
		return nil, err
	}
	grants := make([]limit.Grant, 0, len(answer)/2)
	for i := 0; i+1 < len(answer); i += 2 {
		taken, err := strconv.ParseFloat(answer[i], 64)
		full, badFull := strconv.ParseFloat(answer[i+1], 64)
		if err = errors.Join(err, badFull); err != nil {
			return nil, err
		}
		grants = append(grants, limit.Grant{Taken: int64(taken), Full: time.Duration(full * float64(time.Microsecond))})
	}
	return grants, nil
}

// Check finds out whether the Redis at an address can keep limits. It takes nothing from a limit.
func Check(ctx context.Context, address Address) error {
	l := New(address)
	defer l.close()
	_, err := l.Reserve(ctx, []limit.Want{{Bucket: 0, Rate: checkRate}})
	return err
}
