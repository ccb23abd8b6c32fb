package main

import "context"

func runScale(ctx context.Context, s settings, folder string) error    { return nil }
func runOverload(ctx context.Context, s settings, folder string) error { return nil }
