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
	Normal                   // a crash of the process, not a power cut: the log is synced at checkpoints alone
)

// Config tunes a database. Its zero value works.
type Config struct {
	Readers      int           // connections for reads; 0 means two more than there are cores, at least 4 and at most 6
	ReadTimeout  time.Duration // for one Read, with its wait for a connection; 0 means 5 s
	ReadWait     time.Duration // of it, for a connection: where a longer one is to be expected, the answer is errs.Unavailable at once; 0 means 500 ms
	WriteTimeout time.Duration // for the statements of one function of Write; 0 means 10 s
	BusyTimeout  time.Duration // wait for another process's transaction; 0 means 5 s
	CloseTimeout time.Duration // for what is under way when Close is called; 0 means 15 s
	Queue        int           // functions that may wait for the writer; 0 means 1,024
	GroupSize    int           // functions in one transaction; 0 means 64
	GroupTime    time.Duration // a transaction takes in no function after this; 0 means 5 ms
	Durability   Durability
	Logger       *slog.Logger // nil means slog.Default()

	// CountText makes a function ashlar_count(text) of SQL, which returns the text and calls CountText with its bytes.
	// Tests compare with it what statements read. nil makes none.
	CountText func(bytes int)

	// alone keeps the index of the log in memory, which takes no room on the disk, and other processes out of the database.
	// Open falls back to it where the disk is full.
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
