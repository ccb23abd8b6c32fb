// Command smoke is typical code with the client from ogen.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"smoke/client"
)

type signer string

func (s signer) Bearer(context.Context, client.OperationName) (client.Bearer, error) {
	return client.Bearer{Token: string(s)}, nil
}

func main() {
	log.SetFlags(log.Lshortfile)
	ctx := context.Background()
	c, err := client.NewClient(os.Args[1], signer(os.Args[2]))
	if err != nil {
		log.Fatal(err)
	}
	for i, plain := range []string{"one", "two & three"} {
		made, err := c.CreateThing(ctx, &client.ThingCreate{Plain: plain, Code: fmt.Sprintf("AB%d", i), Whole: int64(i), Payload: client.JSON(`{"a":1}`),
			Anything: client.JSON(`1`), Tree: client.JSON(`[]`), // this client sends unset json as nothing, and no server reads that
		})
		if _, ok := made.(*client.ThingHeaders); !ok {
			log.Fatalf("%T %+v %v", made, made, err)
		}
	}
	page, err := c.ListThings(ctx, client.ListThingsParams{
		Filter: client.NewOptString("plain == arg.text"), Args: client.NewOptArgs(client.Args{"arg.text": "two & three"}),
		Sort: []client.ListThingsSortItem{"-plain", "id"}, Fields: []string{"id", "plain"},
	})
	list, ok := page.(*client.ThingList)
	if !ok || len(list.Items) != 1 {
		log.Fatalf("%T %+v %v", page, page, err)
	}
	all, err := c.ListThings(ctx, client.ListThingsParams{})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range all.(*client.ThingList).Items {
		if gone, err := c.DeleteThing(ctx, client.DeleteThingParams{ID: row.ID.Value}); err != nil {
			log.Fatalf("%T %v", gone, err)
		}
	}
	fmt.Println("the ogen client works")
}
