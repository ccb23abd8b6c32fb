package sqlite

import (
	"log/slog"
	"runtime"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Durability says what an acknowledged write survives.
type Durability uint8

const (
	Full   Durability = iota // a power cut: the log is synced before every acknowledgement
	Normal                   // a crash of the process, not a power cut: the log is synced only at checkpoints
)

// Config tunes a database. Its zero value works.
type Config struct {
	Readers      int           // connections for reads; 0 means two more than there are cores, at least 4 and at most 6
	ReadTimeout  time.Duration // for one Read, the wait for a connection included; 0 means 5 s
	ReadWait     time.Duration // for a connection: a Read that would have to wait longer is refused at once; 0 means 500 ms
	WriteTimeout time.Duration // for the statements of one function or script; 0 means 10 s
	BusyTimeout  time.Duration // wait for another process's transaction; 0 means 5 s
	CloseTimeout time.Duration // for the work under way when Close is called; 0 means 15 s
	Queue        int           // writes that may wait; 0 means 1,024
	GroupSize    int           // writes in one transaction; 0 means 64
	GroupTime    time.Duration // a transaction takes in no write after this; 0 means 5 ms
	Durability   Durability
	Logger       *slog.Logger // nil means slog.Default()

	// CountText adds the SQL function ashlar_count(text), which returns the text and calls CountText with its length. Tests
	// use it to count what statements read. nil adds none.
	CountText func(bytes int)

	// alone keeps the index of the log in memory, where it needs no room on the disk, and keeps other processes out of the
	// database. Open falls back to it if the disk is full.
	alone bool
}

func (c Config) withDefaults() Config {
	c.Readers = engine.Default(c.Readers, max(4, min(6, runtime.NumCPU()+2)))
	c.ReadTimeout = engine.Default(c.ReadTimeout, 5*time.Second)
	c.ReadWait = min(engine.Default(c.ReadWait, 500*time.Millisecond), c.ReadTimeout/2)
	c.WriteTimeout = engine.Default(c.WriteTimeout, 10*time.Second)
	c.BusyTimeout = engine.Default(c.BusyTimeout, 5*time.Second)
	c.CloseTimeout = engine.Default(c.CloseTimeout, 15*time.Second)
	c.Queue = engine.Default(c.Queue, 1024)
	c.GroupSize = engine.Default(c.GroupSize, 64)
	c.GroupTime = engine.Default(c.GroupTime, 5*time.Millisecond)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}
