package telemetry

import "time"

// A Process is what is the same in all records of a process. A sink gets it when it is made.
type Process struct {
	Node     string // name of the machine, or of the container
	Build    string // version of the program
	Revision string // hash of the model
	Started  time.Time
}

// A Point is one value of a metric at one moment.
type Point struct {
	Series  string // in the text form of Prometheus: name{label="value"}
	Value   float64
	Counter bool // only rises, until the process ends
}
