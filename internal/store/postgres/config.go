package postgres

import (
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Config tunes a database. Its zero value works.
type Config struct {
	// Direct is the address of the database itself where that of Open leads to a pooler: for what needs a session of its
	// own. "" means that Open's is.
	Direct string

	// Serializable makes every write SERIALIZABLE: where a rule or a check looks at other rows than the one that it is
	// about, two writes that do not touch the same row can together make what neither would be allowed to.
	Serializable bool

	// Existing refuses a database that is not Ashlar's yet, which Open else makes one.
	Existing bool

	Readers      int           // connections for reads; 0 means 12
	Writers      int           // connections for writes; 0 means 12
	Groups       int           // connections for writes that are committed together; 0 means 4
	Queue        int           // reads, writes, and scripts that may wait for a connection; 0 means 1,024 of each
	ReadTimeout  time.Duration // for one Read, with its wait for a connection; 0 means 5 s
	WriteTimeout time.Duration // for one run of a function of Write; 0 means 10 s
	CloseTimeout time.Duration // for what is under way when Close is called; 0 means 15 s
	Logger       *slog.Logger  // nil means slog.Default()
}

func (c Config) withDefaults() Config {
	c.Readers = engine.Default(c.Readers, 12)
	c.Writers = engine.Default(c.Writers, 12)
	c.Groups = engine.Default(c.Groups, 4)
	c.Queue = engine.Default(c.Queue, 1024)
	c.ReadTimeout = engine.Default(c.ReadTimeout, 5*time.Second)
	c.WriteTimeout = engine.Default(c.WriteTimeout, 10*time.Second)
	c.CloseTimeout = engine.Default(c.CloseTimeout, 15*time.Second)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}
