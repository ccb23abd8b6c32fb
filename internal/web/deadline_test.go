package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadline(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait bool // somebody asks for Done before the end
		end  func(d *deadline, cancel context.CancelFunc)
		want error
	}{
		{"nothing", false, func(*deadline, context.CancelFunc) {}, nil},
		{"nothing, waited for", true, func(*deadline, context.CancelFunc) {}, nil},
		{"time", false, func(*deadline, context.CancelFunc) { time.Sleep(2 * time.Second) }, context.DeadlineExceeded},
		{"time, waited for", true, func(*deadline, context.CancelFunc) { time.Sleep(2 * time.Second) }, context.DeadlineExceeded},
		{"parent", false, func(_ *deadline, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"parent, waited for", true, func(_ *deadline, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"end", false, func(d *deadline, _ context.CancelFunc) { d.end() }, context.Canceled},
		{"end, waited for", true, func(d *deadline, _ context.CancelFunc) { d.end() }, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(t.Context())
				defer cancel()
				d := &deadline{parent: parent, at: time.Now().Add(time.Second)}
				if tt.wait {
					d.Done()
				}
				tt.end(d, cancel)
				synctest.Wait()
				if err := d.Err(); !errors.Is(err, tt.want) {
					t.Errorf("Err() = %v, want %v", err, tt.want)
				}
				ended := false
				select {
				case <-d.Done():
					ended = true
				default:
				}
				if ended != (tt.want != nil) {
					t.Errorf("Done() is closed: %t, but Err() = %v", ended, d.Err())
				}
				d.end()
				if d.Err() == nil {
					t.Error("after end, Err() = nil")
				}
			})
		})
	}
}

// TestDeadlineHasChildren: contexts derived from it end with it.
func TestDeadlineHasChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deadline{parent: t.Context(), at: time.Now().Add(time.Second)}
		child, cancel := context.WithCancel(d)
		defer cancel()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := child.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Err() of a child = %v, want %v", err, context.DeadlineExceeded)
		}
		if at, ok := child.Deadline(); !ok || !at.Equal(d.at) {
			t.Errorf("Deadline() of a child = %v, %t", at, ok)
		}
		d.end()
	})
}
