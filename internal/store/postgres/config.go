package postgres

import (
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Config tunes a database. Its zero value works.
type Config struct {
	// Direct is the address of the database itself, for work that needs a session of its own. Set it if the address of Open
	// leads to a pooler. "" means that the address of Open is direct.
	Direct string

	// Serializable makes every write SERIALIZABLE. Without it, if a rule or a check looks at other rows, two writes to
	// different rows can together reach a state that neither may reach by itself.
	Serializable bool

	// Existing refuses a database that is not Ashlar's yet. Otherwise Open makes its tables there.
	Existing bool

	Readers      int           // connections for reads; 0 means 12
	Writers      int           // connections for writes; 0 means 12
	Groups       int           // connections for groups of scripts; 0 means 4
	Queue        int           // reads, functions and scripts that may wait; 0 means 1,024 of each
	ReadTimeout  time.Duration // for one Read, the wait for a connection included; 0 means 5 s
	WriteTimeout time.Duration // for one run of a function of Write; 0 means 10 s
	CloseTimeout time.Duration // for the work under way when Close is called; 0 means 15 s
	Logger       *slog.Logger  // nil means slog.Default()

	schema string // of the tables; "": by the search path of the address
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
