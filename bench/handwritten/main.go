// Command handwritten is a service written by hand for only these two tables, as fast as this driver and net/http
// allow. It prepares low-level statements once a connection and appends JSON from the columns to pooled buffers. It
// remembers verified tokens, and commits writes in groups with an fsync each. It has no log, no filters except the
// benchmark's, no entity tags, no deadlines: it is the limit, not an example.
package main

import (
	"flag"
	"log"
	"net/http"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8092", "address")
	path := flag.String("db", "", "database")
	key := flag.String("key", "", "file of the Ed25519 seed that tokens are signed with")
	readers := flag.Int("readers", 2, "reading connections")
	postgres := flag.String("postgres", "", "address of a PostgreSQL database, instead of -db")
	connections := flag.Int("connections", 8, "connections to PostgreSQL")
	create := flag.Bool("create", false, "make the tables and stop")
	flag.Parse()
	if *create {
		if err := createIn(*path, *postgres); err != nil {
			log.Fatal(err)
		}
		return
	}
	if *postgres != "" {
		serving, err := newPostgres(*postgres, *key, *connections)
		if err != nil {
			log.Fatal(err)
		}
		log.Fatal(http.ListenAndServe(*listen, serving.routes()))
	}
	server, err := newServer(*path, *key, *readers)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, server.routes()))
}

func newServer(path, key string, readers int) (*server, error) {
	tokens, err := openTokens(key)
	if err != nil {
		return nil, err
	}
	made := &server{tokens: tokens, readers: make(chan *reader, readers)}
	if made.writer, err = openWriter(path); err != nil {
		return nil, err
	}
	for range readers {
		reader, err := openReader(path)
		if err != nil {
			return nil, err
		}
		made.readers <- reader
	}
	go made.writer.run()
	return made, nil
}

func createIn(path, postgres string) error {
	if postgres != "" {
		return createPostgresTables(postgres)
	}
	return createTables(path)
}
