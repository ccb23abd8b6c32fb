package feed

import "bytes"

// An Event tells a watcher of one row, or of the stream itself.
type Event struct {
	Name string // ready, enter, change, leave, reset or end
	ID   string // for a watcher that resumes after this event; "": as before
	Data []byte // JSON
}

// Append appends an event as server-sent events have it.
func (e Event) Append(dst []byte) []byte {
	dst = append(append(append(dst, "event: "...), e.Name...), '\n')
	if e.ID != "" {
		dst = append(append(append(dst, "id: "...), e.ID...), '\n')
	}
	for line := range bytes.Lines(e.Data) { // json fields keep the spaces of the client that wrote them
		dst = append(append(append(dst, "data: "...), bytes.TrimRight(line, "\r\n")...), '\n')
	}
	return append(dst, '\n')
}

// A Batch is some events with their text. All watchers of a window share it, so nobody changes it.
type Batch struct {
	Events []Event
	Text   []byte
}

func newBatch(events []Event) *Batch {
	if len(events) == 0 {
		return nil
	}
	size := 0
	for _, e := range events {
		size += len("event: change\nid: \ndata: \n\n") + len(e.ID) + len(e.Data)
	}
	b := &Batch{Events: events, Text: make([]byte, 0, size)}
	for _, e := range events {
		b.Text = e.Append(b.Text)
	}
	return b
}
