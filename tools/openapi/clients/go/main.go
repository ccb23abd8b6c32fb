// Command smoke is typical code with the client from oapi-codegen.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"smoke/client"
)

func main() {
	log.SetFlags(log.Lshortfile)
	ctx := context.Background()
	base, token := os.Args[1], os.Args[2]
	sign := client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	})
	c, err := client.NewClientWithResponses(base, sign)
	if err != nil {
		log.Fatal(err)
	}
	var id uuid.UUID
	for i, plain := range []string{"one", "two & three", "four"} {
		made, err := c.CreateThingWithResponse(ctx, client.ThingCreate{
			Plain: plain, Code: fmt.Sprintf("AB%d", i), Whole: int64(i), Payload: map[string]any{"a": i}, Huge: ptr("9007199254740993"),
		})
		if err != nil || made.JSON201 == nil || made.JSON201.Huge != "9007199254740993" {
			log.Fatal(err, made.Status(), string(made.Body))
		}
		id = made.JSON201.Id
	}
	text := client.Args{"arg.text": "two & three"}
	page, err := c.ListThingsWithResponse(ctx, &client.ListThingsParams{Filter: ptr("plain == arg.text"), Args: &text, Total: ptr(true)})
	if err != nil || page.JSON200 == nil || *page.JSON200.Total != 1 {
		log.Fatal(err, string(page.Body))
	}
	sorted, err := c.ListThingsWithResponse(ctx, &client.ListThingsParams{
		Sort: &[]client.ListThingsParamsSort{"-plain", "id"}, Fields: &[]string{"plain"}, Expand: &[]string{"maker"},
	})
	if err != nil || sorted.JSON200 == nil {
		log.Fatal(err, string(sorted.Body))
	}
	var names []string
	for _, row := range sorted.JSON200.Items {
		names = append(names, *row.Plain)
	}
	if !slices.Equal(names, []string{"two & three", "one", "four"}) {
		log.Fatal(names)
	}
	read, err := c.GetThingWithResponse(ctx, id, nil)
	if err != nil || read.JSON200 == nil {
		log.Fatal(err, string(read.Body))
	}
	tag := read.HTTPResponse.Header.Get("ETag")
	change := client.UpdateThingApplicationMergePatchPlusJSONRequestBody{Mood: nullable.NewNullNullable[client.ThingUpdateMood](), Anything: ptr[client.JSON](map[string]any{"b": 1})}
	changed, err := c.UpdateThingWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, &client.UpdateThingParams{IfMatch: &tag}, change)
	if err != nil || changed.JSON200 == nil {
		log.Fatal(err, string(changed.Body))
	}
	stale, err := c.UpdateThingWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, &client.UpdateThingParams{IfMatch: &tag}, change)
	if err != nil || stale.ApplicationproblemJSON412 == nil {
		log.Fatal(err, string(stale.Body))
	}
	all, err := c.ListThingsWithResponse(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range all.JSON200.Items {
		if gone, err := c.DeleteThingWithResponse(ctx, *row.Id, nil); err != nil || gone.StatusCode() != 204 {
			log.Fatal(err, gone.Status())
		}
	}
	fmt.Println("the Go client works")
}

func ptr[T any](v T) *T { return &v }
